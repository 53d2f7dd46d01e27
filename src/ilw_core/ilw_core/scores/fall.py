"""
Has success fallen? Looks after every episode, and counts the looks in.

A cumulative sum of log likelihood ratios (E. S. Page, 1954, Biometrika 41:100; of successes and
failures: M. R. Reynolds and Z. G. Stoumbos, 1999, J. Quality Technology 31:87). Each episode is
evidence for "it fell by 30 points" against "it is as before"; what speaks for "as before" beyond
all doubt is forgotten, so that what is judged are the last episodes, as many as it takes. A test
of a window, repeated after each episode, would find a fall sooner or later where there is none.

Differences from the papers: the ratio before is not known but counted, so that it is taken from
the lower side of what was counted; ``test_fall.py`` holds both kinds of error to their bounds.
"""

import math

from ilw_core.scores.statistics import Tried, wilson

FALL = 0.3
"""The fall of success that is looked for"""
LIMIT = 4.0
"""Evidence for a fall: 55 to 1. About one false finding in a thousand episodes"""
_CAUTION_Z = 0.5
"""So many standard errors below the ratio that was counted before"""
_HIGHEST, _LEAST_LEFT = 0.95, 0.05
"""Held to more than this, one failure would weigh as much as ten; likewise at the other end"""


class FallWatch:
    """
    Evidence that success is lower than it was.

    :param before: what it is held to.
    """

    def __init__(self, before: Tried) -> None:
        low, _ = wilson(*before, z=_CAUTION_Z)
        self.reference = min(max(low, FALL + _LEAST_LEFT), _HIGHEST)
        """The success ratio that it is held to"""
        self.evidence = 0.0
        """ln of how much likelier a fall makes the last episodes; 0 or more"""
        self.last = Tried(0, 0)
        """The last episodes, since when there is evidence"""

    @property
    def fallen(self) -> bool:
        """Whether that is enough."""
        return self.evidence >= LIMIT

    def add(self, *, success: bool) -> None:
        """Take in an episode."""
        before, after = self.reference, self.reference - FALL
        ratio = after / before if success else (1.0 - after) / (1.0 - before)
        self.evidence = max(0.0, self.evidence + math.log(ratio))
        self.last = Tried(self.last.success + success, self.last.n + 1
                          ) if self.evidence else Tried(0, 0)
