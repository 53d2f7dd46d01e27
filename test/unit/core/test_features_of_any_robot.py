"""What joints, field, pose and imu make of a message, and what of a contract they refuse."""

import math
from types import SimpleNamespace as Plain

import numpy as np
import pytest
import yaml

from ilw_core.align import encode
from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError

TYPES = {
    'joints': 'sensor_msgs/msg/JointState', 'imu': 'sensor_msgs/msg/Imu',
    'pose': 'geometry_msgs/msg/PoseStamped', 'field': 'nav_msgs/msg/Odometry'}


def contract_of(**entries):
    """Return a contract that observes entries: name -> options, ``feature`` among them."""
    return parse_contract(yaml.safe_dump({
        'contract': 'any', 'version': 1, 'rate_hz': 10, 'observation': {name: {
            'topic': name, 'type': TYPES.get(options['feature'], 'x/msg/X'), **options}
            for name, options in entries.items()},
        'action': {'command': {'topic': 'cmd_vel', 'type': 'geometry_msgs/msg/TwistStamped'},
                   'fields': [{'name': 'twist.linear.x', 'unit': 'm/s', 'min': -1.0, 'max': 1.0,
                               'max_rate': 1.0}], 'on_stale': 'stop'}}), 'any.yaml')


def feature(**options):
    return contract_of(it=options).sources[0].feature


def read(message, **options):
    return encode(contract_of(it=options), {'it': message})


def joint_state(names, position=(), velocity=(), effort=()):
    return Plain(name=list(names), position=np.array(position, dtype=np.float64),
                 velocity=np.array(velocity, dtype=np.float64),
                 effort=np.array(effort, dtype=np.float64))


def expect(found, *values):
    np.testing.assert_allclose(found, np.array(values, dtype=np.float32), rtol=1e-6, atol=1e-6)


# -- joints

def test_joints_are_found_by_name_whatever_their_order():
    arm = {'feature': 'joints', 'joints': ['b', 'a'], 'read': ['position', 'effort']}
    expect(read(joint_state('xab', [9, 1, 2], effort=[90, 10, 20]), **arm), 2, 1, 20, 10)
    expect(read(joint_state('bxa', [2, 9, 1], effort=[20, 90, 10]), **arm), 2, 1, 20, 10)
    assert feature(**arm).names == ('it.b.position', 'it.a.position', 'it.b.effort', 'it.a.effort')


def test_a_joint_that_is_absent_or_listed_twice_is_missing_and_the_others_are_not():
    arm = {'feature': 'joints', 'joints': ['a', 'b', 'c']}
    expect(read(joint_state('acbc', [1, 3, 2, 4]), **arm), 1, 2, np.nan)
    expect(read(joint_state('ac', [1, 3]), **arm), 1, np.nan, 3)
    expect(read(joint_state('', []), **arm), np.nan, np.nan, np.nan)


@pytest.mark.parametrize('velocity', [[], [5], [5, 6, 7]])
def test_a_quantity_of_more_or_fewer_numbers_than_names_is_missing_alone(velocity):
    both = {'feature': 'joints', 'joints': ['a', 'b'], 'read': ['velocity', 'position']}
    expect(read(joint_state('ab', [1, 2], velocity), **both), np.nan, np.nan, 1, 2)


def test_a_joint_that_says_infinity_is_missing():
    expect(read(joint_state('ab', [math.inf, 1e300]), feature='joints', joints=['b', 'a']),
           np.nan, np.nan)


def test_ranges_of_joints_are_one_for_all_or_one_for_each():
    arm = {'feature': 'joints', 'joints': ['a', 'b'], 'read': ['position', 'velocity', 'effort']}
    spec = feature(**arm, position_range=[[-1, 2], [0.0, 0.04]], effort_range=[-5, 5])
    assert spec.low == (-1, 0, -10, -10, -5, -5)
    assert spec.high == (2, 0.04, 10, 10, 5, 5)
    assert feature(**arm).high[0] == 2.0 * math.pi


@pytest.mark.parametrize(('options', 'said'), [
    ({}, r'observation\.it\.joints is required'),
    ({'joints': []}, r'it\.joints must be a list of 1 to 256 texts, each once\. Got \[\]'),
    ({'joints': ['a', 'a']}, r'it\.joints must be a list of 1 to 256 texts, each once'),
    ({'joints': ['a', 3]}, r'it\.joints must be a list'),
    ({'joints': 'a'}, r'it\.joints must be a list'),
    ({'joints': ['a'], 'read': ['speed']}, r'it\.read must be a list of some of position, vel'),
    ({'joints': ['a'], 'read': []}, r'it\.read must be a list'),
    ({'joints': ['a'], 'velocity_range': [0, 1]}, 'unknown key'),
    ({'joints': ['a'], 'position_range': [1, 1]}, r'position_range must be two numbers'),
    ({'joints': ['a', 'b'], 'position_range': [[0, 1]]}, r'smaller first, or 2 such pairs'),
    ({'joints': ['a'], 'position_range': [0, float('inf')]}, 'position_range must be'),
    ({'joints': ['a'], 'position_range': [True, 2]}, 'position_range must be')])
