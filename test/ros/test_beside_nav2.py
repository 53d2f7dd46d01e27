"""ILW's side of docs/how-to/beside_nav2.md: a command topic of its own for the arbiter."""

from dataclasses import replace

import pytest

pytest.importorskip('rclpy')
from geometry_msgs.msg import TwistStamped
from one_node import start_with
from rclpy.node import Node
from sensor_msgs.msg import Joy

from ilw_bringup.start.bringup import resolve
from ilw_bringup.start.processes import command_line
from ilw_core.storage.locate import config_folder
from ilw_msgs.msg import ActionChunk, ArbiterState
from ilw_ros.qos import EVENT, REQUEST, command
from ilw_teleop.nodes.arbiter.arbiter_node import ArbiterNode
from ilw_teleop.nodes.arbiter.poll_timer import LOOK_S
from ilw_teleop.nodes.person.teleop_node import TeleopNode

PROFILE = config_folder() / 'examples' / 'beside_nav2' / 'robot.yaml'
KINDS = {'arbiter': ArbiterNode, 'teleop': TeleopNode}


@pytest.fixture
def start(ros, monkeypatch):
    """Return a function that starts nodes as ``./ilw up teleop`` does with that profile."""
    bringup, values = resolve('teleop', {'robot': 'real', 'profile': str(PROFILE),
                                         'task': 'turtlebot3', 'input': 'external'})
    specs = {spec.name: spec for spec in bringup.nodes(values)}

    def begin(name, **changed):
        spec = specs[name]
        spec = replace(spec, parameters={**spec.parameters, **changed})
        return start_with(ros, monkeypatch, KINDS[name], command_line(spec)[1:])

    return begin


@pytest.fixture
def mux(ros):
    """Return a node in the place of twist_mux, and what it hears on the arbiter's topic."""
    node, heard = ros.add(Node('twist_mux')), []
    node.create_subscription(TwistStamped, 'cmd_vel_ilw', heard.append, command(10))
    return node, heard


def test_a_person_drives_on_the_topic_of_the_profile_and_nothing_comes_on_cmd_vel(
        ros, start, mux):
    node, heard = mux
    joys, asked = node.create_publisher(Joy, 'joy', EVENT), []
    node.create_subscription(ActionChunk, 'teleop/action', asked.append, REQUEST)
    for name in KINDS:
        start(name, **({'preflight': False} if name == 'arbiter' else {}))

    def press():
        held = int(bool(asked))  # it was seen up first; a deadman counts only then
        joy = Joy(axes=[0.0, float(held), 1.0, 0.0, 0.0, 1.0, 0.0, 0.0],
                  buttons=[held * int(i == 4) for i in range(11)])
        joy.header.stamp = node.get_clock().now().to_msg()
        joys.publish(joy)

    timer = node.create_timer(0.05, press)
    ros.until(lambda: heard and heard[-1].twist.linear.x > 0.25, 20, 'speed on cmd_vel_ilw')
    assert node.count_publishers('cmd_vel_ilw') == 1
    assert node.count_publishers('cmd_vel') == 0
    node.destroy_timer(timer)
    ros.until(lambda: heard[-1].twist.linear.x == 0.0, 20, 'a stop')


def test_while_nobody_drives_stops_keep_coming_so_that_the_mux_lets_no_other_through(
        ros, start, mux):
    _, heard = mux
    start('arbiter', preflight=False)
    ros.until(lambda: len(heard) >= 8, 20, 'stops')
    assert {(m.twist.linear.x, m.twist.angular.z) for m in heard} == {(0.0, 0.0)}


def test_others_on_cmd_vel_are_not_seen_and_one_on_the_arbiters_topic_disarms(ros, start, mux):
    node, _ = mux
    states, looks = [], []
    node.create_subscription(ArbiterState, 'arbiter/state', states.append, EVENT)
    monitor = node.create_publisher(TwistStamped, 'cmd_vel', 1)
    arbiter = start('arbiter', preflight=False, armed_at_start=True)
    ros.until(lambda: arbiter.count_publishers(monitor.topic_name) == 1 and states, 20,
              'the collision monitor to be found')
    arbiter.create_timer(2 * LOOK_S, lambda: looks.append(None))
    ros.until(lambda: len(looks) >= 2, 20, 'the arbiter to look again')
    assert states[-1].armed
    node.create_publisher(TwistStamped, 'cmd_vel_ilw', 1)
    ros.until(lambda: not states[-1].armed, 20, 'the policy to be disarmed')
