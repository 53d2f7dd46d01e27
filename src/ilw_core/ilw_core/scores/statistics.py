"""Count successes honestly."""

from collections.abc import Sequence
import math
from typing import NamedTuple

Z95 = 1.959963984540054
"""Two-sided 95 % point of the standard normal distribution."""


def wilson(successes: int, trials: int, z: float = Z95) -> tuple[float, float]:
    """
    Return the score interval of a success ratio (E. B. Wilson, 1927, JASA 22:209).

    :returns: (low, high) within [0, 1]; (0, 1) when nothing was tried.
    :raises ValueError: more successes than trials, or a negative count.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f'successes must be within 0..{trials}. Got {successes}.')
    if trials == 0:
        return 0.0, 1.0
    ratio = successes / trials
    centre = ratio + z * z / (2 * trials)
    half = z * math.sqrt(ratio * (1 - ratio) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


class Tried(NamedTuple):
    """So many successes of so many trials."""

    success: int
    n: int

    @property
    def ratio(self) -> float:
        """Share that succeeded; 0 of none."""
        return self.success / self.n if self.n else 0.0


def weighted_sum(parts: Sequence[tuple[float, Tried]]) -> tuple[float, float, float]:
    """
    Return a sum of success ratios, each with a weight, and its 95 % interval: (value, low, high).

    Each ratio's own score interval is squared and added (G. Y. Zou and A. Donner, 2008, Stat Med
    27:1693; of a difference it is R. G. Newcombe's method 10, 1998, Stat Med 17:873). Ratios count
    as independent; from the same worlds their difference is surer than said. What stands in
    several parts counts once, with its weights added.

    :param parts: (weight, trials); trials that are the same object are the same trials.
    """
    once: dict[int, tuple[float, Tried]] = {}
    for weight, tried in parts:
        once[id(tried)] = (once.get(id(tried), (0.0, tried))[0] + weight, tried)
    value = sum(weight * tried.ratio for weight, tried in once.values())
    below = above = 0.0
    for weight, tried in once.values():
        low, high = wilson(tried.success, tried.n)
        down, up = weight * (tried.ratio - low), weight * (high - tried.ratio)
        down, up = (down, up) if weight > 0.0 else (-up, -down)
        below, above = below + down * down, above + up * up
    return value, value - math.sqrt(below), value + math.sqrt(above)
