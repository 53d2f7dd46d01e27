"""What a look at the robot finds before a policy may be armed, one wrong thing at a time."""

from dataclasses import replace
import math

import numpy as np
import pytest

from ilw_core.base.frame_tree import transform
from ilw_core.features.lidar_spec import LidarSpec
from ilw_sim.sensing.readings import laser_scan, odometry, pose_stamped
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.preflight.preflight import Endpoint, Preflight

S = 1_000_000_000
EPOCH = 1_800_000_000 * S
"""Of the clock of the stamps; the steady clock begins at 0"""
TYPES = {'scan': 'sensor_msgs/msg/LaserScan', 'odom': 'nav_msgs/msg/Odometry',
         'goal': 'geometry_msgs/msg/PoseStamped'}
COMMAND = 'geometry_msgs/msg/TwistStamped'


class Robot:
    """A robot that is as the contract says, but for what a test makes wrong."""

    def __init__(self, contract, interface=None):
        self.check = Preflight(contract, interface or RobotInterface(), 0)
        self.offers = {topic: [Endpoint('driver', kind)] for topic, kind in TYPES.items()}
        self.takers = [Endpoint('driver', COMMAND)]
        self.rate_hz, self.delay_s, self.jitter_s = 10.0, 0.01, 0.0
        self.now_ns = 0
        self.scan, self.odom, self.goal = (lambda m: m), (lambda m: m), (lambda m: m)
        self.speed, self.turn, self.pose_speed = 0.0, 0.0, None
        self.silent = ()
        self.told = None

    def run(self, seconds=4.0):
        self.check.graph(self.offers, {'cmd_vel': self.takers},
                         {'sensor_msgs/msg/LaserScan': ['/front/scan']})
        rng = np.random.default_rng(0)
        x = y = yaw = 0.0
        for _ in range(round(seconds * self.rate_hz)):
            dt = 1.0 / self.rate_hz
            self.now_ns += round(dt * S)
            step = (self.speed if self.pose_speed is None else self.pose_speed) * dt
            x, y, yaw = (x + step * math.cos(yaw), y + step * math.sin(yaw),
                         yaw + self.turn * dt)
            age = self.delay_s + self.jitter_s * rng.random()
            stamp = EPOCH + self.now_ns - round(age * S)
            if self.told:
                self.check.motion.command(list(self.told), self.now_ns)
            for topic, message in (
                    ('scan', self.scan(laser_scan(stamp, np.full(36, 2.0), range_min=0.1,
                                                  range_max=8.0, scan_time=0.1))),
                    ('odom', self.odom(odometry(stamp, 'odom', (x, y, yaw),
                                                (self.speed, self.turn)))),
                    ('goal', self.goal(pose_stamped(stamp, 'odom', (3.0, 0.0, 0.0))))):
                if topic not in self.silent:
                    self.check.take(topic, message, stamp_ns=stamp,
                                    arrived_ns=EPOCH + self.now_ns, mono_ns=self.now_ns)
        return self.check.problems(self.now_ns)


@pytest.fixture
def robot(clutter):
    return Robot(clutter)


def changed(**fields):
    """Return a function that changes fields of a message; a name may be a dotted path."""
    def change(message):
        for path, value in fields.items():
            *parents, last = path.split('__')
            owner = message
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, last, value)
        return message

    return change


def test_a_robot_that_is_as_the_contract_says_passes(robot):
    assert robot.run() == []
    robot.speed, robot.turn, robot.told = 0.3, 0.4, (0.3, 0.4)
    assert robot.run() == []


def test_the_first_seconds_are_for_looking(robot):
    (text,) = robot.run(2.0)
    assert 'for 1 s more' in text
    assert robot.run(2.0) == []


def wrong(word, **what):
    return pytest.param(what, word, id=word)


