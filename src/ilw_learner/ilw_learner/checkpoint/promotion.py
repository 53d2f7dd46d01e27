"""May a policy replace the deployed one? Only with numbers that say it is not worse. No torch."""

from dataclasses import dataclass

from ilw_core.scores.paired import PairCounts, pairs_to_clear, tango
from ilw_core.scores.statistics import wilson
from ilw_core.text.digits import percents_apart

MARGIN = 0.05
"""A loss of five successes in a hundred is the most that a better test elsewhere could outweigh"""
FLOOR = 0.8
"""A first policy that fails more than one time in five is not worth a person's watch"""


@dataclass(frozen=True)
class FloorEvidence:
    """What a policy showed by itself; ``--json`` and the history keep it under these names."""

    success: int
    """Successful ones of ``n``"""
    n: int
    wilson95: tuple[float, float]
    """95 % interval of the success ratio, (low, high)"""
    floor: float
    """What its lower end had to reach"""


@dataclass(frozen=True)
class PairEvidence:
    """What pairs showed beside the deployed one; kept as ``FloorEvidence`` is."""

    pairs: int
    deployed: int
    """Pairs in which the deployed one succeeded; ``candidate``: the other"""
    candidate: int
    only_deployed: int
    only_candidate: int
    difference: float
    """Success ratio of the candidate minus that of the deployed one"""
    difference95: tuple[float, float]
    """Its 95 % interval, (low, high)"""
    margin: float
    """What its lower end had to be above, negated"""
    pairs_to_clear: int | None
    """Pairs that would show it; ``None``: it is shown, or more would not"""


@dataclass(frozen=True)
class PromotionVerdict:
    """Whether a policy may be deployed, in words and numbers."""

    allowed: bool
    text: str
    evidence: FloorEvidence | PairEvidence


def judge_first(successes: int, n: int, floor: float = FLOOR) -> PromotionVerdict:
    """
    Judge a policy with nothing to compare with.

    The lower end of the 95 % interval must reach the floor, so few trials are not enough.
    """
    low, high = wilson(successes, n)
    evidence = FloorEvidence(successes, n, (round(low, 4), round(high, 4)), floor)
    lowest, least = (text.removeprefix('+') for text in percents_apart(low, floor))
    text = (f'success {successes}/{n}, 95 %: {lowest} to {high:.1%}; the lower end must be at '
            f'least {least}')
    return PromotionVerdict(low >= floor, text, evidence)


def judge_against(counts: PairCounts, margin: float = MARGIN) -> PromotionVerdict:
    """
    Judge a policy (second) beside the deployed one (first): a test of non-inferiority.

    The lower end of the two-sided 95 % interval of the difference must be above ``-margin``: a
    one-sided test at 2.5 %, the level customary for it (ICH E9, 1998, section 3.3.2).
    """
    low, high = tango(counts.only_second, counts.only_first, counts.n)
    allowed = low > -margin
    needed = None if allowed else pairs_to_clear(counts, margin)
    evidence = PairEvidence(
        pairs=counts.n, deployed=counts.both + counts.only_first,
        candidate=counts.both + counts.only_second, only_deployed=counts.only_first,
        only_candidate=counts.only_second, difference=round(counts.difference, 4),
        difference95=(round(low, 4), round(high, 4)), margin=margin, pairs_to_clear=needed)
    lowest, least = percents_apart(low, -margin)
    text = (f'success {evidence.candidate}/{counts.n}, deployed {evidence.deployed}/{counts.n}; '
            f'difference {counts.difference:+.1%}, 95 %: {lowest} to {high:+.1%}; the lower end '
            f'must be above {least}')
    if not allowed:
        text += ('. More episodes will not change that' if needed is None else
                 f'. At these ratios {needed} episodes would show it')
    return PromotionVerdict(allowed, text, evidence)
