"""A contract whose robot takes Twist, without a stamp: the simulator plays along."""

import pytest

pytest.importorskip('rclpy')
from geometry_msgs.msg import Twist
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter

from ilw_core.contract.file import load_contract
from ilw_ros.qos import REQUEST, STATE
from ilw_sim.nodes.sim_node import SimNode


@pytest.fixture
def unstamped(tmp_path, clutter):
    """Return the file of the clutter contract with unstamped commands."""
    path = tmp_path / 'unstamped.yaml'
    text = clutter.text
    for stamped, plain in (('msg/TwistStamped', 'msg/Twist'), ('twist.linear.x', 'linear.x'),
                           ('twist.angular.z', 'angular.z')):
        text = text.replace(stamped, plain)
    path.write_text(text)
    assert load_contract(path).action.names == ('linear.x', 'angular.z')
    return path


@pytest.mark.parametrize('factor', [0.0, 1.0], ids=['lockstep', 'wall clock'])
def test_the_simulated_robot_drives_by_commands_without_a_stamp(ros, unstamped, factor):
    ros.add(SimNode(parameter_overrides=[Parameter('contract', value=str(unstamped)),
                                         Parameter('real_time_factor', value=factor)]))
    node = ros.add(Node('driver'))
    commands, seen = node.create_publisher(Twist, 'cmd_vel', REQUEST), []

    def on_odom(odom):
        seen.append(odom.twist.twist.linear.x)
        command = Twist()
        command.linear.x = 0.3
        commands.publish(command)

    node.create_subscription(Odometry, 'odom', on_odom, STATE)
    ros.until(lambda: seen and seen[-1] > 0.25, 30, 'the robot to move')
