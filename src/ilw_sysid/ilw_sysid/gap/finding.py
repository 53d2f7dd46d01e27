"""One difference between two bags, and what to do next."""

from dataclasses import dataclass


@dataclass(frozen=True)
class GapFinding:
    """A difference that may matter to a policy."""

    level: str
    """``bad``: a policy would see or do something else; ``warn``: look at it; ``ok``: it agrees"""
    topic: str
    what: str
    """With figures of both bags"""
    next_step: str
    """Empty when nothing is to be done"""
