"""What the policy node can be asked: load a checkpoint; drive until the episode ends."""

from collections.abc import Awaitable, Callable
import sys
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from ilw_core.answers import answer_of
from ilw_core.errors import BusyError, CheckpointError, ContractError, IlwError, NotAllowedError
from ilw_learner.named_checkpoints import NamedCheckpoints
from ilw_msgs.action import RunPolicy
from ilw_msgs.msg import EpisodeEvent, PolicyStatus
from ilw_msgs.srv import LoadPolicy
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT

_LOAD, _RUN = LoadPolicy.Response, RunPolicy.Result
_LOAD_CODES = {IlwError: _LOAD.ERROR_NOT_FOUND, ContractError: _LOAD.ERROR_CONTRACT,
               CheckpointError: _LOAD.ERROR_INVALID, NotAllowedError: _LOAD.ERROR_NOT_ALLOWED,
               BusyError: _LOAD.ERROR_BUSY}
_RUN_CODES = {IlwError: _RUN.ERROR_NO_POLICY, ContractError: _RUN.ERROR_CONTRACT,
              NotAllowedError: _RUN.ERROR_NOT_ALLOWED, BusyError: _RUN.ERROR_BUSY}


class PolicyServices:
    """
    Serves policy/load and policy/run on a node.

    :param named: what a request may name.
    :param load: loads a checkpoint and returns its hash, or raises.
    :param restart: called with stamp [ns] and id of an episode that begins.
    :param active: whether the node acts.
    """

    def __init__(self, node: LifecycleNode, named: NamedCheckpoints,
                 load: Callable[[str, int], Awaitable[str]],
                 restart: Callable[[int, str], None], active: Callable[[], bool]) -> None:
        self._node, self._named, self._loading = node, named, False
        self._load, self._restart, self._active = load, restart, active
        self._end: Future | None = None
        self._goal: Any = None
        self._taken, self._steps = False, 0
        apart = ReentrantCallbackGroup()  # what waits here must not hold up the ticks
        node.create_service(LoadPolicy, 'policy/load', self._on_load, callback_group=apart)
        node.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self._server = ActionServer(
            node, RunPolicy, 'policy/run', self._run, callback_group=apart,
            goal_callback=self._on_goal, cancel_callback=self._on_cancel)

    async def _on_load(self, request: Any, response: LoadPolicy.Response) -> LoadPolicy.Response:
        try:
            response.checkpoint_hash = await self._swap(request.checkpoint, request.seed)
        except Exception as error:  # whatever was in a file: the policy that drives drives on
            response.error_code, response.error_msg = self._answer(
                error, request.checkpoint, _LOAD_CODES, _LOAD.ERROR_FAILED)
        return response

    async def _swap(self, name: str, seed: int) -> str:
        if self._loading:
            raise BusyError('One checkpoint is loaded at a time. Ask again later.')
        self._loading = True
        try:
            return await self._load(self._named.find(name), seed)
        finally:
            self._loading = False

    def _answer(self, error: Exception, asked: str, codes: Any, other: int) -> tuple[int, str]:
        """Return what a stranger is told; all of it stays in this process's own output."""
        print(f'{self._node.get_name()}: refused a request: {error!s:.2000}', file=sys.stderr)
        return answer_of(type(error), asked, codes, other)

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
        if self._taken:
            return GoalResponse.REJECT
        self._taken = True
        return GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._end and not self._end.done():
            self._end.set_result((EpisodeEvent.OUTCOME_UNKNOWN, 'operator'))
        return CancelResponse.ACCEPT

    async def _run(self, goal: Any) -> RunPolicy.Result:
        try:
            return await self._drive(goal)
        finally:
            self._goal, self._taken = None, False

    async def _drive(self, goal: Any) -> RunPolicy.Result:
        request = goal.request
        if not self._active():
            goal.abort()
            return _RUN(error_code=_RUN.ERROR_INACTIVE,
                        error_msg='The policy node is not active. Activate it first.')
        try:
            if request.checkpoint:
                await self._swap(request.checkpoint, 0)
        except Exception as error:  # as at policy/load
            goal.abort()
            code, line = self._answer(error, request.checkpoint, _RUN_CODES, _RUN.ERROR_FAILED)
            return _RUN(error_code=code, error_msg=line)
        if goal.is_cancel_requested:  # while it was loaded
            goal.canceled()
            return _RUN(stop_reason='operator')
        self._goal, self._steps, self._end = goal, 0, Future()
        timer = None
        if request.timeout_s > 0.0:
            timer = self._node.create_timer(request.timeout_s, self._on_timeout)
        outcome, reason = await self._end
        if timer is not None:
            self._node.destroy_timer(timer)
        if goal.is_cancel_requested:
            goal.canceled()
        else:
            goal.succeed()
        return _RUN(outcome=outcome, stop_reason=reason, steps=self._steps)

    def _on_timeout(self) -> None:
        if self._end and not self._end.done():
            self._end.set_result((EpisodeEvent.OUTCOME_UNKNOWN, 'timeout'))