@pytest.mark.parametrize(('what', 'word'), [
    wrong('nobody takes commands', takers=[]),
    wrong('Write `command: geometry_msgs/msg/Twist`',
          takers=[Endpoint('driver', 'geometry_msgs/msg/Twist')]),
    wrong('cannot hear the commands (durability)',
          takers=[Endpoint('driver', COMMAND, 'durability')]),
    wrong('/front/scan', offers={'odom': [Endpoint('driver', TYPES['odom'])], 'goal': [],
                                 'scan': []}, silent=('scan',)),
    wrong('must be sensor_msgs/msg/LaserScan', offers={
        'scan': [Endpoint('driver', 'sensor_msgs/msg/PointCloud2')], 'odom': [], 'goal': []}),
    wrong('cannot be heard', offers={
        'scan': [Endpoint('driver', TYPES['scan'], 'deadline')], 'odom': [], 'goal': []}),
    wrong('2 nodes publish it', offers={
        'scan': [Endpoint('a', TYPES['scan']), Endpoint('b', TYPES['scan'])],
        'odom': [], 'goal': []}),
    wrong('nothing came', silent=('scan',)),
    wrong('goal: has not come yet', silent=('goal',)),
    wrong('Got 5', rate_hz=5.0),
    wrong('in the future', delay_s=-0.2),
    wrong('s old when it comes', delay_s=1.5),
    wrong('comes unevenly', delay_s=0.02, jitter_s=0.25),
    wrong('radians', scan=changed(angle_min=-180.0, angle_max=180.0)),
    wrong('do not reach', scan=changed(angle_max=1.0)),
    wrong('millimetres', scan=changed(ranges=np.full(36, 2000.0), range_max=8000.0)),
    wrong('another unit', scan=changed(ranges=np.full(36, 200.0))),
    wrong('range_min must be below', scan=changed(range_min=9.0)),
    wrong('sees nothing', scan=changed(ranges=np.zeros(36))),
    wrong('no beams', scan=changed(ranges=np.zeros(0))),
    wrong('quaternion of length 1', odom=changed(pose__pose__orientation__w=0.0)),
    wrong('not finite', odom=changed(pose__pose__position__x=math.nan)),
    wrong('millimetres?', speed=300.0),
    wrong('degrees?', turn=57.0),
    wrong('frame_id is empty', scan=changed(header__frame_id='')),
    wrong('child_frame_id is empty', odom=changed(child_frame_id='')),
    wrong("given in the frame 'map'", goal=changed(header__frame_id='map')),
    wrong('contradicts itself (forward)', speed=0.3, pose_speed=300.0),
    wrong('opposite sign', speed=-0.3, told=(0.3, 0.0)),
    wrong('the turn rate has the opposite sign', turn=-0.5, told=(0.0, 0.5)),
    wrong('the turn rate is 8 times', turn=4.0, told=(0.0, 0.5)),
])
def test_one_wrong_thing_is_one_sentence_that_says_what_to_do(robot, what, word):
    for name, value in what.items():
        setattr(robot, name, value)
    found = robot.run()
    assert any(word in text for text in found), found
    # 5 Hz and late clocks show on each topic; anything else shows once.
    if not {'rate_hz', 'delay_s'} & set(what):
        assert len(found) == 1
    assert all(text.endswith(('.', ')')) or text.endswith('?') for text in found)


def test_no_time_in_the_header_is_said_and_a_lidar_that_sees_no_wall_is_fine(robot):
    robot.scan = changed(ranges=np.full(36, np.inf))
    assert robot.run() == []
    for _ in range(40):
        robot.now_ns += S // 10
        for topic in TYPES:
            message = {'scan': laser_scan(0, np.full(36, 2.0), range_min=0.1, range_max=8.0,
                                          scan_time=0.1),
                       'odom': odometry(0, 'odom', (0, 0, 0), (0, 0)),
                       'goal': pose_stamped(0, 'odom', (0, 0, 0))}[topic]
            robot.check.take(topic, message, stamp_ns=0, arrived_ns=EPOCH + robot.now_ns,
                             mono_ns=robot.now_ns)
    found = robot.check.problems(robot.now_ns)
    assert [t.split(':')[0] for t in found if 'bears no time' in t] == ['scan', 'odom']


def test_a_topic_that_falls_silent_is_noticed_and_its_return_too(robot):
    assert robot.run() == []
    robot.silent = ('odom',)
    assert any(text.startswith('odom: must come') for text in robot.run())
    robot.silent = ()
    assert robot.run() != [], 'dropouts that come and go stay a problem'
    assert robot.run(5.0) == []


def test_a_slow_sensor_is_fine_where_the_contract_lets_old_values_in(clutter):
    sources = tuple(replace(s, align=replace(s.align, tolerance_ns=500_000_000))
                    for s in clutter.sources)
    robot = Robot(replace(clutter, sources=sources))
    robot.rate_hz = 5.0
    assert robot.run() == []


def test_a_robot_that_moves_against_its_commands_disarms_what_drives(clutter, robot):
    arbiter = Arbiter(clutter)
    robot.speed, robot.told = 0.3, (0.3, 0.0)
    arbiter.notice_unready(robot.run(), against=robot.check.motion.opposed())
    assert arbiter.arm() == '' and arbiter.armed
    robot.speed = -0.3
    arbiter.notice_unready(robot.run(), against=robot.check.motion.opposed())
    assert not arbiter.armed and 'opposite sign' in arbiter.arm()


