"""Bags that others recorded, or that a disk has damaged: MCAP bytes, messages, definitions."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
import shutil

from mcap.writer import CompressionType, IndexType, Writer
import numpy as np
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from fuzz.target import Target
from ilw_core.storage.episode_folder import read_episode
from ilw_data.bag.columns import Columns, DamagedError, UnusualError
from ilw_data.bag.raw.mcap_index import IndexedMcap
from ilw_data.bag.reader import Bag

_STORE = get_typestore(Stores.ROS2_JAZZY)
_ODOM, _SCAN, _POINTS, _PLAN = (
    'nav_msgs/msg/Odometry', 'sensor_msgs/msg/LaserScan', 'sensor_msgs/msg/JointState',
    'trajectory_msgs/msg/JointTrajectory')
_FIELDS = {_ODOM: 'pose.pose.position.x', _SCAN: 'ranges', _POINTS: 'position',
           _PLAN: 'points[0].positions'}
_INSIDE = {_ODOM: ('pose.covariance[35]',), _SCAN: ('ranges[3]', 'intensities[0]'),
           _POINTS: ('name[1]', 'position[1]', 'effort[4000]'),
           _PLAN: ('joint_names[1]', 'points[0].positions', 'points[1].positions[1]',
                   'points[1].time_from_start.sec', 'points[255].effort')}
"""Fields inside of sequences"""
_DEFINITION = b"""std_msgs/Header header
float64 x
string[<=3] names
geometry_msgs/Point[2] points
uint8[] data
================================================================================
MSG: std_msgs/Header
builtin_interfaces/Time stamp
string frame_id
================================================================================
MSG: geometry_msgs/Point
float64 x
float64 y
float64 z
"""
_METADATA = b"""rosbag2_bagfile_information:
  version: 9
  storage_identifier: mcap
  duration: {nanoseconds: 1900000000}
  starting_time: {nanoseconds_since_epoch: 50000000000}
  message_count: 15
  topics_with_message_count: []
  compression_format: ''
  compression_mode: ''
  relative_file_paths: [bag.mcap]
  files: [{path: bag.mcap, starting_time: {nanoseconds_since_epoch: 50000000000},
           duration: {nanoseconds: 1900000000}, message_count: 15}]
  custom_data: {}
  ros_distro: jazzy
