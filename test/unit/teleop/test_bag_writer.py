"""A bag written here is an ordinary rosbag2 folder, and a torn one can be made whole."""

import os
from pathlib import Path

from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
import pytest

pytest.importorskip('rclpy')
from rclpy.serialization import serialize_message
from rosbags.highlevel import AnyReader

from ilw_core.errors import EpisodeError, IlwError
from ilw_data.bag import repair as bag_repair
from ilw_data.bag.message_definitions import schema_text
from ilw_data.bag.repair import repair
from ilw_data.bag.writer import BagWriter, WrittenTopic
from ilw_msgs.msg import ActionChunk
from ilw_teleop.recording.gate import header_stamp_ns

KIND = 'ilw_msgs/msg/ActionChunk'
S = 1_000_000_000


def topic():
    return WrittenTopic('/teleop/action', KIND, schema_text(KIND))


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


def read_back(folder):
    """Return the log times that any reader finds, in the file and by its index."""
    with open(next(folder.glob('*.mcap')), 'rb') as file:
        reader = make_reader(file)
        indexed = [m.log_time for _, _, m in reader.iter_messages()]
        assert reader.get_summary().statistics.message_count == len(indexed)
    with AnyReader([folder]) as reader:
        assert [t for _, t, _ in reader.messages()] == indexed
    return indexed


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
    assert repair(tmp_path / 'torn' / 'x.mcap').messages == 7
    with AnyReader([tmp_path / 'torn']) as reader:
        assert [t for _, t, _ in reader.messages()] == [k * S for k in range(7)]


@pytest.mark.long
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
        out = tmp_path / f'out{cut}'
        out.mkdir()
        (out / 'x.mcap').write_bytes(data[:cut])
        found.append((cut, repair(out / 'x.mcap').messages))
        if found[-1][1]:
            assert len(read_back(out)) == found[-1][1]
    counts = [messages for _, messages in found]
    assert counts == sorted(counts)
    assert set(counts) == {0, 3, 6}
    assert all(messages >= 3 for cut, messages in found if cut >= first)


@pytest.mark.parametrize('junk', [b'', b'x' * 5000, bytes(5000)])
def test_a_file_of_junk_holds_no_message(tmp_path, junk):
    (tmp_path / 'junk').write_bytes(junk)
    assert repair(tmp_path / 'junk').messages == 0
    assert (tmp_path / 'junk').read_bytes() == junk


def test_a_repair_cut_short_is_repaired_again(tmp_path):
    writer = write(tmp_path / 'bag', 4)
    writer.flush()
    file = tmp_path / 'bag' / 'x.mcap'
    torn = file.read_bytes()
    repair(file)
    whole = file.read_bytes()
    assert whole[:len(torn)] == torn  # nothing that was written is moved
    for cut in range(len(torn), len(whole), 13):
        file.write_bytes(whole[:cut])
        assert repair(file).messages == 4
        assert file.read_bytes() == whole


def test_a_damaged_chunk_ends_what_is_believed(tmp_path):
    writer = write(tmp_path / 'bag', 3)
    writer.flush()
    first = os.path.getsize(tmp_path / 'bag' / 'x.mcap')
    for k in range(3, 6):
        writer.write(1, k * S, k * S, message(k))
    writer.close()
    file = tmp_path / 'bag' / 'x.mcap'
    data = bytearray(file.read_bytes())
    data[first + 80] ^= 1
    file.write_bytes(data)
    assert repair(file).messages == 3
    assert read_back(tmp_path / 'bag') == [0, S, 2 * S]


def test_a_length_beyond_the_file_takes_no_memory(tmp_path):
    writer = write(tmp_path / 'bag', 3)
    writer.flush()
    file = tmp_path / 'bag' / 'x.mcap'
    for opcode in range(1, 16):
        for length in (2**63, 2**64 - 1, 2**40):
            (tmp_path / 'torn').write_bytes(
                file.read_bytes() + bytes([opcode]) + length.to_bytes(8, 'little') + b'x' * 99)
            assert repair(tmp_path / 'torn').messages == 3


def test_chunks_can_be_given_up_to_make_room(tmp_path):
    writer = write(tmp_path / 'bag', 2)
    for k in range(2, 9):
        writer.flush()
        writer.write(1, k * S, k * S, message(k))
    writer.close()
    file = tmp_path / 'bag' / 'x.mcap'
    assert repair(file, give_up=3).messages == 6
    assert read_back(tmp_path / 'bag') == [k * S for k in range(6)]
    assert repair(file, give_up=99).messages == 0
    assert read_back(tmp_path / 'bag') == [k * S for k in range(6)]  # as it was


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


def test_a_chunk_of_more_messages_than_any_recorder_writes_is_not_believed(tmp_path):
    with open(tmp_path / 'x.mcap', 'wb') as file:
        writer = Writer(file, chunk_size=100_000_000, compression=CompressionType.NONE)
        writer.start()
        schema = writer.register_schema(KIND, 'ros2msg', b'')
        channel = writer.register_channel('/t', 'cdr', schema)
        for k in range(40_000):
            writer.add_message(channel, k, b'', k)
        writer.finish()
    with pytest.raises(EpisodeError, match='0 messages can be read'):
        repair(tmp_path / 'x.mcap')


def test_what_others_compressed_is_left_alone(tmp_path):
    with open(tmp_path / 'x.mcap', 'wb') as file:
        writer = Writer(file, compression=CompressionType.ZSTD)
        writer.start()
        schema = writer.register_schema(KIND, 'ros2msg', b'')
        channel = writer.register_channel('/t', 'cdr', schema)
        writer.add_message(channel, 1, bytes(1000), 1)
        writer.finish()
    before = (tmp_path / 'x.mcap').read_bytes()
    assert repair(tmp_path / 'x.mcap').messages == 0
    assert (tmp_path / 'x.mcap').read_bytes() == before


def test_a_bag_that_is_damaged_at_its_begin_is_not_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(bag_repair, 'MAX_TAIL_BYTES', 1000)
    writer = write(tmp_path / 'bag', 3)
    for k in range(3, 30):
        writer.flush()
        writer.write(1, k * S, k * S, message(k))
    writer.close()
    file = tmp_path / 'bag' / 'x.mcap'
    data = bytearray(file.read_bytes())
    data[100] ^= 1
    file.write_bytes(data)
    (tmp_path / 'bag' / 'metadata.yaml').unlink()
    with pytest.raises(EpisodeError, match='damage'):
        repair(file)
    assert file.read_bytes() == data
