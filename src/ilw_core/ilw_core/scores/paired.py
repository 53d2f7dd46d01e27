"""Compare two success ratios that were measured in pairs, and say when that cannot be decided."""

from collections.abc import Callable
from dataclasses import dataclass
import math

import numpy as np

from ilw_core.scores.statistics import Z95

ALPHA = 0.05
POWER = 0.8
"""Chance to find a difference that is there: the customary value (J. Cohen, 1988)"""
MOST_PAIRS = 5000
"""More than this nobody drives"""


@dataclass(frozen=True)
class PairCounts:
    """How often two candidates succeeded from the same start."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def n(self) -> int:
        """Number of pairs."""
        return self.both + self.only_first + self.only_second + self.neither

    @property
    def difference(self) -> float:
        """Success ratio of the second minus that of the first; 0 before the first pair."""
        return (self.only_second - self.only_first) / self.n if self.n else 0.0


def mcnemar_exact(one: int, other: int) -> float:
    """
    Return the two-sided p of McNemar's exact test (Q. McNemar, 1947, Psychometrika 12:153).

    :param one: pairs in which only one of the two succeeded, ``other``: only the other.
    """
    n, low = one + other, min(one, other)
    tail: float = sum(math.comb(n, k) for k in range(low + 1)) / 2 ** n
    return min(1.0, 2.0 * tail)


def tango(gained: float, lost: float, n: int, z: float = Z95) -> tuple[float, float]:
    """
    Return the score interval of the difference of two paired ratios (T. Tango, 1998, Stat Med 17).

    :param gained: pairs in which only the second succeeded; ``lost``: only the first.
    :returns: (low, high) of second minus first, within [-1, 1]; (-1, 1) without pairs.
    """
    if n == 0:
        return -1.0, 1.0
    if min(gained, lost) < 0 or gained + lost > n:
        raise ValueError(f'{gained} and {lost} must be counts of {n} pairs')

    def above(delta: float, sign: float) -> float:
        """Positive where the score statistic at ``delta`` is above ``sign`` times z."""
        a, c = 2.0 * n, -lost * delta * (1.0 - delta)
        b = -gained - lost + (2.0 * n - gained + lost) * delta
        only_first = (math.sqrt(max(0.0, b * b - 4.0 * a * c)) - b) / (2.0 * a)
        variance = n * (2.0 * only_first + delta * (1.0 - delta))
        return gained - lost - n * delta - sign * z * math.sqrt(max(0.0, variance))

    ratio = (gained - lost) / n
    return (_root(lambda d: above(d, 1.0), -1.0, ratio),
            _root(lambda d: above(d, -1.0), ratio, 1.0))


def _root(falling: Callable[[float], float], low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2.0
        low, high = (middle, high) if falling(middle) > 0.0 else (low, middle)
    return (low + high) / 2.0


def mcnemar_power(n: int, gain_ratio: float, loss_ratio: float, alpha: float = ALPHA) -> float:
    """
    Return the chance that the exact test finds a difference in ``n`` pairs, exactly.

    :param gain_ratio: chance that only the second succeeds; ``loss_ratio``: only the first.
    """
    unequal = gain_ratio + loss_ratio
    if unequal <= 0.0 or n == 0:
        return 0.0
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    found = 0.0
    for split, weight in _binomial(n, min(unequal, 1.0), factorial):
        if split == 0:
            continue
        fair = np.cumsum(_pmf(split, 0.5, factorial))
        reject = int(np.searchsorted(fair, alpha / 2.0, side='right'))  # 0 .. reject - 1 do
        if reject:
            chance = _pmf(split, gain_ratio / unequal, factorial)
            found += weight * float(chance[:reject].sum() + chance[split + 1 - reject:].sum())
    return min(1.0, found)


def _pmf(n: int, p: float, factorial: np.ndarray) -> np.ndarray:
    """Return the binomial chances of 0..n."""
    k = np.arange(n + 1)
    if p <= 0.0 or p >= 1.0:
        sure: np.ndarray = (k == (0 if p <= 0.0 else n)).astype(float)
        return sure
    log = factorial[n] - factorial[k] - factorial[n - k] + k * math.log(p) + (
        n - k) * math.log1p(-p)
    chances: np.ndarray = np.exp(log)
    return chances


def _binomial(n: int, p: float, factorial: np.ndarray) -> list[tuple[int, float]]:
    """Return counts and their chances, without the tails that add up to less than 1e-6."""
    chances = _pmf(n, p, factorial)
    return [(int(k), float(chances[k])) for k in np.flatnonzero(chances > 1e-6 / (n + 1))]


def pairs_to_decide(counts: PairCounts, power: float = POWER, alpha: float = ALPHA,
                    most: int = MOST_PAIRS) -> int | None:
    """
    Return how many pairs in all find the difference, if the true ratios are those observed.

    :returns: ``None`` where up to ``most`` do not: no difference was seen, or too small a one.
    """
    if counts.only_first == counts.only_second:
        return None
    gain, loss = counts.only_second / counts.n, counts.only_first / counts.n

    def enough(n: int) -> bool:
        return mcnemar_power(n, gain, loss, alpha) >= power

    # The power of an exact test is a saw: the bisection ends at one of its first teeth.
    return _fewest(enough, most)


def pairs_to_clear(counts: PairCounts, margin: float, most: int = MOST_PAIRS) -> int | None:
    """Return how many pairs in all put the interval above ``-margin``, at the ratios observed."""
    if counts.n == 0 or counts.difference <= -margin:
        return None
    gain, loss = counts.only_second / counts.n, counts.only_first / counts.n
    return _fewest(lambda n: tango(gain * n, loss * n, n)[0] > -margin, most)


def _fewest(enough: Callable[[int], bool], most: int) -> int | None:
    if not enough(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