"""
_PATHS = (b'relative_file_paths: [../../../../etc/passwd]', b'compression_mode: FILE',
          b'storage_identifier: sqlite3', b'version: 99999999')


def targets(folder: Path) -> list[Target]:
    """Return the targets; they write bags into an empty folder."""
    bag = folder / 'bag'
    bag.mkdir()
    file = bag / 'bag.mcap'
    whole = {kind: _mcap(kind) for kind in (CompressionType.NONE, CompressionType.ZSTD,
                                            CompressionType.LZ4)}
    files = (*whole.values(), _mcap(CompressionType.NONE, index=IndexType.NONE))
    one = {kind: bytes(_STORE.serialize_cdr(_message(kind, 3), kind)) for kind in _FIELDS}
    other = folder / 'other'
    other.mkdir()

    def whole_bag(data: bytes) -> None:
        file.write_bytes(data)
        (bag / 'metadata.yaml').write_bytes(_METADATA)
        _read_all(bag)

    def index(data: bytes) -> None:
        file.write_bytes(data)
        try:  # `Bag` takes whatever the library raises as damage; memory and time still count
            mcap = IndexedMcap(file)
            found = mcap.find([c.id for c in mcap.channels])
        except Exception:
            return
        for messages in found.values():
            assert len(messages.begin) == len(messages.end) == len(messages.logged_ns)
            assert np.all((messages.begin >= 0) & (messages.end <= len(messages.data)))

    def metadata(data: bytes) -> None:
        shutil.copyfile(other.parent / 'good.mcap', other / 'bag.mcap')
        (other / 'metadata.yaml').write_bytes(data)
        _read_all(other)

    (folder / 'good.mcap').write_bytes(files[-1])  # without an index: the metadata counts
    return [
        Target('bag', whole_bag, files, weight=0.3),
        Target('bag_metadata', metadata, (_METADATA,), words=_PATHS, weight=0.2),
        Target('mcap_index', index, files, weight=2.5),
        *(Target(f'messages_of_{kind.rsplit("/")[-1]}', _columns(kind), (one[kind],),
                 (DamagedError, UnusualError), weight=14) for kind in _FIELDS),
        Target('definition', _definition(), (_DEFINITION,), (DamagedError, UnusualError),
               words=(b'Point[] p\n', b'Point[4000000000] p\n', b'MSG: a/msg/B\n', b'string<=9 s',
                      b'std_msgs/Header h\n', b'uint8 X=1\n'), weight=0.6),
    ]


def _message(kind: str, number: int) -> object:
    """Return a message whose every field holds something."""
    types = _STORE.types
    head = types['std_msgs/msg/Header'](
        types['builtin_interfaces/msg/Time'](50, number * 1000), 'odom')
    if kind == _SCAN:
        return types[_SCAN](head, 0.0, 6.2, 0.17, 0.0, 0.1, 0.1, 9.0,
                            np.full(36, 2.0, np.float32), np.zeros(0, np.float32))
    if kind == _POINTS:
        return types[_POINTS](head, ['left', 'right'], np.array([1.0, 2.0]), np.zeros(0),
                              np.zeros(2))
    if kind == _PLAN:
        point = types['trajectory_msgs/msg/JointTrajectoryPoint'](
            np.array([1.0, 2.0]), np.zeros(0), np.zeros(1), np.zeros(0),
            types['builtin_interfaces/msg/Duration'](1, 2))
        return types[_PLAN](head, ['left', 'right'], [point, point])
    geometry = {name: types[f'geometry_msgs/msg/{name}'] for name in (
        'Point', 'Quaternion', 'Pose', 'PoseWithCovariance', 'Vector3', 'Twist',
        'TwistWithCovariance')}
    none, nought = np.zeros(36), geometry['Vector3'](0.0, 0.0, 0.0)
    pose = geometry['Pose'](geometry['Point'](1.0, 2.0, 0.0),
                            geometry['Quaternion'](0.0, 0.0, 0.0, 1.0))
    return types[_ODOM](head, 'base', geometry['PoseWithCovariance'](pose, none), geometry[
        'TwistWithCovariance'](geometry['Twist'](nought, nought), none))


def _mcap(compression: CompressionType, index: IndexType = IndexType.ALL) -> bytes:
    stream = BytesIO()
    writer = Writer(stream, chunk_size=2000, compression=compression, index_types=index)
    writer.start('ros2')
    for kind in _FIELDS:
        text, _ = _STORE.generate_msgdef(kind, ros_version=2)
        channel = writer.register_channel(
            f'/{kind.rsplit("/")[-1].lower()}', 'cdr',
            writer.register_schema(kind, 'ros2msg', text.encode()))
        for i in range(5):
            at = 50_000_000_000 + i
            writer.add_message(channel, at, bytes(_STORE.serialize_cdr(_message(kind, i), kind)),
                               at)
    writer.finish()
    return stream.getvalue()


def _read_all(bag: Path) -> None:
    """Read a bag as training does: by topic, by column."""
    read_episode(bag)
    found = Bag(bag)
    for topic in found.topics(list(found.types)).values():
        assert len(topic.stamps_ns) == len(topic.logged_ns)
        for path in _FIELDS.values():
            if path in topic.fields:
                lengths = topic.fields.lengths(path)
                if lengths is None or len(set(lengths.tolist())) < 2:
                    topic.fields.column(path)


def _columns(kind: str) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        array = np.frombuffer(data * 2, dtype=np.uint8)
        begin = np.array([0, len(data)])
        columns = Columns(array, begin, begin + len(data), kind, _STORE.fielddefs)
        for path in (*columns.paths, *_INSIDE[kind]):
            columns.lengths(path)
            columns.column(path)
    return run


def _definition() -> Callable[[bytes], None]:
    """Types as a bag describes them; the parser raises its own kind of errors."""
    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(get_types_from_msg(_DEFINITION.decode(), 'a/msg/B'))
    types = store.types
    head = types['std_msgs/msg/Header'](types['builtin_interfaces/msg/Time'](1, 2), 'odom')
    point = types['geometry_msgs/msg/Point'](1.0, 2.0, 3.0)
    raw = bytes(store.serialize_cdr(types['a/msg/B'](
        head, 1.0, ['a', 'b'], [point, point], np.zeros(3, np.uint8)), 'a/msg/B'))
    message, begin = np.frombuffer(raw, dtype=np.uint8), np.array([0])

    def run(data: bytes) -> None:
        try:
            found = get_types_from_msg(data.decode(errors='replace'), 'a/msg/B')
        except Exception as error:
            raise DamagedError(str(error)) from error
        Columns(message, begin, begin + len(raw), 'a/msg/B', {**_STORE.fielddefs, **found})
    return run
