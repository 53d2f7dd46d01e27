"""Parameters from a dataclass, and conversion between plain objects and messages."""

from dataclasses import dataclass
from types import SimpleNamespace

from builtin_interfaces.msg import Time
from nav_msgs.msg import Odometry
import numpy as np
import pytest
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.srv import SetParameters, SetParametersAtomically
from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import LaserScan

from ilw_core.errors import IlwError
from ilw_ros import convert
from ilw_ros.params import load, param


@dataclass(frozen=True)
class Params:
    rate_hz: float = param(10.0, 'Rate [Hz].', low=1.0, high=100.0)
    side: str = param('left', 'Side.', choices=('left', 'right'))

    def __post_init__(self):
        if self.side == 'right' and self.rate_hz > 50.0:
            raise ValueError('rate_hz must be at most 50 on the right.')


def node(ros, **overrides):
    values = [Parameter(name, value=value) for name, value in overrides.items()]
    return ros.add(Node('tested', parameter_overrides=values))


def test_defaults_and_overrides_arrive(ros):
    assert load(node(ros, rate_hz=20.0), Params) == Params(rate_hz=20.0)


@pytest.mark.parametrize('overrides', [
    {'rate_hz': 1000.0}, {'rate_hz': 'fast'}, {'side': 'up'}, {'rate_herz': 5.0},
    {'rate_hz': 60.0, 'side': 'right'},
])
def test_a_wrong_parameter_stops_the_node_and_names_it(ros, overrides):
    with pytest.raises(IlwError, match=next(iter(overrides)).split('_')[0]):
        load(node(ros, **overrides), Params)


def test_a_parameter_cannot_be_changed_while_running(ros):
    tested = node(ros)
    load(tested, Params)
    assert not tested.set_parameters([Parameter('rate_hz', value=50.0)])[0].successful


def test_plain_readings_become_messages_bit_for_bit():
    ranges = np.array([1.25, np.inf, np.nan, 0.1], dtype=np.float32)
    scan = convert.fill(LaserScan(), SimpleNamespace(
        angle_min=0.5, ranges=ranges, header=SimpleNamespace(frame_id='lidar')))
    assert np.asarray(scan.ranges, dtype=np.float32).tobytes() == ranges.tobytes()
    assert scan.angle_min == 0.5
    assert scan.header.frame_id == 'lidar'
    with pytest.raises(AttributeError):
        convert.fill(LaserScan(), SimpleNamespace(ragnes=ranges))


def test_stamps_survive_the_round_trip():
    for ns in (0, 1, 999_999_999, 1_000_000_000, 1_700_000_000_123_456_789):
        assert convert.stamp_ns(convert.time_msg(ns)) == ns
    assert convert.stamp_ns(Time(sec=2, nanosec=5)) == 2_000_000_005


def test_fields_are_reached_by_dotted_paths():
    message = Odometry()
    convert.set_field(message, 'twist.twist.linear.x', 0.5)
    assert convert.get_field(message, 'twist.twist.linear.x') == 0.5


def test_an_unknown_message_type_says_what_to_install():
    with pytest.raises(IlwError, match='Install the package no_such_msgs'):
        convert.message_class('no_such_msgs/msg/Thing')


@pytest.mark.parametrize('kind', [Node, LifecycleNode])
def test_no_parameter_that_ros_gives_a_node_changes_while_it_runs(ros, kind):
    """An arbiter whose use_sim_time was set at run time let old stamps drive."""
    tested = ros.add(kind('tested'))
    load(tested, Params)
    for name, value in (('use_sim_time', True), ('start_type_description_service', False),
                        ('rate_hz', 50.0)):
        wanted = [Parameter(name, value=value)]
        for answer in (tested.set_parameters(wanted)[0], tested.set_parameters_atomically(wanted)):
            assert not answer.successful, name
    assert 'Restart the node with it' in tested.set_parameters(
        [Parameter('use_sim_time', value=True)])[0].reason
    assert not tested.get_clock().ros_time_is_active, 'the clock did not switch before the refusal'
    assert not tested.get_parameter('use_sim_time').value


@pytest.mark.parametrize(('service', 'name'), [
    (SetParameters, 'set_parameters'), (SetParametersAtomically, 'set_parameters_atomically')])
@pytest.mark.parametrize('parameter', [
    *(p.to_parameter_msg() for p in (
        Parameter('use_sim_time', value=True), Parameter('rate_hz', value=5.0),
        Parameter('qos_overrides./cmd_vel.publisher.depth', value=5),
        Parameter('new', value='x'))),
    ParameterMsg(name='rate_hz', value=ParameterValue(type=99)), ParameterMsg(name='use_sim_time'),
    ParameterMsg()])
def test_others_cannot_change_a_parameter_either(ros, service, name, parameter):
    tested, asker = ros.add(Node('tested')), ros.add(Node('asker'))
    load(tested, Params)
    client = asker.create_client(service, f'tested/{name}')
    ros.until(client.service_is_ready, 20, name)
    asked = client.call_async(service.Request(parameters=[parameter]))
    ros.until(asked.done, 10, 'an answer')
    answer = asked.result()
    result = answer.results[0] if service is SetParameters else answer.result
    assert not result.successful
    assert result.reason
    assert not tested.get_clock().ros_time_is_active


def test_a_parameter_set_while_a_node_is_made_counts(ros):
    tested = node(ros)
    assert tested.set_parameters([Parameter('use_sim_time', value=True)])[0].successful
    load(tested, Params)
    assert tested.get_clock().ros_time_is_active
