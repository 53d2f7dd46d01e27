"""A policy learns another task and keeps the one before: by replay, or by elastic weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from ilw_core.contract.file import parse_contract
from ilw_core.errors import ContractError
from ilw_data.episode.dataset import Dataset, build_dataset
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.bc_begin import Learned
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.cli import train as train_command
from ilw_learner.training.imitation import Imitation
from ilw_learner.transfer.old_windows import OldWindows, translated


def right(obs):
    return np.stack([0.1 + 0.03 * obs[:, 0], 0.3 * (obs[:, 9] - 2.0)], axis=1)


def left(obs):
    return np.stack([0.4 - 0.03 * obs[:, 20], -0.3 * (obs[:, 9] - 2.0)], axis=1)


def changed(contract, change, name='changed'):
    data = yaml.safe_load(contract.text)
    data['contract'] = name
    change(data)
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def with_wheels(data):
    """Give a contract another order, one observation more and one less."""
    entries = dict(reversed(data['observation'].items()))
    entries['wheels'] = {**entries.pop('velocity'), 'topic': 'wheel_odometry'}
    entries['goal']['pose_from'] = 'wheels'
    data['observation'] = entries
    data['action']['fields'].reverse()


def windows(contract, episodes, act=right, **shape):
    return build_dataset(episodes(contract, act), contract, **shape)


def test_old_windows_are_seen_in_the_new_order_and_what_is_new_says_nothing(clutter, episodes):
    other = changed(clutter, with_wheels)
    old = windows(clutter, episodes, history=2, horizon=3)
    new = windows(other, lambda contract, act: episodes(contract, act, seed=5),
                  lambda obs: obs[:, :2] * 0.1, history=2, horizon=3)
    found = translated(old, clutter, new, other, np.random.default_rng(0))
    assert found.obs.shape == (len(old.obs), 2, other.obs_dim)
    for i, name in enumerate(other.obs_names):
        if name in clutter.obs_names:
            np.testing.assert_array_equal(found.obs[..., i],
                                          old.obs[..., clutter.obs_names.index(name)])
        else:
            assert np.isin(found.obs[..., i], new.obs[..., i]).all()
            assert abs(np.corrcoef(found.obs[:, 0, i], old.obs[:, 0, 0])[0, 1]) < 0.2
    np.testing.assert_array_equal(found.actions, old.actions[..., ::-1])
    np.testing.assert_array_equal(found.previous, old.previous[..., ::-1])
    assert 'wheels.turn_radps' in other.obs_names and found.names == old.names


def test_a_command_that_nobody_gave_then_cannot_be_replayed_but_weights_can_be_held(clutter,
                                                                                   episodes):
    other = changed(clutter, lambda data: (data.pop('safety'), data['action']['fields'].append(
        {'name': 'twist.linear.y', 'unit': 'm/s', 'min': -1.0, 'max': 1.0, 'max_rate': 1.0})))
    old = windows(clutter, episodes)
    with pytest.raises(ContractError, match='have no twist') as refused:
        translated(old, clutter, old, other, np.random.default_rng(0))
    assert '--keep ewc' in str(refused.value) and '\n' not in str(refused.value)
    held = translated(old, clutter, old, other, np.random.default_rng(0), labelled=False)
    np.testing.assert_array_equal(held.obs, old.obs)
    assert held.actions.shape[-1] == 3 and np.isnan(held.actions).all()


def test_a_lidar_of_other_slices_begins_anew_and_it_is_said(clutter, episodes, fit):
    _, checkpoint = fit(clutter, episodes(clutter, right), hidden=16, updates=20, near_m=0.4)
    other = changed(clutter, lambda data: data['observation']['lidar'].update(sectors=18))
    data, said = windows(other, episodes), []
    config = replace(fit_config(16, 20), near_m=0.4)
    step = cloning_step(other, config, 5, Learned(load_checkpoint(checkpoint.path)),
                        said.append)(data.obs, data.actions, torch.device('cpu'),
                                     torch.Generator())
    policy = step.policy(step.parameters.flat)
    assert '5 of 23 observations go on; new: lidar.0_m' in said[0]
    weights = policy.net[0].weight
    lidar = [i for i, name in enumerate(policy.inputs.names) if 'lidar' in name]
    assert len(lidar) == 36 and (weights[:, lidar] == 0.0).all()
    assert weights.abs().sum() > 0.0


def fit_config(hidden, updates, **changes):
    return BcConfig(hidden=hidden, updates=updates, batch=128, noise=0.0, average=0.98,
                    candidates=1, weight_decay=1e-4, **changes)


@pytest.fixture
def second(clutter, episodes, fit, tmp_path):
    """Return a function that learns one task, then another: (errors in old, in new)."""
    old = build_dataset(episodes(clutter, right, count=8), clutter)
    new = build_dataset(episodes(clutter, left, count=8, seed=9), clutter)
    new = replace(new, obs=shifted(new.obs))
    _, checkpoint = fit(clutter, episodes(clutter, right, count=8), hidden=64, updates=800)

    def learn(keep, **changes):
        config = fit_config(64, 600, **changes)
        learner = Imitation(
            clutter, 'bc', config,
            cloning_step(clutter, config, 0, Learned(load_checkpoint(checkpoint.path))),
            new, new.pick([7]), tmp_path / keep, seed=0,
            old=None if keep == 'none' else OldWindows(keep, old))
        while learner.done < learner.planned:
            learner.advance()
        figures = learner.figures()
        assert ('train/ewc_penalty' in figures) == (keep == 'ewc')
        return error(learner.averaged(), old), error(learner.averaged(), new)

    return learn


def shifted(obs):
    """Let the second task be seen apart from the first: its goal is far away."""
    moved = obs.copy()
    moved[..., 36] = 10.0 + 0.1 * moved[..., 36]
    return moved


def error(policy, data: Dataset):
    with torch.no_grad():
        given = policy.act(torch.from_numpy(data.obs)).numpy()
    return float(np.abs(given - data.actions).mean())


@pytest.mark.long
def test_replay_and_elastic_weights_forget_less_than_plain_and_learn(second):
    plain, replay, ewc = second('none'), second('replay'), second('ewc', anchor=100.0)
    before = 0.35  # of a policy that knows nothing of the new task
    assert plain[0] > 2.0 * replay[0] and plain[0] > 1.5 * ewc[0]
    assert max(plain[1], replay[1], ewc[1]) < 0.7 * before


@pytest.mark.long
def test_the_harder_it_is_held_the_less_it_forgets_and_learns(second):
    loose, tight = second('ewc', anchor=10.0), second('ewc', anchor=1000.0)
    assert tight[0] < 0.3 * loose[0] and tight[1] > 3.0 * loose[1]


def test_half_of_each_batch_is_old_and_a_run_that_was_stopped_goes_on_to_the_same_end(
        clutter, episodes, fit, tmp_path):
    _, checkpoint = fit(clutter, episodes(clutter, right), hidden=16, updates=20)
    old = windows(clutter, episodes)
    new = windows(clutter, lambda contract, act: episodes(contract, act, count=2, seed=3), left)
    config = fit_config(16, 20, old_ratio=0.6, mirror=True)

    def learner():
        return Imitation(
            clutter, 'bc', config,
            cloning_step(clutter, config, 0, Learned(load_checkpoint(checkpoint.path))),
            new, new.pick([1]), tmp_path / 'run', old=OldWindows('replay', old))

    one, seen = learner(), []
    update = one.step.update
    one.step.update = lambda rows: seen.append(rows) or update(rows)
    for _ in range(10):
        one.advance()
    one.judge(), one.keep()
    state = {name: value.clone() for name, value in one.state().items()}
    for _ in range(10):
        one.advance()
    first_old = 2 * len(new.obs)  # with its mirror images
    assert all((rows >= first_old).sum() == 77 and len(rows) == 128 for rows in seen)
    assert max(int(rows.max()) for rows in seen) >= first_old + len(old.obs)
    again = learner()
    assert again.work == one.work
    again.load(state)
    while again.done < 20:
        again.advance()
    torch.testing.assert_close(again.step.parameters.flat, one.step.parameters.flat, atol=0.0,
                               rtol=0.0)
    other = Imitation(
        clutter, 'bc', config,
        cloning_step(clutter, config, 0, Learned(load_checkpoint(checkpoint.path))),
        new, new.pick([1]), tmp_path / 'run', old=OldWindows('replay', old.pick([0, 1])))
    assert other.work != one.work


@pytest.fixture
def maze_runs(bags, tmp_path, run):
    """Return a function that trains the maze by command: (exit code, output, error)."""
    (tmp_path / 'demos' / 'maze').mkdir(parents=True)
    for number in range(3):
        bags.write(tmp_path / 'demos' / 'maze' / f'{number}', ticks=40,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
    config = tmp_path / 'short.yaml'
    config.write_text('algorithm: bc\nhidden: 16\nupdates: 20\ncandidates: 1\n')

    def call(folder, *words, demos='maze'):
        return run(train_command, '--task', 'maze', '--demos', tmp_path / 'demos' / demos, '--env',
                   'none', '--config', config, '--out', tmp_path / folder, *words)

    return call


def test_by_command_the_old_folders_are_those_that_the_card_remembers(maze_runs, tmp_path):
    assert maze_runs('first')[0] == 0
    place = tmp_path / 'first' / 'checkpoint'
    (tmp_path / 'demos' / 'maze').rename(tmp_path / 'demos' / 'old')
    code, _, error = maze_runs('second', '--from', place, '--keep', 'replay', demos='old')
    assert code == 2 and 'has learned from maze, which is not in' in error
    assert '--old-demos' in error
    (tmp_path / 'demos' / 'maze').mkdir()
    for each in (tmp_path / 'demos' / 'old').iterdir():
        each.rename(tmp_path / 'demos' / 'maze' / each.name)
    for keep in ('replay', 'ewc'):
        code, out, _ = maze_runs(keep, '--from', place, '--keep', keep)
        assert code == 0 and f'Kept by {keep}: 117 windows of 3 earlier episodes' in out
        card = load_checkpoint(tmp_path / keep / 'checkpoint').card['provenance']
        assert card['before'] == ['maze'] and card['keep'] == keep


def test_by_command_what_cannot_be_kept_is_refused_in_a_line(maze_runs, tmp_path):
    code, _, error = maze_runs('run', '--keep', 'replay')
    assert code == 2 and '--from CHECKPOINT' in error
    assert maze_runs('first')[0] == 0
    place = tmp_path / 'first' / 'checkpoint'
    code, _, error = maze_runs('run', '--from', place, '--old-demos', tmp_path / 'demos/maze')
    assert code == 2 and '--keep replay or --keep ewc' in error
    code, _, error = maze_runs('run', '--from', place, '--keep', 'ewc', '--old-demos',
                               tmp_path / 'nowhere')
    assert code == 2 and 'nowhere' in error and 'Traceback' not in error
