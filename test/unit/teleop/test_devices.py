"""Gamepads and keyboards become joystick messages."""

from evdev import ecodes
from fake_pads import FakeInput, FakePad
import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_teleop.joystick import gamepad as gamepad_module
from ilw_teleop.joystick.gamepad import Gamepad
from ilw_teleop.joystick.keyboard import Keyboard
from ilw_teleop.joystick.layout import Joystick, load_joystick
from ilw_teleop.joystick.pad import EV_ABS, EV_KEY, EV_SYN, SYN_DROPPED, Pad
from ilw_teleop.joystick.rhythm import Repeat

ABS_X, ABS_Y, ABS_Z, ABS_HAT0X = 0, 1, 2, 16
BTN_SOUTH, BTN_TL = 304, 310
RANGES = {ABS_X: (-32768, 32767), ABS_Y: (0, 255), ABS_Z: (0, 1023), ABS_HAT0X: (-1, 1)}
MS = 1_000_000


@pytest.fixture
def xbox():
    return load_joystick(config_file('joysticks', 'xbox'))


def test_forward_and_left_are_plus_one(xbox):
    pad = Pad(xbox, RANGES)
    pad.on_event(EV_ABS, ABS_X, -32768)
    pad.on_event(EV_ABS, ABS_Y, 0)
    pad.on_event(EV_ABS, ABS_HAT0X, -1)
    assert (pad.axes[0], pad.axes[1], pad.axes[6]) == (1.0, 1.0, 1.0)
    pad.on_event(EV_ABS, ABS_X, 32767)
    pad.on_event(EV_ABS, ABS_Y, 255)
    assert (pad.axes[0], pad.axes[1]) == (-1.0, -1.0)


def test_a_trigger_goes_from_plus_to_minus_one(xbox):
    pad = Pad(xbox, RANGES)
    pad.on_event(EV_ABS, ABS_Z, 0)
    assert pad.axes[2] == 1.0
    pad.on_event(EV_ABS, ABS_Z, 1023)
    assert pad.axes[2] == -1.0


def test_a_stick_near_its_middle_rests(xbox):
    pad = Pad(xbox, RANGES, deadzone=0.05)
    pad.on_event(EV_ABS, ABS_Y, 130)
    assert pad.axes[1] == 0.0


def test_buttons_follow_press_and_release_but_not_repeats(xbox):
    pad = Pad(xbox, RANGES)
    pad.on_event(EV_KEY, BTN_TL, 1)
    assert pad.buttons[4] == 1
    pad.on_event(EV_KEY, BTN_TL, 2)
    pad.on_event(EV_KEY, 999, 1)
    assert sum(pad.buttons) == 1
    pad.on_event(EV_KEY, BTN_TL, 0)
    assert sum(pad.buttons) == 0


def test_dropped_events_ask_for_the_whole_state(xbox):
    pad = Pad(xbox, RANGES)
    assert pad.on_event(EV_SYN, SYN_DROPPED, 0)
    assert not pad.on_event(EV_SYN, 0, 0)
    pad.on_event(EV_KEY, BTN_TL, 1)
    pad.set_state({ABS_Y: 0}, [BTN_SOUTH])
    assert (pad.axes[1], pad.buttons[0], pad.buttons[4]) == (1.0, 1, 0)


def test_a_layout_without_device_codes_points_to_the_joy_package():
    with pytest.raises(IlwError, match='joy'):
        Pad(Joystick({'x': 0}, {'a': 0}, 0.1, {}), {})


@pytest.fixture
def plugged(monkeypatch):
    """Return a function that plugs in these pads, and no others."""
    def plug(*pads):
        fake = FakeInput(*pads)
        monkeypatch.setattr(gamepad_module.evdev, 'InputDevice', fake.InputDevice)
        monkeypatch.setattr(gamepad_module.evdev, 'list_devices', fake.list_devices)
    return plug


def test_a_gamepad_comes_goes_and_comes_back(xbox, plugged):
    device, pad = FakePad(), Gamepad(xbox)
    device.plugged = False
    plugged(device)
    assert not pad.look()
    assert pad.read() is None
    device.plugged, device.down = True, [BTN_TL]
    assert pad.look()
    assert pad.read()[1][4] == 1  # the bumper was down already
    device.move(ABS_Y, -32768)
    assert pad.read()[0][1] == 1.0
    device.plugged = False
    assert pad.read() is None
    assert pad.name == ''
    device.plugged, device.values[ABS_Y] = True, 0
    assert pad.look()


def test_a_pad_with_a_motor_shakes_when_told_to(xbox, plugged):
    device, pad = FakePad(force=True), Gamepad(xbox)
    plugged(device)
    pad.rumble()  # nothing is open yet
    pad.look()
    pad.rumble()
    assert device.shaken == [(ecodes.EV_FF, 7, 1)]
    assert device.effect.type == ecodes.FF_RUMBLE
    assert device.effect.ff_replay.length == 250


def test_a_pad_unplugged_while_it_should_shake_does_no_harm(xbox, plugged):
    device, pad = FakePad(force=True), Gamepad(xbox)
    plugged(device)
    pad.look()
    device.plugged = False
    pad.rumble()
    assert pad.read() is None
    assert device.shaken == []


@pytest.mark.parametrize('motor', [True, False])
def test_a_pad_without_a_motor_or_without_room_is_fine(xbox, plugged, motor):
    device, pad = FakePad(force=motor), Gamepad(xbox)
    device.full = True
    plugged(device)
    assert pad.look()
    pad.rumble()
    assert device.shaken == []


def test_a_state_is_repeated_and_an_absent_device_never_sent():
    repeat = Repeat(50 * MS)
    state = ([0.0], [0])
    assert repeat.due(state, 0)
    assert not repeat.due(state, 49 * MS)
    assert repeat.due(state, 50 * MS)
    state[0][0] = 0.5
    assert repeat.due(state, 51 * MS)
    assert not repeat.due(None, 500 * MS)
    assert repeat.due(state, 501 * MS)


def test_a_key_moves_until_its_repeats_fail_to_come(xbox):
    keyboard = Keyboard(xbox)
    keyboard.type('w', 0)
    axes, buttons = keyboard.state(500 * MS)
    assert (axes[1], buttons[4]) == (1.0, 1)
    keyboard.type('w', 500 * MS)
    assert keyboard.state(690 * MS)[1][4] == 1
    axes, buttons = keyboard.state(701 * MS)
    assert (axes[1], buttons[4]) == (0.0, 0)


def test_space_stops_at_once(xbox):
    keyboard = Keyboard(xbox)
    keyboard.type('w', 0)
    keyboard.type(' ', 10 * MS)
    assert keyboard.state(11 * MS)[1][4] == 0


def test_arrows_turn_and_capitals_are_turbo(xbox):
    keyboard = Keyboard(xbox)
    keyboard.type('\x1b[D', 0)
    assert keyboard.state(1)[0][3] == 1.0
    keyboard.type('D', 0)
    axes, buttons = keyboard.state(1)
    assert (axes[3], buttons[5]) == (-1.0, 1)


def test_a_button_key_is_down_long_enough_to_be_seen(xbox):
    keyboard = Keyboard(xbox)
    keyboard.type('b', 0)
    assert keyboard.state(100 * MS)[1][7] == 1
    assert keyboard.state(200 * MS)[1][7] == 0
