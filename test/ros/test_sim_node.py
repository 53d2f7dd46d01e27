"""The simulator among other nodes: its clock, its frames, a second one beside it."""

from itertools import pairwise
import time
from xml.etree import ElementTree

import pytest

pytest.importorskip('rclpy')
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Imu, LaserScan
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage

from ilw_core.errors import IlwError
from ilw_msgs.srv import ResetSim, SetSimState, StepSim
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, LATCHED, STATE
from ilw_sim.nodes.sim_node import SimNode


def simulator(ros, namespace='/', **parameters):
    return ros.add(SimNode(namespace=namespace, parameter_overrides=[
        Parameter(name, value=value) for name, value in parameters.items()]))


class Ear:
    """Hears what one robot publishes."""

    def __init__(self, ros, namespace='/'):
        self.node = ros.add(Node('ear', namespace=namespace))
        self.heard = {}
        for kind, topic, qos in (
                (Odometry, 'odom', STATE), (LaserScan, 'scan', STATE), (Imu, 'imu', STATE),
                (String, 'robot_description', LATCHED), (TFMessage, '/tf', EVENT),
                (TFMessage, '/tf_static', LATCHED), (Clock, '/clock', EVENT)):
            self.node.create_subscription(
                kind, topic, lambda m, topic=topic: self._hear(topic, m), qos)

    def _hear(self, topic, message):
        self.heard.setdefault(topic, []).append(message)

    def all(self, *topics):
        return all(topic in self.heard for topic in topics)


def call(ros, node, kind, name, **fields):
    client = node.create_client(kind, name)
    ros.until(client.service_is_ready, 20, name)
    future = client.call_async(kind.Request(**fields))
    ros.until(future.done, 20, name)
    return future.result()


@pytest.mark.parametrize(('request_of', 'code'), [
    ({'action': [1.0]}, StepSim.Response.ERROR_ACTION),
    ({'action': [float('nan'), 0.0], 'ticks': 3}, StepSim.Response.ERROR_ACTION),
    ({'action': [0.0] * 7}, StepSim.Response.ERROR_ACTION)])
def test_a_refused_step_leaves_the_simulator_running(ros, request_of, code):
    simulator(ros)
    ear = Ear(ros)
    answer = call(ros, ear.node, StepSim, 'sim/step', **request_of)
    assert answer.error_code == code
    assert 'twist.linear.x' in answer.error_msg
    ear.heard.clear()
    ros.until(lambda: len(ear.heard.get('odom', ())) > 3, 20, 'time to run on')


def test_a_refused_state_leaves_the_simulator_running_in_its_world(ros):
    sim = simulator(ros, seed=3)
    ear = Ear(ros)
    for state in ('{}', '[1]', '{"schema": "ilw.sim_state/1"}', 'no json', '[' * 100_000):
        answer = call(ros, ear.node, SetSimState, 'sim/set_state', state=state)
        assert answer.error_code == SetSimState.Response.ERROR_STATE
    assert sim.simulation.seed == 3
    ear.heard.clear()
    ros.until(lambda: len(ear.heard.get('odom', ())) > 3, 20, 'time to run on')


def test_time_runs_in_steps_of_a_hundredth_and_never_past_the_next_tick(ros):
    simulator(ros)
    ear = Ear(ros)
    ros.until(lambda: len(ear.heard.get('odom', ())) > 8, 30, 'ticks')
    last = stamp_ns(ear.heard['odom'][-1].header.stamp)  # its time may be delivered after it
    ros.until(lambda: any(stamp_ns(m.clock) >= last for m in ear.heard['/clock']), 20, 'its time')
    times = [stamp_ns(m.clock) for m in ear.heard['/clock']]
    steps = [b - a for a, b in pairwise(times)]
    assert min(steps) >= 0
    assert {step % 10_000_000 for step in steps} == {0}
    assert 10_000_000 in steps
    ticks = {stamp_ns(m.header.stamp) for m in ear.heard['odom'][1:]}
    assert ticks <= set(times), 'a tick is told as a time of its own'
    at = ear.heard['odom'][-1].header.stamp
    assert stamp_ns(at) + 100_000_000 > times[-1] or times[-1] in ticks


def test_in_lockstep_time_moves_in_whole_ticks(ros):
    simulator(ros, real_time_factor=0.0, command_wait_s=0.05)
    ear = Ear(ros)
    ros.until(lambda: len(ear.heard.get('/clock', ())) > 12, 30, 'ticks')
    times = [stamp_ns(m.clock) for m in ear.heard['/clock']]
    assert {b - a for a, b in pairwise(times)} <= {0, 100_000_000}


