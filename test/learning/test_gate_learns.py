"""An ensemble disagrees where it has not learned; a network tells which drives reach the goal."""

import numpy as np
import pytest

from ilw_core.errors import CheckpointError
from ilw_learner.asking.gate_folder import load_gate, save_gate
from ilw_learner.asking.help_gate import ASKS, NOVEL, RISKY
from ilw_learner.asking.risk import learn_chance
from ilw_learner.asking.robot_gate import disagreement
from ilw_learner.runtime.graph import Graph

pytestmark = pytest.mark.long
MEMBERS = 3


def pursuit(obs):
    """Return (T, 2) actions for (T, Do)."""
    return np.stack([0.3 * np.tanh(obs[:, 0]), np.tanh(obs[:, 1])], axis=1)


@pytest.fixture
def made(clutter, episodes, fit, tmp_path):
    """Return a gate's folder, and observations on the data, far from it, and such as end badly."""
    low, high = clutter.obs_low, clutter.obs_high
    shown = episodes(clutter, pursuit, count=5, steps=60)
    for each in shown:  # the lower half of every range is all that was ever seen
        each.obs[:] = low + 0.5 * (each.obs - low)
    members = [fit(clutter, shown, f'member-{k}', seed=k, updates=150, candidates=1)[1].graph
               for k in range(MEMBERS)]
    rng = np.random.default_rng(5)
    usual = (low + 0.5 * (high - low) * rng.uniform(size=(400, 1, len(low)))).astype(np.float32)
    middle = low[0] + 0.25 * (high[0] - low[0])
    reached = usual[:, 0, 0] < middle
    goal = learn_chance(clutter, usual, {}, reached, seed=0)
    span = clutter.action.high - clutter.action.low
    shape = (len(usual), 1, clutter.obs_dim)
    novelty = disagreement([Graph(each, shape) for each in members], usual, {}, span)
    risk = 1.0 - Graph(goal, shape).batch(usual)[:, 0, 0]
    save_gate(tmp_path / 'gate', clutter, policy='x', history=1, horizon=1, members=members,
              goal=goal, budget=0.1, agrees=0.01, novelty=novelty, risk=risk)
    return tmp_path / 'gate', usual, (high + 0.5 * (high - low)).astype(np.float32), reached, risk


def test_far_from_the_data_it_asks_and_on_it_it_does_not(made, clutter):
    folder, usual, far, reached, risk = made
    gate, action = load_gate(folder, clutter), np.zeros((1, 2))
    told = []
    for each in usual:
        gate.begin()
        told.append(gate.look(each[None], {}, action))
    assert 0 < sum(map(bool, told)) <= 0.1 * len(told)
    gate.begin()
    assert gate.look(far[None, None], {}, action) == f'{ASKS}{NOVEL}'
    gate.begin()
    assert gate.look(np.full_like(far, np.nan)[None, None], {}, action) == f'{ASKS}{NOVEL}'
    assert risk[reached].mean() < 0.3 < 0.7 < risk[~reached].mean()
    risky = usual[np.argmax(risk)][None]
    gate.begin()
    assert gate.look(risky, {}, action) in (f'{ASKS}{RISKY}', f'{ASKS}{NOVEL}')


def test_a_gate_of_another_contract_or_changed_since_is_refused_in_a_line(made, clutter, maze):
    folder = made[0]
    with pytest.raises(CheckpointError, match='another contract'):
        load_gate(folder, maze)
    with (folder / 'goal.onnx').open('ab') as stream:
        stream.write(b'x')
    with pytest.raises(CheckpointError, match='not the file that the gate was saved with'):
        load_gate(folder, clutter)
    with pytest.raises(CheckpointError, match='must hold a gate'):
        load_gate(folder.parent, clutter)