def test_what_is_wrong_later_keeps_what_drives_but_arms_nothing_anew(clutter):
    arbiter = Arbiter(clutter, armed=True)
    arbiter.notice_unready(['scan: is late.'])
    assert arbiter.armed
    arbiter.disarm()
    assert arbiter.arm() == 'scan: is late.' and not arbiter.armed


def test_the_profiles_frames_are_held_to(clutter):
    robot = Robot(clutter, RobotInterface(frames={'base': 'base_link', 'odom': 'odom',
                                                  'laser': 'rplidar_link'}))
    (text,) = robot.run()
    assert 'must be rplidar_link' in text and 'Got base_scan' in text


def quarter(angle, axis=2):
    q = [0.0, 0.0, 0.0, math.cos(angle / 2)]
    q[axis] = math.sin(angle / 2)
    return tuple(q)


def test_the_lidars_mount_is_that_of_the_contract(clutter, robot):
    tree = robot.check.tree
    assert not robot.check.placed()
    tree.take('odom', 'base_link', transform((5.0, 1.0, 0.0), quarter(1.0)))
    (text,) = robot.run()
    assert 'no way leads from base_link to base_scan' in text
    tree.take('base_link', 'shell', transform((0.0, 0.0, 0.1), quarter(0.0)))
    tree.take('shell', 'base_scan', transform((0.01, 0.0, 0.0), quarter(0.01)))
    assert robot.run(6.0) == [] and robot.check.placed()
    tree.take('shell', 'base_scan', transform((-0.04, 0.0, 0.1), quarter(math.pi / 2)))
    (text,) = robot.run()
    assert 'mount: [-0.040, 0.000, 1.571]' in text
    safety = replace(clutter.safety, scan=replace(clutter.safety.scan,
                                                  mount=(-0.04, 0.0, math.pi / 2)))
    other = Robot(replace(clutter, safety=safety))
    other.check.tree = tree
    assert other.run() == []
    tree.take('shell', 'base_scan', transform((0.0, 0.0, 0.1), quarter(math.pi, axis=0)))
    assert 'upside down' in other.run()[0]


def test_two_frames_meet_at_a_common_one_and_a_loop_ends(robot):
    tree = robot.check.tree
    tree.take('a', 'b', transform((1.0, 0.0, 0.0), quarter(math.pi / 2)))
    tree.take('a', 'c', transform((1.0, 2.0, 0.0), quarter(0.0)))
    rotation, translation = tree.between('b', 'c')
    assert translation == pytest.approx([2.0, 0.0, 0.0])
    assert math.atan2(rotation[1, 0], rotation[0, 0]) == pytest.approx(-math.pi / 2)
    tree.take('c', 'a', transform((1.0, 2.0, 0.0), quarter(0.0)))
    assert tree.between('c', 'elsewhere') is None


@pytest.mark.parametrize('value', [math.nan, math.inf, -math.inf, 1e308, -1e308])
def test_no_number_in_a_message_can_end_the_look(robot, value):
    paths = ('pose__pose__orientation__w', 'pose__pose__position__x', 'twist__twist__linear__x',
             'twist__twist__angular__z')
    robot.told = (0.3, 0.5)
    robot.check.tree.take('base_link', 'base_scan', transform((value, 0.0, 0.0), (0, 0, 0, value)))
    for path in paths:
        robot.odom = changed(**{path: value})
        robot.run(1.0)
    robot.odom = changed()
    for path in ('angle_min', 'angle_max', 'angle_increment', 'range_min', 'range_max'):
        robot.scan = changed(**{path: value})
        robot.run(1.0)
    robot.scan = changed(ranges=np.full(36, value))
    robot.run(1.0)
    robot.scan, robot.speed, robot.turn = changed(), 0.3, 0.5
    (text,) = robot.run(9.0)
    assert text.startswith('tf: the lidar is at x'), 'which is still nonsense'


def test_what_a_lidar_must_be_declared_for_is_found_and_then_right(clutter):
    half = np.where(np.arange(36) % 3, 2.0, 0.0)
    robot = Robot(clutter)
    robot.scan = changed(ranges=half)
    assert 'lidar.no_return: zero' in ' '.join(robot.run())
    robot = Robot(clutter.declaring(LidarSpec('zero')))
    robot.scan = changed(ranges=half)
    assert robot.run() == []
    robot = Robot(clutter)
    robot.scan = changed(ranges=np.full(27, 2.0), angle_min=-2.3,
                         angle_max=-2.3 + 26 * math.pi / 18)
    assert 'field_of_view_rad' in ' '.join(robot.run())
