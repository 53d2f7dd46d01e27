"""What is driven in process and written as a recording is read as any other."""

from types import SimpleNamespace as Plain

from mcap.reader import make_reader
import numpy as np
import pytest
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ilw_core.contract.file import load_contract
from ilw_core.episode import Outcome
from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import read_episode
from ilw_core.storage.locate import config_file
from ilw_data.bag.message_definitions import schema_text
from ilw_data.bag.plain import command_message, definition, serialized
from ilw_data.bag.reader import read_messages
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.made import MadeRecording

P, BEGIN = 100_000_000, 5_000_000_000


def readings(contract, now_ns, x):
    stamp = Plain(sec=now_ns // 10**9, nanosec=now_ns % 10**9)
    header = Plain(stamp=stamp, frame_id='panda_link0')
    names = [*contract.sources[0].feature.expected, 'panda_finger_joint1']
    pose = Plain(position=Plain(x=x, y=0.1, z=0.2), orientation=Plain(x=0.0, y=0.0, z=0.0, w=1.0))
    return {'joint_states': Plain(header=header, name=names, position=[0.5] * 7 + [0.03]),
            'tool_pose': Plain(header=header, pose=pose),
            'objects/cube/pose': Plain(header=header, pose=pose), 'unknown': Plain()}


@pytest.fixture
def contract():
    return load_contract(config_file('tasks', 'lift_state'))


def test_an_episode_is_read_as_it_was_driven(contract, tmp_path):
    topics = {source.topic: source.type for source in contract.sources}
    made = MadeRecording(tmp_path / 'one', contract, topics)
    actions = [[0.01 * i, 0.0, -0.1, 0.5, 0.04] for i in range(5)]
    made.tick(BEGIN, readings(contract, BEGIN, 0.4))
    for i, action in enumerate(actions):
        made.command(BEGIN + i * P, np.array(action))
        made.tick(BEGIN + (i + 1) * P, readings(contract, BEGIN + (i + 1) * P, 0.4 + 0.01 * i))
    path = made.finish(Outcome.SUCCESS, 'goal', made_from='another')
    episode = load_episode(path, contract)
    assert episode.outcome is Outcome.SUCCESS
    assert episode.actions == pytest.approx(np.array(actions, np.float32))
    assert episode.stamps_ns.tolist() == [BEGIN + i * P for i in range(6)]
    assert episode.obs_valid.all()
    place = contract.obs_names.index('tool.x_m')
    assert episode.obs[:, place] == pytest.approx([0.4, 0.4, 0.41, 0.42, 0.43, 0.44])
    assert read_episode(path).meta['made_from'] == 'another'
    servo = [m.message for m in read_messages(path, {'delta_twist_cmds'})]
    assert servo[0].header.frame_id == 'panda_link0', 'what the contract sets is there, too'


@pytest.mark.parametrize('described', [definition, schema_text])
def test_each_channel_of_a_bag_has_a_schema_that_reads_its_messages(
        contract, tmp_path, monkeypatch, described):
    if described is schema_text:  # the recorder's, from the installed definitions
        pytest.importorskip('rclpy')
        monkeypatch.setattr('ilw_data.episode.made.definition', schema_text)
    made = MadeRecording(tmp_path / 'one', contract, {
        source.topic: source.type for source in contract.sources})
    for i in range(2):
        made.tick(BEGIN + i * P, readings(contract, BEGIN + i * P, 0.4))
        made.command(BEGIN + i * P, np.zeros(contract.action.dim))
    path = made.finish(Outcome.SUCCESS, 'goal')
    with (path / 'one.mcap').open('rb') as stream:
        found = list(make_reader(stream).iter_messages())
    assert {channel.topic.strip('/') for _, channel, _ in found} == set(contract.topics)
    for schema, channel, message in found:
        assert (schema.encoding, channel.message_encoding) == ('ros2msg', 'cdr')
        assert schema.name == contract.topics[channel.topic.strip('/')]
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(schema.data.decode(), schema.name))
        assert store.deserialize_cdr(message.data, schema.name) is not None


def test_a_command_of_joints_has_its_names_and_places():
    contract = load_contract(config_file('tasks', 'reach_joints'))
    command = contract.action.commands[0]
    message = command_message(command, range(len(command.paths)), BEGIN)
    assert message.points[0].positions == list(range(len(command.paths)))
    assert len(message.joint_names) == len(command.paths)
    assert len(serialized(command.type, message)) > 50


def test_a_type_that_nobody_knows_is_refused():
    with pytest.raises(IlwError, match=r'my_msgs/msg/Odd must be a message type that comes with'):
        definition('my_msgs/msg/Odd')
