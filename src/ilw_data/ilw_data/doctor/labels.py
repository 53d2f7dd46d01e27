"""Are the commands fit to be learnt: silence, idle ends, limits, dimensions never used."""

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.text.digits import ROUNDING_RATIO, apart
from ilw_data.doctor.finding import Demos, Finding, Take

IDLE_S = 1.0
"""A start or an end that stands still for longer than this teaches standing still"""
KEEP_S = 0.3
"""What trimming leaves of it: a policy should know how to stand, too"""
_SILENT = 0.05
_SLOWER, _PAUSE, _EVEN, _FEWEST = 1.15, 3.0, 0.9, 10
"""
Ticks from one command to the next, on average, that are slow commands; a pause is longer than so
many times the usual; how many of them must be no pauses; and commands needed to tell
"""
_RESTING = 1e-3
"""Closer than this part of an action's range to where it rests is rest"""


def check_take(take: Take, contract: Contract) -> list[Finding]:
    """Return what is wrong with the labels of one episode."""
    episode, name, found = take.episode, take.name, []
    given = np.flatnonzero(episode.action_valid)
    if not len(given):
        return [Finding('bad', 'silent', name, f'no command on {contract.action.where} falls into '
                        f'any tick: do its stamps come from another clock?',
                        take.command('show'))]
    silent = float(1.0 - episode.action_valid.mean())
    if silent > _SILENT:
        if slow := _slower(take, given, contract):
            return [slow, *_idle(take, contract)]
        head_s = given[0] / contract.rate_hz
        tail_s = (len(episode.actions) - 1 - given[-1]) / contract.rate_hz
        found.append(Finding(
            'warn', 'silent', name, f'{silent:.0%} of its ticks have no command (the first '
            f'{head_s:.1f} s, the last {tail_s:.1f} s, gaps between); they are left out of '
            f'training.', take.command(*_trim(head_s, tail_s) or ('redo',)),
            {'silent_ratio': silent, 'head_s': head_s, 'tail_s': tail_s}))
    return found + _idle(take, contract)


def _slower(take: Take, given: np.ndarray, contract: Contract) -> Finding | None:
    """Return that commands come evenly, but not in every tick, and the rate they come at."""
    steps = np.diff(given)
    usual = steps[steps <= _PAUSE * np.median(steps)] if len(steps) else steps
    if len(usual) < _EVEN * len(steps) or len(steps) < _FEWEST or usual.mean() < _SLOWER:
        return None
    rate_hz = contract.rate_hz / float(usual.mean())
    return Finding(
        'warn', 'silent', take.name, f'commands on {contract.action.where} come at '
        f'{rate_hz:.2g} Hz, slower than the contract ({contract.rate_hz:g} Hz): '
        f'{1.0 - take.episode.action_valid.mean():.0%} of its ticks have none and are left out of '
        f'training. Write rate_hz: {rate_hz:.2g} in the contract {contract.name}.',
        take.command('check', '--task', take.task),
        {'command_rate_hz': rate_hz, 'rate_hz': contract.rate_hz})


def _idle(take: Take, contract: Contract) -> list[Finding]:
    """Return that a robot was told to stand still at an end, or throughout."""
    episode, name, found = take.episode, take.name, list[Finding]()
    idle = idle_ends(episode, contract)
    if idle is None:
        return [Finding('bad', 'idle', name, f'stands still for all of its '
                        f'{len(episode.actions) / contract.rate_hz:.1f} s.',
                        take.command('drop', '--why', 'never moves'))]
    head_s, tail_s = (ticks / contract.rate_hz for ticks in idle)
    parts = [text for text, idle_s in ((f'starts with {head_s:.1f} s', head_s),
                                       (f'ends with {tail_s:.1f} s', tail_s)) if idle_s > IDLE_S]
    if parts:
        cut = idle_cut(episode, contract)
        found.append(Finding(
            'warn', 'idle', name, f'{" and ".join(parts)} of commands to stand still, which the '
            f'policy will learn too.', take.command(*_trim(*cut)),
            {'head_s': head_s, 'tail_s': tail_s}))
    return found


def idle_ends(episode: Episode, contract: Contract) -> tuple[int, int] | None:
    """Return how many ticks with a command at the start and at the end do nothing; None: all."""
    away = np.flatnonzero(moving(episode, contract))
    if not len(away):
        return None
    valid = episode.action_valid
    return int(valid[:away[0]].sum()), int(valid[away[-1] + 1:].sum())


def idle_cut(episode: Episode, contract: Contract) -> tuple[float, float]:
    """Return the seconds to cut from the start and the end so that little idle time is left."""
    idle, away = idle_ends(episode, contract), np.flatnonzero(moving(episode, contract))
    if idle is None:
        return 0.0, 0.0
    outer = int(away[0]), len(episode.actions) - 1 - int(away[-1])
    head_s, tail_s = (ticks / contract.rate_hz - KEEP_S if count / contract.rate_hz > IDLE_S
                      else 0.0 for ticks, count in zip(outer, idle, strict=True))
    return round(max(0.0, head_s), 6), round(max(0.0, tail_s), 6)


def check_set(demos: Demos) -> list[Finding]:
    """Return commands beyond the limits of the contract, and dimensions that were never used."""
    spec, found = demos.contract.action, []
    actions = np.concatenate([t.episode.actions[t.episode.action_valid] for t in demos.takes])
    if not len(actions):
        return []
    again = demos.command('episodes', 'check', str(demos.root))
    for i, name in enumerate(spec.names):
        low, high = float(actions[:, i].min()), float(actions[:, i].max())
        numbers = {'lowest': low, 'highest': high}
        slack = ROUNDING_RATIO * (spec.high[i] - spec.low[i])
        if low < spec.low[i] - slack or high > spec.high[i] + slack:
            (lowest, least), (highest, most) = apart(low, spec.low[i]), apart(high, spec.high[i])
            found.append(Finding(
                'warn', 'limits', '', f'{name} leaves the limits of the contract ({least} to '
                f'{most} {spec.units[i]}; got from {lowest} to {highest}). Widen min and max, '
                f'then check again.', again, numbers))
        if high - low < 1e-9:
            found.append(Finding(
                'warn', 'constant', '', f'{name} was {low:.3g} {spec.units[i]} throughout '
                f'({len(actions)} commands): nothing to learn there.',
                demos.command('up', 'record'), numbers))
    return found


def moving(episode: Episode, contract: Contract) -> np.ndarray:
    """Tell at which ticks a command asks for motion, ``(T,)`` bool."""
    spec, valid = contract.action, np.flatnonzero(episode.action_valid)
    if not len(valid):
        return episode.action_valid
    ends = [spec.halted(end) for end in episode.actions[valid[[0, -1]]]]
    limit = _RESTING * (spec.high - spec.low)
    away = [np.asarray((np.abs(episode.actions - end) > limit).any(axis=1)) for end in ends]
    moving: np.ndarray = away[0] & away[1] & episode.action_valid
    return moving


def _trim(head_s: float, tail_s: float) -> tuple[str, ...]:
    words = ['trim']
    for flag, cut_s in (('--head', head_s), ('--tail', tail_s)):
        if cut_s > 0.0:
            words += [flag, f'{cut_s:.3f}'.rstrip('0').rstrip('.')]
    return tuple(words) if len(words) > 1 else ()
