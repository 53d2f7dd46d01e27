"""What a policy sees and does in one bag and in the other, number by number."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_sysid.gap.finding import GapFinding
from ilw_sysid.gap.quantity import ACTION, Quantity, quantities
from ilw_sysid.gap.topics import unit_guess

_SHIFTED = 0.2
"""Kolmogorov's distance above which two distributions differ"""
_ENOUGH = 30


@dataclass(frozen=True)
class Shift:
    """One number of the observation, or one field of the action."""

    name: str
    sim: tuple[float, float, float]
    """5 %, 50 %, 95 % quantile; NaN where nothing was seen"""
    real: tuple[float, float, float]
    distance: float
    """Largest difference of the two distribution functions (A. Kolmogorov, 1933), 0 to 1"""
    missing: tuple[float, float]
    """Part of the ticks without it, simulated and real"""

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {key: _plain(value) for key, value in vars(self).items()}


def shifts(contract: Contract, sim: Episode, real: Episode) -> list[Shift]:
    """Return each dimension of observation and action, in the contract's order."""
    found = []
    for i, name in enumerate(contract.obs_names):
        found.append(_shift(name, sim.obs[:, i], sim.obs_valid[:, i], real.obs[:, i],
                            real.obs_valid[:, i]))
    for i, name in enumerate(contract.action.names):
        found.append(_shift(f'{ACTION}{name}', sim.actions[:, i], sim.action_valid,
                            real.actions[:, i], real.action_valid))
    return found


def shift_findings(contract: Contract, found: list[Shift]) -> list[GapFinding]:
    """Return what the shifts say; the same of many lidar sectors is said once."""
    known = quantities(contract)
    turned = {shift.name for shift in found if _one_sided(shift)}
    groups: dict[str, list[Shift]] = {}
    for shift in found:
        groups.setdefault(_group(shift.name), []).append(shift)
    told = []
    for group, members in groups.items():
        told += _group_findings(group, members, known, turned)
    return told


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the largest difference of the distribution functions of two samples."""
    both = np.sort(np.concatenate([a, b]))
    parts = [np.searchsorted(np.sort(each), both, side='right') / len(each) for each in (a, b)]
    return float(np.abs(parts[0] - parts[1]).max())


def _shift(name: str, a: np.ndarray, a_valid: np.ndarray, b: np.ndarray,
           b_valid: np.ndarray) -> Shift:
    seen = [np.asarray(values, dtype=np.float64)[valid]
            for values, valid in ((a, a_valid), (b, b_valid))]
    quantiles = [_quantiles(each) for each in seen]
    enough = min(len(each) for each in seen) >= _ENOUGH
    return Shift(name, quantiles[0], quantiles[1],
                 distance(*seen) if enough else float('nan'),
                 (1.0 - float(np.mean(a_valid)), 1.0 - float(np.mean(b_valid))))


def _quantiles(values: np.ndarray) -> tuple[float, float, float]:
    if not len(values):
        return (float('nan'),) * 3
    low, middle, high = map(float, np.quantile(values, (0.05, 0.5, 0.95)))
    return low, middle, high


def _group(name: str) -> str:
    """Return what sectors of one lidar have in common: the name without its number."""
    stem, _, tail = name.rpartition('.')
    return f'{stem} (all sectors)' if tail[:1].isdigit() else name


def _group_findings(group: str, members: list[Shift], quantity: dict[str, Quantity],
                    turned: set[str]) -> list[GapFinding]:
    """
    Return what the members of a group say, which measure alike.

    :param turned: names of the numbers that are of one sign here and of the other there.
    """
    found, what = [], quantity[members[0].name]
    missing = np.mean([m.missing for m in members], axis=0)
    if missing.max() > 0.05:
        found.append(GapFinding('bad' if missing[1] > 0.2 and not group.startswith(ACTION) else
                                'warn', group,
                                f'is missing in {missing[0]:.0%} of ticks simulated, '
                                f'{missing[1]:.0%} real',
                                'Check rate and stamps of its topic, or raise tolerance_ms.'))
    known = [m for m in members if np.isfinite(m.distance)]
    if not known:
        return found
    sizes = [float(np.median([np.abs(side(m)).max() for m in known]))
             for side in (lambda m: m.sim, lambda m: m.real)]
    if what.comparable(max(sizes)) and (guess := unit_guess(*sizes, what.unit)):
        found.append(GapFinding('bad', group,
                                f'is of size {sizes[0]:.3g} simulated, {sizes[1]:.3g} '
                                f'real: {guess}?', 'Correct the unit in the driver.'))
    # Where a goal is, or the robot itself, is no sign of a driver; and who was told to turn the
    # other way drove elsewhere.
    if members[0].name in turned and what.unit.endswith('/s') and what.command not in turned:
        found.append(GapFinding('warn', group, f'is mostly {_sign(members[0].sim)} simulated, '
                                f'{_sign(members[0].real)} real', 'If both bags drive alike, its '
                                'sign is turned round: ahead and left are positive (REP 103).'))
    beyond = [m for m in known if m.real[0] < quantity[m.name].low - 1e-3
              or m.real[2] > quantity[m.name].high + 1e-3]
    if beyond:
        found.append(GapFinding('bad', group, f'leaves the range of the contract on the robot '
                                f'({beyond[0].real[0]:.3g} to {beyond[0].real[2]:.3g})',
                                'Widen the range, and train again.'))
    worst = max(known, key=lambda m: m.distance)
    # Two bags may well have driven elsewhere, so a shift alone is never more than a warning.
    level = 'ok' if worst.distance < _SHIFTED else 'warn'
    step = '' if level == 'ok' else ('Drive alike in both, then compare again; what is left needs '
                                     'randomisation (--plant), or more real episodes.')
    where = f' ({worst.name})' if len(members) > 1 else ''
    found.append(GapFinding(level, group, f'is distributed {worst.distance:.2f} apart{where}: '
                            f'{_span(worst.sim)} simulated, {_span(worst.real)} real', step))
    return found


def _one_sided(shift: Shift) -> bool:
    a, b = _sign(shift.sim), _sign(shift.real)
    return {a, b} == {'positive', 'negative'}


def _sign(quantiles: tuple[float, float, float]) -> str:
    low, _, high = quantiles
    if low > -0.1 * abs(high) and high > 0.0:
        return 'positive'
    return 'negative' if high < 0.1 * abs(low) and low < 0.0 else 'both'


def _span(quantiles: tuple[float, float, float]) -> str:
    return f'{quantiles[0]:.3g} to {quantiles[2]:.3g}'


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
