"""
Learn a policy's gate: policies that differ where they know little, and where it fails by itself.

Each of the policies learns from episodes drawn with replacement, as many as there are, each of
them once: a bootstrap (Hoque et al. 2021, arXiv 2109.08273, section IV-A).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ilw_core.align import Observation
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_data.episode.dataset import build_dataset
from ilw_learner.algorithms import ALGORITHMS
from ilw_learner.asking.gate_folder import CARD, save_gate
from ilw_learner.asking.risk import learn_chance
from ilw_learner.asking.robot_gate import disagreement, discrepancy
from ilw_learner.checkpoint.folder import Checkpoint, load_checkpoint
from ilw_learner.checkpoint.graph_trial import image_shapes
from ilw_learner.correction.weights import step_weights
from ilw_learner.rollout.evaluate import evaluate, make_env
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import TrainOptions, load_demonstrations
from ilw_learner.training.summary import TrainSummary
from ilw_learner.training.train import train

MEMBERS = 5
"""Of the ensemble, as in the paper"""
_HELD_OUT = 4
"""Every so many-th drive only says what is usual; from the others the chance is learned"""
_MOST_PIXELS = 400_000_000
"""Of the drives with cameras so many are kept, steps in between are left out"""
_MOST_COMPARED = 2000
"""Steps from which follows how far the policy usually is from what persons do"""


@dataclass(frozen=True)
class Tries:
    """What a policy met driving alone."""

    obs: np.ndarray
    """(N, To, Do) float32"""
    images: dict[str, np.ndarray]
    """Name -> (N, To, H, W, C) uint8"""
    drive: np.ndarray
    """(N,) number of the drive"""
    reached: np.ndarray
    """(N,) bool: that drive reached the goal"""


class _Witness:
    """Keeps what a policy sees: an ``ActGate`` that never asks."""

    def __init__(self, every: int) -> None:
        self._every, self._step, self.drive = every, 0, -1
        self.rows: list[tuple[int, np.ndarray, dict[str, np.ndarray]]] = []

    def begin(self) -> None:
        """A new drive begins."""
        self.drive, self._step = self.drive + 1, 0

    def look(self, seen: np.ndarray, images: Mapping[str, np.ndarray],
             actions: np.ndarray) -> str:
        """Keep a step."""
        if self._step % self._every == 0:
            self.rows.append((self.drive, seen[0].copy(),
                              {name: each[0].copy() for name, each in images.items()}))
        self._step += 1
        return ''


def why_no_ensemble(checkpoint: Path) -> str:
    """Return why no gate can be learned beside a policy; empty: it can."""
    family = str(load_checkpoint(checkpoint).card.get('algorithm'))
    able = [name for name, each in ALGORITHMS.items() if each.begins and each.demonstrated]
    return '' if family in able else (
        f'{checkpoint} was trained by {family}, of which there is no ensemble whose disagreement '
        f'tells what is new to it. Use --gate person, or train one that has: ./ilw train --algo '
        f'{able[0]}.')


def learn_gate(options: TrainOptions, driver: Path, out: Path, *, tries: range, budget: float,
               progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """
    Learn a gate for ``driver``; what is finished in ``out`` is not done again.

    :param options: how one policy of the ensemble is trained, and from what; ``env_spec`` is what
        ``driver`` drives in alone, once from each of ``tries``.
    :returns: its folder.
    :raises IlwError: no episode to learn from, or nothing to drive in.
    """
    if (out / CARD).is_file():
        return out
    contract, total = options.contract, MEMBERS + 2
    assert options.env_spec is not None
    members = []
    for number in range(MEMBERS):
        members.append(_member(options, out / f'member-{number}', number))
        progress(number + 1, total)
    found = drive_alone(contract, driver, options.env_spec, tries)
    progress(MEMBERS + 1, total)
    held = found.drive % _HELD_OUT == 0
    goal = learn_chance(contract, found.obs[~held],
                        {name: each[~held] for name, each in found.images.items()},
                        found.reached[~held], options.seed)
    if len(set(found.reached)) == 1:
        options.say(f'All {len(tries)} drives of the policy alone ended alike, so they do not '
                    f'tell what is risky; novelty is told.')
    history, span = found.obs.shape[1], contract.action.high - contract.action.low
    save_gate(out, contract, policy=load_checkpoint(driver).hash, history=history,
              horizon=members[0].horizon, members=[each.graph for each in members],
              goal=goal, budget=budget,
              agrees=_usual_discrepancy(options, driver, span),
              novelty=disagreement(
                  [_graph(each.graph, contract, found, held) for each in members],
                  found.obs[held], _rows(found.images, held), span),
              risk=1.0 - _graph(goal, contract, found, held).batch(
                  found.obs[held], _rows(found.images, held))[:, 0, 0])
    progress(total, total)
    return out


def drive_alone(contract: Contract, driver: Path, env_spec: str, seeds: range) -> Tries:
    """
    Return what a policy meets alone in the simulator.

    :raises IlwError: it never acted.
    """
    pixels = sum(int(np.prod(source.feature.shape)) for source in contract.images)
    steps = len(seeds) * round(contract.timeout_s * contract.rate_hz)
    witness = _Witness(max(1, -(-steps * pixels // _MOST_PIXELS)))
    env = make_env(env_spec, contract)
    try:
        runs = evaluate(env, contract, PolicyRunner(driver, contract, gate=witness), seeds)
    finally:
        env.close()
    if len({drive % _HELD_OUT == 0 for drive, _, _ in witness.rows}) < 2:
        raise IlwError(f'{driver} acted in fewer than two of {len(seeds)} drives, so nothing '
                       f'tells what is usual for it. Let it drive: ./ilw eval {driver}')
    drive, seen, images = zip(*witness.rows, strict=True)
    drives = np.array(drive)
    return Tries(np.stack(seen), {name: np.stack([each[name] for each in images])
                                  for name in images[0]},
                 drives, np.array([run.success for run in runs])[drives])


def _member(options: TrainOptions, out: Path, number: int) -> Checkpoint:
    """Return one policy of the ensemble."""
    finished = TrainSummary.of(out)
    if finished is None:
        names = sorted({each.name for each in load_demonstrations(replace(
            options, say=lambda text: None))})
        rng = np.random.default_rng([options.seed, number])
        only = frozenset(rng.choice(names, len(names)).tolist())
        finished = train(replace(
            options, out=out, seed=options.seed + number, only=only, env_spec=None,
            config=replace(options.config, candidates=1), say=lambda text: None),
            lambda now: True)
    return load_checkpoint(Path(finished.checkpoint))


def _usual_discrepancy(options: TrainOptions, driver: Path, span: np.ndarray) -> float:
    """Return how far in the mean it does otherwise than persons did in what was recorded."""
    contract, runner = options.contract, PolicyRunner(driver, options.contract)
    episodes = load_demonstrations(replace(options, say=lambda text: None))
    data = build_dataset(episodes, contract, history=runner.history,
                         weights=step_weights(episodes, 'person', 1.0 / contract.rate_hz))
    rows = np.linspace(0, len(data.obs) - 1, min(len(data.obs), _MOST_COMPARED)).astype(int)
    valid, off = np.ones(contract.obs_dim, dtype=bool), []
    for row in rows:
        runner.reset()
        for at, values in enumerate(data.obs[row]):
            images = {} if data.frames is None else {
                name: frames[data.frames[row, at]] for name, frames in data.images.items()}
            runner.observe(Observation(0, values, valid, 0, images))
        actions, _ = runner.act()
        if actions is not None:
            off.append(float(discrepancy(actions[0], data.actions[row, 0], span)))
    return float(np.mean(off))


def _rows(images: dict[str, np.ndarray], rows: np.ndarray) -> dict[str, np.ndarray]:
    return {name: each[rows] for name, each in images.items()}


def _graph(model: bytes, contract: Contract, found: Tries, rows: np.ndarray) -> Graph:
    """Return what computes so many at once."""
    count, history = int(rows.sum()), found.obs.shape[1]
    return Graph(model, (count, history, contract.obs_dim), images={
        name: (count, *shape[1:]) for name, shape in image_shapes(contract, history).items()})
