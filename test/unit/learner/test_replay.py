"""Recorded observations, asked again: how far apart, how often clipped, and the exit code."""

import json

import numpy as np
import pytest

from ilw_core.contract.file import named_contract
from ilw_core.episode import Episode, Outcome
from ilw_learner.commands.replay import replay as command
from ilw_learner.rollout.replay import (
    ActionGap,
    Thresholds,
    broken,
    difference,
    recorded_actions,
    replay,
)
from ilw_learner.runtime.runner import PolicyRunner

META = {'outcome': 'success', 'stop_reason': 'goal'}


@pytest.fixture
def episode(clutter):
    """Return ten ticks, of which the fourth saw nothing and the fifth was not commanded."""
    valid = np.ones((11, clutter.obs_dim), bool)
    valid[3] = False
    done = np.arange(10) != 4
    return Episode('e', np.zeros((11, clutter.obs_dim), np.float32), valid,
                   np.full((10, 2), 0.25, np.float32), done,
                   np.arange(11) * clutter.period_ns, Outcome.SUCCESS, 'goal', clutter.hash)


def test_what_a_policy_would_have_done_and_where_the_arbiter_steps_in(
        clutter, episode, constant):
    # 0..0.5 m/s, changing by 0.2 m/s per tick at most: full speed after two ticks on the way.
    runner = PolicyRunner(constant(clutter, 'wild', 0.6, 0.0), clutter)
    result = replay([episode], clutter, runner)
    assert np.isnan(result.actions[3]).all() and len(result.latencies_s) == 10
    assert result.trips == {'range': 9, 'rate': 4, 'no action': 1, 'wild': 9}
    gaps = difference(result.actions, recorded_actions([episode]), clutter)
    assert gaps['twist.linear.x'] == ActionGap(
        unit='m/s', ticks=8, mean=pytest.approx(0.35), p95=pytest.approx(0.35),
        max=pytest.approx(0.35))


def test_each_threshold_breaks_alone(clutter, episode, constant):
    slow = replay([episode], clutter, PolicyRunner(constant(clutter, 'slow', 0.2), clutter))
    fast = replay([episode], clutter, PolicyRunner(constant(clutter, 'fast', 0.22), clutter))
    gaps = difference(fast.actions, slow.actions, clutter)
    loose = {'mean_ratio': 1.0, 'p95_ratio': 1.0, 'max_ratio': 1.0, 'trips_ratio': 1.0,
             'latency_s': 10.0}
    assert broken(gaps, fast, slow, clutter, Thresholds(**loose)) == []
    for key, word in (('mean_ratio', 'mean'), ('p95_ratio', 'p95'), ('max_ratio', 'max')):
        (text,) = broken(gaps, fast, slow, clutter, Thresholds(**{**loose, key: 0.03}))
        assert f'linear.x: {word} difference 0.02 m/s' in text
    (text,) = broken(gaps, fast, slow, clutter, Thresholds(**{**loose, 'latency_s': 1e-9}))
    assert 'latency' in text
    wild = replay([episode], clutter, PolicyRunner(constant(clutter, 'wild', 0.6), clutter))
    texts = broken(gaps, wild, slow, clutter, Thresholds(**{**loose, 'trips_ratio': 0.5}))
    assert [text.split(':')[0] for text in texts] == ['range', 'wild']


@pytest.mark.parametrize('task', ['maze', 'clutter'])
@pytest.mark.parametrize('key', ['mean', 'p95', 'max'])
def test_a_bound_as_float32_has_it_is_kept(task, key):
    contract = named_contract(task)
    runner = PolicyRunner('idle', contract)
    none = replay([], contract, runner)
    limits = Thresholds(trips_ratio=1.0, latency_s=10.0, **{f'{key}_ratio': 1.0})
    for scale, count in ((1.0, 0), (1.00001, 2)):
        gaps = {name: ActionGap(**{'unit': 'u', 'ticks': 1, 'mean': 0.0, 'p95': 0.0, 'max': 0.0,
                                   key: float(np.float32(scale * (high - low)))})
                for name, low, high in zip(contract.action.names, contract.action.low,
                                           contract.action.high, strict=True)}
        texts = broken(gaps, none, None, contract, limits)
        assert len(texts) == count
        for text in texts:
            got, most = text.split(' difference ')[1].split(' u is above ')
            assert got != most.split()[0], text


def test_no_tick_in_common_is_no_agreement(clutter, episode):
    none = np.full((10, 2), np.nan)
    gaps = difference(none, recorded_actions([episode]), clutter)
    result = replay([episode], clutter, PolicyRunner('idle', clutter))
    texts = broken(gaps, result, None, clutter, Thresholds(trips_ratio=1.0, latency_s=10.0))
    assert len(texts) == 2 and 'no tick' in texts[0]


def test_the_command_holds_a_folder_of_bags_to_a_policy(maze, bags, constant, run, tmp_path):
    for name in ('one', 'two'):
        bags.write(tmp_path / 'demos' / name, meta=META, drive=lambda i: (0.2, 0.0))
    same, near = constant(maze, 'same', 0.2), constant(maze, 'near', 0.21)
    far = constant(maze, 'far', 0.4, 1.0)
    base = ('--bag', tmp_path / 'demos', '--task', 'maze', '--latency', '10', '--json')
    code, out, _ = run(command, *base, '--policy', near, '--against', same)
    said = json.loads(out)
    assert list(said) == ['task', 'episodes', 'ticks', 'policy', 'against', 'difference', 'broken']
    assert list(said['policy']) == ['name', 'latency_p50_s', 'latency_p99_s', 'trips',
                                    'from_recorded']
    assert list(said['difference']['twist.linear.x']) == ['unit', 'ticks', 'mean', 'p95', 'max']
    assert (code, said['episodes'], said['ticks'], said['broken']) == (0, 2, 38, [])
    assert said['difference']['twist.linear.x']['max'] == pytest.approx(0.01, abs=1e-6)
    assert said['against']['from_recorded']['twist.linear.x']['max'] < 1e-6
    code, out, _ = run(command, *base, '--policy', far, '--against', same)
    assert code == 1 and len(json.loads(out)['broken']) >= 4
    code, out, _ = run(command, *base, '--policy', same)
    assert code == 0 and json.loads(out)['against'] is None, 'beside what was recorded'
    code, out, _ = run(command, *base[:-1], '--policy', far)
    assert code == 1 and 'broken: twist.linear.x: mean difference' in out


def test_a_folder_without_episodes_is_said(run, tmp_path):
    code, _, err = run(command, '--bag', tmp_path, '--policy', 'idle')
    assert code == 2 and 'No episode' in err
