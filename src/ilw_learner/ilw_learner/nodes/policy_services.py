"""What the policy node can be asked: load a checkpoint; drive until the episode ends."""

from collections.abc import Awaitable, Callable
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from ilw_core.errors import CheckpointError, ContractError, IlwError
from ilw_msgs.action import RunPolicy
from ilw_msgs.msg import EpisodeEvent, PolicyStatus
from ilw_msgs.srv import LoadPolicy
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT

_ERROR_CODES = {ContractError: LoadPolicy.Response.ERROR_CONTRACT,
                CheckpointError: LoadPolicy.Response.ERROR_INVALID}


class PolicyServices:
    """
    Serves policy/load and policy/run on a node.

    :param load: loads a checkpoint and returns its hash, or raises IlwError.
    :param restart: called with stamp [ns] and id of an episode that begins.
    :param active: whether the node acts.
    """

    def __init__(self, node: LifecycleNode, load: Callable[[str, int], Awaitable[str]],
                 restart: Callable[[int, str], None], active: Callable[[], bool]) -> None:
        self._node, self._load, self._restart, self._active = node, load, restart, active
        self._end: Future | None = None
        self._goal: Any = None
        self._steps = 0
        apart = ReentrantCallbackGroup()  # what waits here must not hold up the ticks
        node.create_service(LoadPolicy, 'policy/load', self._on_load, callback_group=apart)
        node.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self._server = ActionServer(
            node, RunPolicy, 'policy/run', self._run, callback_group=apart,
            goal_callback=self._on_goal, cancel_callback=self._on_cancel)

    async def _on_load(self, request: Any, response: LoadPolicy.Response) -> LoadPolicy.Response:
        try:
            response.checkpoint_hash = await self._load(request.checkpoint, request.seed)
        except IlwError as error:
            response.error_msg = str(error)
            response.error_code = _ERROR_CODES.get(type(error), response.ERROR_NOT_FOUND)
        return response

    def on_status(self, status: PolicyStatus) -> None:
        """Pass a status on as feedback."""
        if self._goal is not None and self._goal.is_active:
            self._steps += status.acting
            self._goal.publish_feedback(RunPolicy.Feedback(status=status))

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.kind == EpisodeEvent.KIND_RESET:
            self._restart(stamp_ns(event.header.stamp), event.episode)
        if event.kind == EpisodeEvent.KIND_STOP and self._end and not self._end.done():
            self._end.set_result((event.outcome, event.stop_reason))

    def _on_goal(self, request: Any) -> GoalResponse:
        """One at a time: two would wait for the same end and load over each other."""
        busy = self._goal is not None and self._goal.is_active
        return GoalResponse.REJECT if busy else GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._end and not self._end.done():
            self._end.set_result((EpisodeEvent.OUTCOME_UNKNOWN, 'operator'))
        return CancelResponse.ACCEPT

    async def _run(self, goal: Any) -> RunPolicy.Result:
        request = goal.request
        if not self._active():
            goal.abort()
            return RunPolicy.Result(error_code=RunPolicy.Result.ERROR_INACTIVE,
                                    error_msg='The policy node is not active. Activate it first.')
        try:
            if request.checkpoint:
                await self._load(request.checkpoint, 0)
        except IlwError as error:
            goal.abort()
            code = (RunPolicy.Result.ERROR_CONTRACT if isinstance(error, ContractError)
                    else RunPolicy.Result.ERROR_NO_POLICY)
            return RunPolicy.Result(error_code=code, error_msg=str(error))
        self._goal, self._steps, self._end = goal, 0, Future()
        timer = None
        if request.timeout_s > 0.0:
            timer = self._node.create_timer(request.timeout_s, self._on_timeout)
        outcome, reason = await self._end
        if timer is not None:
            self._node.destroy_timer(timer)
        self._goal = None
        if goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.succeed()
        return RunPolicy.Result(outcome=outcome, stop_reason=reason, steps=self._steps)

    def _on_timeout(self) -> None:
        if self._end and not self._end.done():
            self._end.set_result((EpisodeEvent.OUTCOME_UNKNOWN, 'timeout'))