def test_mistakes_in_joints_are_said_with_their_key(options, said):
    with pytest.raises(ContractError, match=said):
        feature(feature='joints', **options)


# -- field

def test_a_field_is_a_number_whatever_its_type():
    message = Plain(twist=Plain(linear=Plain(y=0.5)), on=True, level=b'\x02', count=2 ** 63,
                    points=[Plain(positions=np.array([1.0, 2.0]))], huge=1e300)
    one = {'feature': 'field', 'range': [0, 1]}
    expect(read(message, field='twist.linear.y', **one), 0.5)
    expect(read(message, field='on', **one), 1)
    expect(read(message, field='level', **one), 2)
    expect(read(message, field='count', **one), 2.0 ** 63)
    expect(read(message, field='points[0].positions[1]', **one), 2)
    expect(read(message, field='points[1].positions[0]', **one), np.nan)
    expect(read(message, field='huge', **one), np.nan)


def test_a_sequence_counts_only_in_its_length():
    three = {'feature': 'field', 'field': 'data', 'length': 3, 'range': [[0, 1], [0, 2], [0, 3]]}
    expect(read(Plain(data=[1, 2, 3]), **three), 1, 2, 3)
    expect(read(Plain(data=[True, False, True]), **three), 1, 0, 1)
    expect(read(Plain(data=[1, math.nan, math.inf]), **three), 1, np.nan, np.nan)
    for data in ([1, 2], [1, 2, 3, 4], []):
        expect(read(Plain(data=data), **three), *[np.nan] * 3)
    assert feature(**three).high == (1, 2, 3)
    inside = {**three, 'field': 'points[0].data'}
    expect(read(Plain(points=[Plain(data=[1, 2, 3])]), **inside), 1, 2, 3)
    expect(read(Plain(points=[]), **inside), *[np.nan] * 3)


def test_a_part_of_a_sequence_takes_as_many_numbers_as_there_are_or_more():
    part = {'feature': 'field', 'field': 'data', 'first': 2, 'length': 2, 'range': [0, 9]}
    expect(read(Plain(data=[0, 1, 2, 3, 4]), **part), 2, 3)
    expect(read(Plain(data=[0, 1, 2, 3]), **part), 2, 3)
    expect(read(Plain(data=[0, 1, 2]), **part), np.nan, np.nan)


def test_a_field_names_its_unit():
    assert feature(feature='field', field='x', unit='m/s', range=[0, 1]).names == ('it.value_m/s',)
    assert feature(feature='field', field='x', length=2, range=[0, 1]).names == ('it.0', 'it.1')


@pytest.mark.parametrize(('options', 'said'), [
    ({'range': [0, 1]}, r'it\.field is required'),
    ({'field': 'x..y', 'range': [0, 1]}, r'it\.field must be a field of the message, as in'),
    ({'field': 'x'}, r'it\.range is required'),
    ({'field': 'x', 'range': [2, 1]}, r'it\.range must be two numbers, the smaller first\. Got'),
    ({'field': 'x', 'range': [0, 1], 'first': 1}, 'unknown key'),
    ({'field': 'x', 'range': [0, 1], 'length': 0}, r'it\.length must be a whole number'),
    ({'field': 'x', 'range': [0, 1], 'unit': 'metres per second'}, r'it\.unit must be'),
    ({'field': 'x', 'range': [0, 1], 'feature': 'feild'}, r'it\.feature must be one of .*field')])
def test_mistakes_in_field_are_said_with_their_key(options, said):
    with pytest.raises(ContractError, match=said):
        feature(**{'feature': 'field', **options})


# -- pose and imu

def turned(axis, angle_rad):
    """Return a quaternion and the matrix that rotates so, by Rodrigues' formula."""
    axis = np.array(axis, dtype=np.float64) / np.linalg.norm(axis)
    x, y, z = axis * math.sin(angle_rad / 2)
    k = np.array([[0, -axis[2], axis[1]], [axis[2], 0, -axis[0]], [-axis[1], axis[0], 0]])
    matrix = np.eye(3) + math.sin(angle_rad) * k + (1 - math.cos(angle_rad)) * k @ k
    return Plain(x=x, y=y, z=z, w=math.cos(angle_rad / 2)), matrix


PLACE = {'x_m': [-9, 9], 'y_m': [-9, 9], 'z_m': [-9, 9]}


