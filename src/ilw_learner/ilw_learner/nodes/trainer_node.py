"""Train and evaluate when asked over ROS; the work itself runs in a process of its own."""

from collections.abc import Callable
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from ilw_core.errors import IlwError
from ilw_core.text.printable import printable
from ilw_learner.child import Child, ChildEnd
from ilw_learner.nodes import trainer_answers as answers
from ilw_learner.nodes.trainer_params import TrainerParams, TrainerRoots
from ilw_msgs.action import Evaluate, Train
from ilw_ros.console import say
from ilw_ros.params import load
from ilw_ros.run import run_node


class TrainerNode(Node):
    """Serves the actions ``train`` and ``evaluate``; one goal at a time."""

    SAVING_S = 5.0  # the child may need two to end

    def __init__(self) -> None:
        super().__init__('trainer')
        self._params = load(self, TrainerParams)
        self._roots = TrainerRoots(self._params)
        self._child: Child | None = None
        self._working: dict[bytes, tuple[Future, Child | None]] = {}
        self._servers = [
            self._serve(Train, 'train', self._train_options, answers.train_feedback,
                        answers.train_result),
            self._serve(Evaluate, 'evaluate', self._evaluate_options,
                        answers.evaluate_feedback, answers.evaluate_result)]
        # The awaited result is looked at whenever the node wakes; this bounds how late.
        self.create_timer(0.2, lambda: None, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _serve(
        self, kind: Any, name: str, options: Callable[[Any], tuple[str, list[str]]],
        feedback: Callable[[Any, Any], Any], result: Callable[[Any, ChildEnd], Any],
    ) -> ActionServer:
        def accepted(goal: Any) -> None:
            def on_progress(now: Any) -> None:
                if goal.is_active:
                    goal.publish_feedback(feedback(goal.request, now))

            end, child = Future(), None
            try:
                child = Child(*options(goal.request), on_progress, end.set_result)
            except (IlwError, OSError) as error:
                end.set_result(ChildEnd(1, error=type(error).__name__, words=str(error)))
            self._child = child
            self._working[bytes(goal.goal_id.uuid)] = (end, child)
            goal.execute()

        async def execute(goal: Any) -> Any:
            ending, child = self._working.pop(bytes(goal.goal_id.uuid))
            end = await ending
            if self._child is child:
                self._child = None
            if end.words:  # not over the network: it may quote the file that it is about
                say(f'{name}: {printable(end.words)[:2000]}')
            return result(goal, end)

        return ActionServer(self, kind, name, execute, goal_callback=self._on_goal,
                            handle_accepted_callback=accepted, cancel_callback=self._on_cancel)

    def _train_options(self, request: Train.Goal) -> tuple[str, list[str]]:
        roots = self._roots
        task = roots.config('tasks', request.contract) if request.contract else \
            self._params.contract
        options = ['--task', task, '--demos', roots.demonstrations(request.demonstrations),
                   '--seed', str(request.seed), '--env', self._params.env,
                   '--out', f'{self._params.runs}/{time.strftime("%Y%m%d-%H%M%S")}-train']
        if request.config:
            options += ['--config', roots.config('train', request.config)]
        return 'train', options

    def _evaluate_options(self, request: Evaluate.Goal) -> tuple[str, list[str]]:
        # After `--` nothing is an option: the name of a checkpoint cannot choose the code to run.
        return 'eval', ['--task', self._params.contract, '--episodes', str(request.episodes),
                        '--seed', str(request.seed), '--env', self._params.env,
                        '--', self._roots.checkpoint(request.checkpoint)]

    def _on_goal(self, request: Any) -> GoalResponse:
        return GoalResponse.REJECT if self._child else GoalResponse.ACCEPT

    def _on_cancel(self, goal: Any) -> CancelResponse:
        if self._child:
            self._child.stop()
        return CancelResponse.ACCEPT

    def destroy_node(self) -> None:
        """End what is still running."""
        if self._child:
            self._child.kill()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(TrainerNode)
