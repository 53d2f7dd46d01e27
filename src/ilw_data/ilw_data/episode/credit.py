"""
Which steps a person's reward was for.

A person judges what they saw a moment ago: a press is shared equally by the steps between 0.2 and
0.8 s before it (W. B. Knox and P. Stone, "Interactively shaping agents via human reinforcement:
the TAMER framework", 2009, with the uniform delay of its experiments).
"""

from collections.abc import Iterable

import numpy as np

NEWEST_NS, OLDEST_NS = 200_000_000, 800_000_000


def credit(ticks_ns: np.ndarray, presses: Iterable[tuple[int, float]]) -> np.ndarray:
    """
    Return what each step earned, (T,) float32.

    :param ticks_ns: (T,) when the steps began, increasing.
    :param presses: stamp [ns] and value of each reward; one that came too soon after the start
        for any step to be meant counts for nothing.
    """
    earned = np.zeros(len(ticks_ns), dtype=np.float32)
    for stamp_ns, value in presses:
        meant = (ticks_ns >= stamp_ns - OLDEST_NS) & (ticks_ns <= stamp_ns - NEWEST_NS)
        if meant.any():
            earned[meant] += value / meant.sum()
    return earned
