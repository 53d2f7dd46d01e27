"""The action ``record/episode``: one goal is one episode, from its start to its end."""

from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.node import Node

from ilw_msgs.action import RecordEpisode
from ilw_msgs.msg import EpisodeStatus
from ilw_teleop.recorder import Ending, Refusal, Wish


class RecordAction:
    """
    Keeps the goal that waits for the end of an episode.

    :param start: begins an episode; returns (refusal, why, id).
    :param discard: throws the current one away.
    """

    def __init__(self, node: Node, start: Any, discard: Any) -> None:
        self._start, self._discard = start, discard
        self._goal: Any = None
        self._episode = ''
        self._result = RecordEpisode.Result()
        self._server = ActionServer(
            node, RecordEpisode, 'record/episode', self._on_execute,
            handle_accepted_callback=self._on_accepted, cancel_callback=self._on_cancel)

    def finish(self, ending: Ending) -> None:
        """Answer the goal whose episode has ended."""
        if self._goal is None or ending.episode != self._episode:
            return
        self._result = RecordEpisode.Result(
            outcome=int(ending.outcome), stop_reason=ending.stop_reason, path=ending.path,
            error_msg=ending.error, error_code=Refusal.DISK if ending.error else Refusal.NONE)
        # Only now: a coroutine that waited all along would keep the executor spinning.
        self._goal.execute()

    def report(self, status: EpisodeStatus) -> None:
        """Send feedback to the goal in progress."""
        if self._goal is not None:
            self._goal.publish_feedback(RecordEpisode.Feedback(status=status))

    def destroy(self) -> None:
        """Leave the graph."""
        self._server.destroy()

    def _on_accepted(self, goal: Any) -> None:
        asked = goal.request
        refusal, why, episode = self._start(Wish(
            asked.task, asked.operator_name, asked.notes, asked.episode, asked.timeout_s))
        if refusal:
            self._result = RecordEpisode.Result(error_code=int(refusal), error_msg=why)
            goal.execute()
            return
        self._goal, self._episode = goal, episode

    def _on_cancel(self, goal: Any) -> CancelResponse:
        self._discard()
        return CancelResponse.ACCEPT

    def _on_execute(self, goal: Any) -> RecordEpisode.Result:
        if goal is self._goal:
            self._goal = None
        if goal.is_cancel_requested:
            goal.canceled()
        elif self._result.path:
            goal.succeed()
        else:
            goal.abort()
        return self._result
