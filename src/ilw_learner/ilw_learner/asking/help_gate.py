"""
When a policy asks a person for help, and when it may go on.

R. Hoque et al., "ThriftyDAgger: Budget-aware novelty and risk gating for interactive imitation
learning", 2021 (arXiv 2109.08273), section IV: it asks where novelty or risk is above a threshold,
each a quantile of what the robot has met so far, taken anew as it goes; it goes on where what it
would do is what the person does, and the risk is below its median.

Differences from the paper: each threshold leaves half of the budget above it, so that both
together keep to it (there each leaves all of it); the policy goes on only where it would not ask
at once, and after ``_AGREED_S`` of that, not at the first moment.
"""

from collections import deque
from collections.abc import Iterable
import math

import numpy as np

NOVEL, RISKY = 'novel', 'risky'
CAUSES = (NOVEL, RISKY)
ASKS = 'the policy asks for help: '
"""What it says begins so, and ends with one of ``CAUSES``"""
_KEPT = 10_000
"""Steps that the thresholds follow from, the newest: eight minutes of 20 a second"""
_EVERY = 25
"""Steps after which they are taken anew"""
_AGREED_S = 0.5
"""Over so long the policy would have done as the person does, before it goes on"""
_GRACE_S = 2.0
"""Whoever lets go sooner judged that it can go on: it does not ask again so long"""


def asked(reason: str) -> str:
    """Return why a policy asks that gives this reason for not driving; empty: it does not ask."""
    cause = reason.removeprefix(ASKS)
    return cause if reason.startswith(ASKS) and cause in CAUSES else ''


class HelpGate:
    """
    Decides, step by step, whether a policy asks.

    :param novelty: (N,) of steps that it drove before; ``risk``: (M,) likewise. Both finite.
    :param budget: at most this share of the steps that the policy drives begins a request.
    :param agrees: the policy does as the person up to this discrepancy.
    """

    def __init__(self, novelty: Iterable[float], risk: Iterable[float], *, budget: float,
                 agrees: float, rate_hz: float) -> None:
        if not 0.0 < budget < 1.0:
            raise ValueError(f'The budget must be above 0 and below 1. Got {budget}.')
        self.budget, self._agrees = budget, agrees
        self._novelty = deque(map(float, novelty), maxlen=_KEPT)
        self._risk = deque(map(float, risk), maxlen=_KEPT)
        if not self._novelty or not self._risk:
            raise ValueError('The thresholds must follow from some steps. Got none.')
        self._grace, self._span = round(_GRACE_S * rate_hz), max(1, round(_AGREED_S * rate_hz))
        self.steps = 0
        """That the policy drove"""
        self.requests = dict.fromkeys(CAUSES, 0)
        self._estimate()
        self.begin()

    def begin(self) -> None:
        """A new episode begins: the policy drives."""
        self._cause, self._person, self._grace_left = '', False, 0
        self._off = deque[float](maxlen=self._span)

    @property
    def thresholds(self) -> tuple[float, float]:
        """Above which novelty, and which risk, it asks."""
        return self._asks_novelty, self._asks_risk

    @property
    def goes_on_risk(self) -> float:
        """Up to which risk it goes on."""
        return self._goes_on_risk

    def step(self, novelty: float, risk: float, *, person: bool, discrepancy: float) -> str:
        """
        Take in a step; returns why the policy asks, one of ``CAUSES``; empty: it does not.

        What is not finite is new to it.

        :param person: a person drives.
        :param discrepancy: what the policy would do from what the person does; counts with one.
        """
        cause = self._above(novelty, risk)
        if person:
            return self._beside(cause, risk, discrepancy)
        if self._person:
            self._person, self._cause, self._grace_left = False, '', self._grace
        if self._cause:
            return self._cause
        self._meet(novelty, risk)
        self._grace_left = max(0, self._grace_left - 1) if cause else 0
        if cause and not self._grace_left:
            self._cause = cause
            self.requests[cause] += 1
            self._off.clear()
        return self._cause

    def _beside(self, cause: str, risk: float, discrepancy: float) -> str:
        """A person drives: tell whether the policy still asks."""
        self._person = True
        self._off.append(discrepancy)
        mean = sum(self._off) / len(self._off)
        if (len(self._off) == self._span and mean <= self._agrees and not cause
                and risk <= self._goes_on_risk):
            self._cause = ''
        return self._cause

    def _above(self, novelty: float, risk: float) -> str:
        if not math.isfinite(novelty) or novelty > self._asks_novelty:
            return NOVEL
        return RISKY if not math.isfinite(risk) or risk > self._asks_risk else ''

    def _meet(self, novelty: float, risk: float) -> None:
        self.steps += 1
        if math.isfinite(novelty) and math.isfinite(risk):
            self._novelty.append(novelty)
            self._risk.append(risk)
        if self.steps % _EVERY == 0:
            self._estimate()

    def _estimate(self) -> None:
        each = 1.0 - 0.5 * self.budget
        self._asks_novelty = float(np.quantile(self._novelty, each, method='higher'))
        self._asks_risk = float(np.quantile(self._risk, each, method='higher'))
        self._goes_on_risk = float(np.median(self._risk))
