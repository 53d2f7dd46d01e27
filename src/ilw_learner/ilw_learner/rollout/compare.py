"""Compare two policies from the same starts, and say what that shows. No torch, no ROS."""

from collections.abc import Callable
from typing import Any

import gymnasium

from ilw_core.contract.file import Contract
from ilw_core.scores.paired import MOST_PAIRS, POWER, mcnemar_exact, pairs_to_decide, tango
from ilw_core.scores.statistics import wilson
from ilw_learner.rollout.evaluate import acting, run_episode
from ilw_learner.rollout.trial_log import NAMES, Trial, TrialLog
from ilw_learner.runtime.runner import PolicyRunner


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


def summarise(log: TrialLog, pairs: int) -> dict[str, Any]:
    """
    Return what the complete pairs show; ``difference`` is P1 minus P0.

    :returns: JSON values. ``pairs_to_decide`` is None where it is decided, or cannot be.
    """
    counts = log.counts(pairs)
    done = log.pairs(pairs)
    p = mcnemar_exact(counts.only_first, counts.only_second)
    decided = p < 0.05
    totals = (counts.both + counts.only_first, counts.both + counts.only_second)
    rows = {name: {
        'success': total, 'n': counts.n,
        'wilson95': [round(v, 4) for v in wilson(total, counts.n)],
        'collisions': sum(pair[i].stop_reason == 'collision' for pair in done),
    } for i, (name, total) in enumerate(zip(NAMES, totals, strict=True))}
    low, high = tango(counts.only_second, counts.only_first, counts.n)
    return {
        **{key: log.header[key] for key in ('task', 'where', 'policies')}, **rows,
        'pairs': counts.n, 'both': counts.both, 'only_P0': counts.only_first,
        'only_P1': counts.only_second, 'neither': counts.neither,
        'difference': round(counts.difference, 4), 'difference95': [round(low, 4), round(high, 4)],
        'mcnemar_p': round(p, 5), 'decided': decided,
        'pairs_to_decide': None if decided or not counts.n else pairs_to_decide(counts)}


def verdict(summary: dict[str, Any]) -> str:
    """Return in a sentence what a summary shows."""
    n, difference = summary['pairs'], summary['difference']
    if not n:
        return 'No pair is complete yet.'
    if summary['decided']:
        better, worse = ('P1', 'P0') if difference > 0 else ('P0', 'P1')
        return f'{better} is better than {worse} (p = {summary["mcnemar_p"]:.2g}).'
    needed = summary['pairs_to_decide']
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
