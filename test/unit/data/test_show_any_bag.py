"""`episodes show` tells what any bag holds, topic by topic, and names what it cannot read."""

import json

from mcap.writer import Writer as McapWriter
import numpy as np
import pytest

from ilw_core.errors import EpisodeError
from ilw_data.bag.summary import summarise
from ilw_data.commands.episodes import show


@pytest.fixture
def bag(bags, tmp_path):
    return bags.write(tmp_path / 'bag', ticks=21, drive=lambda i: (0.1 * i, -0.5))


def test_every_topic_has_count_rate_duration_and_its_ends(bag):
    found = summarise(bag)
    assert [t.topic for t in found.topics] == ['cmd_vel', 'odom']
    command, odometry = found.topics
    assert (command.messages, command.rate_hz, command.duration_s) == (21, 10.0, 2.0)
    assert command.type == 'geometry_msgs/msg/TwistStamped'
    assert command.first == 'frame=odom linear=(0 0 0) angular=(0 0 -0.5)'
    assert command.last == 'frame=odom linear=(2 0 0) angular=(0 0 -0.5)'
    assert odometry.last.startswith("frame=odom child_frame_id='base' position=(2 1 0) orient")
    assert found.duration_s == 2.0 and found.torn == ''


def test_the_command_prints_it_and_gives_it_as_json(bag, run):
    code, out, _ = run(show, bag)
    assert code == 0 and '42 messages over 2.0 s' in out
    assert 'cmd_vel                  geometry_msgs/msg/TwistStamped: 21 messages, 10.0 Hz' in out
    assert 'first frame=odom linear=(0 0 0)' in out and 'last  frame=odom linear=(2 0 0)' in out
    code, out, _ = run(show, bag, '--json')
    said = json.loads(out)
    assert code == 0 and said['topics']['odom'] == 'nav_msgs/msg/Odometry'
    assert said['contents'][0]['rate_hz'] == 10.0


FOREIGN = {
    'protobuf': (b'\x0a\x03abc', 'protobuf', 'foxglove.Log', 'protobuf', b'\x00\x01',
                 "encoded as 'protobuf'"),
    'json': (b'{"a": 1}', 'json', 'Some', 'jsonschema', b'{}', "encoded as 'json'"),
    'no definition': (b'\x00\x01\x00\x00\x07\x00\x00\x00', 'cdr', 'their_msgs/msg/Own', '', b'',
                      'their_msgs/msg/Own'),
    'a broken definition': (b'\x00\x01\x00\x00\x07\x00\x00\x00', 'cdr', 'their_msgs/msg/Own',
                            'ros2msg', b'this is ; no definition', ''),
    'bytes cut short': (b'\x00\x01\x00\x00\x07', 'cdr', 'their_msgs/msg/Own', 'ros2msg',
                        b'uint32 value\nuint32 other', ''),
}


@pytest.mark.parametrize('case', FOREIGN)
def test_what_cannot_be_read_is_named_beside_what_can(tmp_path, run, case):
    data, encoding, kind, form, definition, words = FOREIGN[case]
    with (tmp_path / 'x.mcap').open('wb') as stream:
        writer = McapWriter(stream)
        writer.start()
        number = writer.register_schema('std_msgs/msg/Int32', 'ros2msg', b'int32 data')
        plain = writer.register_channel('/count', 'cdr', number)
        number = writer.register_schema(kind, form, definition) if form else \
            writer.register_schema(kind, '', b'')
        foreign = writer.register_channel('/theirs', encoding, number)
        for i in range(5):
            at = 1_000_000_000 * (i + 1)
            body = b'\x00\x01\x00\x00' + np.int32(i).tobytes()
            writer.add_message(plain, at, body, at)
            writer.add_message(foreign, at, data, at)
        writer.finish()
    count, theirs = summarise(tmp_path / 'x.mcap').topics
    assert (count.first, count.last, count.unreadable) == ('data=0', 'data=4', '')
    assert theirs.messages == 5 and theirs.rate_hz == 1.0 and theirs.first == ''
    assert theirs.unreadable and words in theirs.unreadable
    code, out, _ = run(show, tmp_path / 'x.mcap')
    assert code == 0 and out.count('cannot be read: ') == 1


def test_a_bag_that_lost_its_end_is_shown_as_far_as_it_goes(bag, tmp_path):
    (file,) = bag.glob('*.mcap')
    data = file.read_bytes()
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(data[:len(data) * 6 // 10])
    try:
        found = summarise(cut)
    except EpisodeError as error:
        pytest.fail(f'nothing was shown: {error}')
    assert found.torn


def test_what_is_no_bag_is_said(tmp_path):
    (tmp_path / 'x.mcap').write_bytes(b'nothing of the sort')
    with pytest.raises(EpisodeError):
        summarise(tmp_path / 'nothing')


def test_an_episode_shows_its_notes_too(bags, tmp_path, run):
    folder = bags.write(tmp_path / 'one', meta={'task': 'maze', 'outcome': 'success'})
    code, out, _ = run(show, folder)
    assert code == 0 and 'outcome          success' in out and 'odom' in out
