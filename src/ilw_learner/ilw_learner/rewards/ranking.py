"""Does a reward rank good driving above worse? Pairs of episodes, with an interval."""

from dataclasses import dataclass, replace

import numpy as np

_DRAWS = 2000


@dataclass(frozen=True)
class RankingReport:
    """How often the better of two episodes earned more."""

    above: int
    """Pairs in which it did; one that earned the same counts half"""
    pairs: int
    ratio: float
    low: float
    """Of the 95 % interval of the ratio"""
    high: float
    good_return: float
    """Mean of the better episodes"""
    worse_return: float
    """Mean of the worse ones"""

    def times(self, factor: float) -> 'RankingReport':
        """Return it in another measure of reward, whose factor is above 0."""
        return replace(self, good_return=factor * self.good_return,
                       worse_return=factor * self.worse_return)

    @property
    def text(self) -> str:
        """Return it as a line."""
        return (f'{self.ratio:.1%} of {self.pairs} pairs (95 %: {self.low:.0%} to {self.high:.0%})'
                f', mean return {self.good_return:.3g} against {self.worse_return:.3g}')


def rank_all(good: np.ndarray, worse: np.ndarray, rng: np.random.Generator) -> RankingReport:
    """
    Compare every good episode with every worse one (Mann and Whitney 1947).

    The interval is the percentile bootstrap over episodes of both kinds (Efron 1979): pairs that
    share an episode are not independent.

    :param good: (N,) returns; ``worse``: (M,).
    :raises ValueError: there is none of a kind.
    """
    if not len(good) or not len(worse):
        raise ValueError('there must be episodes of both kinds')
    wins = _wins(good[:, None], worse)
    rows = rng.integers(len(good), size=(_DRAWS, len(good)))
    columns = rng.integers(len(worse), size=(_DRAWS, len(worse)))
    drawn = [wins[np.ix_(row, column)].mean() for row, column in zip(rows, columns, strict=True)]
    return _report(wins, np.array(drawn), good, worse)


def rank_pairs(good: np.ndarray, worse: np.ndarray, rng: np.random.Generator) -> RankingReport:
    """
    Compare each good episode with the worse one from the same start, bootstrapping the pairs.

    :param good: (N,) returns; ``worse``: (N,).
    """
    if not len(good) or len(good) != len(worse):
        raise ValueError(f'there must be as many of both kinds. Got {len(good)}, {len(worse)}')
    wins = _wins(good, worse)
    drawn = wins[rng.integers(len(wins), size=(_DRAWS, len(wins)))].mean(axis=1)
    return _report(wins, drawn, good, worse)


def _wins(good: np.ndarray, worse: np.ndarray) -> np.ndarray:
    won: np.ndarray = (good > worse) + 0.5 * (good == worse)
    return won


def _report(wins: np.ndarray, drawn: np.ndarray, good: np.ndarray,
            worse: np.ndarray) -> RankingReport:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return RankingReport(round(float(wins.sum())), wins.size, float(wins.mean()), float(low),
                         float(high), float(good.mean()), float(worse.mean()))
