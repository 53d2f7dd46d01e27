"""What the policy node can be asked: load a checkpoint; drive until the episode ends."""

from collections.abc import Callable
import math
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode
from rclpy.task import Future

from ilw_learner.nodes.loads import LOAD_CODES, RUN_CODES, Loads
from ilw_learner.nodes.policy_reports import PolicyReports
from ilw_learner.nodes.run_end import RunEnd
from ilw_learner.nodes.stand_down import StandDown
from ilw_learner.runtime.time_limit import TimeLimit
from ilw_msgs.action import RunPolicy
from ilw_msgs.msg import EpisodeEvent, PolicyStatus
from ilw_msgs.srv import LoadPolicy
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT

_LOOK_S = 0.02
"""Between two looks whether a run's time is over"""


class PolicyServices:
    """
    Serves policy/load and policy/run on a node.

    :param loads: what loads the checkpoints that requests name.
    :param restart: called with stamp [ns] and id of an episode that begins.
    :param active: whether the node acts.
    """

    def __init__(self, node: LifecycleNode, reports: PolicyReports, loads: Loads,
                 restart: Callable[[int, str], None], active: Callable[[], bool]) -> None:
        self._node, self._reports = node, reports
        self._loads, self._restart, self._active = loads, restart, active
        self._end: Future | None = None
        self._goal: Any = None
        self._limit = TimeLimit(math.inf, 0, 0)
        self._steps = 0
        apart = ReentrantCallbackGroup()  # what waits here must not hold up the ticks
        self.stand_down = StandDown(node, reports.hush, reports.resume, apart)
        self._timer = node.create_timer(_LOOK_S, self._on_look, apart, autostart=False,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))
        node.create_service(LoadPolicy, 'policy/load', self._on_load, callback_group=apart)
        node.create_subscription(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        self._server = ActionServer(
            node, RunPolicy, 'policy/run', self._run, callback_group=apart,
            goal_callback=self._on_goal, handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel)

    async def _on_load(self, request: Any, response: LoadPolicy.Response) -> LoadPolicy.Response:
        try:
            response.checkpoint_hash = await self._loads.load(request.checkpoint, request.seed)
            self.stand_down.release()
        except Exception as error:  # whatever was in a file: the policy that drives drives on
            response.error_code, response.error_msg = self._loads.answer(
                error, request.checkpoint, LOAD_CODES, response.ERROR_FAILED)
        return response

    def on_status(self, status: PolicyStatus) -> None:
        """Pass a status on as feedback; called by the thread that thinks."""
        goal = self._goal  # the run may end meanwhile
        if goal is not None and goal.is_active:
            self._steps += status.acting
            goal.publish_feedback(RunPolicy.Feedback(status=status))

    def interrupt(self) -> None:
        """Take note that the node does not act any more; a run ends with that."""
        self._reports.fall_silent('not active')
        self._halt('inactive', 'the policy node is not active any more',
                   RunPolicy.Result.ERROR_INACTIVE)

    def stop(self, why: str) -> None:
        """Fall silent and have the arbiter disarmed; a run ends with that."""
        if self._end is None or self._end.done():
            self.stand_down.begin(why)
        self._halt('operator', why)

    def _halt(self, reason: str, why: str, error_code: int = RunPolicy.Result.ERROR_NONE) -> None:
        """End a run before its episode: silence now, and the arbiter is disarmed."""
        if self._end is not None and not self._end.done():
            self._end.set_result(RunEnd(reason, error_code=error_code,
                                         error_msg=why if error_code else '',
                                         settled=self.stand_down.begin(why)))

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.kind == EpisodeEvent.KIND_RESET:
            self._restart(stamp_ns(event.header.stamp), event.episode)
        if event.kind == EpisodeEvent.KIND_STOP and self._end and not self._end.done():
            self._end.set_result(RunEnd(event.stop_reason, event.outcome))

    def _on_goal(self, request: Any) -> GoalResponse:
        """One at a time: two would wait for the same end and load over each other."""
        return GoalResponse.ACCEPT if self._end is None else GoalResponse.REJECT

    def _on_accepted(self, goal: Any) -> None:
        self._timer.cancel()  # of the run before, and so is its limit
        self._limit = TimeLimit(math.inf, 0, 0)
        self._end = Future()  # from here on it can be cancelled, also while it loads
        goal.execute()

    def _on_cancel(self, goal: Any) -> CancelResponse:
        self._halt('operator', 'the run was cancelled')
        return CancelResponse.ACCEPT

    def _on_look(self) -> None:
        if self._end is None:
            self._timer.cancel()
        elif self._limit.expired(self._node.get_clock().now().nanoseconds, time.monotonic_ns()):
            self._halt('timeout', 'the time of the run is over')

    async def _run(self, goal: Any) -> RunPolicy.Result:
        self._goal, self._steps = goal, 0
        try:
            end = await self._begin(goal.request) or await self._end
            disarmed = end.settled is None or await end.settled
        finally:
            self._goal = self._end = None  # nothing of ROS here: the node may be gone
        return end.conclude(goal, self._steps, disarmed=disarmed)

    async def _begin(self, request: RunPolicy.Goal) -> RunEnd | None:
        """Begin to drive; returns why not."""
        codes, ended = RunPolicy.Result, self._end
        if not self._active():
            return RunEnd('', error_code=codes.ERROR_INACTIVE, error_msg=(
                'The policy node is not active. Activate it first.'))
        if not request.timeout_s >= 0.0:
            return RunEnd('', error_code=codes.ERROR_REQUEST, error_msg=(
                f'timeout_s must be 0 (none) or more seconds. Got {request.timeout_s}.'))
        try:
            if request.checkpoint:
                await self._loads.load(request.checkpoint, 0, lambda: not ended.done())
        except Exception as error:  # as at policy/load
            code, line = self._loads.answer(error, request.checkpoint, RUN_CODES,
                                            codes.ERROR_FAILED)
            return RunEnd('', error_code=code, error_msg=line)
        if ended.done():  # cancelled while it loaded
            return None
        self.stand_down.release()
        self._limit = TimeLimit(
            request.timeout_s or math.inf, self._node.get_clock().now().nanoseconds,
            time.monotonic_ns())
        self._timer.reset()
        return None
