"""What one round of corrections brought: attempts, a new policy, how it compares."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ilw_core.scores.statistics import wilson
from ilw_learner.correction.attempt import CorrectedAttempt


@dataclass(frozen=True)
class Taught:
    """What some minutes of a person's driving taught, against the policy before."""

    checkpoint: str
    minutes: float
    """A person drove"""
    episodes: int
    before: int
    """Successes of the policy before, of ``n`` starts"""
    after: int
    """Successes of the new one from the same starts"""
    n: int

    @property
    def points(self) -> float:
        """Percentage points of success gained."""
        return 100.0 * (self.after - self.before) / self.n if self.n else 0.0

    @property
    def points_per_minute(self) -> float | None:
        """Points gained by each minute of a person; ``None`` without any."""
        return self.points / self.minutes if self.minutes else None


@dataclass(frozen=True)
class RoundRecord:
    """One finished round."""

    number: int
    """From 1"""
    task: str
    labels: str
    """Which steps were labels: one of ``weights.LABELS``"""
    begun_with: str
    """Checkpoint that drove, and that the training began with"""
    standing: str
    """Checkpoint promoted before, or the first: what the new one is compared with"""
    attempts: tuple[CorrectedAttempt, ...]
    corrections: Taught
    fresh: Taught | None
    """As many minutes of demonstrations in place of the corrections; ``None``: not tried"""
    promoted: bool
    worse: bool
    """Whether the new one is shown to be worse"""
    verdict: str
    budget: float | None = None
    """Most requests for help by step of the policy; ``None``: it did not ask, a person decided"""

    @property
    def requests(self) -> int:
        """Times that the policy asked for help."""
        return sum(each.novel + each.risky for each in self.attempts)

    @property
    def requests_per_step(self) -> float:
        """Requests by step that the policy drove."""
        steps = sum(each.policy_steps for each in self.attempts)
        return self.requests / steps if steps else 0.0

    @property
    def budget_kept(self) -> bool | None:
        """Tell whether it asked no more often than it may; ``None``: it has no budget."""
        return None if self.budget is None else self.requests_per_step <= self.budget

    @property
    def checkpoint(self) -> str:
        """The best that is shown: the new one if it was promoted."""
        return self.corrections.checkpoint if self.promoted else self.standing

    @property
    def next_driver(self) -> str:
        """
        The policy that the next round drives: the new one unless it is shown to be worse.

        One that few starts cannot show to be as good errs in ways of its own, which only its own
        attempts bring to light: S. Ross et al., "A reduction of imitation learning and structured
        prediction to no-regret online learning" (DAgger), 2011 (arXiv 1011.0686).
        """
        return self.standing if self.worse else self.corrections.checkpoint

    @property
    def success(self) -> int:
        """Attempts that succeeded, with the person's help."""
        return sum(each.success for each in self.attempts)

    @property
    def takeovers_per_attempt(self) -> float:
        """Interventions per episode."""
        return sum(each.takeovers for each in self.attempts) / len(self.attempts)

    @property
    def person_share(self) -> float:
        """Share of steps that the person drove."""
        steps = sum(each.steps for each in self.attempts)
        return sum(each.person_steps for each in self.attempts) / steps if steps else 0.0

    def as_json(self) -> dict[str, Any]:
        """Return everything by name, figures that follow from others beside."""
        taught = self.corrections
        return {
            **asdict(self), 'checkpoint': self.checkpoint, 'next_driver': self.next_driver,
            'success': self.success,
            'n': len(self.attempts),
            'before95': wilson(taught.before, taught.n), 'after95': wilson(taught.after, taught.n),
            'takeovers_per_attempt': round(self.takeovers_per_attempt, 3),
            'person_share': round(self.person_share, 4),
            'requests': self.requests,
            'requests_per_step': round(self.requests_per_step, 6),
            'budget_kept': self.budget_kept,
            'takeover_jump': max(each.takeover_jump for each in self.attempts),
            'hand_back_jump': max(each.hand_back_jump for each in self.attempts),
            'points_per_minute': taught.points_per_minute,
            'fresh_points_per_minute': self.fresh and self.fresh.points_per_minute}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> 'RoundRecord':
        """Return what ``as_json`` gave; :raises KeyError: something is missing."""
        fresh = data['fresh']
        attempts = tuple(
            CorrectedAttempt(**{**each, 'places': tuple(map(tuple, each['places']))})
            for each in data['attempts'])
        return cls(
            number=data['number'], task=data['task'], labels=data['labels'],
            begun_with=data['begun_with'], standing=data['standing'], attempts=attempts,
            corrections=Taught(**data['corrections']),
            fresh=None if fresh is None else Taught(**fresh), promoted=data['promoted'],
            worse=data['worse'], verdict=data['verdict'], budget=data.get('budget'))
