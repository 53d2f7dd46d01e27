"""Linux devices are held against the layout; of one that does not fit only the stop is read."""

from types import SimpleNamespace

from fake_pads import BLUETOOTH_AXES, WIRED_AXES, WIRED_KEYS, FakeInput, FakePad, device_of, sent
import pytest

from ilw_core.storage.locate import config_folder
from ilw_teleop.joystick import gamepad as gamepad_module
from ilw_teleop.joystick.fit import best_device, fitting_device, why_not_device
from ilw_teleop.joystick.gamepad import Gamepad
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.joystick.pad import Pad
from ilw_teleop.joystick.stranger import describe
from ilw_teleop.joystick.teleop import Teleop

KNOWN = known_joysticks()
CODED = sorted(name for name, one in KNOWN.items() if one.axis_codes is not None)
BLUETOOTH_KEYS = list(range(304, 319))
MS = 1_000_000


@pytest.fixture
def plug(monkeypatch):
    """Return a function that plugs in these pads, and no others."""
    def plugged(*pads):
        fake = FakeInput(*pads)
        monkeypatch.setattr(gamepad_module.evdev, 'InputDevice', fake.InputDevice)
        monkeypatch.setattr(gamepad_module.evdev, 'list_devices', fake.list_devices)
        return pads[0]
    return plugged


def bluetooth_xbox(**changes):
    return FakePad(**{'name': 'Xbox Wireless Controller', 'axes': BLUETOOTH_AXES, 'bus': 5,
                      'keys': BLUETOOTH_KEYS, 'product': 0x0b13, **changes})


def keys(layout, *controls):
    return [KNOWN[layout].button_codes[KNOWN[layout].mapping[control]] for control in controls]


@pytest.mark.parametrize('name', CODED)
def test_a_device_fits_its_own_layout_and_auto_finds_one_that_means_the_same(name):
    facts = describe(device_of(KNOWN[name]))
    assert why_not_device(KNOWN[name], facts) == ''
    best = best_device(KNOWN, facts)
    assert best is not None
    assert best.meaning() == KNOWN[name].meaning()
    assert {KNOWN[other].meaning() for other in fitting_device(KNOWN, facts)} == {best.meaning()}


@pytest.mark.parametrize('name', CODED)
def test_the_messages_of_a_device_fit_the_layout_that_it_was_read_with(plug, clutter, name):
    device, pad = plug(device_of(KNOWN[name])), Gamepad(None)
    teleop = Teleop(clutter, KNOWN[name], timeout_ns=500 * MS)
    assert pad.look()
    assert not teleop.on_sample(1, *pad.read()).active
    for code in keys(name, 'deadman'):
        device.press(code)
    device.move(1, -128)
    sample = teleop.on_sample(2, *pad.read())
    assert sample.active
    assert sample.values.tolist() == [0.5, 0.0]


@pytest.mark.parametrize(('device', 'word'), [
    (bluetooth_xbox(), 'lacks axis code 3, 4 and has axis code 9, 10'),
    (FakePad(bus=5), 'another bus than usb'),
    (FakePad(keys=WIRED_KEYS[:-1]), 'lacks button code 318'),
    (FakePad(keys=[*WIRED_KEYS, 312, 313]), 'has button code 312, 313'),
    (FakePad(axes={**WIRED_AXES, 6: (0, 255)}), 'has axis code 6'),
    (FakePad(axes={**WIRED_AXES, 3: (5, 5)}), 'no range'),
    (FakePad(name='Nimbus', vendor=0x0111), 'Neither its name nor its id'),
    (device_of(KNOWN['ps4']), 'May fit: ps4'),
    (device_of(KNOWN['f710_d']), 'May fit: f710_d'),
    (device_of(KNOWN['switch_pro'], bus=5), 'joystick test switch_pro'),
    (FakePad(name='Some stick', axes={0: (0, 9), 1: (0, 9)}, keys=[288, 289]), 'teach'),
])
def test_a_device_that_does_not_fit_is_named_and_not_read(plug, device, word):
    plug(device)
    pad = Gamepad(KNOWN['xbox'])
    assert not pad.look()
    assert device.name in pad.refused[0]
    assert word in pad.refused[0]
    for code in device.keys:
        if code not in {*keys('xbox', 'estop'), *_stops(device)}:
            device.press(code)
    for code, (low, high) in device.axes.items():
        device.move(code, low)
        device.move(code, high)
    assert pad.read() is None


def _stops(device):
    return {code for name in fitting_device(KNOWN, describe(device))
            for code in keys(name, 'estop')}


@pytest.mark.parametrize('name', [n for n in CODED if n not in ('xbox', 'f710_x', '8bitdo_x')])
def test_the_emergency_stop_of_a_device_that_does_not_fit_is_read(plug, clutter, name):
    device = plug(device_of(KNOWN[name]))
    pad, teleop = Gamepad(KNOWN['xbox']), Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS)
    pad.look()
    [stop] = keys(name, 'estop')
    device.press(stop)
    device.press(stop, 0)  # let go of before it was looked at
    state = pad.read()
    assert state == sent(KNOWN['xbox'], 'estop')
    assert teleop.on_sample(1, *state).presses == ('estop',)
    assert pad.read() is None


