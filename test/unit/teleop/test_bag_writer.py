"""A bag written here is an ordinary rosbag2 folder, and a torn one can be made whole."""

import os
from pathlib import Path

from mcap.reader import make_reader
import pytest

pytest.importorskip('rclpy')
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader

from ilw_core.errors import IlwError
from ilw_msgs.msg import ActionChunk
from ilw_teleop.bag_writer import BagWriter, Topic
from ilw_teleop.message_definitions import schema_text
from ilw_teleop.recording_gate import header_stamp_ns
from ilw_teleop.salvage import rewrite

KIND = 'ilw_msgs/msg/ActionChunk'
S = 1_000_000_000


def topic():
    return Topic('/teleop/action', KIND, schema_text(KIND))


def message(second):
    chunk = ActionChunk(names=['a', 'b'], values=[1.0, 2.0], horizon=1)
    chunk.header.stamp.sec = second
    return serialize_message(chunk)


def write(folder, count):
    folder.mkdir()
    writer = BagWriter(folder, 'x.mcap')
    channel = writer.add_topic(topic())
    for k in range(count):
        writer.write(channel, k * S, k * S, message(k))
    return writer


def test_plain_readers_open_it_with_every_definition(tmp_path):
    write(tmp_path / 'bag', 5).close()
    with AnyReader([tmp_path / 'bag']) as reader:
        found = [(t, reader.deserialize(raw, c.msgtype).values.tolist())
                 for c, t, raw in reader.messages()]
    assert found == [(k * S, [1.0, 2.0]) for k in range(5)]
    with open(tmp_path / 'bag' / 'x.mcap', 'rb') as file:
        reader = make_reader(file)
        schemas = [schema.data.decode() for schema, _, _ in reader.iter_messages()]
        assert reader.get_summary().statistics.message_count == 5
    assert 'MSG: std_msgs/Header' in schemas[0]
    assert 'MSG: builtin_interfaces/Time' in schemas[0]


def test_flushed_messages_survive_the_end_of_the_process(tmp_path):
    writer = write(tmp_path / 'bag', 7)
    writer.flush()
    writer.write(1, 8 * S, 8 * S, message(8))  # never flushed
    torn = (tmp_path / 'bag' / 'x.mcap').read_bytes()
    (tmp_path / 'torn').mkdir()
    (tmp_path / 'torn' / 'x.mcap').write_bytes(torn)
    whole = rewrite(tmp_path / 'torn' / 'x.mcap', tmp_path / 'torn', 'whole.mcap')
    assert whole.messages == 7
    (tmp_path / 'torn' / 'x.mcap').unlink()
    with AnyReader([tmp_path / 'torn']) as reader:
        assert [t for _, t, _ in reader.messages()] == [k * S for k in range(7)]


def test_a_file_cut_anywhere_gives_what_is_whole_before_the_cut(tmp_path):
    writer = write(tmp_path / 'bag', 3)
    writer.flush()
    first = os.path.getsize(tmp_path / 'bag' / 'x.mcap')
    for k in range(3, 6):
        writer.write(1, k * S, k * S, message(k))
    writer.close()
    data = (tmp_path / 'bag' / 'x.mcap').read_bytes()
    found = []
    for cut in (*range(0, 60, 7), *range(first - 90, len(data), 31), len(data)):
        (tmp_path / 'cut.mcap').write_bytes(data[:cut])
        out = tmp_path / f'out{cut}'
        out.mkdir()
        found.append((cut, rewrite(tmp_path / 'cut.mcap', out, 'x.mcap').messages))
    counts = [messages for _, messages in found]
    assert counts == sorted(counts)
    assert set(counts) == {0, 3, 6}
    assert all(messages >= 3 for cut, messages in found if cut >= first)


@pytest.mark.parametrize('junk', [b'', b'x' * 5000, bytes(5000)])
def test_a_file_of_junk_holds_no_message(tmp_path, junk):
    (tmp_path / 'junk').write_bytes(junk)
    assert rewrite(tmp_path / 'junk', tmp_path, 'x.mcap').messages == 0


def test_a_definition_brings_all_it_contains():
    text = schema_text('nav_msgs/msg/Odometry')
    for nested in ('std_msgs/Header', 'geometry_msgs/PoseWithCovariance', 'geometry_msgs/Pose',
                   'geometry_msgs/Quaternion', 'geometry_msgs/Twist', 'builtin_interfaces/Time'):
        assert text.count(f'MSG: {nested}\n') == 1


def test_a_type_that_is_not_installed_is_named():
    with pytest.raises(IlwError, match='no_such_msgs/msg/Thing'):
        schema_text('no_such_msgs/msg/Thing')


def test_the_stamp_is_read_without_decoding():
    assert header_stamp_ns(message(77)) == 77 * S
    assert header_stamp_ns(b'\x00\x01') == 0
    big = bytes([0, 0, 0, 0]) + (5).to_bytes(4, 'big') + (9).to_bytes(4, 'big')
    assert header_stamp_ns(big) == 5 * S + 9


def test_an_existing_bag_is_never_overwritten(tmp_path):
    write(tmp_path / 'bag', 1).close()
    with pytest.raises(FileExistsError):
        BagWriter(Path(tmp_path / 'bag'), 'x.mcap')
