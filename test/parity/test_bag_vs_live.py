"""What the policy saw live and what the data set builds from its bag: equal to the bit."""

from functools import cache
from itertools import count
from pathlib import Path

from mcap.reader import make_reader
import numpy as np
import pytest
from rosbags.highlevel import AnyReader

from ilw_bringup.demo import Demo, DemoOptions
from ilw_bringup.session import Session
from ilw_bringup.start.bringup import NodeSpec
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_msgs.msg import EpisodeEvent, EpisodeStatus
from ilw_ros.qos import EVENT, LATCHED

STEPS = 150
"""An episode is ended here: a random policy seldom ends one before its time is up"""


def end_in_time(session):
    """Have somebody mark the end of each episode that is recorded."""
    marks, numbers = session.publisher(EpisodeEvent, 'episode/event', EVENT), count(1)

    def look(status):
        if status.phase == EpisodeStatus.PHASE_RECORDING and status.step >= STEPS:
            marks.publish(EpisodeEvent(
                header=status.header, episode=status.episode, sender='test',
                sequence=next(numbers), kind=EpisodeEvent.KIND_STOP,
                outcome=EpisodeEvent.OUTCOME_FAILURE, stop_reason='operator'))

    session.subscribe(EpisodeStatus, 'episode/status', look, LATCHED)


def record_a_random_drive(tmp_path: Path, task: str) -> Path:
    """Let the random policy drive one recorded episode through the arbiter; return its folder."""
    demo = Demo(DemoOptions(task=task, runs=tmp_path))
    nodes = [n for n in demo.loop_nodes() if n.name != 'expert']
    nodes.append(NodeSpec('ilw_learner', 'policy_node', 'policy', {
        'contract': task, 'use_sim_time': True, 'checkpoint': 'random', 'seed': 3}))
    with demo.fleet, Session(demo.still_alive) as session:
        demo.fleet.start(nodes)
        end_in_time(session)
        session.arm(True)
        for seed in (5, 6):
            session.drive(seed, record=True)
    return sorted((demo.folder / 'demos' / task).glob('2*'))[-1]


@pytest.fixture(scope='module')
def recorded(tmp_path_factory):
    """Return what gives the recording of a task; each is made once."""
    return cache(lambda task: record_a_random_drive(tmp_path_factory.mktemp(task), task))


@pytest.mark.long
@pytest.mark.parametrize('task', ['clutter', 'maze'])
def test_live_observations_equal_the_data_sets_bit_for_bit(recorded, task):
    folder = recorded(task)
    live = {}
    with AnyReader([folder]) as reader:
        wanted = [c for c in reader.connections if c.topic.endswith('policy/observation')]
        for connection, _, data in reader.messages(connections=wanted):
            message = reader.deserialize(data, connection.msgtype)
            stamp = message.header.stamp
            live[stamp.sec * 10**9 + stamp.nanosec] = message
    contract = load_contract(config_file('tasks', task))
    episode = load_episode(folder, contract)
    assert len(live) >= 3
    common = [i for i, tick in enumerate(episode.stamps_ns) if int(tick) in live]
    assert len(common) >= len(live) - 1, 'the data set has the ticks the policy acted on'
    for i in common:
        message = live[int(episode.stamps_ns[i])]
        assert np.asarray(message.values, np.float32).tobytes() == episode.obs[i].tobytes()
        assert np.array_equal(np.asarray(message.valid, bool), episode.obs_valid[i])


@pytest.mark.long
def test_a_bag_written_here_opens_everywhere_with_all_its_schemas(recorded):
    folder = recorded('maze')
    with AnyReader([folder]) as reader:
        for connection, _, data in reader.messages():
            reader.deserialize(data, connection.msgtype)
    with next(folder.glob('*.mcap')).open('rb') as stream:
        summary = make_reader(stream).get_summary()
    names = {schema.name for schema in summary.schemas.values()}
    assert all(schema.encoding == 'ros2msg' and schema.data for schema in summary.schemas.values())
    assert {'nav_msgs/msg/Odometry', 'geometry_msgs/msg/TwistStamped', 'ilw_msgs/msg/ArbiterState',
            'ilw_msgs/msg/ActionChunk', 'ilw_msgs/msg/EpisodeEvent'} <= names