@pytest.mark.parametrize(('prefix', 'frame'), [('', ''), ('robot1', 'robot1/'), ('a/b/', 'a/b/')])
def test_the_robot_describes_itself_and_all_its_frames_bear_the_prefix(ros, prefix, frame):
    simulator(ros, tf_prefix=prefix)
    ear = Ear(ros)
    ros.until(lambda: ear.all('robot_description', '/tf', '/tf_static', 'odom', 'scan', 'imu'),
              30, 'everything')
    links = {link.get('name') for link in ElementTree.fromstring(
        ear.heard['robot_description'][-1].data).iter('link')}
    transforms = [t for topic in ('/tf', '/tf_static') for t in ear.heard[topic][-1].transforms]
    above = {t.child_frame_id: t.header.frame_id for t in transforms}
    assert {f'{frame}{link}' for link in links} <= set(above)
    assert above[f'{frame}wheel_left_link'] == f'{frame}base_link'
    assert above[f'{frame}odom'] == f'{frame}map'
    odom, imu = ear.heard['odom'][-1], ear.heard['imu'][-1]
    assert (odom.header.frame_id, odom.child_frame_id) == (f'{frame}odom', f'{frame}base_link')
    assert ear.heard['scan'][-1].header.frame_id == f'{frame}base_scan'
    assert imu.header.frame_id == f'{frame}imu_link'
    for covariance in (odom.pose.covariance, odom.twist.covariance):
        assert all(covariance[7 * i] > 0.0 for i in range(6))
    for covariance in (imu.angular_velocity_covariance, imu.linear_acceleration_covariance):
        assert all(covariance[4 * i] > 0.0 for i in range(3))


@pytest.mark.parametrize('namespace', ['/robot2', '/'])
def test_a_second_clock_is_refused_in_a_line_that_says_whose_is_there(ros, namespace):
    simulator(ros, namespace='/robot1' if namespace != '/' else '/')
    ear = Ear(ros)
    ros.until(lambda: ear.all('/clock'), 20, 'the first clock')
    ticker = ear.node.create_publisher(Clock, '/clock', EVENT) if namespace == '/' else None
    with pytest.raises(IlwError, match=r'/clock already.*clock:=false.*DOMAIN_ID') as refused:
        simulator(ros, namespace=namespace)
    assert '\n' not in str(refused.value)
    assert ticker is not None or '/robot1/sim' in str(refused.value)
    ear.heard.clear()
    ros.until(lambda: ear.all('/clock'), 20, 'the first clock, still')


def test_two_simulated_robots_share_one_clock(ros):
    one = simulator(ros, namespace='/robot1', tf_prefix='robot1', auto_reset=True)
    two = simulator(ros, namespace='/robot2', tf_prefix='robot2', clock=False, seed=5)
    assert two.simulation.seed == 5
    ears = Ear(ros, '/robot1'), Ear(ros, '/robot2')
    ros.until(lambda: all(len(e.heard.get('odom', ())) > 5 for e in ears), 40, 'both robots')
    assert {m.header.frame_id for m in ears[1].heard['odom']} == {'robot2/odom'}
    assert ears[0].node.count_publishers('/clock') == 1
    clock = stamp_ns(ears[0].heard['/clock'][-1].clock)
    for ear in ears:
        assert abs(stamp_ns(ear.heard['odom'][-1].header.stamp) - clock) < 1_000_000_000
    # The owner's reset is a leap of the time they share: the other goes on where it was.
    before, steps = two.episode, two.simulation.tick.step
    call(ros, ears[0].node, ResetSim, 'sim/reset', seed=9)
    ears[1].heard.clear()
    ros.until(lambda: len(ears[1].heard.get('odom', ())) > 3, 20, 'the second after the leap')
    assert (two.episode, one.simulation.seed) == (before, 9)
    assert steps < two.simulation.tick.step < steps + 60
    stamps = [stamp_ns(m.header.stamp) for m in ears[1].heard['odom']]
    assert stamps == sorted(stamps)
    # And its own is one for it alone.
    answer = call(ros, ears[1].node, ResetSim, 'sim/reset', seed=2)
    assert (answer.error_code, two.simulation.seed, one.simulation.seed) == (0, 2, 9)


def test_a_simulator_that_follows_waits_for_the_time(ros):
    two = simulator(ros, clock=False)
    ear = Ear(ros)
    clock = ear.node.create_publisher(Clock, '/clock', EVENT)
    ros.until(lambda: clock.get_subscription_count() > 1, 20, 'the simulator to listen')
    assert not ear.all('odom')
    now, deadline = 5_000, time.monotonic() + 30
    while len(ear.heard.get('odom', ())) < 4:
        assert time.monotonic() < deadline
        now += 10
        message = Clock()
        message.clock.sec, message.clock.nanosec = divmod(now * 1_000_000, 10 ** 9)
        clock.publish(message)
        ros.executor.spin_once(timeout_sec=0.005)
    stamps = [stamp_ns(m.header.stamp) for m in ear.heard['odom']]
    assert 5_000_000_000 < stamps[0] <= stamps[-1] <= now * 1_000_000
    assert two.simulation.tick.step >= 3
