"""Was everything observed, and does it change: gaps, dead sensors, values out of range."""

from collections.abc import Mapping

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.text.digits import apart
from ilw_data.doctor.finding import Demos, Finding, Take

_GAP_S = 1.0
_SOME, _MUCH = 0.01, 0.2
"""Parts of an episode's ticks"""
_STILL = 1e-7
"""A standard deviation below is none: float32 noise at the size of one"""
_DRIVEN_S = 2.0
"""Driving for less tells nothing about a sensor"""
_MAX_NAMES = 5


def check_take(take: Take, contract: Contract,
               known: Mapping[str, str]) -> list[Finding]:
    """
    Return what one episode did not observe.

    :param known: contract entry -> why it observed little, where that was found already; the
        first word names what it was found of.
    """
    episode, name, found = take.episode, take.name, []
    whole = episode.whole
    missing = float(1.0 - whole.mean())
    if missing > _SOME:
        there = dict(zip(contract.obs_names, episode.obs_valid.mean(axis=0), strict=True))
        there |= {each: valid.mean() for each, valid in episode.images_valid.items()}
        worst = min(there, key=lambda each: there[each])
        entry = worst.partition('.')[0]
        why = known.get(entry, '')
        todo = f'See what was found of {why.split()[0].rstrip(":")}.' if why else \
            'Check that topic\'s rate, or raise its tolerance_ms.'
        found.append(Finding(
            'bad' if missing > _MUCH else 'warn', 'missing', name,
            f'{missing:.0%} of its ticks lack something, most often {worst}. '
            f'{todo}', take.command('show' if why else 'redo'),
            {'missing_ratio': missing}))
    gap_s = _longest_run(~np.asarray(whole)) / contract.rate_hz
    if gap_s > _GAP_S:
        found.append(Finding('warn', 'gap', name, f'has a gap of {gap_s:.1f} s in what was '
                             f'observed. Record it again if much of the task falls into it.',
                             take.command('redo'), {'gap_s': gap_s}))
    return found


def check_set(demos: Demos) -> list[Finding]:
    """Return observations that never change, in all or in one episode, or leave their range."""
    contract, found = demos.contract, []
    seen = [take.episode.obs[take.episode.whole] for take in demos.takes]
    obs = np.concatenate(seen)
    if not len(obs):
        return []
    moves = obs.std(axis=0) >= _STILL
    still = [n for n, m in zip(contract.obs_names, moves, strict=True) if not m]
    if still:
        found.append(Finding('warn', 'constant', '', f'{", ".join(still[:_MAX_NAMES])} never '
                             f'changed in {len(obs)} ticks ({len(still)} of {len(moves)} '
                             f'dimensions): is the sensor alive?',
                             demos.takes[0].command('show'), {'dimensions': len(still)}))
    begin = 0
    for source in contract.sources:
        rows = slice(begin, begin := begin + source.feature.dim)
        if source.align.how == 'asof' and moves[rows].any():
            found += [_dead(take, source.name, len(demos.takes))
                      for take, values in zip(demos.takes, seen, strict=True)
                      if len(values) > 1 and np.ptp(values[:, rows], axis=0).max() < _STILL
                      and _driven_s(take, contract) > _DRIVEN_S]
    beyond = ((obs < contract.obs_low - 1e-3) | (obs > contract.obs_high + 1e-3)).mean(axis=0)
    for i in np.flatnonzero(beyond > _SOME):
        low, high = float(obs[:, i].min()), float(obs[:, i].max())
        lowest, least = apart(low, float(contract.obs_low[i]))
        highest, most = apart(high, float(contract.obs_high[i]))
        found.append(Finding(
            'warn', 'range', '', f'{contract.obs_names[i]} leaves the range of the contract '
            f'({least} to {most}) in {beyond[i]:.0%} of ticks (from {lowest} to {highest}). Widen '
            f'it there, then check again.',
            demos.command('episodes', 'check', str(demos.root)),
            {'outside_ratio': float(beyond[i]), 'lowest': low, 'highest': high}))
    return found


def _dead(take: Take, source: str, count: int) -> Finding:
    seconds = (take.episode.stamps_ns[-1] - take.episode.stamps_ns[0]) / 1e9
    return Finding('bad', 'frozen', take.name, f'{source} gave the same values for all of its '
                   f'{seconds:.1f} s while the robot was driven, which it does not in the other '
                   f'{count - 1} episodes: the sensor was dead.', take.command('redo'),
                   {'frozen_s': float(seconds)})


def _driven_s(take: Take, contract: Contract) -> float:
    """Return how long commands other than the usual one were given."""
    given = take.episode.actions[take.episode.action_valid]
    if not len(given):
        return 0.0
    span = contract.action.high - contract.action.low
    return float((np.abs(given - np.median(given, axis=0)) > 1e-2 * span).any(axis=1).sum()
                 / contract.rate_hz)


def _longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of true values in ``(T,)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))
