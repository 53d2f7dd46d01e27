"""The doctor tells of goals and takes that the contract's time has no room for."""

from dataclasses import replace

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_core.storage.episode_folder import EpisodeFolder
from ilw_data.doctor.finding import Take
from ilw_data.doctor.goals import check_reach


def take(contract, tmp_path, distance_m, steps=50, known=True):
    obs = np.zeros((steps + 1, contract.obs_dim), dtype=np.float32)
    column = contract.obs_names.index('goal.distance_m')
    obs[:, column] = np.linspace(distance_m, 0.0, steps + 1)
    valid = np.ones_like(obs, dtype=bool)
    valid[:, column] = known
    episode = Episode(
        name='one', obs=obs, obs_valid=valid, actions=np.zeros((steps, 2), np.float32),
        action_valid=np.ones(steps, dtype=bool),
        stamps_ns=np.arange(steps + 1) * contract.period_ns, outcome=Outcome.UNKNOWN,
        stop_reason='', contract_hash='')
    return Take(EpisodeFolder(tmp_path / 'one', {}), episode, 'clutter')


@pytest.mark.parametrize(('distance_m', 'timeout_s', 'write'), [
    (3.0, 40.0, ''), (3.0, 5.0, 'timeout_s: 9'), (11.0, 20.0, 'timeout_s: 33')])
def test_a_goal_out_of_reach_is_told_with_the_time_to_write(
        clutter, tmp_path, distance_m, timeout_s, write):
    found = check_reach(take(clutter, tmp_path, distance_m), replace(clutter, timeout_s=timeout_s))
    assert [f.kind for f in found] == ['too-far'] * bool(write)
    assert not write or (write in found[0].text and found[0].level == 'warn'
                         and found[0].command.endswith('--task clutter'))


@pytest.mark.parametrize(('steps', 'told'), [(400, False), (410, False), (420, True), (900, True)])
def test_a_take_longer_than_the_time_is_a_note(clutter, tmp_path, steps, told):
    found = check_reach(take(clutter, tmp_path, 1.0, steps), clutter)   # 40 s at 10 Hz
    assert [f.kind for f in found] == ['too-long'] * told


def test_a_goal_that_is_not_known_is_not_far(clutter, tmp_path):
    assert check_reach(take(clutter, tmp_path, 90.0, known=False), clutter) == []
