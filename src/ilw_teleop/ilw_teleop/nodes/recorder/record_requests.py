"""Ways to ask for an episode: the services ``record/*`` and the action ``record/episode``."""

from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.task import Future

from ilw_msgs.action import RecordEpisode
from ilw_msgs.msg import EpisodeStatus
from ilw_msgs.srv import DiscardEpisode, StartEpisode, StopEpisode
from ilw_teleop.recording.words import EpisodeEnding, Refusal, Wish

_LONGEST_S = 1e6


class RecordRequests:
    """
    Answers now what can be answered now, and the rest when the episode has ended.

    :param start: begins an episode; returns (refusal, why, id).
    :param stop: ends it with (outcome, stop reason, keep); returns whether there was one.
    """

    def __init__(self, node: Node, start: Any, stop: Any) -> None:
        self._start, self._stop = start, stop
        self._goal: Any = None
        self._episode = ''
        self._results: dict[bytes, RecordEpisode.Result] = {}
        self._waiting: list[Future] = []
        node.create_service(StartEpisode, 'record/start', self._on_start)
        # It waits while the node's timers go on, so it needs a group that lets both run.
        node.create_service(StopEpisode, 'record/stop', self._on_stop,
                            callback_group=ReentrantCallbackGroup())
        node.create_service(DiscardEpisode, 'record/discard', self._on_discard)
        self._server = ActionServer(
            node, RecordEpisode, 'record/episode', self._on_execute,
            handle_accepted_callback=self._on_accepted, cancel_callback=self._on_cancel)

    def finish(self, ending: EpisodeEnding) -> None:
        """Answer all that waited for the end of an episode."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            future.set_result(ending)
        if self._goal is None or ending.episode != self._episode:
            return
        goal, self._goal = self._goal, None  # the next may be accepted before this one executes
        # Only now: a coroutine that waited all along would keep the executor spinning.
        self._answer(goal, RecordEpisode.Result(
            outcome=int(ending.outcome), stop_reason=ending.stop_reason, path=ending.path,
            error_msg=ending.error, error_code=Refusal.DISK if ending.error else Refusal.NONE))

    def report(self, status: EpisodeStatus) -> None:
        """Send feedback to the goal in progress."""
        if self._goal is not None:
            self._goal.publish_feedback(RecordEpisode.Feedback(status=status))

    def _on_start(self, asked: Any, answer: StartEpisode.Response) -> StartEpisode.Response:
        code, answer.error_msg, answer.episode = self._start(
            Wish(asked.task, asked.operator_name, asked.notes, asked.episode))
        answer.error_code = int(code)
        return answer

    async def _on_stop(self, asked: Any, answer: StopEpisode.Response) -> StopEpisode.Response:
        if not self._stop(asked.outcome, asked.stop_reason, True):
            answer.error_code = StopEpisode.Response.ERROR_NOT_RECORDING
            answer.error_msg = 'Nothing is being recorded.'
            return answer
        self._waiting.append(Future())
        ending = await self._waiting[-1]
        answer.path, answer.error_msg = ending.path, ending.error
        answer.error_code = StopEpisode.Response.ERROR_DISK if ending.error else 0
        return answer

    def _on_discard(self, asked: Any, answer: DiscardEpisode.Response) -> DiscardEpisode.Response:
        if not self._stop(0, 'operator', False):
            answer.error_code = DiscardEpisode.Response.ERROR_NOT_RECORDING
            answer.error_msg = 'Nothing is being recorded.'
        return answer

    def _on_accepted(self, goal: Any) -> None:
        asked = goal.request
        # NaN, infinite or beyond any episode: no timeout.
        timeout_s = asked.timeout_s if 0.0 < asked.timeout_s <= _LONGEST_S else 0.0
        refusal, why, episode = self._start(Wish(
            asked.task, asked.operator_name, asked.notes, asked.episode, timeout_s))
        if refusal:
            self._answer(goal, RecordEpisode.Result(error_code=int(refusal), error_msg=why))
            return
        self._goal, self._episode = goal, episode

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._goal is not None and _id(goal) == _id(self._goal):
            self._stop(0, 'operator', False)
        return CancelResponse.ACCEPT

    def _answer(self, goal: Any, result: RecordEpisode.Result) -> None:
        self._results[_id(goal)] = result
        goal.execute()

    def _on_execute(self, goal: Any) -> RecordEpisode.Result:
        result = self._results.pop(_id(goal))
        if goal.is_cancel_requested:
            goal.canceled()
        elif result.path:
            goal.succeed()
        else:
            goal.abort()
        return result


def _id(goal: Any) -> bytes:
    return bytes(goal.goal_id.uuid)
