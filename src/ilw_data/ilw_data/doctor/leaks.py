"""Does an observation give the command away? Then the policy would copy it instead of looking."""

import numpy as np

from ilw_data.doctor.finding import Demos, Finding, Take

_ENOUGH = 20
"""Ticks at which a command changes, to tell a copy from chance"""
_SAME = 5e-3
"""Closer than this part of an action's range is the same: odometry has some noise"""
_EXACT = 1e-5
"""Closer than this no measurement comes: it is the number itself"""
_NEARLY = 0.9
_SHIFTS = range(-2, 11)
"""Ticks that an observation may come after the command it repeats; negative: before"""


def check_set(demos: Demos) -> list[Finding]:
    """Return observations that repeat a command, of the same tick or shifted."""
    contract, found = demos.contract, []
    span = contract.action.high - contract.action.low
    seen_by_policy = np.array([name not in contract.hidden for name in contract.entry_names],
                              dtype=bool)
    pairs = [[_pairs(take, shift) for take in demos.takes] for shift in _SHIFTS]
    for i, name in enumerate(contract.action.names):
        exact, same = (np.zeros((len(_SHIFTS), contract.obs_dim)) for _ in range(2))
        for row, parts in enumerate(pairs):
            seen = np.concatenate([obs for obs, _, _ in parts])
            given = np.concatenate([actions[:, i] for _, actions, _ in parts])
            changed = np.concatenate([c[:, i] for _, _, c in parts]) > 1e-3 * span[i]
            if changed.sum() >= _ENOUGH:
                gap = np.abs(seen[changed] - given[changed, None])  # (N, Do)
                exact[row], same[row] = ((gap < part * span[i]).mean(axis=0)
                                         for part in (_EXACT, _SAME))
        for j in np.flatnonzero((same.max(axis=0) > 0.5) & seen_by_policy):
            # A command that lasts is repeated at later shifts, too: the first one counts.
            row = int(np.argmax(same[:, j] >= _NEARLY * same[:, j].max()))
            found.append(_finding(demos, contract.obs_names[j], name, float(exact[row, j]),
                                  float(same[row, j]), _SHIFTS[row]))
    return found


def _finding(demos: Demos, observed: str, action: str, exact: float, same: float,
             shift: int) -> Finding:
    period_ms = 1000.0 / demos.contract.rate_hz
    if shift > 0:
        copied = exact > 0.5
        word = (f'the command of {shift * period_ms:.0f} ms before: the policy may copy it')
        level = 'warn' if copied else 'note'
    else:
        word = ('the command of the same tick: it is the label' if shift == 0 else
                f'the command of {-shift * period_ms:.0f} ms later, which nobody can know')
        level = 'bad'
    what = f'{exact:.0%} to the last digit' if exact > 0.5 else f'{same:.0%} within 0.5 %'
    text = (f'{observed} mostly equals {word} ({action}; {what} of its range, where the command '
            f'changes). ')
    text += ('Leave it out of the contract.' if level == 'bad' else 'Compare the held-out error '
             'with repeating the last command; leave it out of the contract if that is as good.')
    return Finding(level, 'leak', '', text,
                   demos.command('train', '--demos', str(demos.root), '--env', 'none'),
                   {'shift_ms': shift * period_ms, 'exact_ratio': exact, 'same_ratio': same})


def _pairs(take: Take, shift: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return observations, the commands ``shift`` ticks before, and how those had changed."""
    episode = take.episode
    ticks = np.arange(len(episode.actions))
    rows = ticks[(ticks - shift >= 1) & (ticks - shift < len(ticks))]
    given = rows - shift
    whole = (episode.whole[rows] & episode.action_valid[given]
             & episode.action_valid[given - 1])
    rows, given = rows[whole], given[whole]
    change = np.abs(episode.actions[given] - episode.actions[given - 1])
    return episode.obs[rows], episode.actions[given], change
