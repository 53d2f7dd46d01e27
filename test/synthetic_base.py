"""
A base of known truth, driven and recorded: what identification is tested and measured with.

Made apart from the models it tests: each wheel is stepped at 1 kHz by Euler's rule, messages are
stamped, jittered, lost and logged one by one.
"""

from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from ilw_core.base.plant import Plant

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
TYPES = {'odom': 'nav_msgs/msg/Odometry', 'cmd_vel': 'geometry_msgs/msg/TwistStamped',
         'scan': 'sensor_msgs/msg/LaserScan'}
BEGIN_NS = 1_700_000_000_000_000_000
STYLES = ('joystick', 'smooth', 'policy')
"""A thumb; a careful person, who lets go at times; a network. And 'gliding': who never does"""
_STEP_S = 1e-3
_TRACK_M = 0.2
_SPEED_MPS, _TURN_RADPS = 0.5, 1.5
_ROOM_M = (31.0, 23.0)  # half sides; far larger than what two minutes of driving need
_RANGE_MAX_M = 60.0


@dataclass(frozen=True)
class Recording:
    """How a base is driven and recorded."""

    style: str = 'joystick'
    length_s: float = 120.0
    odom_hz: float = 40.0
    command_hz: float = 20.0
    jitter_s: float = 0.003
    """Standard deviation of when messages are sent, arrive, or take effect"""
    loss_ratio: float = 0.01
    bumps_mps: float = 0.01
    """How much the ground pushes each wheel, standard deviation"""
    command_clock_s: float = 0.0
    """What the clock of the commands is ahead of that of the sensors, and of the log"""
    scan_beams: int = 0


def random_plant(rng: np.random.Generator) -> Plant:
    """Return a base such as small robots are."""
    return Plant(
        delay_s=rng.uniform(0.02, 0.2), lag_s=rng.uniform(0.05, 0.3),
        turn_lag_s=rng.uniform(0.05, 0.3), gain=rng.uniform(0.85, 1.1),
        turn_gain=rng.uniform(0.8, 1.1), pull_radpm=rng.uniform(-0.15, 0.15),
        dead_zone_mps=rng.uniform(0.0, 0.04), turn_dead_zone_radps=rng.uniform(0.0, 0.15),
        scan_delay_s=rng.uniform(0.0, 0.1), lidar_noise_m=rng.uniform(0.005, 0.02),
        odom_noise_mps=rng.uniform(0.002, 0.01), odom_noise_radps=rng.uniform(0.01, 0.04))


