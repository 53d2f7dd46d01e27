"""
Recordings as strangers make them, beside what the robot truly did: clocks, storages, contents.

A drive is a set of functions of true time. Each message knows its true time, when it was logged
and what its header says; a kind of stranger changes the last two and nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
import math
from pathlib import Path
import sqlite3

from mcap.writer import CompressionType
from mcap.writer import Writer as McapWriter
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
T = STORE.types
WALL_NS, SIM_NS = 1_750_000_000_000_000_000, 500_000_000_000
S, MS = 1_000_000_000, 1_000_000
SECONDS = 12.0
LATENCY_S = 0.02
TYPES = {'goal': 'geometry_msgs/msg/PoseStamped', 'odom': 'nav_msgs/msg/Odometry',
         'scan': 'sensor_msgs/msg/LaserScan', 'cmd_vel': 'geometry_msgs/msg/TwistStamped',
         'clock': 'rosgraph_msgs/msg/Clock'}
BEAMS = 72


@dataclass(frozen=True)
class Sent:
    """One message."""

    topic: str
    number: int
    true_s: float
    """Since the drive began"""
    logged_ns: int
    stamp_ns: int


def speed(t: float | np.ndarray) -> np.ndarray:
    """Return the measured forward speed [m/s]; it changes by at most 0.14 m/s^2."""
    return 0.25 + 0.2 * np.sin(0.7 * np.asarray(t))


def turn(t: float | np.ndarray) -> np.ndarray:
    """Return the measured turn rate [rad/s]; it changes by at most 1.04 rad/s^2."""
    return 0.8 * np.sin(1.3 * np.asarray(t))


def place(t: float) -> tuple[float, float, float]:
    """Return where that speed and turn rate lead to from the origin: x, y [m], yaw [rad]."""
    x, y, yaw = (np.interp(t, _WAY_S, values) for values in _WAY)
    return float(x), float(y), float(yaw)


def distance(t: float | np.ndarray) -> np.ndarray:
    """Return what every beam measures [m]; it changes by at most 0.9 m/s."""
    return 2.0 + np.sin(0.9 * np.asarray(t))


def command(t: float | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is commanded; it changes by at most 0.2 m/s^2 and 1.0 rad/s^2."""
    return 0.25 + 0.2 * np.cos(np.asarray(t)), np.cos(np.asarray(t))


def sound(rate_hz: float, begin_ns: int = WALL_NS, seed: int = 0) -> list[Sent]:
    """Return a drive that is logged and stamped by one clock; sensors at the contract's rate."""
    rng, sent = np.random.default_rng(seed), []
    rates = {'odom': 2 * rate_hz, 'scan': rate_hz, 'cmd_vel': 2 * rate_hz}
    due = [('goal', 0, 0.0)] + [(topic, i, i / rate) for topic, rate in rates.items()
                                for i in range(round(SECONDS * rate))]
    for topic, number, true_s in due:
        stamp_ns = begin_ns + round(true_s * S)
        late_ns = round(rng.uniform(0.002, LATENCY_S) * S)
        sent.append(Sent(topic, number, true_s, stamp_ns + late_ns, stamp_ns))
    return sorted(sent, key=lambda each: each.logged_ns)


def logged_in_wall_time(sent: list[Sent], begin_ns: int = SIM_NS, speed_of_sim: float = 1.0, *,
                        clock_hz: float = 0.0, from_s: float = 0.0) -> list[Sent]:
    """Log a simulated drive by a wall clock; ``clock_hz`` adds ``/clock`` from ``from_s`` on."""
    moved = [replace(each, logged_ns=WALL_NS + round((each.logged_ns - begin_ns) / speed_of_sim))
             for each in sent]
    for i in range(round(SECONDS * clock_hz)):
        true_s = i / clock_hz
        if true_s >= from_s:
            moved.append(Sent('clock', i, true_s, WALL_NS + round(true_s * S / speed_of_sim),
                              begin_ns + round(true_s * S)))
    return sorted(moved, key=lambda each: each.logged_ns)


def stamped(sent: list[Sent], topic: str, stamp: Callable[[Sent], int]) -> list[Sent]:
    """Stamp one topic otherwise; an empty name means every one."""
    return [replace(each, stamp_ns=stamp(each))
            if each.topic == topic or (not topic and each.topic != 'clock') else each
            for each in sent]


