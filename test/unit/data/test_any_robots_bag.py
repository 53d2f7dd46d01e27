"""Joints, fields, poses and IMUs out of a bag are those of the live messages, to the bit."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
import yaml

from ilw_core.align import Resampler
from ilw_core.contract.file import parse_contract
from ilw_core.errors import FeatureMisfitError
from ilw_data.bag.columns import Columns
from ilw_data.bag.reader import Bag, Decoded, read_messages
from ilw_data.doctor import check_episodes
from ilw_data.episode.arrays import _alike, read_arrays
from ilw_data.episode.readings import read_problems

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
BEGIN_NS, STEP_NS, TICKS = 50_000_000_000, 100_000_000, 30
JOINTS, IMU, POSE, ODOMETRY, PLAN, TF, COMMAND = (
    'sensor_msgs/msg/JointState', 'sensor_msgs/msg/Imu', 'geometry_msgs/msg/PoseStamped',
    'nav_msgs/msg/Odometry', 'trajectory_msgs/msg/JointTrajectory', 'tf2_msgs/msg/TFMessage',
    'geometry_msgs/msg/TwistStamped')
PLACE = {'x_m': [-9, 9], 'y_m': [-9, 9], 'z_m': [-9, 9]}
ENTRIES = {
    'arm': {'type': JOINTS, 'feature': 'joints', 'joints': ['c', 'a'],
            'read': ['effort', 'position', 'velocity']},
    'imu': {'type': IMU, 'feature': 'imu'},
    'tool': {'type': POSE, 'feature': 'pose', **PLACE},
    'link': {'type': TF, 'feature': 'pose', 'field': 'transforms[1].transform', **PLACE},
    'slip': {'type': ODOMETRY, 'feature': 'field', 'field': 'twist.twist.linear.y',
             'range': [-1, 1]},
    'spread': {'type': ODOMETRY, 'feature': 'field', 'field': 'pose.covariance', 'length': 36,
               'range': [0, 1]},
    'aim': {'type': PLAN, 'feature': 'field', 'field': 'points[1].positions', 'length': 2,
            'range': [-3, 3]},
    'first': {'type': PLAN, 'feature': 'field', 'field': 'points[0].positions[1]',
              'range': [-3, 3]},
    'when': {'type': PLAN, 'feature': 'field', 'field': 'points[0].time_from_start.sec',
             'range': [0, 9]},
    'part': {'type': PLAN, 'feature': 'field', 'field': 'points[0].velocities', 'first': 1,
             'length': 2, 'range': [0, 9]}}


def contract_of(entries, **changes):
    return parse_contract(yaml.safe_dump({
        'contract': 'any', 'version': 1, 'rate_hz': 10, 'observation': {
            name: {'topic': options.get('topic', name), **options, **changes.get(name, {})}
            for name, options in entries.items()},
        'action': {'command': {'topic': 'cmd_vel', 'type': COMMAND},
                   'fields': [{'name': 'twist.linear.x', 'unit': 'm/s', 'min': -1.0, 'max': 1.0,
                               'max_rate': 1.0}], 'on_stale': 'stop'}}), 'any.yaml')


ANY = contract_of(ENTRIES)
number = st.floats(width=64) | st.sampled_from([0.0, -0.0, -1.0, 1.0])
unit = st.floats(-1.0, 1.0)


def some(elements, most=3):
    return st.lists(elements, max_size=most).map(lambda values: np.array(values, np.float64))


def made(kind, **fields):
    return st.builds(T[kind], **fields)


def header(stamp_ns=0):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id='f')


heads = st.builds(T['std_msgs/msg/Header'], stamp=made(
    'builtin_interfaces/msg/Time', sec=st.just(0), nanosec=st.just(0)),
    frame_id=st.text('xyz', max_size=4))
point = made('geometry_msgs/msg/Point', x=number, y=number, z=number)
vector = made('geometry_msgs/msg/Vector3', x=number, y=number, z=number)
quaternion = st.one_of(
    made('geometry_msgs/msg/Quaternion', x=number, y=number, z=number, w=number),
    st.lists(unit, min_size=4, max_size=4).filter(lambda q: np.linalg.norm(q) > 0.1).map(
        lambda q: T['geometry_msgs/msg/Quaternion'](*(np.array(q) / np.linalg.norm(q)).tolist())))
pose = made('geometry_msgs/msg/Pose', position=point, orientation=quaternion)
covariance = st.lists(number, min_size=9, max_size=9).map(np.array)
names = st.lists(st.sampled_from(['a', 'b', 'c', 'd', 'é']), max_size=4)
duration = made('builtin_interfaces/msg/Duration', sec=st.integers(0, 9), nanosec=st.just(1))
MESSAGES = {
    JOINTS: made(JOINTS, header=heads, name=names, position=some(number, 4),
                 velocity=some(number, 4), effort=some(number, 4)),
    IMU: made(IMU, header=heads, orientation=quaternion, orientation_covariance=covariance,
              angular_velocity=vector, angular_velocity_covariance=covariance,
              linear_acceleration=vector, linear_acceleration_covariance=covariance),
    POSE: made(POSE, header=heads, pose=pose),
    ODOMETRY: made(
        ODOMETRY, header=heads, child_frame_id=st.text('xyz', max_size=4),
        pose=made('geometry_msgs/msg/PoseWithCovariance', pose=pose, covariance=st.lists(
            number, min_size=36, max_size=36).map(np.array)),
        twist=made('geometry_msgs/msg/TwistWithCovariance', twist=made(
            'geometry_msgs/msg/Twist', linear=vector, angular=vector),
            covariance=st.just(np.zeros(36)))),
    PLAN: made(PLAN, header=heads, joint_names=names, points=st.lists(made(
        'trajectory_msgs/msg/JointTrajectoryPoint', positions=some(number),
        velocities=some(number, 4), accelerations=some(number, 1), effort=some(number, 1),
        time_from_start=duration), max_size=3)),
    TF: made(TF, transforms=st.lists(made(
        'geometry_msgs/msg/TransformStamped', header=heads, child_frame_id=st.text(
            'xyz', max_size=4), transform=made(
            'geometry_msgs/msg/Transform', translation=vector, rotation=quaternion)),
        max_size=3))}


def by_columns(feature, fields):
    """Return what a bag makes of all messages, as ``read_arrays`` does for what is used."""
    found = np.full((len(fields), feature.dim), 7.0, dtype=np.float32)
    lengths = [n for _, path in feature.fields if (n := fields.lengths(path)) is not None]
    for rows in _alike(lengths, len(fields)):
        found[rows] = feature.encode_columns(
            [fields.column(path, rows) for _, path in feature.fields])
    return found


@pytest.mark.long
@pytest.mark.parametrize('source', ANY.sources, ids=lambda source: source.name)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_columns_of_any_messages_are_the_messages_decoded_to_the_bit(source, data):
    messages = data.draw(st.lists(MESSAGES[source.type], min_size=1, max_size=6))
    raw = [bytes(STORE.serialize_cdr(message, source.type)) for message in messages]
    ends = np.cumsum([len(each) for each in raw])
    columns = Columns(np.frombuffer(b''.join(raw), dtype=np.uint8),
                      ends - [len(each) for each in raw], ends, source.type, STORE.fielddefs)
    decoded = [STORE.deserialize_cdr(each, source.type) for each in raw]
    live = np.stack([source.feature.encode({source.name: message}) for message in decoded])
    assert live.dtype == np.float32
    assert by_columns(source.feature, columns).tobytes() == live.tobytes()
    assert by_columns(source.feature, Decoded(decoded)).tobytes() == live.tobytes()


# -- whole bags

def command(stamp_ns):
    zero = T['geometry_msgs/msg/Vector3'](x=0.0, y=0.0, z=0.0)
    ahead = T['geometry_msgs/msg/Vector3'](x=0.5, y=0.0, z=0.0)
    return T[COMMAND](header=header(stamp_ns), twist=T['geometry_msgs/msg/Twist'](
        linear=ahead, angular=zero))


def joint_state(stamp_ns, order, position, velocity=()):
    return T[JOINTS](header=header(stamp_ns), name=list(order),
                     position=np.array(position, np.float64), effort=np.zeros(0),
                     velocity=np.array(velocity, np.float64))


def write(folder, topics, ticks=TICKS, meta=None):
    """Write a bag: topic -> (type, maker of a message from its stamp and number)."""
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        topics = {**topics, 'cmd_vel': (COMMAND, lambda stamp_ns, _: command(stamp_ns))}
        connections = {name: bag.add_connection(f'/{name}', kind, typestore=STORE)
                       for name, (kind, _) in topics.items()}
        for i in range(ticks):
            at = BEGIN_NS + i * STEP_NS
            for name, (kind, make) in topics.items():
                bag.write(connections[name], at, STORE.serialize_cdr(make(at, i), kind))
    if meta is not None:
        (folder / 'episode.json').write_text(json.dumps(meta))
    return folder


def arm_states(stamp_ns, i):
    """Joints in another order each time, now and then without one or without velocities."""
    order = ['abc', 'cab', 'bca', 'ac', 'abca'][i % 5]
    where = {'a': 0.1 * i, 'b': -0.2, 'c': 0.3 + 0.01 * i}
    return joint_state(stamp_ns, order, [where[joint] for joint in order],
                       [i] * len(order) if i % 3 else [])


ARM = {'arm': {'type': JOINTS, 'topic': 'joint_states', 'feature': 'joints', 'joints': ['c', 'a'],
               'read': ['position', 'velocity']}}


def test_an_episode_of_an_arm_is_what_the_live_resampler_gives_to_the_bit(tmp_path):
    bag = write(tmp_path / 'bag', {'joint_states': (JOINTS, arm_states)})
    contract = contract_of(ARM)
    arrays = read_arrays(Bag(bag), contract)
    resampler = Resampler(contract, keep=None)
    for item in read_messages(bag, {'joint_states'}):
        resampler.push('arm', item.stamp_ns, item.message)
    live = [resampler.observe(int(tick)) for tick in arrays['stamps_ns']]
    assert arrays['obs'].tobytes() == np.stack([o.values for o in live]).tobytes()
    assert np.array_equal(arrays['obs_valid'], np.stack([o.valid for o in live]))
    np.testing.assert_allclose(arrays['obs'][:4, 0], [0.3, 0.31, 0.32, 0.33], rtol=1e-6)
    assert arrays['obs_valid'][:5].tolist() == [
        [True, True, False, False], [True, True, True, True], [True, True, True, True],
        [True, True, False, False], [True, False, True, False]]


def test_joints_that_come_and_go_do_not_stop_the_doctor(tmp_path):
    bag = Bag(write(tmp_path / 'bag', {'joint_states': (JOINTS, arm_states)}))
    assert read_problems(bag, contract_of(ARM)) == []
    report = check_episodes(tmp_path, contract_of(ARM))
    assert not [f for f in report.findings if f.kind in ('unreadable', 'contract')]


def test_a_joint_that_says_no_number_is_named_where_others_come_and_go(tmp_path):
    def broken(stamp_ns, i):
        message = arm_states(stamp_ns, i)
        message.position[0] = np.nan
        return message

    bag = Bag(write(tmp_path / 'bag', {'joint_states': (JOINTS, broken)}))
    (problem,) = read_problems(bag, contract_of(ARM))
    assert problem.bad
    assert 'not finite' in problem.text


@pytest.mark.parametrize(('change', 'said'), [
    ({'joints': ['c', 'elbow']}, "observation.arm.joints names 'elbow', which no message of "
     'joint_states has. It has: a, b, c. Correct joints.'),
    ({'feature': 'field', 'field': 'position[0].x', 'range': [0, 1]},
     f'observation.arm.field: field reads position[0].x, which no {JOINTS} (joint_states) has: '
     f'position[0] is one number. Correct field, or the type of arm.'),
    ({'feature': 'field', 'field': 'nobody', 'range': [0, 1]},
     'has effort, header, name, position, velocity. Correct field'),
    ({'feature': 'field', 'field': 'header.frame_id', 'range': [0, 1]},
     'A text is no number. Correct field'),
    ({'feature': 'field', 'field': 'position', 'range': [0, 1]},
     'it is a sequence of numbers. Give length, or name one of them, as in position[0].'),
    ({'feature': 'imu'}, 'observation.arm.feature: imu reads angular_velocity.x, which no'),
    ({'feature': 'pose', **PLACE}, 'observation.arm.feature: pose reads pose.position.x, which')])
def test_a_contract_that_misnames_something_is_refused_in_one_line(tmp_path, change, said):
    entry = {key: value for key, value in ARM['arm'].items()
             if key in ('type', 'topic') or 'joints' in change}
    contract = contract_of({'arm': {**entry, **change}})
    write(tmp_path / 'bags' / 'one', {'joint_states': (JOINTS, arm_states)})
    with pytest.raises(FeatureMisfitError) as refused:
        read_arrays(Bag(tmp_path / 'bags' / 'one'), contract)
    assert said in str(refused.value)
    assert '\n' not in str(refused.value)
    with pytest.raises(FeatureMisfitError):
        check_episodes(tmp_path / 'bags', contract)


def test_one_recording_without_a_joint_is_a_finding_beside_others(tmp_path):
    for name, order in (('one', 'abc'), ('two', 'ab')):
        write(tmp_path / name, {'joint_states': (JOINTS, lambda at, i, order=order: joint_state(
            at, order, [0.1 * i] * len(order)))})
    report = check_episodes(tmp_path, contract_of(ARM))
    (finding,) = (f for f in report.findings if f.kind == 'contract')
    assert finding.episode == 'two'
    assert "names 'c', which no message of joint_states has. It has: a, b." in finding.text
