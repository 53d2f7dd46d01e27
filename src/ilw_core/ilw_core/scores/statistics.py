"""Count successes honestly."""

import math

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