def message(sent: Sent, *, twist: bool = False) -> tuple[str, object]:
    """Return its type and content."""
    t = sent.true_s
    time = T['builtin_interfaces/msg/Time'](sec=sent.stamp_ns // S, nanosec=sent.stamp_ns % S)
    header = T['std_msgs/msg/Header'](stamp=time, frame_id='base_link')
    kind = TYPES[sent.topic]
    if sent.topic == 'clock':
        return kind, T[kind](clock=time)
    if sent.topic == 'cmd_vel':
        v, w = command(t)
        move = _twist(float(v), float(w))
        return ('geometry_msgs/msg/Twist', move) if twist else (kind, T[kind](header, move))
    if sent.topic == 'goal':
        return kind, T[kind](header, _pose(4.0, 1.0, 0.0))
    if sent.topic == 'odom':
        none = np.zeros(36)
        return kind, T[kind](
            header, 'base_link', T['geometry_msgs/msg/PoseWithCovariance'](
                _pose(*place(t)), none),
            T['geometry_msgs/msg/TwistWithCovariance'](
                _twist(float(speed(t)), float(turn(t))), none))
    step = 2 * math.pi / BEAMS
    return kind, T[kind](
        header, angle_min=-math.pi, angle_max=math.pi - step, angle_increment=step,
        time_increment=0.0, scan_time=0.1, range_min=0.1, range_max=10.0,
        ranges=np.full(BEAMS, distance(t), dtype=np.float32),
        intensities=np.zeros(0, dtype=np.float32))


def write(folder: Path, sent: list[Sent], *, sqlite: bool = False, twist: bool = False) -> Path:
    """Write a bag with rosbags, in the order given."""
    plugin = StoragePlugin.SQLITE3 if sqlite else StoragePlugin.MCAP
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        topics = {}
        for each in sent:
            kind, content = message(each, twist=twist)
            if each.topic not in topics:
                topics[each.topic] = writer.add_connection(f'/{each.topic}', kind, typestore=STORE)
            writer.write(topics[each.topic], each.logged_ns, STORE.serialize_cdr(content, kind))
    return folder


_WAY_S = np.arange(0.0, SECONDS + 1.0, 0.001)
_YAW = np.cumsum(0.001 * turn(_WAY_S))
_WAY = (np.cumsum(0.001 * speed(_WAY_S) * np.cos(_YAW)),
        np.cumsum(0.001 * speed(_WAY_S) * np.sin(_YAW)), _YAW)


@dataclass(frozen=True)
class Foreign:
    """A topic that ROS 2 or this suite does not read."""

    topic: str
    kind: str
    form: str
    definition: bytes
    encoding: str
    data: bytes = b'\x00\x01\x00\x00' + bytes(8)


def write_mcap(folder: Path, sent: list[Sent], foreign: tuple[Foreign, ...] = (),
               definitions: dict[str, tuple[str, bytes]] | None = None) -> Path:
    """Write an MCAP file of many chunks, with topics of others and definitions of one's own."""
    folder.mkdir(parents=True)
    with (folder / f'{folder.name}_0.mcap').open('wb') as stream:
        writer = McapWriter(stream, chunk_size=20_000, compression=CompressionType.ZSTD)
        writer.start(profile='ros2', library='stranger')
        channels = {}
        for number, each in enumerate(sent):
            kind, content = message(each)
            if each.topic not in channels:
                form, text = (definitions or {}).get(each.topic, (
                    'ros2msg', STORE.generate_msgdef(kind)[0].encode()))
                channels[each.topic] = writer.register_channel(
                    f'/{each.topic}', 'cdr', writer.register_schema(kind, form, text))
            writer.add_message(channels[each.topic], each.logged_ns,
                               bytes(STORE.serialize_cdr(content, kind)), each.logged_ns)
            for other in foreign if number % 40 == 0 else ():
                if other.topic not in channels:
                    schema = writer.register_schema(
                        other.kind, other.form, other.definition) if other.kind else 0
                    channels[other.topic] = writer.register_channel(
                        other.topic, other.encoding, schema)
                writer.add_message(channels[other.topic], each.logged_ns, other.data,
                                   each.logged_ns)
        writer.finish()
    return folder


def define_in_sqlite(folder: Path, topic: str, kind: str, text: str | None) -> None:
    """Add a topic with one message to an SQLite bag, and its definition if there is one."""
    database = sqlite3.connect(next(folder.glob('*.db3')))
    number = database.execute('SELECT max(id) FROM topics').fetchone()[0] + 1
    row = {'id': number, 'name': topic, 'type': kind, 'serialization_format': 'cdr'}
    _insert(database, 'topics', row)
    if text is not None:
        _insert(database, 'message_definitions', {
            'topic_type': kind, 'encoding': 'ros2msg', 'encoded_message_definition': text})
    _insert(database, 'messages', {'topic_id': number, 'timestamp': WALL_NS + S,
                                   'data': b'\x00\x01\x00\x00' + bytes(8)})
    database.commit()
    database.close()
    (folder / 'metadata.yaml').unlink()


def _insert(database: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    there = [each[1] for each in database.execute(f'PRAGMA table_info({table})')
             if each[1] != 'id' or 'id' in row]
    marks = ','.join('?' * len(there))
    database.execute(f'INSERT INTO {table}({",".join(there)}) VALUES({marks})',
                     [row.get(name, '') for name in there])


def _pose(x: float, y: float, yaw: float) -> object:
    return T['geometry_msgs/msg/Pose'](
        T['geometry_msgs/msg/Point'](x, y, 0.0),
        T['geometry_msgs/msg/Quaternion'](0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)))


def _twist(v: float, w: float) -> object:
    vector = T['geometry_msgs/msg/Vector3']
    return T['geometry_msgs/msg/Twist'](vector(v, 0.0, 0.0), vector(0.0, 0.0, w))
