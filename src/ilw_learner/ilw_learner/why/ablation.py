"""Success that a policy loses in the simulator with one input held, mixed up or blank."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.scores.paired import PairCounts, tango
from ilw_learner.rollout.evaluate import Act, acting, run_episode
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.why.inputs import NamedInput
from ilw_learner.why.pictures_seen import NamedPicture

HOW = ('held', 'shuffled', 'blank')
"""At its first value; as another episode had it at that tick; as if nothing were seen"""


@dataclass(frozen=True)
class SuccessLost:
    """How often the policy arrives from the same starts, with and without an input."""

    input: str
    how: str
    """One of ``HOW``"""
    n: int
    whole: int
    """Successes of ``n`` with everything seen"""
    without: int
    lost: float
    """Part of the episodes"""
    lost95: tuple[float, float]
    """Its 95 % interval (T. Tango, 1998)"""


def ablate(env: gymnasium.Env[Any, Any], contract: Contract, runner: PolicyRunner,
           inputs: Sequence[NamedInput | NamedPicture], recorded: Sequence[Episode],
           seeds: Sequence[int], progress: Callable[[int, int], None] = lambda done, total: None,
           ) -> tuple[SuccessLost, ...]:
    """
    Drive every start with all inputs, then without each in each way.

    :param recorded: episodes that ``shuffled`` takes from.
    """
    plain = acting(runner)
    ways = [(each, how) for each in inputs for how in HOW]
    done, total = 0, len(seeds) * (len(ways) + 1)

    def drive(act_of: Callable[[int], Act]) -> np.ndarray:
        nonlocal done
        good = []
        for seed in seeds:
            runner.reset()
            good.append(run_episode(env, contract, act_of(seed), seed).success)
            progress(done := done + 1, total)
        return np.array(good)

    whole = drive(lambda seed: plain)
    found = []
    for given, how in ways:
        without = drive(lambda seed: _blinded(plain, given, how, recorded, seed))  # noqa: B023
        counts = PairCounts(int((whole & without).sum()), int((whole & ~without).sum()),
                            int((~whole & without).sum()), int((~whole & ~without).sum()))
        low, high = tango(counts.only_second, counts.only_first, counts.n)
        found.append(SuccessLost(given.name, how, counts.n, int(whole.sum()),
                                 int(without.sum()), -counts.difference, (-high, -low)))
    return tuple(found)


def _blinded(act: Act, given: NamedInput | NamedPicture, how: str, recorded: Sequence[Episode],
             seed: int) -> Act:
    """Return an act that is shown something else for one input; ``seed`` draws the episode."""
    drawn = recorded[int(np.random.default_rng(seed).integers(len(recorded)))]
    other = (drawn.images[given.name] if isinstance(given, NamedPicture)
             else drawn.obs[:, given.columns])
    first: list[np.ndarray] = []
    ticks = 0

    def shown(values: np.ndarray, valid: np.ndarray, *seen: dict[str, np.ndarray],
              ) -> np.ndarray | None:
        nonlocal ticks
        if not first:
            first.append(np.copy(seen[0][given.name] if isinstance(given, NamedPicture)
                                 else values[given.columns]))
        instead = {'held': first[0], 'blank': given.blank,
                   'shuffled': other[min(ticks, len(other) - 1)]}[how]
        ticks += 1
        if isinstance(given, NamedPicture):
            return act(values, valid, {**seen[0], given.name: instead})
        values, valid = values.copy(), valid.copy()
        values[given.columns], valid[given.columns] = instead, True
        return act(values, valid, *seen)

    return shown
