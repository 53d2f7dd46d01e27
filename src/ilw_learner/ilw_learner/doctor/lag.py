"""
How long after a command does the robot move? By cross-correlation of their changes.

Changes, not values: a command that lasts is like its neighbours, and its values would agree with
a motion at any lag. The peak is refined by a parabola through its neighbours. What agrees best
with later commands is what the driver went by, so it follows none; a measured speed must not.
"""

from dataclasses import dataclass

import numpy as np

from ilw_learner.doctor.finding import Demos, Finding, Take

_BEFORE, _AFTER_S = 3, 2.0
"""Lags looked at: ticks before the command, seconds after it"""
_CLEAR, _CERTAIN = 0.5, 0.7
"""A weaker correlation names no lag; or does not say that motion comes before its command"""
_MEASURED = ('body_twist',)
"""Kinds of features by which nobody steers"""
_SLOW_S = 0.3
"""Beyond, what is seen now no longer tells what the last commands will do"""
_APART = 2.0
"""Ticks by which one episode's lag may differ from the others'"""
_ENOUGH = 20
"""Changes of a command in one episode, to find its own lag"""


@dataclass(frozen=True)
class _Lag:
    ticks: float
    correlation: float
    observed: int


def check_set(demos: Demos) -> list[Finding]:
    """Return which observation follows which command, by how much, and where that differs."""
    contract, found = demos.contract, []
    lags = np.arange(-_BEFORE, round(_AFTER_S * contract.rate_hz) + 1)
    changes = [_changes(take) for take in demos.takes]
    each = [_products(*pair, lags) for pair in changes]
    total = tuple(np.sum(parts, axis=0) for parts in zip(*each, strict=True))
    period_ms = 1000.0 / contract.rate_hz
    measured = np.array([source.feature.kind in _MEASURED for source in contract.sources
                         for _ in source.feature.names])
    for i, name in enumerate(contract.action.names):
        ratio = _ratio(total, i)
        early = _peak(np.where(measured, ratio, 0.0), lags)
        lag = _peak(np.where(_follows(ratio, lags), ratio, 0.0), lags)
        if early is not None and early.ticks < 0.5 and early.correlation > _CERTAIN:
            found.append(Finding(
                'warn', 'lag', '', f'{contract.obs_names[early.observed]} moves '
                f'{max(0.0, -early.ticks) * period_ms:.0f} ms before {name} commands it (ticks of '
                f'{period_ms:.0f} ms, correlation {early.correlation:.2f}): their stamps come '
                f'from different clocks. Mend that and record again.',
                demos.command('up', 'record'), {'lag_ms': early.ticks * period_ms,
                                                'correlation': early.correlation}))
        if lag is None:
            continue
        observed = contract.obs_names[lag.observed]
        said = (f'{observed} follows {name} by {lag.ticks * period_ms:.0f} ms (ticks of '
                f'{period_ms:.0f} ms, correlation {lag.correlation:.2f})')
        numbers = {'lag_ms': lag.ticks * period_ms, 'correlation': lag.correlation}
        train = demos.command('train', '--demos', str(demos.root))
        if lag.ticks * period_ms > _SLOW_S * 1000.0:
            found.append(Finding(
                'warn', 'lag', '', f'{said}. Let the policy see as much: history: '
                f'{round(lag.ticks) + 1} in config/train/bc.yaml, then train.', train,
                numbers))
        else:
            found.append(Finding('note', 'lag', '', f'{said}.', train, numbers))
        for take, own, (action, _) in zip(demos.takes, each, changes, strict=True):
            if (np.abs(action[:, i]) > 0.0).sum() < _ENOUGH or len(demos.takes) < 3:
                continue
            only = np.arange(len(measured)) == lag.observed
            mine = _peak(np.where(only, _ratio(own, i), 0.0), lags)
            if mine is not None and abs(mine.ticks - lag.ticks) > _APART:
                found.append(Finding(
                    'warn', 'lag', take.name, f'{observed} follows {name} by '
                    f'{mine.ticks * period_ms:.0f} ms, in the others by '
                    f'{lag.ticks * period_ms:.0f} ms: its labels are shifted.',
                    take.command('drop', '--why', 'shifted labels'),
                    {'lag_ms': mine.ticks * period_ms, 'others_ms': lag.ticks * period_ms}))
    return found


def _changes(take: Take) -> tuple[np.ndarray, np.ndarray]:
    """Return changes from tick to tick: actions ``(T-1, Da)``, observations; 0 where unknown."""
    episode, steps = take.episode, len(take.episode.actions)
    given = episode.action_valid[1:] & episode.action_valid[:-1]
    actions = np.where(given[:, None], np.diff(episode.actions, axis=0), 0.0)
    seen = episode.obs_valid[1:steps] & episode.obs_valid[:steps - 1]
    return actions, np.where(seen, np.diff(episode.obs[:steps], axis=0), 0.0)


def _products(actions: np.ndarray, obs: np.ndarray, lags: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return sums over ticks: products ``(L, Da, Do)``, squares ``(Da,)`` and ``(Do,)``."""
    steps = len(actions)
    products = np.zeros((len(lags), actions.shape[1], obs.shape[1]))
    for row, lag in enumerate(lags.tolist()):
        if abs(lag) < steps:
            early, late = max(0, -lag), max(0, lag)
            products[row] = (actions[early:steps - late].T.astype(np.float64)
                             @ obs[late:steps - early])
    return products, (actions.astype(np.float64) ** 2).sum(0), (obs.astype(np.float64) ** 2).sum(0)


def _ratio(sums: tuple[np.ndarray, ...], action: int) -> np.ndarray:
    """Return how well a command and each observation agree at each lag, ``(L, Do)`` in [0, 1]."""
    products, squares, obs_squares = sums
    scale = np.sqrt(squares[action] * obs_squares)
    return np.asarray(np.abs(products[:, action]) / np.where(scale > 1e-9, scale, np.inf))


def _follows(ratio: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """Tell which observations agree best with commands before them, ``(Do,)`` bool."""
    return np.asarray(ratio[lags > 0].max(axis=0) > ratio[lags <= 0].max(axis=0))


def _peak(ratio: np.ndarray, lags: np.ndarray) -> _Lag | None:
    """Return the clearest lag of any observation; ``None`` where nothing is clear."""
    top, observed = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
    curve, shift = ratio[:, observed], 0.0
    if curve[top] < _CLEAR:
        return None
    if 0 < top < len(curve) - 1:
        left, middle, right = curve[top - 1:top + 2]
        bend = left - 2.0 * middle + right
        shift = 0.0 if bend >= 0.0 else float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5))
    return _Lag(float(lags[top]) + shift, float(curve[top]), int(observed))