def drive_commands(how: Recording, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return stamps ``(N,)`` [s] and commands ``(N, 2)`` of somebody driving."""
    stamps = 1.0 + np.arange(round((how.length_s - 2.0) * how.command_hz)) / how.command_hz
    stamps = np.sort(stamps + rng.normal(0.0, how.jitter_s, len(stamps)))
    if how.style in ('smooth', 'gliding'):
        phase = rng.uniform(0.0, 6.28, 4)
        forward = 0.25 + 0.22 * np.sin(0.7 * stamps + phase[0]) * np.sin(0.13 * stamps + phase[1])
        turn = 0.9 * np.sin(0.9 * stamps + phase[2]) * np.sin(0.31 * stamps + phase[3])
        held = (stamps % 11.0) < 9.0 if how.style == 'smooth' else np.ones(len(stamps), dtype=bool)
        return stamps, np.stack([forward, turn], axis=1) * held[:, None]
    goal, commands, until_s = np.zeros(2), np.zeros((len(stamps), 2)), 0.0
    stick = np.zeros(2)
    for i, now_s in enumerate(stamps):
        if now_s >= until_s:
            goal = np.array([rng.choice([0.0, rng.uniform(-0.4, 1.0), rng.uniform(0.5, 1.0)]),
                             rng.choice([0.0, rng.uniform(-1.0, 1.0)])])
            until_s = now_s + rng.uniform(0.4, 2.0)
        if how.style == 'joystick':  # a thumb needs a tenth of a second
            stick += np.clip(goal - stick, -8.0 / how.command_hz, 8.0 / how.command_hz)
            commands[i] = np.round(stick, 2)
        else:  # a network corrects itself all the time
            stick += 0.3 * (goal - stick)
            commands[i] = np.clip(stick + rng.normal(0.0, 0.05, 2), -1.0, 1.0)
    return stamps, commands * (_SPEED_MPS, _TURN_RADPS)


def move(plant: Plant, how: Recording, stamps: np.ndarray, commands: np.ndarray,
         rng: np.random.Generator) -> np.ndarray:
    """Return time, v, w, x, y, yaw at every millisecond, ``(S, 6)``."""
    due_s = stamps + plant.delay_s + rng.normal(0.0, how.jitter_s, len(stamps))
    queue = sorted(zip(due_s, commands.tolist(), strict=True))
    left = right = wl = wr = x = y = yaw = 0.0
    count, at = round(how.length_s / _STEP_S), 0
    bump = how.bumps_mps * rng.standard_normal((count // 100 + 1, 2))
    rows = np.zeros((count, 6))
    # The wheels share a body: equal parts of their speeds settle with one lag, unequal with the
    # other. Pull is what the left wheel does less, and the right one more.
    alike, unlike = _STEP_S / max(plant.lag_s, _STEP_S), _STEP_S / max(plant.turn_lag_s, _STEP_S)
    for k in range(count):
        now_s = k * _STEP_S
        while at < len(queue) and queue[at][0] <= now_s:
            v, w = queue[at][1]
            v = plant.gain * v if abs(v) >= plant.dead_zone_mps else 0.0
            w = plant.turn_gain * w if abs(w) >= plant.turn_dead_zone_radps else 0.0
            aside = 0.5 * _TRACK_M * (w + plant.pull_radpm * v)
            wl, wr = v - aside, v + aside
            at += 1
        push = bump[k // 100] if wl or wr else (0.0, 0.0)
        dl, dr = wl + push[0] - left, wr + push[1] - right
        left += 0.5 * (alike + unlike) * dl + 0.5 * (alike - unlike) * dr
        right += 0.5 * (alike - unlike) * dl + 0.5 * (alike + unlike) * dr
        v, w = 0.5 * (left + right), (right - left) / _TRACK_M
        x, y = x + _STEP_S * v * math.cos(yaw), y + _STEP_S * v * math.sin(yaw)
        yaw += _STEP_S * w
        rows[k] = now_s, v, w, x, y, yaw
    return rows


def record(folder: Path, plant: Plant, how: Recording, seed: int) -> Path:
    """Write the bag of one drive."""
    rng = np.random.default_rng(seed)
    stamps, commands = drive_commands(how, rng)
    rows = move(plant, how, stamps, commands, rng)
    messages = []  # logged_s, topic, message
    for at, (v, w) in zip(stamps, commands, strict=True):
        late = abs(rng.normal(0.0, how.jitter_s))
        messages.append((at + late, 'cmd_vel', command_message(at + how.command_clock_s, v, w)))
    for at in np.arange(0.1, how.length_s - 0.1, 1.0 / how.odom_hz):
        true = rows[round((at - plant.odom_delay_s) / _STEP_S)]
        v = true[1] + rng.normal(0.0, plant.odom_noise_mps)
        w = true[2] + rng.normal(0.0, plant.odom_noise_radps)
        if rng.random() >= how.loss_ratio:
            messages.append((at + 0.001 + abs(rng.normal(0.0, how.jitter_s)), 'odom',
                             odometry_message(at, true[3:], v, w)))
    if how.scan_beams:
        for at in np.arange(0.5, how.length_s - 0.1, 0.1):
            pose = rows[round((at - plant.scan_delay_s) / _STEP_S)][3:]
            ranges = _ranges(pose, how.scan_beams, plant.lidar_noise_m, rng)
            messages.append((at + 0.005 + abs(rng.normal(0.0, how.jitter_s)), 'scan',
                             scan_message(at, ranges)))
    return write_bag(folder, messages)


def write_bag(folder: Path, messages: list[tuple[float, str, Any]]) -> Path:
    """Write messages of (time logged [s], topic, message) in the order they were logged."""
    present = {topic for _, topic, _ in messages}
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        topics = {name: bag.add_connection(f'/{name}', kind, typestore=STORE)
                  for name, kind in TYPES.items() if name in present}
        for logged_s, topic, message in sorted(messages, key=lambda each: each[0]):
            bag.write(topics[topic], BEGIN_NS + round(logged_s * 1e9),
                      STORE.serialize_cdr(message, TYPES[topic]))
    return folder


def _header(at_s: float, frame: str):
    sec, nanosec = divmod(BEGIN_NS + round(at_s * 1e9), 10 ** 9)
    return T['std_msgs/msg/Header'](
        stamp=T['builtin_interfaces/msg/Time'](sec=sec, nanosec=nanosec), frame_id=frame)


def _vector(x: float = 0.0, z: float = 0.0):
    return T['geometry_msgs/msg/Vector3'](x=float(x), y=0.0, z=float(z))


def _twist(v: float, w: float):
    return T['geometry_msgs/msg/Twist'](linear=_vector(v), angular=_vector(z=w))


def command_message(at_s: float, v: float, w: float):
    """Return a stamped command."""
    return T[TYPES['cmd_vel']](header=_header(at_s, 'base_link'), twist=_twist(v, w))


def odometry_message(at_s: float, pose: np.ndarray, v: float, w: float):
    """Return odometry of a pose (3,) and speeds."""
    none, (x, y, yaw) = np.zeros(36), map(float, pose)
    place = T['geometry_msgs/msg/Pose'](
        position=T['geometry_msgs/msg/Point'](x=x, y=y, z=0.0),
        orientation=T['geometry_msgs/msg/Quaternion'](x=0.0, y=0.0, z=math.sin(yaw / 2),
                                                      w=math.cos(yaw / 2)))
    return T[TYPES['odom']](
        header=_header(at_s, 'odom'), child_frame_id='base_link',
        pose=T['geometry_msgs/msg/PoseWithCovariance'](pose=place, covariance=none),
        twist=T['geometry_msgs/msg/TwistWithCovariance'](twist=_twist(v, w), covariance=none))


def scan_message(at_s: float, ranges_m: np.ndarray):
    """Return a scan of the full circle; beam 0 looks straight back."""
    step = 2.0 * math.pi / len(ranges_m)
    return T[TYPES['scan']](
        header=_header(at_s, 'base_scan'), angle_min=-math.pi, angle_max=math.pi - step,
        angle_increment=step, time_increment=0.0, scan_time=0.1, range_min=0.1,
        range_max=_RANGE_MAX_M, ranges=np.asarray(ranges_m, dtype=np.float32),
        intensities=np.zeros(0, np.float32))


def _ranges(pose: np.ndarray, beams: int, noise_m: float, rng: np.random.Generator) -> np.ndarray:
    x, y, yaw = pose
    angle = yaw - math.pi + 2.0 * math.pi / beams * np.arange(beams)
    with np.errstate(divide='ignore'):
        to_x = np.where(np.cos(angle) > 0, _ROOM_M[0] - x, -_ROOM_M[0] - x) / np.cos(angle)
        to_y = np.where(np.sin(angle) > 0, _ROOM_M[1] - y, -_ROOM_M[1] - y) / np.sin(angle)
    ranges: np.ndarray = np.minimum(to_x, to_y) + rng.normal(0.0, noise_m, beams)
    return ranges
