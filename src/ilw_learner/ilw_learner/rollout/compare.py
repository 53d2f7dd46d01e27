"""Compare two policies from the same starts, and say what that shows. No torch, no ROS."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import gymnasium

from ilw_core.contract.file import Contract
from ilw_core.scores.paired import (
    MOST_PAIRS,
    POWER,
    PairCounts,
    mcnemar_exact,
    pairs_to_decide,
    tango,
)
from ilw_core.scores.statistics import wilson
from ilw_learner.rollout.evaluate import acting, run_episode
from ilw_learner.rollout.trial_log import NAMES, Trial, TrialLog
from ilw_learner.runtime.runner import PolicyRunner


@dataclass(frozen=True)
class PolicyTally:
    """How one policy did in the complete pairs."""

    success: int
    """Successful ones of ``n``"""
    n: int
    wilson95: tuple[float, float]
    """95 % interval of the success ratio, (low, high)"""
    collisions: int


@dataclass(frozen=True)
class Comparison:
    """What the complete pairs of a comparison show."""

    task: str
    where: str
    """``module:function`` of the environment, or ``robot``"""
    policies: tuple[str, str]
    """Names of P0 and P1"""
    tallies: tuple[PolicyTally, PolicyTally]
    """Of P0 and P1"""
    counts: PairCounts
    """P0 is the first"""
    difference: float
    """Success ratio of P1 minus that of P0; 0 before the first pair"""
    difference95: tuple[float, float]
    """Its 95 % interval, (low, high)"""
    mcnemar_p: float
    decided: bool
    """``mcnemar_p`` is below 0.05"""
    pairs_to_decide: int | None
    """In all; ``None`` where it is decided, or cannot be"""

    def as_json(self) -> dict[str, Any]:
        """Return everything by name, and the verdict."""
        counts = self.counts
        return {
            'task': self.task, 'where': self.where, 'policies': self.policies,
            **{name: asdict(row) for name, row in zip(NAMES, self.tallies, strict=True)},
            'pairs': counts.n, 'both': counts.both, 'only_P0': counts.only_first,
            'only_P1': counts.only_second, 'neither': counts.neither,
            'difference': self.difference, 'difference95': self.difference95,
            'mcnemar_p': self.mcnemar_p, 'decided': self.decided,
            'pairs_to_decide': self.pairs_to_decide, 'verdict': verdict(self)}


def drive_pairs(env: gymnasium.Env[Any, Any], contract: Contract,
                runners: tuple[PolicyRunner, PolicyRunner], pairs: int, seed: int, log: TrialLog,
                progress: Callable[[int], None] = lambda done: None) -> None:
    """
    Drive what the log still lacks of so many pairs, both policies from each seed.

    :param seed: of the first pair; the next counts on.
    :param progress: called with the pairs that are complete.
    """
    for pair in range(pairs):
        for name, runner in zip(NAMES, runners, strict=True):
            if (pair, name) not in log.trials:
                runner.reset()
                run = run_episode(env, contract, acting(runner), seed + pair)
                log.add(Trial(pair, name, run.success, run.stop_reason, run.seed,
                              round(run.time_s, 3)))
        progress(pair + 1)


def compared(log: TrialLog, pairs: int) -> Comparison:
    """Return what the complete ones of so many pairs show."""
    counts = log.counts(pairs)
    done = log.pairs(pairs)
    p = mcnemar_exact(counts.only_first, counts.only_second)
    decided = p < 0.05
    low, high = tango(counts.only_second, counts.only_first, counts.n)
    first, second = (_tally([pair[i] for pair in done]) for i in range(2))
    one, other = log.header['policies']
    return Comparison(
        task=log.header['task'], where=log.header['where'], policies=(one, other),
        tallies=(first, second), counts=counts, difference=round(counts.difference, 4),
        difference95=(round(low, 4), round(high, 4)), mcnemar_p=round(p, 5), decided=decided,
        pairs_to_decide=None if decided or not counts.n else pairs_to_decide(counts))


def _tally(trials: Sequence[Trial]) -> PolicyTally:
    success = sum(trial.success for trial in trials)
    low, high = wilson(success, len(trials))
    return PolicyTally(success, len(trials), (round(low, 4), round(high, 4)),
                       sum(trial.stop_reason == 'collision' for trial in trials))


def verdict(found: Comparison) -> str:
    """Return in a sentence what a comparison shows."""
    n, difference = found.counts.n, found.difference
    if not n:
        return 'No pair is complete yet.'
    if found.decided:
        better, worse = ('P1', 'P0') if difference > 0 else ('P0', 'P1')
        return f'{better} is better than {worse} (p = {found.mcnemar_p:.2g}).'
    needed = found.pairs_to_decide
    if needed is None:
        why = ('no difference was seen' if difference == 0
               else f'a difference of {abs(difference):.1%} is too small')
        return (f'Cannot be decided: {why}; at these ratios even {MOST_PAIRS} pairs would not '
                f'find one with a chance of {POWER:.0%}.')
    if needed <= n:
        return (f'Not decided: at these ratios {n} pairs find a difference with a chance of over '
                f'{POWER:.0%}, and did not. Drive more, on other seeds.')
    return (f'Not decided. If the ratios stay as they are, {needed - n} more pairs ({needed} in '
            f'all) decide it with a chance of {POWER:.0%}.')
