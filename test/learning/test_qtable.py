"""Tabular Q-learning against value iteration, by hand and on the maze."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import onnxruntime as ort
import pytest

from ilw_core.align import Observation
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.q_learning import value_map
from ilw_learner.algorithms.q_learning.qtable_model import (
    is_optimal,
    learn,
    reaching,
    value_iteration,
)
from ilw_learner.algorithms.qtable import QTableConfig, TablePolicy
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train
from ilw_sim.batch.binned_model import make_model


def corridor(length=6):
    """Left and right; the last place ends with a reward of 1, the first with -1 when left."""
    after = np.array([[max(0, s - 1), s + 1] for s in range(length - 1)])
    reward, ended = np.zeros(after.shape), np.zeros(after.shape, dtype=bool)
    reward[0, 0], ended[0, 0] = -1.0, True
    reward[-1, 1], ended[-1, 1] = 1.0, True
    after[-1, 1] = length - 2
    return SimpleNamespace(after=after, reward=reward, ended=ended,
                           free=np.ones(length - 1, dtype=bool))


def test_one_update_is_the_textbooks():
    model = corridor(3)
    q = np.array([[0.0, 0.0], [0.0, 0.5]])
    seen = set()
    for seed in range(40):
        new = q.copy()
        learn(new, model.after, model.reward, model.ended, np.arange(2), 0.1, 0.9, 1.0, 1, 1, seed)
        seen.add(tuple(np.round(new - q, 9).ravel()))
    assert seen == {(-0.1, 0, 0, 0), (0, 0.045, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0.05)}


def test_values_are_the_discounted_distance():
    model = corridor()
    best = value_iteration(model, 0.9)
    np.testing.assert_allclose(best[:, 1], 0.9 ** np.arange(4, -1, -1))
    q = np.zeros(best.shape)
    learn(q, model.after, model.reward, model.ended, np.arange(5), 0.1, 0.9, 0.5, 5, 20_000, 0)
    np.testing.assert_allclose(q, best, atol=1e-6)
    assert is_optimal(q, best, reaching(best, model)).all()


@pytest.fixture(scope='module')
def options(tmp_path_factory):
    from ilw_core.contract.file import load_contract

    contract = load_contract(config_file('tasks', 'maze'))
    algorithm, config = load_config(config_file('train', 'qtable'), 'maze')
    folder = tmp_path_factory.mktemp('qtable')
    return TrainOptions(contract=contract, algorithm=algorithm, config=config,
                        demos=folder, out=folder / 'run')


def test_the_learned_policy_is_optimal_from_every_start_that_can_reach_the_goal(options):
    summary = train(options, lambda now: True)
    assert summary.details['states'] > 6000
    assert summary.details['optimal_states'] == summary.details['states']
    assert (options.out / 'values.png').read_bytes().startswith(b'\x89PNG')
    session = ort.InferenceSession(str(options.out / 'checkpoint' / 'policy.onnx'))
    config = options.config
    model = make_model(options.contract, bins=config.bins, hold=config.hold)
    best = value_iteration(model, config.gamma)
    table = options.contract.action.table
    rng = np.random.default_rng(0)
    for state in rng.choice(np.flatnonzero(reaching(best, model)), 50):
        ix, iy, iyaw = np.unravel_index(state, model.shape)
        yaw = (iyaw + rng.uniform(-0.45, 0.45)) * 2.0 * np.pi / model.shape[2]
        pose = np.array([[[(ix + rng.uniform(0.05, 0.95)) * model.size[0],
                           (iy + rng.uniform(0.05, 0.95)) * model.size[1],
                           np.sin(yaw), np.cos(yaw)]]], dtype=np.float32)
        action = session.run(None, {'observation': pose})[0][0, 0]
        choice = int(np.abs(table - action).sum(1).argmin())
        assert best[state, choice] >= best[state].max() - 1e-9


def test_a_goal_is_reached_in_the_model_by_following_the_table(options):
    config = options.config
    model = make_model(options.contract, bins=config.bins, hold=config.hold)
    best = value_iteration(model, config.gamma)
    state = np.flatnonzero(reaching(best, model))
    value, total, factor = best.max(1)[state], np.zeros(len(state)), np.ones(len(state))
    for _ in range(200):
        action = best[state].argmax(1)
        total += factor * model.reward[state, action]
        factor *= config.gamma * ~model.ended[state, action]
        state = model.after[state, action]
    np.testing.assert_allclose(total, value, atol=1e-9)
    assert (total > 0).all()


@pytest.mark.parametrize(('goal', 'radius_m'), [((1.0, 2.0), 0.4), ((3.5, 0.5), 0.2)])
def test_the_value_map_shows_its_goal(tmp_path, monkeypatch, goal, radius_m):
    figures = []
    monkeypatch.setattr(value_map, 'save_figure',
                        lambda figure, path, dpi: figures.append(figure))
    shape = (8, 6, 4)
    model = SimpleNamespace(shape=shape, origin=np.zeros(2), size=np.array([0.5, 0.5]),
                            goal=np.array(goal), free=np.arange(np.prod(shape)) % 3 > 0)
    value_map.draw_values(np.ones((np.prod(shape), 2)), model, tmp_path / 'v.png', radius_m)
    (circle,) = figures[0].axes[0].patches
    assert (tuple(circle.center), circle.radius) == (goal, radius_m)
    assert 'goal' in [text.get_text() for text in figures[0].legends[0].get_texts()]


def test_a_task_without_a_fixed_world_is_refused(clutter):
    with pytest.raises(ContractError, match='named actions'):
        make_model(clutter, bins=(4, 4, 4), hold=2)


@pytest.mark.parametrize('changes', [{'bins': (3, 3)}, {'alpha': 0.0}, {'gamma': 1.0}])
def test_impossible_values_are_refused(changes):
    with pytest.raises(ValueError):
        replace(QTableConfig(), **changes)


@pytest.mark.parametrize('bins', [(8, 8, 4), (5, 7, 16), (3, 3, 1)])
def test_the_checkpoint_of_a_table_drives_as_the_table_does(maze, tmp_path, bins):
    import torch

    model = make_model(maze, bins=bins, hold=5)
    chosen = np.random.default_rng(0).integers(len(maze.action.discrete), size=np.prod(bins))
    policy = TablePolicy(maze, model, chosen).eval()
    save_checkpoint(tmp_path / 'c', maze, {'algorithm': 'qtable', 'history': 1, 'horizon': 1}, {
        'policy.onnx': to_onnx(policy, maze, 1), 'weights.safetensors': b''})
    runner = PolicyRunner(tmp_path / 'c', maze)
    rng = np.random.default_rng(1)
    for _ in range(200):
        seen = rng.uniform(maze.obs_low, maze.obs_high).astype(np.float32)
        angle = rng.uniform(-np.pi, np.pi)
        for name, value in (('.yaw_sin', np.sin(angle)), ('.yaw_cos', np.cos(angle))):
            seen[[n.endswith(name) for n in maze.obs_names]] = value
        runner.observe(Observation(0, seen, np.ones(len(seen), bool), 0))
        actions, why = runner.act()
        np.testing.assert_allclose(actions, policy(torch.as_tensor(seen[None, None]))[0].numpy(),
                                   err_msg=why)


def test_the_deployed_policy_stays_within_the_contract(maze):
    model = make_model(maze, bins=(8, 8, 4), hold=5)
    policy = TablePolicy(maze, model, np.zeros(8 * 8 * 4, dtype=np.int64))
    import torch

    far = torch.tensor([[[-9.0, 99.0, 0.0, -1.0]]])
    assert policy(far).shape == (1, 1, maze.action.dim)
