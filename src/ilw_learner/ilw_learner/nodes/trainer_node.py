"""Train when asked over ROS; the training itself runs in a process of its own."""

from dataclasses import dataclass
import math
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from ilw_learner.child import ChildEnd, TrainingChild
from ilw_msgs.action import Train
from ilw_ros.params import load, param
from ilw_ros.run import run_node

_ERROR_CODES = {'EpisodeError': Train.Result.ERROR_DATA,
                'ContractError': Train.Result.ERROR_CONFIG,
                'IlwError': Train.Result.ERROR_CONFIG}


@dataclass(frozen=True)
class TrainerParams:
    """The parameters of the trainer node."""

    contract: str = param('clutter', 'Contract when a goal names none.')
    runs: str = param('runs', 'Folder that receives a folder per training run.')
    env: str = param('ilw_sim.env:make_env', 'Environment to choose checkpoints in, or none.')


class TrainerNode(Node):
    """Serves the action ``train``; one goal at a time."""

    def __init__(self) -> None:
        super().__init__('trainer')
        self._params = load(self, TrainerParams)
        self._child: TrainingChild | None = None
        self._result: Future | None = None
        self._server = ActionServer(
            self, Train, 'train', self._train, goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted, cancel_callback=self._on_cancel)
        # The awaited result is looked at whenever the node wakes; this bounds how late.
        self.create_timer(0.2, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _on_goal(self, request: Train.Goal) -> GoalResponse:
        return GoalResponse.REJECT if self._child else GoalResponse.ACCEPT

    def _on_accepted(self, goal: Any) -> None:
        request = goal.request
        options = ['--task', request.contract or self._params.contract,
                   '--demos', request.demonstrations, '--seed', str(request.seed),
                   '--env', self._params.env,
                   '--out', f'{self._params.runs}/{time.strftime("%Y%m%d-%H%M%S")}-train']
        if request.config:
            options += ['--config', request.config]
        self._result = Future()
        self._child = TrainingChild(options, lambda now: _feedback(goal, now),
                                    self._result.set_result)
        goal.execute()

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._child:
            self._child.stop()
        return CancelResponse.ACCEPT

    async def _train(self, goal: Any) -> Train.Result:
        assert self._result is not None
        end = await self._result
        self._child = None
        return _finish(goal, end)

    def destroy_node(self) -> None:
        """End a training that is still running."""
        if self._child:
            self._child.kill()
        super().destroy_node()


def _feedback(goal: Any, progress: dict[str, Any]) -> None:
    if goal.is_active:
        ratio = progress['success_ratio']
        goal.publish_feedback(Train.Feedback(
            update=progress['update'], updates=progress['updates'], loss=progress['loss'],
            success_ratio=math.nan if ratio is None else ratio))


def _finish(goal: Any, end: ChildEnd) -> Train.Result:
    if goal.is_cancel_requested:
        goal.canceled()
        return Train.Result(error_code=Train.Result.ERROR_CANCELLED, success_ratio=math.nan)
    if not end.summary:
        goal.abort()
        return Train.Result(
            error_code=_ERROR_CODES.get(end.error, Train.Result.ERROR_FAILED),
            error_msg=end.words, success_ratio=math.nan)
    goal.succeed()
    summary = end.summary
    ratio = (math.nan if summary['success'] is None
             else summary['success'] / summary['episodes_eval'])
    return Train.Result(checkpoint=summary['checkpoint'], success_ratio=ratio)


def main() -> int:
    """Run the node."""
    return run_node(TrainerNode)
