"""Our own side of the benchmarks still runs, on little: they are not called by anything else."""

from argparse import Namespace
import dataclasses
import importlib.util
import json
import os
from pathlib import Path
import subprocess
import sys

import numpy as np
import pytest

from ilw_core.contract.family import require_family

BENCH = Path(__file__).resolve().parents[2] / 'bench'


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location(f'bench_{name}', BENCH / f'{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_cloning_as_bench_bc_trains_it(tmp_path):
    rng = np.random.default_rng(0)
    found = {}
    for prefix in ('', 'held_'):
        obs = rng.normal(size=(2000, 60)).astype(np.float32)
        found |= {f'{prefix}obs': obs, f'{prefix}actions': 0.5 * np.tanh(obs[:, :2])}
    np.savez(tmp_path / 'data.npz', **found)
    done = subprocess.run(
        [sys.executable, BENCH / 'bc_peers' / 'run_ours.py', tmp_path / 'data.npz', '500'],
        env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told['updates'] == 500 and told['samples_per_cpu_s'] > 0.0
    assert told['loss'] < 0.5 * np.var(found['held_actions'])


def test_q_learning_as_bench_dqn_trains_it(monkeypatch):
    dqn = load('dqn', monkeypatch)
    told = json.loads(dqn.measure(
        dqn.OURS, 'CartPole-v1', '0', str(BENCH / 'zoo_dqn.yaml'), 'inf',
        json.dumps({'steps': 2000, 'candidates': 2, 'eval_episodes': 1}),
        python=Path(sys.executable)))
    assert told['steps'] == 2000 and told['updates'] > 100 and len(told['curve']) == 2
    limit = float(dqn.measure(dqn.LIMIT, '4', '2', '64', python=Path(sys.executable)))
    assert limit > told['updates'] / told['cpu_s'], 'the products alone are faster'


@pytest.mark.long
def test_an_arms_expert_and_its_clone_as_bench_arm_drives_them(monkeypatch, tmp_path):
    arm = load('arm', monkeypatch)
    contract = arm.named_contract('lift_state')
    shown = arm.driven_by_joy(contract, range(8), imperfection=1.0)
    assert [each.outcome.name for each in shown] == ['SUCCESS'] * 8
    assert min(np.diff(each.stamps_ns).min() for each in shown) == contract.period_ns
    _, config = arm.load_config(arm.config_file('train', 'bc'), contract.name)
    runner = arm.cloned(shown, contract, dataclasses.replace(config, updates=800), 0, tmp_path)
    env = arm.make_env('ilw_sim.env:make_env', contract)
    runs = arm.evaluate(env, contract, runner, range(600_000, 600_005))
    env.close()
    assert sum(run.success for run in runs) >= 1  # of eight drives; idle hands lift none
    assert arm.row('policy', [True, False], [3.0, 12.0])['median_s'] == 3.0


@pytest.mark.slow
def test_rounds_of_corrections_as_bench_correct_drives_them(tmp_path):
    few = ('--demonstrations', '3', '--rounds', '1', '--attempts', '3', '--episodes', '4',
           '--judge', '4', '--fresh', '--values', '{"updates": 200, "eval_episodes": 1}')
    done = subprocess.run(
        [sys.executable, BENCH / 'correct.py', '--seeds', '1', *few, '--out', tmp_path, '--json'],
        env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    row, = json.loads(done.stdout)['seeds']
    found, = row['rounds']
    assert row['expert'] >= 2 and row['judged']['pairs'] == 4
    assert found['takeovers_per_attempt'] > 0.0 and 0.0 < found['person_share'] < 1.0
    assert 0.0 < found['corrections']['minutes'] <= row['fresh_minutes']
    judged = row['judged'], row['fresh_judged']
    assert row['minutes'] == found['corrections']['minutes']
    assert judged[0]['policies'][0] == judged[1]['policies'][0] and judged[1]['pairs'] == 4


@pytest.mark.long
def test_our_side_beside_imitation_recovers_a_maze_and_learns_to_balance(monkeypatch, tmp_path):
    beside = load('imitation', monkeypatch)
    told = beside.mce(0, tmp_path / 'maze.npz', Namespace(iterations=1))('ours')
    assert told['regained'] >= 0.99 and told['rank'] >= 0.99 and told['mismatch'] < 0.1
    maze = beside.small_maze(0, 60)
    assert beside.worth_of(maze, np.zeros(100)).regained < 0.5  # who wants nothing gets little
    assert beside.run('dagger', 'ours', '2000', '0')['mean_return'] >= 200.0


@pytest.mark.slow
def test_a_policy_that_asks_as_bench_correct_drives_it(tmp_path):
    few = ('--task', 'clutter', '--demonstrations', '4', '--rounds', '1', '--attempts', '4',
           '--episodes', '4', '--judge', '4', '--values', '{"updates": 100, "eval_episodes": 1}')
    done = subprocess.run(
        [sys.executable, BENCH / 'correct.py', '--seeds', '1', *few, '--budget', '0.02', '--out',
         tmp_path, '--json'],
        env=dict(os.environ), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    row, = json.loads(done.stdout)['seeds']
    found, = row['rounds']
    assert found['novel'] + found['risky'] == round(4 * found['requests_per_attempt']) > 0
    assert 0.0 < found['takeovers_per_attempt'] <= found['requests_per_attempt']
    assert found['budget_kept'] is (found['requests_per_step'] <= 0.02)


@pytest.mark.long
@pytest.mark.skipif(not (BENCH / '.venv-metaworld').exists(), reason='bench/setup metaworld')
def test_an_expert_of_meta_world_is_recorded_and_cloned(monkeypatch, tmp_path):
    bench = load('metaworld', monkeypatch)
    contract = bench.contract_of('drawer-close-v3')
    assert (contract.obs_dim, contract.action.dim) == (39, 4)
    require_family([contract, bench.contract_of('reach-v3')])
    with bench.Worlds() as worlds:
        world = bench.World(worlds, 'drawer-close-v3')
        first, again, other = (world.reset(seed=seed)[0] for seed in (7, 7, 8))
        assert (first == again).all() and (first[-3:] != other[-3:]).any()  # the goal is seen
        assert bench.expert_drives('drawer-close-v3', worlds, range(600_000, 600_003)) == 3
        for seed in range(6):
            assert bench.show(world, contract, seed, tmp_path / 'demos' / str(seed))
        options = bench.options_of([bench.TaskDemos(contract, tmp_path / 'demos')], 'bc',
                                   tmp_path / 'run', seed=0, updates=600)
        shown = bench.load_demonstrations(options)
        seen, _ = world.reset(seed=int(shown[0].name))
        assert (shown[0].obs[0] == seen).all() and np.abs(shown[0].actions).max() == 1.0
        checkpoint, _ = bench.trained(options)
        unseen = range(600_000, 600_003)
        assert bench.driven(checkpoint, contract, worlds, unseen) >= 2
        assert bench.driven('idle', contract, worlds, unseen[:1]) == 0


def test_a_mean_of_meta_world_is_a_share_of_the_experts_in_the_same_tasks(monkeypatch):
    bench = load('metaworld', monkeypatch)
    rows = [bench.row(*each) for each in (
        ('a', 'expert', 10, 10, 0.0), ('b', 'expert', 5, 10, 0.0), ('a', 'bc', 9, 10, 1.0),
        ('b', 'bc', 3, 10, 1.0), ('b', 'act', 5, 10, 1.0))]
    assert bench.shares(rows) == {'expert': 1.0, 'bc': 0.8, 'act': 1.0}
