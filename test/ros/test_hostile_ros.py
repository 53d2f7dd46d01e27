"""What a single hostile message used to do to a node, and no longer does."""

import sys

import numpy as np
import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.action import ActionClient
from rclpy.node import Node
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import LaserScan

from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.nodes import trainer_node
from ilw_msgs.action import Evaluate
from ilw_ros.convert import message_class, time_msg
from ilw_ros.health import OK, Diagnostics
from ilw_ros.observe import Observed
from ilw_ros.qos import EVENT
from ilw_ros.spinning.clock_guard import guard_clock
from ilw_teleop.guards.forward_stop import ForwardStop
from ilw_teleop.nodes.arbiter.surroundings import Surroundings


@pytest.fixture
def node(ros):
    return ros.add(Node('victim', parameter_overrides=[Parameter('use_sim_time', value=True)]))


def hear(node, topic, message):
    """Give a node a message as its executor would."""
    next(s for s in node.subscriptions if s.topic_name == topic).callback(message)


def test_a_negative_clock_is_dropped_and_shown_in_the_diagnostics(node, ros):
    guard_clock(node)
    hear(node, '/clock', Clock(clock=time_msg(5_000_000_000)))
    for sec, nanosec in ((-1, 0), (-2 ** 31, 7), (1, 4_000_000_000)):
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = sec, nanosec
        hear(node, '/clock', clock)
    assert node.get_clock().now().nanoseconds == 5_000_000_000
    heard = []
    node.create_subscription(DiagnosticArray, '/diagnostics', heard.append, EVENT)
    diagnostics = Diagnostics(node, 'it')
    ros.until(lambda: node.count_subscribers('/diagnostics'))

    def said():
        diagnostics.publish(OK, 'fine')
        return heard

    ros.until(said, 10, 'diagnostics')
    assert {v.key: v.value for v in heard[0].status[0].values} == {'dropped: clock': '3'}


def test_a_type_that_no_message_package_has_is_not_even_imported(monkeypatch, tmp_path):
    (tmp_path / 'evil').mkdir()
    (tmp_path / 'evil' / '__init__.py').write_text(f'open({str(tmp_path / "ran")!r}, "w")')
    (tmp_path / 'evil' / 'msg.py').write_text('class Command: pass')
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(IlwError, match='not installed'):
        message_class('evil/msg/Command')
    assert not (tmp_path / 'ran').exists()
    assert 'evil' not in sys.modules


def test_an_observation_of_a_type_without_its_fields_is_refused(node):
    text = config_file('tasks', 'clutter').read_text()
    wrong = parse_contract(text.replace('sensor_msgs/msg/LaserScan', 'nav_msgs/msg/Odometry'))
    with pytest.raises(ContractError, match=r'lidar\.feature: .* reads ranges, which no nav_msgs'):
        Observed(node, wrong, lambda name, stamp, message: None)


def test_an_observation_at_no_time_is_dropped(node, clutter):
    seen = []
    observed = Observed(node, clutter, lambda name, stamp, message: seen.append((name, stamp)))
    for sec, nanosec in ((-5, 0), (2 ** 31 - 1, 2 ** 32 - 1), (7, 3)):
        scan = LaserScan()
        scan.header.stamp.sec, scan.header.stamp.nanosec = sec, nanosec
        hear(node, '/scan', scan)
    assert seen == [('lidar', 7_000_000_003)]
    observed.close()


def test_a_pose_with_a_huge_quaternion_does_not_end_the_arbiter(node):
    text = config_file('tasks', 'clutter').read_text()
    contract = parse_contract(text.replace(
        '  scan: {topic: scan} ',
        '  workspace: {topic: odom, x_m: [0, 4], y_m: [0, 4]}\n  scan: {topic: scan} '))
    ahead = ForwardStop(contract)
    Surroundings(node, contract.safety, ahead, lambda: (1, 1))
    odom = Odometry()
    odom.pose.pose.orientation.y = 1e200
    hear(node, '/odom', odom)
    assert np.isfinite(ahead.slow(np.array([0.5, 0.0]), 1)[0]).all()


@pytest.mark.parametrize('name', ['--env=os:abort', '-h', 'x' * 3_000_000, '/etc/passwd', '../x'])
def test_a_goal_that_names_what_it_may_not_is_answered(ros, name):
    """A name longer than a command line used to end the trainer, and options were obeyed."""
    ros.add(trainer_node.TrainerNode())
    client = ActionClient(ros.add(Node('asker')), Evaluate, 'evaluate')
    ros.until(client.server_is_ready, 20, 'the trainer')
    sent = client.send_goal_async(Evaluate.Goal(checkpoint=name, episodes=1))
    ros.until(sent.done, 20, 'an answer')
    result = sent.result().get_result_async()
    ros.until(result.done, 20, 'a result')
    answer = result.result().result
    wanted = (Evaluate.Result.ERROR_NOT_ALLOWED, Evaluate.Result.ERROR_NO_POLICY)
    assert answer.error_code in wanted, answer
    assert len(answer.error_msg) < 300 and '\n' not in answer.error_msg
    client.destroy()
