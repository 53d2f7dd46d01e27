"""A bag and a contract become arrays: the right tick, the right label, nothing invented."""

import numpy as np
import pytest

from ilw_core.episode import Outcome
from ilw_core.errors import ContractError, EpisodeError
from ilw_core.storage.episode_folder import find_episodes
from ilw_data.bag.reader import read_messages, topic_types
from ilw_data.episode.dataset import build_dataset, load_episode, split_episodes, usable

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}


def test_each_tick_holds_its_observation_and_the_command_given_at_it(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one', drive=lambda i: (0.01 * i, -0.02 * i), meta=SUCCESS)
    episode = load_episode(folder, maze)
    assert episode.obs.shape == (20, 4)
    assert episode.actions.shape == (19, 2)
    assert np.all(np.diff(episode.stamps_ns) == maze.period_ns)
    assert np.allclose(episode.obs[:, 0], 0.1 * np.arange(20))
    assert np.allclose(episode.obs[:, 2], np.sin(0.01 * np.arange(20)))
    assert np.allclose(episode.actions[:, 0], 0.01 * np.arange(19))
    assert np.allclose(episode.actions[:, 1], -0.02 * np.arange(19))
    assert episode.outcome is Outcome.SUCCESS


def test_topics_match_with_and_without_a_leading_slash(bags, maze, tmp_path):
    with_slash = load_episode(bags.write(tmp_path / 'a', topic_prefix='/'), maze)
    without = load_episode(bags.write(tmp_path / 'b', topic_prefix=''), maze)
    assert np.array_equal(with_slash.obs, without.obs)


def test_a_tick_without_a_command_is_masked_and_not_zero_filled(bags, maze, tmp_path):
    episode = load_episode(bags.write(tmp_path / 'one', silent=(3, 4), meta=SUCCESS), maze)
    assert episode.action_valid.tolist() == [i not in (3, 4) for i in range(19)]
    data = build_dataset([episode], maze)
    assert len(data.obs) == 17
    assert data.masked == 2
    assert np.isnan(data.previous[[0, 3]]).all(), 'nothing came before tick 0 and tick 5'


def test_a_gap_beyond_the_tolerance_is_masked(bags, maze, tmp_path):
    # The contract's tolerance is 200 ms: odometry of tick 4 still serves ticks 5 and 6.
    episode = load_episode(bags.write(tmp_path / 'one', leave_out=(5, 6, 7, 8)), maze)
    assert np.flatnonzero(~episode.obs_valid.all(axis=1)).tolist() == [7, 8]


def test_commands_that_nobody_stamped_count_when_they_were_logged(bags, maze, tmp_path):
    drive = lambda i: (0.01 * i, 0.0)  # noqa: E731
    stamped = load_episode(bags.write(tmp_path / 'a', drive=drive), maze)
    unstamped = load_episode(bags.write(tmp_path / 'b', drive=drive, stamped=False), maze)
    assert np.array_equal(stamped.actions, unstamped.actions)
    assert unstamped.action_valid.all()


def test_windows_hold_the_past_and_the_actions_to_come(bags, maze, tmp_path):
    episode = load_episode(
        bags.write(tmp_path / 'one', drive=lambda i: (0.01 * i, 0.0)), maze)
    data = build_dataset([episode], maze, history=3, horizon=2)
    assert data.obs.shape == (16, 3, 4)
    assert data.actions.shape == (16, 2, 2)
    assert np.allclose(data.obs[0, :, 0], [0.0, 0.1, 0.2])
    assert np.allclose(data.actions[0, :, 0], [0.02, 0.03])
    assert np.allclose(data.previous[0], [0.01, 0.0])


def test_the_cache_gives_the_same_arrays_and_notices_another_contract(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one')
    cache = tmp_path / 'cache'
    first = load_episode(folder, maze, cache=cache)
    files = list(cache.iterdir())
    assert len(files) == 1
    again = load_episode(folder, maze, cache=cache)
    assert np.array_equal(first.obs, again.obs)
    assert np.array_equal(first.actions, again.actions)
    files[0].write_bytes(b'damaged')
    assert np.array_equal(load_episode(folder, maze, cache=cache).obs, first.obs)


def test_an_episode_of_another_contract_is_refused_unless_allowed(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one', meta={**SUCCESS, 'contract_hash': 'f' * 64})
    with pytest.raises(ContractError, match='another contract'):
        load_episode(folder, maze)
    assert len(load_episode(folder, maze, allow_other_contract=True).actions) == 19


def test_a_missing_topic_is_named(bags, clutter, tmp_path):
    with pytest.raises(EpisodeError, match="no topic 'scan'"):
        load_episode(bags.write(tmp_path / 'one'), clutter)


@pytest.mark.parametrize('keep', [0.1, 0.5, 0.8])
def test_a_bag_that_has_lost_messages_is_refused_with_one_line(bags, maze, tmp_path, keep):
    folder = bags.write(tmp_path / 'one')
    file = next(folder.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:int(file.stat().st_size * keep)])
    with pytest.raises(EpisodeError, match='one') as caught:
        load_episode(folder, maze)
    assert '\n' not in str(caught.value)


def test_a_bag_that_has_lost_its_index_only_is_read_whole(bags, maze, tmp_path):
    whole = load_episode(folder := bags.write(tmp_path / 'one'), maze)
    file = next(folder.glob('*.mcap'))
    file.write_bytes(file.read_bytes()[:-100])
    assert load_episode(folder, maze).obs.tobytes() == whole.obs.tobytes()


def test_a_bag_with_flipped_bytes_never_raises_anything_else(bags, maze, tmp_path):
    folder = bags.write(tmp_path / 'one')
    file = next(folder.glob('*.mcap'))
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(8, len(whole), 20):
            damaged[at] ^= 0xFF
        file.write_bytes(damaged)
        try:
            load_episode(folder, maze)
        except EpisodeError:
            refused += 1
    assert refused > 0


def test_messages_come_with_their_stamps_and_types(bags, tmp_path):
    folder = bags.write(tmp_path / 'one', ticks=3)
    assert topic_types(folder) == {'odom': 'nav_msgs/msg/Odometry',
                                   'cmd_vel': 'geometry_msgs/msg/TwistStamped'}
    stamps = [m.stamp_ns for m in read_messages(folder, {'odom'})]
    assert np.diff(stamps).tolist() == [100_000_000, 100_000_000]


def test_only_successes_and_what_nobody_judged_are_trained_on(bags, tmp_path):
    bags.write(tmp_path / 'good', meta=SUCCESS)
    bags.write(tmp_path / 'bad', meta={'outcome': 'failure', 'stop_reason': 'collision'})
    bags.write(tmp_path / 'unjudged', meta={'outcome': 'unknown'})
    bags.write(tmp_path / 'foreign')
    chosen = usable(find_episodes(tmp_path))
    assert sorted(f.path.name for f in chosen) == ['foreign', 'good']


def test_the_split_is_by_episode_disjoint_and_seeded():
    train, held = split_episodes(20, 0.1, np.random.default_rng(1))
    assert len(held) == 2
    assert sorted(train + held) == list(range(20))
    assert split_episodes(20, 0.1, np.random.default_rng(1)) == (train, held)
    assert split_episodes(1, 0.1, np.random.default_rng(1)) == ([0], [])
