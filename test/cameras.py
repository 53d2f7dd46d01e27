"""Robots with a camera: contracts, messages of every encoding, bags in which it steers."""

import json

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ilw_core.contract.file import parse_contract
from ilw_core.storage.episode_folder import SCHEMA

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
COMPRESSED, RAW = 'sensor_msgs/msg/CompressedImage', 'sensor_msgs/msg/Image'
PERIOD_NS = 100_000_000
BEGIN_NS = 50_000_000_000
_ODOMETRY = """
  velocity: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist, align: {how: asof}}"""
_TASK = """
contract: camera
version: 1
rate_hz: 10
observation:
  camera: {{topic: image, type: {kind}, feature: image, {options}}}{more}
action:
  command: {{topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}}
  fields:
    - {{name: twist.linear.x, unit: m/s, min: 0.0, max: 0.5, max_rate: 5.0}}
    - {{name: twist.angular.z, unit: rad/s, min: -1.0, max: 1.0, max_rate: 20.0}}
  on_stale: stop
"""


def contract_text(options='size: [24, 16]', kind=COMPRESSED, *, odometry=True):
    """Return a contract of a camera, its odometry beside it, and a planar twist."""
    return _TASK.format(kind=kind, options=options, more=_ODOMETRY if odometry else '')


def camera_contract(*arguments, **more):
    return parse_contract(contract_text(*arguments, **more))


def header(stamp_ns):
    sec, nanosec = divmod(stamp_ns, 10**9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id='camera')


def compressed(stamp_ns, image, extension='.png', kind='png'):
    """Return the message of ``(H, W, 3)`` or ``(H, W)`` pixels, blue first as in OpenCV."""
    data = np.frombuffer(cv2.imencode(extension, image)[1].tobytes(), np.uint8)
    return T[COMPRESSED](header=header(stamp_ns), format=kind, data=data)


def raw(stamp_ns, pixels, encoding, *, big=False, padding=0):
    """Return a message of ``(H, W, C)`` or ``(H, W)`` values, rows padded by some bytes."""
    values = np.asarray(pixels)
    if values.dtype == np.uint16:
        values = values.astype('>u2' if big else '<u2')
    rows = np.frombuffer(values.tobytes(), np.uint8).reshape(len(values), -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=99)
    return T[RAW](header=header(stamp_ns), height=len(values), width=values.shape[1],
                  encoding=encoding, is_bigendian=int(big), step=rows.shape[1],
                  data=rows.reshape(-1))


def odometry(stamp_ns, speed=0.2, turn=0.0):
    point = T['geometry_msgs/msg/Point'](x=0.0, y=0.0, z=0.0)
    upright = T['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=0.0, w=1.0)
    none = np.zeros(36)
    return T['nav_msgs/msg/Odometry'](
        header=header(stamp_ns), child_frame_id='base',
        pose=T['geometry_msgs/msg/PoseWithCovariance'](
            pose=T['geometry_msgs/msg/Pose'](position=point, orientation=upright),
            covariance=none),
        twist=T['geometry_msgs/msg/TwistWithCovariance'](twist=twist(speed, turn),
                                                         covariance=none))


def twist(speed, turn):
    def vector(x=0.0, z=0.0):
        return T['geometry_msgs/msg/Vector3'](x=x, y=0.0, z=z)

    return T['geometry_msgs/msg/Twist'](linear=vector(speed), angular=vector(z=turn))


def bright_half(rng, left, size=(48, 64)):
    """Return ``(H, W, 3)`` noise whose left or right half is bright."""
    image = rng.integers(0, 60, (*size, 3), dtype=np.uint8)
    half = slice(0, size[1] // 2) if left else slice(size[1] // 2, None)
    image[:, half] += np.uint8(150)
    return image


def write_bag(folder, images, contract, *, turns=None, odometry_too=True, meta=None):
    """
    Write an episode with one camera message, odometry and command per tick.

    :param images: messages of the camera, one per tick; ``None``: none at that tick.
    :param turns: what is commanded at each tick.
    """
    kind = contract.topics['image']
    turns = np.zeros(len(images)) if turns is None else turns
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        topics = {'image': kind, 'cmd_vel': 'geometry_msgs/msg/TwistStamped'}
        if odometry_too:
            topics['odom'] = 'nav_msgs/msg/Odometry'
        channels = {name: bag.add_connection(f'/{name}', each, typestore=STORE)
                    for name, each in topics.items()}
        for i, image in enumerate(images):
            at = BEGIN_NS + i * PERIOD_NS
            sent = {'image': image, 'odom': odometry(at, 0.2, 0.0),
                    'cmd_vel': T[topics['cmd_vel']](header=header(at),
                                                    twist=twist(0.2, float(turns[i])))}
            for name in topics:
                if sent[name] is not None:
                    bag.write(channels[name], at, STORE.serialize_cdr(sent[name], topics[name]))
    if meta is not None:
        (folder / 'episode.json').write_text(json.dumps(
            {'schema': SCHEMA, 'contract_hash': contract.hash, **meta}))
    return folder


def steering_bag(folder, contract, rng, ticks=40, **more):
    """Write an episode that turns left where the left half is bright, else right."""
    left = rng.random(ticks) < 0.5
    images = [compressed(BEGIN_NS + i * PERIOD_NS, bright_half(rng, each), '.jpg', 'jpeg')
              for i, each in enumerate(left)]
    return write_bag(folder, images, contract, turns=np.where(left, 0.8, -0.8),
                     meta={'outcome': 'success', 'stop_reason': 'operator', **more})
