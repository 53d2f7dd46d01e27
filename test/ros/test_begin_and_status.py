"""A take begins the simulator's world anew, and the status node tells of it, over DDS."""

import re

import pytest

pytest.importorskip('rclpy')
from nav_msgs.msg import OccupancyGrid, Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter

from ilw_core.text.live_area import decode
from ilw_msgs.msg import EpisodeEvent, EpisodeStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, STATE_OFFER
from ilw_sim.nodes.sim_node import SimNode
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.person.status_node import StatusNode
from ilw_teleop.nodes.recorder.recorder_node import RecorderNode

READY, RECORDING = EpisodeStatus.PHASE_READY, EpisodeStatus.PHASE_RECORDING


@pytest.fixture
def start(request, monkeypatch):
    """Return a function that makes a node with parameters of its own."""
    monkeypatch.setenv('ROS_DOMAIN_ID', '46')
    ros = request.getfixturevalue('ros')
    init = Node.__init__

    def make(kind, **parameters):
        values = {'contract': 'maze', 'use_sim_time': True, **parameters}
        monkeypatch.setattr(Node, '__init__', lambda self, name, **more: init(
            self, name, parameter_overrides=[
                Parameter(key, value=value) for key, value in values.items()], **more))
        try:
            return ros.add(kind())
        finally:
            monkeypatch.setattr(Node, '__init__', init)

    return make


class Person:
    """Presses the button that begins a take, and hears what comes of it."""

    def __init__(self, ros):
        self.ros, self.node = ros, ros.add(Node('person'))
        self.status, self.resets, self.pressed = None, [], 0
        self.event_pub = self.node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self.node.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        self.node.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)

    def _on_status(self, status):
        self.status = status

    def _on_event(self, event):
        if event.kind == EpisodeEvent.KIND_RESET:
            self.resets.append(event)

    def mark(self, kind, **fields):
        self.pressed += 1
        event = EpisodeEvent(sender='teleop', kind=kind, sequence=self.pressed, **fields)
        event.header.stamp = self.status.header.stamp
        self.event_pub.publish(event)

    def phase(self, phase, episode=None):
        self.ros.until(lambda: self.status is not None and self.status.phase == phase
                       and episode != self.status.episode, 60, f'phase {phase}')


def test_each_take_begins_the_world_and_the_time_anew_and_a_saved_one_the_next_world(
        ros, start, tmp_path, clutter):
    simulator = start(SimNode, seed=7, real_time_factor=1.0)
    start(ArbiterNode)
    start(RecorderNode, root=str(tmp_path))
    person = Person(ros)
    person.phase(READY)
    seeds = []
    for ends in ({'kind': EpisodeEvent.KIND_DISCARD}, {'kind': EpisodeEvent.KIND_STOP,
                                                       'outcome': 1}, None):
        before, now = len(person.resets), person.status.episode
        person.mark(EpisodeEvent.KIND_START)
        person.phase(RECORDING, now)
        ros.until(lambda n=before: len(person.resets) > n, 60, 'the world to begin')
        reset = person.resets[-1]
        assert reset.episode == person.status.episode, 'the world bears the name of the take'
        ros.until(lambda r=reset: stamp_ns(person.status.begin) == stamp_ns(r.header.stamp), 60,
                  'the take to begin where the world does')
        assert simulator.simulation.tick.step < 100, 'its time limit begins, too'
        seeds.append(simulator.simulation.seed)
        if ends is not None:
            person.mark(**ends)
            person.phase(READY)
    assert seeds == [7, 7, 8]
    assert (person.status.saved, person.status.kept, person.status.outcome) == (1, True, 1)


def shown(text):
    """Return the live lines of a node's output, each frame, without colours; and what stays."""
    lines = [re.sub(r'\x1b\[[0-9;]*m', '', line) for line in text.split('\n')]
    return ([each[1] for line in lines if (each := decode(line))],
            [line for line in lines if not decode(line)])


def test_the_status_node_draws_what_it_hears_and_survives_nonsense(
        ros, start, monkeypatch, capsys):
    monkeypatch.setenv('ILW_LIVE', '1')
    start(StatusNode, use_sim_time=False, view=True, keys=True)
    node = ros.add(Node('others'))
    odom = node.create_publisher(Odometry, 'odom', STATE_OFFER)
    chart = node.create_publisher(OccupancyGrid, 'map', LATCHED)
    status = node.create_publisher(EpisodeStatus, 'episode/status', LATCHED)
    frames, stays = [], []

    def drawn(pattern):
        some, others = shown(capsys.readouterr().out)
        frames.extend(some)
        stays.extend(others)
        return any(re.search(pattern, '\n'.join(frame)) for frame in frames)

    bad = Odometry()
    bad.pose.pose.position.x = float('nan')
    wrong = OccupancyGrid(data=[0, 100])
    wrong.info.width = wrong.info.height = 7
    good = Odometry()
    good.pose.pose.position.x, good.pose.pose.orientation.w = 1.5, 1.0
    good.header.stamp.sec = 5
    ready, recording = EpisodeStatus(phase=READY), EpisodeStatus(phase=RECORDING)

    def send(*messages):
        for message, publisher in messages:
            publisher.publish(message)

    ros.until(lambda: send((bad, odom), (wrong, chart), (ready, status))
              or drawn('ready, b begins'), 30, 'the line')
    assert drawn(r'no map, no odometry yet') or frames
    ros.until(lambda: send((good, odom), (recording, status))
              or drawn(r'x 1\.50 y 0\.00 heading 0°[\s\S]*RECORDING'), 30, 'the map')
    ros.until(lambda: send((good, odom), (recording, status)) or (drawn('RECORDING') and any(
        'Take begins. Robot at x 1.50 m' in line for line in stays)), 30, 'where it begins')


def test_where_nothing_can_be_drawn_in_place_each_change_is_a_line(
        ros, start, monkeypatch, capsys):
    monkeypatch.delenv('ILW_LIVE', raising=False)
    start(StatusNode, use_sim_time=False)
    status = ros.add(Node('others')).create_publisher(EpisodeStatus, 'episode/status', LATCHED)
    said = []
    for phase, words in ((READY, 'ready'), (RECORDING, 'RECORDING'), (READY, 'ready')):
        message = EpisodeStatus(phase=phase)
        count = len(said)

        def heard(message=message, words=words, count=count):
            status.publish(message)
            said.extend(capsys.readouterr().out.splitlines())
            return any(line.startswith(words) for line in said[count:])

        ros.until(heard, 30, words)
    assert [line for line in said if 'saved' in line] == [
        'ready | saved 0', 'RECORDING | saved 0', 'ready | saved 0']
