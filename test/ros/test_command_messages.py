"""What the arbiter fills: any numeric message, sequences made as long as the contract needs."""

from types import SimpleNamespace

import pytest

from ilw_core.contract.command_topic import CommandTopic
from ilw_core.errors import ContractError
from ilw_teleop.nodes.arbiter.command_message import CommandMessage

STAMP = SimpleNamespace(sec=3, nanosec=5)


def made(kind, paths, **constants):
    given = tuple((path.replace('__', '.'), value) for path, value in constants.items())
    return CommandMessage(CommandTopic('t', kind, tuple(range(len(paths))), tuple(paths), given))


def test_a_trajectory_gets_its_point_its_joints_and_its_time():
    message = made('trajectory_msgs/msg/JointTrajectory',
                   ['points[0].positions[0]', 'points[0].positions[1]'],
                   joint_names=['a', 'b'], **{'points[0].time_from_start.nanosec': 7})
    from builtin_interfaces.msg import Time
    sent = message.fill(Time(sec=3, nanosec=5), [0.5, -1.0])
    assert list(sent.joint_names) == ['a', 'b'] and sent.header.stamp.sec == 3
    assert len(sent.points) == 1 and list(sent.points[0].positions) == [0.5, -1.0]
    assert sent.points[0].time_from_start.nanosec == 7
    assert list(message.fill(Time(), [1.0, 2.0]).points[0].positions) == [1.0, 2.0]


@pytest.mark.parametrize(('kind', 'paths', 'read'), [
    ('std_msgs/msg/Float64MultiArray', ['data[1]', 'data[0]'], lambda m: [m.data[1], m.data[0]]),
    ('std_msgs/msg/Float32', ['data'], lambda m: [m.data]),
    ('sensor_msgs/msg/JointState', ['position[0]', 'velocity[0]'],
     lambda m: [m.position[0], m.velocity[0]]),
    ('geometry_msgs/msg/PoseStamped', ['pose.position.x', 'pose.orientation.w'],
     lambda m: [m.pose.position.x, m.pose.orientation.w]),
    ('geometry_msgs/msg/Twist', ['linear.x', 'angular.z'],
     lambda m: [m.linear.x, m.angular.z]),
    ('geometry_msgs/msg/PoseWithCovariance', ['covariance[35]'], lambda m: [m.covariance[35]])])
def test_any_numeric_message_holds_the_numbers(kind, paths, read):
    values = [0.25, -2.0][:len(paths)]
    from builtin_interfaces.msg import Time
    assert read(made(kind, paths).fill(Time(), values)) == values


def test_whole_numbers_are_rounded():
    from builtin_interfaces.msg import Time
    message = made('std_msgs/msg/Int16MultiArray', ['data[0]', 'data[1]'])
    assert list(message.fill(Time(), [2.6, -2.6]).data) == [3, -3]


@pytest.mark.parametrize(('kind', 'paths', 'constants', 'said'), [
    ('std_msgs/msg/Float64MultiArray', ['data[1]'], {}, r'data\[0\] must be set'),
    ('std_msgs/msg/Float64MultiArray', ['data'], {}, "'data' must be a number"),
    ('std_msgs/msg/String', ['data'], {}, "'data' must be a number"),
    ('std_msgs/msg/Bool', ['data'], {}, "'data' must be a number"),
    ('std_msgs/msg/Float64', ['value'], {}, "has no 'value'"),
    ('std_msgs/msg/Float64', ['data[0]'], {}, 'must be a sequence'),
    ('geometry_msgs/msg/PoseWithCovariance', ['covariance[36]'], {}, 'has 36 elements'),
    ('trajectory_msgs/msg/JointTrajectory', ['points[1].positions[0]'], {}, r'points\[0\] must'),
    ('trajectory_msgs/msg/JointTrajectory', ['points[0].positions[0]'],
     {'joint_names': 'a'}, 'must be a list'),
    ('trajectory_msgs/msg/JointTrajectory', ['points[0].positions[0]'],
     {'joint_names': [1]}, 'must be str'),
    ('sensor_msgs/msg/JointState', ['position[0]'], {'header__frame_id': 3}, 'must be str'),
    ('sensor_msgs/msg/JointState', ['position[0]'], {'effort': ['a']}, 'must be float'),
])
def test_what_a_message_cannot_hold_is_named(kind, paths, constants, said):
    with pytest.raises(ContractError, match=said) as caught:
        made(kind, paths, **constants)
    assert str(caught.value).startswith('action.command') and '\n' not in str(caught.value)


def test_constants_may_fill_what_no_field_does():
    from builtin_interfaces.msg import Time
    message = made('sensor_msgs/msg/JointState', ['position[1]'], position=[0.5, 0.5],
                   name=['a', 'b'], header__frame_id='base')
    sent = message.fill(Time(), [0.75])
    assert list(sent.position) == [0.5, 0.75] and sent.header.frame_id == 'base'
