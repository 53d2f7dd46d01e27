"""A gamepad through joy_node and teleop_node over DDS: unplugged, exchanged, of another layout."""

import importlib.util
from pathlib import Path

import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_msgs.msg import ActionChunk
from ilw_ros.qos import EVENT, REQUEST
from ilw_teleop.joystick import gamepad as gamepad_module
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.nodes.person.joy_node import JoyNode
from ilw_teleop.nodes.person.teleop_node import TeleopNode

LB, STICK_Y = 310, 1
_SPEC = importlib.util.spec_from_file_location(
    'fake_pads', Path(__file__).parents[1] / 'unit' / 'teleop' / 'fake_pads.py')
fake_pads = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(fake_pads)


@pytest.fixture
def drive(monkeypatch, ros):
    """Return a pad that is plugged in, another that is not, and what is heard of them."""
    own = fake_pads.FakePad('/dev/input/event3')
    other = fake_pads.device_of(known_joysticks()['ps4'], path='/dev/input/event4')
    other.plugged = False
    fake = fake_pads.FakeInput(own, other)
    monkeypatch.setattr(gamepad_module.evdev, 'InputDevice', fake.InputDevice)
    monkeypatch.setattr(gamepad_module.evdev, 'list_devices', fake.list_devices)
    listener = ros.add(Node('listener'))
    joys, actions, said = [], [], []
    listener.create_subscription(Joy, 'joy', joys.append, EVENT)
    listener.create_subscription(ActionChunk, 'teleop/action', actions.append, REQUEST)
    listener.create_subscription(DiagnosticArray, '/diagnostics',
                                 lambda array: said.extend(array.status), EVENT)
    ros.add(TeleopNode())
    ros.add(JoyNode())
    ros.until(lambda: actions and not actions[-1].active, 30, 'the pad at rest')
    return own, other, joys, actions, said


def test_a_pad_that_was_unplugged_drives_only_once_it_was_let_go_of(drive, ros):
    own, _, joys, actions, _ = drive
    own.press(LB)
    own.move(STICK_Y, -32768)
    ros.until(lambda: actions[-1].active and actions[-1].values[0] == 0.5, 20, 'speed')
    own.plugged = False
    ros.until(lambda: not actions[-1].active, 20, 'a stop')
    assert any(len(joy.axes) == len(joy.buttons) == 0 for joy in joys)
    own.move(STICK_Y, 0)
    own.queue, own.plugged, heard = [], True, len(joys)  # the thumb still on the deadman
    ros.until(lambda: len(joys) > heard + 5, 20, 'the pad')
    own.move(STICK_Y, -32768)
    ros.until(lambda: len(joys) > heard + 20, 20, 'the pad')
    assert joys[-1].buttons[4] == 1
    assert not any(chunk.active for chunk in actions[-15:])
    own.press(LB, 0)
    own.move(STICK_Y, 0)
    ros.until(lambda: joys[-1].buttons[4] == 0, 20, 'it to be let go of')
    own.press(LB)
    ros.until(lambda: actions[-1].active, 20, 'it to drive')


def test_a_pad_of_another_layout_is_named_and_only_its_emergency_stop_is_sent(
        drive, ros):
    own, other, joys, actions, said = drive
    own.plugged, other.plugged = False, True
    ros.until(lambda: any(s.level == DiagnosticStatus.ERROR and s.name == 'joy: gamepad'
                          and 'joystick test ps4' in s.message for s in said), 20, 'a complaint')
    ros.until(lambda: len(joys[-1].axes) == 0, 20, 'the end of the first')
    heard = len(joys)
    other.move(STICK_Y, -128)
    for code in (304, 305, 307, 310, 311, 315):
        other.press(code)
    other.press(308)  # square: the emergency stop there
    ros.until(lambda: len(joys) > heard, 20, 'the emergency stop')
    assert (list(joys[-1].axes), [i for i, down in enumerate(joys[-1].buttons) if down]) == (
        known_joysticks()['xbox'].at_rest()[0], [2])
    assert not actions[-1].active
