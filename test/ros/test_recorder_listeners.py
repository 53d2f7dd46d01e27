"""Who listens to the recorder: the pad shakes, the teleop node says when it has fallen silent."""

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
import pytest

pytest.importorskip('rclpy')
from rclpy.node import Node

from ilw_msgs.msg import EpisodeStatus
from ilw_ros.qos import LATCHED
from ilw_teleop.nodes.person import joy_node
from ilw_teleop.nodes.person.recorder_ear import RecorderEar


class FakeGamepad:
    name, refused = 'a pad', ()

    def __init__(self, *_, **__):
        self.shaken = 0

    def look(self):
        return False

    def read(self):
        return None

    def rumble(self):
        self.shaken += 1


@pytest.fixture
def recorder(ros):
    """Return a node that speaks as the recorder does."""
    node = ros.add(Node('fake_recorder'))
    node.status_pub = node.create_publisher(EpisodeStatus, 'episode/status', LATCHED)
    node.say = lambda **fields: node.status_pub.publish(EpisodeStatus(**fields))
    return node


def test_the_pad_shakes_when_a_take_is_suspect_and_when_a_start_is_refused(
        recorder, ros, monkeypatch):
    monkeypatch.setattr(joy_node, 'Gamepad', FakeGamepad)
    pad = ros.add(joy_node.JoyNode())._gamepad
    ros.until(lambda: recorder.status_pub.get_subscription_count() == 1)
    fields = {'phase': EpisodeStatus.PHASE_RECORDING, 'episode': 'a'}
    recorder.say(**fields)
    ros.until(lambda: ros.nodes[-1]._recorder._watch.text == 'the recorder is heard')
    recorder.say(**fields, suspect=['scan: 1 gap(s)'])
    ros.until(lambda: pad.shaken == 1, what='a shake for the gap')
    recorder.say(**fields, suspect=['scan: 1 gap(s)'], refused=1)
    ros.until(lambda: pad.shaken == 2, what='a shake for the refusal')


def test_a_recorder_that_falls_silent_while_it_records_is_an_error_within_a_second(
        recorder, ros):
    node = ros.add(Node('listener'))
    ear = RecorderEar(node, diagnose=True)
    seen = []
    recorder.create_subscription(DiagnosticArray, '/diagnostics', lambda array: seen.extend(
        array.status), 10)
    ros.until(lambda: recorder.status_pub.get_subscription_count() == 1)
    ros.until(lambda: seen, what='the first diagnostics')
    assert seen[0].message == 'there is no recorder'
    recorder.say(phase=EpisodeStatus.PHASE_RECORDING, episode='a')
    ros.until(lambda: ear._watch.text == 'the recorder is heard')
    ros.until(lambda: any(s.level == DiagnosticStatus.ERROR for s in seen), 5.0, 'an error')
    assert 'while it records a' in seen[-1].message
    recorder.say(phase=EpisodeStatus.PHASE_READY)
    ros.until(lambda: seen[-1].level == DiagnosticStatus.OK, what='the all-clear')
