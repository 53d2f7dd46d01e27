"""Drive many starts of a comparison side by side, in the batched simulator."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.rollout.trial_log import NAMES, Trial, TrialLog
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import PolicyRunner
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.worlds import make_scenes

_SIDE_BY_SIDE = 200
"""So many are stepped by one thread"""


def drive_together(env: Any, contract: Contract, runners: tuple[PolicyRunner, PolicyRunner],
                   pairs: int, seed: int, log: TrialLog,
                   progress: Callable[[int], None] = lambda done: None) -> None:
    """
    Do as ``compare.drive_pairs``; ``env`` is not used.

    Noise is drawn for each block of starts, alike for both policies.
    """
    for first in range(0, pairs, _SIDE_BY_SIDE):
        block = range(first, min(first + _SIDE_BY_SIDE, pairs))
        for name, runner in zip(NAMES, runners, strict=True):
            if any((pair, name) not in log.trials for pair in block):
                ends = _drive(contract, runner, [seed + pair for pair in block])
                for pair, (reason, time_s) in zip(block, ends, strict=True):
                    log.add(Trial(pair, name, reason == 'goal', reason, seed + pair, time_s))
        progress(block[-1] + 1)


def _drive(contract: Contract, runner: PolicyRunner, seeds: list[int]) -> list[tuple[str, float]]:
    """Return why and when [s] each episode ended."""
    found = runner._found
    assert found is not None
    assert found.history == found.horizon == 1
    graph = Graph(found.graph, (len(seeds), 1, contract.obs_dim))
    env = BatchEnv(contract, scenes=make_scenes(contract, seeds), seed=seeds[0])
    ends: dict[int, tuple[str, float]] = {}
    obs, _ = env.reset()
    while len(ends) < len(seeds):
        obs, _, terminated, truncated, info = env.step(graph.batch(obs[:, None])[:, 0])
        for at in np.flatnonzero(terminated | truncated):
            reason = ('goal' if info['success'][at] else
                      'timeout' if truncated[at] else 'collision')
            ends.setdefault(int(at), (reason, round(int(info['step'][at]) / contract.rate_hz, 3)))
    return [ends[at] for at in range(len(seeds))]
