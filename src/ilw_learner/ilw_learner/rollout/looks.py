"""
Does a policy look? It drives the same worlds with pictures that tell nothing of them.

What succeeds as often without its cameras has learned the task's habits, not what it sees (the
copycats of P. de Haan, D. Jayaraman, S. Levine, "Causal confusion in imitation learning", NeurIPS
2019). Ways to take sight away: pictures that are black, that stand still as they were at the
episode's first tick, and that another episode's cameras saw.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.scores.statistics import Tried, weighted_sum
from ilw_learner.rollout.evaluate import Act, Drives, Images, Rollout, acting, run_episode

BLINDS = ('black', 'frozen', 'swapped')
"""Ways to take a policy's sight away"""


@dataclass(frozen=True)
class Looks:
    """How a policy drives with pictures, and without what they tell."""

    success: int
    episodes: int
    """Driven in each way"""
    blind: dict[str, int]
    """Name in ``BLINDS`` -> successes in the same worlds"""

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> 'Looks':
        """Return what ``eval --json`` shows; :raises KeyError: something is not there."""
        return cls(data['success'], data['episodes'], dict(data['blind']))

    @property
    def lost(self) -> tuple[float, float, float]:
        """Part of the successes that the kindest blind takes away, with its 95 % interval."""
        most = max(self.blind.values())
        return weighted_sum([(1.0, Tried(self.success, self.episodes)),
                             (-1.0, Tried(most, self.episodes))])

    @property
    def looks(self) -> bool:
        """Whether it surely succeeds less often without its pictures, whichever way."""
        return self.lost[1] > 0.0

    def lines(self) -> list[str]:
        """Return it for a person."""
        told = ', '.join(f'{name} {count}/{self.episodes}' for name, count in self.blind.items())
        if self.looks:
            return [f'with its pictures taken away: {told}. It looks.']
        if not self.success:
            return [f'with its pictures taken away: {told}. It never succeeds, so nothing tells '
                    f'whether it looks.']
        value, low, high = self.lost
        return [f'with its pictures taken away: {told}. It does NOT look, as far as these '
                f'episodes tell: sight brings {value:+.0%} (95 %: {low:+.0%} to {high:+.0%}).']


class Blind:
    """
    Takes the sight of episodes, one after the other.

    :param how: name in ``BLINDS``.
    """

    def __init__(self, how: str) -> None:
        self._how = how
        self._tick = 0
        self._first: Images = {}
        self._seen: list[Images] = []
        self._other: list[Images] = []

    def begin(self) -> None:
        """A new episode begins; what the cameras saw in the one before is there to be shown."""
        self._tick, self._first = 0, {}
        if self._seen:
            self._seen, self._other = [], self._seen

    def __call__(self, images: Images) -> Images:
        """Return what the policy is shown instead of the pictures of a tick."""
        self._tick += 1
        if self._how == 'black':
            return {name: np.zeros_like(seen) for name, seen in images.items()}
        if self._how == 'frozen':
            self._first = self._first or {name: seen.copy() for name, seen in images.items()}
            return self._first
        self._seen.append({name: seen.copy() for name, seen in images.items()})
        if not self._other:  # nothing else was seen yet
            return images
        return self._other[min(self._tick, len(self._other)) - 1]

    def of(self, act: Act) -> Act:
        """Return a policy's act behind it."""
        def blinded(values: np.ndarray, valid: np.ndarray, images: Images) -> np.ndarray | None:
            return act(values, valid, self(images))

        return blinded


def judge_looks(env: gymnasium.Env[Any, Any], contract: Contract, runner: Drives,
                runs: Sequence[Rollout], progress: Callable[[int], None] = lambda done: None,
                ) -> Looks:
    """
    Drive the worlds of a policy's episodes again, without its sight.

    :param runs: how it drove with it.
    :param progress: called after each episode with how many were driven.
    """
    seeds, blind = [run.seed for run in runs], {}
    count = len(runs)
    for i, how in enumerate(BLINDS):
        blind[how] = drive_blind(env, contract, runner, how, seeds,
                                 lambda done, way=i: progress(way * count + done))
    return Looks(sum(run.success for run in runs), count, blind)


def drive_blind(env: gymnasium.Env[Any, Any], contract: Contract, runner: Drives, how: str,
                seeds: Sequence[int], progress: Callable[[int], None] = lambda done: None) -> int:
    """
    Return in how many of some worlds a policy succeeds without its sight.

    :param how: name in ``BLINDS``.
    :param progress: called after each episode with how many were driven.
    """
    sight, good = Blind(how), 0
    if how == 'swapped':  # what is shown in the first world was seen in one that does not count
        _drive_one(env, contract, runner, sight, seeds[-1])
    for done, seed in enumerate(seeds, 1):
        good += _drive_one(env, contract, runner, sight, seed)
        progress(done)
    return good


def _drive_one(env: gymnasium.Env[Any, Any], contract: Contract, runner: Drives, sight: Blind,
               seed: int) -> bool:
    runner.reset()
    sight.begin()
    return run_episode(env, contract, sight.of(acting(runner)), seed).success