@pytest.mark.parametrize(('of_type', 'options', 'wrap'), [
    ('geometry_msgs/msg/Pose', {}, lambda pose: pose),
    ('geometry_msgs/msg/PoseStamped', {}, lambda pose: Plain(pose=pose)),
    ('nav_msgs/msg/Odometry', {}, lambda pose: Plain(pose=Plain(pose=pose))),
    ('geometry_msgs/msg/PoseWithCovarianceStamped', {},
     lambda pose: Plain(pose=Plain(pose=pose))),
    ('geometry_msgs/msg/TransformStamped', {}, lambda pose: Plain(
        transform=Plain(translation=pose.position, rotation=pose.orientation))),
    ('geometry_msgs/msg/Transform', {}, lambda pose: Plain(
        translation=pose.position, rotation=pose.orientation)),
    ('geometry_msgs/msg/PoseArray', {'field': 'poses[1]'}, lambda pose: Plain(poses=[0, pose])),
    ('tf2_msgs/msg/TFMessage', {'field': 'transforms[0].transform'}, lambda pose: Plain(
        transforms=[Plain(transform=Plain(translation=pose.position,
                                          rotation=pose.orientation))])),
    ('a/msg/Custom', {}, lambda pose: Plain(pose=pose))])
def test_a_pose_is_its_place_and_two_axes_wherever_it_is_in_a_message(of_type, options, wrap):
    orientation, matrix = turned([1, -2, 3], 0.7)
    pose = Plain(position=Plain(x=1.0, y=2.0, z=3.0), orientation=orientation)
    found = read(wrap(pose), feature='pose', type=of_type, **options, **PLACE)
    expect(found, 1, 2, 3, *matrix[:, 0], *matrix[:, 1])


@pytest.mark.parametrize('orientation', [(0, 0, 0, 0), (0, 0, 0, 2), (math.nan, 0, 0, 1),
                                         (1e200, 0, 0, 0)])
def test_what_is_no_rotation_leaves_the_place(orientation):
    pose = Plain(position=Plain(x=1.0, y=2.0, z=math.inf),
                 orientation=Plain(**dict(zip('xyzw', orientation, strict=True))))
    expect(read(Plain(pose=pose), feature='pose', **PLACE), 1, 2, *[np.nan] * 7)


def test_a_quaternion_that_a_driver_rounded_still_gives_axes_of_length_1():
    pose = Plain(position=Plain(x=0.0, y=0.0, z=0.0),
                 orientation=Plain(x=0.0, y=0.0, z=0.7, w=0.71))
    found = read(Plain(pose=pose), feature='pose', **PLACE)
    np.testing.assert_allclose(np.linalg.norm(found[3:].reshape(2, 3), axis=1), 1.0, atol=1e-6)


def imu_message(pose, **first):
    def covariance(quantity):
        return np.array([first.get(quantity, 0.0), *[0.0] * 8])

    return Plain(orientation=pose, orientation_covariance=covariance('orientation'),
                 angular_velocity=Plain(x=1.0, y=2.0, z=3.0),
                 angular_velocity_covariance=covariance('angular_velocity'),
                 linear_acceleration=Plain(x=4.0, y=5.0, z=9.8),
                 linear_acceleration_covariance=covariance('linear_acceleration'))


def test_an_imu_says_which_way_is_up_and_not_where_ahead_is():
    tilt, matrix = turned([0, 1, 0], 0.3)
    expect(read(imu_message(tilt), feature='imu'), 1, 2, 3, 4, 5, 9.8, *matrix.T @ [0, 0, 1])
    headings = [read(imu_message(turned([0, 0, 1], yaw)[0]), feature='imu', read=['orientation'])
                for yaw in (0.0, 1.0, 3.0)]
    for found in headings:
        expect(found, 0, 0, 1)


@pytest.mark.parametrize(('quantity', 'lost'), [
    ('angular_velocity', slice(0, 3)), ('linear_acceleration', slice(3, 6)),
    ('orientation', slice(6, 9))])
def test_what_an_imu_does_not_measure_is_missing(quantity, lost):
    found = read(imu_message(turned([0, 0, 1], 0.0)[0], **{quantity: -1.0}), feature='imu')
    assert np.isnan(found[lost]).all()
    assert np.isfinite(found).sum() == 6


def test_an_imu_gives_what_is_read_in_that_order():
    spec = feature(feature='imu', read=['linear_acceleration', 'angular_velocity'],
                   turn_max_radps=3, acceleration_max_mps2=20)
    assert spec.high == (20, 20, 20, 3, 3, 3)
    assert spec.names[0] == 'it.acceleration_x_mps2'
    with pytest.raises(ContractError, match='unknown key'):
        feature(feature='imu', read=['orientation'], turn_max_radps=3)