def test_a_stop_held_when_the_foreign_pad_comes_counts(plug):
    device = plug(device_of(KNOWN['ps4']))
    device.down = keys('ps4', 'estop')
    pad = Gamepad(KNOWN['xbox'])
    pad.look()
    assert pad.read() == sent(KNOWN['xbox'], 'estop')


def test_another_device_that_comes_instead_is_held_against_the_layout_anew(plug):
    own, other = FakePad(), bluetooth_xbox()
    pad = Gamepad(KNOWN['xbox'])
    plug(own, other)
    other.plugged = False
    assert pad.look()
    own.plugged, other.plugged = False, True
    assert pad.read() is None
    assert not pad.look()
    assert 'xbox_bluetooth' in pad.refused[0]
    own.plugged, other.plugged = True, False
    assert pad.look()
    assert pad.refused == []


def test_a_foreign_pad_that_is_unplugged_is_no_longer_complained_about(plug):
    device = plug(bluetooth_xbox())
    pad = Gamepad(KNOWN['xbox'])
    for _ in range(3):
        pad.look()
    assert device.opened == 1  # no handle leaks, however often it is looked at
    device.plugged = False
    assert pad.read() is None
    pad.look()
    assert pad.refused == []
    assert device.opened == 0


def test_a_pad_of_which_a_stick_or_trigger_is_held_is_taken_once_it_is_let_go_of(plug):
    device = plug(FakePad())
    device.values[1] = -32768
    pad = Gamepad(KNOWN['xbox'])
    assert not pad.look()
    assert 'left_stick_y' in pad.refused[0]
    assert 'let go of it' in pad.refused[0]
    assert 'layout xbox' not in pad.refused[0]
    assert 'teach' not in pad.refused[0]
    auto = Gamepad(None)
    assert not auto.look()
    assert 'let go of it' in auto.refused[0]
    auto.close()
    device.values[1], device.values[2] = 0, 128  # a trigger that rests in the middle is a stick
    assert not pad.look()
    assert 'left_trigger' in pad.refused[0]
    device.values[2] = 0
    assert pad.look()
    assert pad.refused == []


@pytest.mark.parametrize('device', [
    FakePad(name='Microsoft X-Box One Elite pad', keys=[*WIRED_KEYS, 708, 709, 710, 711]),
    FakePad(name='Microsoft X-Box One Elite 2 pad', product=0x0b00, keys=[
        *WIRED_KEYS, 708, 709, 710, 711], axes={**WIRED_AXES, 0x21: (0, 4)}),
    FakePad(name='Microsoft Xbox Series S|X Controller', keys=[*WIRED_KEYS, 167]),
])
def test_paddles_a_profile_switch_and_a_share_button_speak_against_no_xbox_pad(plug, device):
    pad = Gamepad(KNOWN['xbox'])
    plug(device)
    assert pad.look(), pad.refused
    axes, buttons = pad.read()
    assert (len(axes), len(buttons)) == (8, 11)


@pytest.mark.parametrize('product', [0x0291, 0x02a1, 0x0719])
def test_a_360_pad_on_the_wireless_receiver_has_a_layout_of_its_own(plug, product):
    plug(FakePad(name='Xbox 360 Wireless Receiver (XBOX)', product=product,
                 keys=[*WIRED_KEYS, 704, 705, 706, 707]))
    assert not Gamepad(KNOWN['xbox']).look()
    pad = Gamepad(None)
    assert pad.look(), pad.refused
    assert pad.layout == 'xbox_wireless'


def test_a_device_that_a_person_named_needs_the_codes_but_not_the_name(plug):
    device = plug(FakePad(name='Home made', vendor=0, product=0))
    assert not Gamepad(KNOWN['xbox']).look()
    assert Gamepad(KNOWN['xbox'], device=device.path).look()
    foreign = plug(bluetooth_xbox())
    assert not Gamepad(KNOWN['xbox'], device=foreign.path).look()


def test_keyboards_mice_and_motion_sensors_are_no_pads(plug):
    plug(FakePad('/dev/input/event1', name='keyboard', axes={}, keys=[1, 2, 30, 304 - 1]),
         FakePad('/dev/input/event2', name='xbox motion', axes={0: (0, 9), 1: (0, 9)}, keys=[]))
    pad = Gamepad(KNOWN['xbox'])
    assert not pad.look()
    assert pad.refused == []


def test_auto_does_not_choose_between_layouts_that_differ(plug):
    twisted = known_joysticks(config_folder() / 'joysticks')['xbox_bluetooth']
    other = SimpleNamespace(**vars(twisted), meaning=lambda: 'another')
    device = plug(bluetooth_xbox())
    pad = Gamepad(None, known={'one': twisted, 'two': other})
    assert not pad.look()
    assert 'one, two' in pad.refused[0]
    assert device.opened == 1


def test_a_pad_without_an_axis_of_the_layout_never_drives(clutter):
    pad = Pad(KNOWN['xbox'], BLUETOOTH_AXES)
    teleop = Teleop(clutter, KNOWN['xbox'], timeout_ns=500 * MS)
    pad.set_state(dict.fromkeys(BLUETOOTH_AXES, 32768), [])
    teleop.on_sample(1, pad.axes, pad.buttons)
    pad.set_state({**dict.fromkeys(BLUETOOTH_AXES, 32768), 1: 0, 2: 65535}, [310, 307])
    sample = teleop.on_sample(2, pad.axes, pad.buttons)
    assert not sample.active
    assert sample.presses == ('estop',)
