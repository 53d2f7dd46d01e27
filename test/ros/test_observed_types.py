"""What ROS says of its message types is what recordings say, and messages read alike from both."""

import numpy as np
import pytest

pytest.importorskip('rclpy')
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Quaternion
from rclpy.serialization import serialize_message
from rosbags.typesys import Stores, get_typestore
from sensor_msgs.msg import Imu, JointState, LaserScan
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint
import yaml

from ilw_core.contract.file import parse_contract
from ilw_core.errors import IlwError
from ilw_data.bag.columns import Columns
from ilw_data.bag.message_types import field_kinds as recorded_kinds
from ilw_ros.convert import field_kinds, message_class

STORE = get_typestore(Stores.ROS2_JAZZY)


def feature_of(kind, **options):
    return parse_contract(yaml.safe_dump({
        'contract': 'any', 'version': 1, 'rate_hz': 10,
        'observation': {'it': {'topic': 'it', 'type': kind, **options}},
        'action': {'command': {'topic': 'cmd_vel', 'type': 'geometry_msgs/msg/TwistStamped'},
                   'fields': [{'name': 'twist.linear.x', 'unit': 'm/s', 'min': -1.0, 'max': 1.0,
                               'max_rate': 1.0}], 'on_stale': 'stop'}})).sources[0].feature


def test_the_kinds_of_fields_are_those_of_a_recording_s_definitions():
    kinds, compared = recorded_kinds(STORE.fielddefs), 0
    for name in sorted(STORE.fielddefs):
        try:
            message_class(name)
        except IlwError:
            continue
        if '/msg/' in name:
            there = {field: kind for field, kind in kinds(name).items()
                     if field != 'structure_needs_at_least_one_member'}
            assert dict(field_kinds(name)) == there, name
            compared += 1
    assert compared > 100


def joint_state():
    return JointState(name=['b', 'x', 'a'], position=[1.0, float('nan'), 0.1], velocity=[1.0],
                      effort=[1.0, 2.0])


def imu():
    found = Imu(orientation=Quaternion(x=0.1, y=0.2, z=0.3, w=0.92736))
    found.linear_acceleration.z = 9.81
    found.angular_velocity_covariance[0] = -1.0
    return found


def plan():
    # serialize_message writes too many bytes where a sequence is empty; a publisher does not.
    return JointTrajectory(joint_names=['a'], points=[JointTrajectoryPoint(
        positions=[0.1, 0.2], velocities=[1.0], accelerations=[1.0], effort=[1.0])])


@pytest.mark.parametrize(('message', 'options', 'known'), [
    (joint_state(), {'feature': 'joints', 'joints': ['a', 'b', 'x'],
                     'read': ['position', 'velocity', 'effort']}, 2),
    (imu(), {'feature': 'imu'}, 6),
    (plan(), {'feature': 'field', 'field': 'points[0].positions', 'length': 2,
              'range': [0, 1]}, 2),
    (plan(), {'feature': 'field', 'field': 'points[1].positions', 'length': 2,
              'range': [0, 1]}, 0),
    (plan(), {'feature': 'field', 'field': 'points[1].positions[0]', 'range': [0, 1]}, 0),
    (LaserScan(ranges=[0.1, 0.7]), {'feature': 'field', 'field': 'ranges[1]', 'range': [0, 1]}, 1),
    (DiagnosticArray(status=[DiagnosticStatus(level=b'\x02')]),
     {'feature': 'field', 'field': 'status[0].level', 'range': [0, 3]}, 1)])
def test_a_message_of_ros_reads_as_its_bytes_do_to_the_bit(message, options, known):
    kind = f'{type(message).__module__.split(".")[0]}/msg/{type(message).__name__}'
    feature = feature_of(kind, **options)
    live = feature.encode({'it': message})
    raw = np.frombuffer(serialize_message(message), dtype=np.uint8)
    columns = Columns(raw, np.array([0]), np.array([len(raw)]), kind, STORE.fielddefs)
    (seen,) = feature.encode_columns([columns.column(path) for _, path in feature.fields])
    assert live.tobytes() == seen.tobytes()
    assert np.isfinite(live).sum() == known
