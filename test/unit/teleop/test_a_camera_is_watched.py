"""A camera among the contract's topics: the recorder's gate and the preflight look at it, too."""

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from ilw_data.bag.writer import WrittenTopic
from ilw_teleop.arbiter.robot_interface import RobotInterface
from ilw_teleop.preflight.preflight import Endpoint, Preflight
from ilw_teleop.recording.gate import RecordingGate

STORE = get_typestore(Stores.ROS2_JAZZY)
S = 1_000_000_000
P = S // 10
ODOMETRY, TWIST = 'nav_msgs/msg/Odometry', 'geometry_msgs/msg/TwistStamped'


class Recording:
    """A gate that is handed what a camera robot sends."""

    def __init__(self, cameras, contract):
        self.cameras, self.gate, self.now = cameras, RecordingGate(contract), 1000 * S
        self.gate.published = dict(contract.topics)
        self.topics = {name: WrittenTopic(f'/{name}', kind, STORE.generate_msgdef(kind)[0])
                       for name, kind in contract.topics.items()}
        self.gate.begin(self.now)

    def send(self, name, message):
        topic = self.topics[name]
        data = bytes(STORE.serialize_cdr(message, topic.type))
        self.gate.heard(name, topic, data, self.now)
        self.gate.take(name, topic, data, self.now, self.now)

    def drive(self, pictures):
        for i, pixels in enumerate(pictures):
            self.now += P
            self.send('image', self.cameras.compressed(self.now, pixels))
            self.send('odom', self.cameras.odometry(self.now, 0.2 + 0.001 * i))
            self.send('cmd_vel', self.cameras.T[TWIST](
                header=self.cameras.header(self.now),
                twist=self.cameras.twist(0.2, 0.5 * (-1) ** (i // 10))))
        self.gate.end(self.now)
        return self.gate.verdict()


def test_a_camera_that_sees_something_new_is_fit_to_train_from(cameras):
    rng = np.random.default_rng(0)
    recording = Recording(cameras, cameras.camera_contract())
    found = recording.drive([cameras.bright_half(rng, True) for _ in range(30)])
    assert recording.gate.problems(recording.now) == []
    assert found['reasons'] == [] and found['topics']['image']['count'] == 30


def test_a_camera_that_sends_one_image_for_ever_is_frozen(cameras):
    still = cameras.bright_half(np.random.default_rng(0), True)
    found = Recording(cameras, cameras.camera_contract()).drive([still] * 30)
    assert any(each.startswith('image: the same data under new stamps')
               for each in found['reasons'])


def test_a_start_is_refused_while_the_camera_is_silent(cameras):
    gate = RecordingGate(cameras.camera_contract())
    gate.published = {'odom': ODOMETRY, 'cmd_vel': TWIST}
    assert 'image: nobody publishes it.' in gate.problems(1000 * S)


@pytest.mark.parametrize(('encoding', 'problem'), [
    ('mono8', None), ('bayer_rggb8', "no image for camera: encoding must be one of")])
def test_a_camera_of_an_unknown_encoding_keeps_a_policy_from_being_armed(
        cameras, encoding, problem):
    contract = cameras.camera_contract(kind=cameras.RAW)
    check = Preflight(contract, RobotInterface(), 0)
    check.graph({'image': [Endpoint('camera', cameras.RAW)],
                 'odom': [Endpoint('base', ODOMETRY)]},
                {'cmd_vel': [Endpoint('base', TWIST)]}, {})
    for i in range(1, 41):
        stamp = 1000 * S + i * P
        check.take('image', cameras.raw(stamp, np.full((4, 4), i, np.uint8), encoding),
                   stamp_ns=stamp, arrived_ns=stamp, mono_ns=i * P)
        check.take('odom', cameras.odometry(stamp, 0.0, 0.0), stamp_ns=stamp, arrived_ns=stamp,
                   mono_ns=i * P)
    found = check.problems(40 * P)
    assert (found == []) if problem is None else any(
        each.startswith('image: ') and problem in each for each in found)
