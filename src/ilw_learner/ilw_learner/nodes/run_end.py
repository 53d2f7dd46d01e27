"""How a run of a policy ended, and what its client is told."""

from dataclasses import dataclass
from typing import Any

from rclpy.task import Future

from ilw_msgs.action import RunPolicy
from ilw_msgs.msg import EpisodeEvent


@dataclass(frozen=True)
class RunEnd:
    """How a run ended."""

    reason: str
    outcome: int = EpisodeEvent.OUTCOME_UNKNOWN
    error_code: int = RunPolicy.Result.ERROR_NONE
    error_msg: str = ''
    settled: Future | None = None
    """As ``StandDown.begin``; ``None`` where the arbiter stays as it is: the episode ended"""

    def conclude(self, goal: Any, steps: int, *, disarmed: bool) -> RunPolicy.Result:
        """Give the goal its final state and return its result."""
        if self.error_code:
            goal.abort()
        elif goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.succeed()
        silent = '' if disarmed else 'arbiter/disarm does not answer: the policy stays silent.'
        return RunPolicy.Result(
            outcome=self.outcome, stop_reason=self.reason, steps=steps,
            error_code=self.error_code,
            error_msg=' '.join(text for text in (self.error_msg, silent) if text))
