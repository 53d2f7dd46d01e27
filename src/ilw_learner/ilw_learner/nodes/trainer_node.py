"""Train when asked over ROS; the training itself runs in a process of its own."""

from dataclasses import dataclass
import json
import math
import subprocess
import sys
import threading
import time
from typing import Any

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.node import Node
from rclpy.task import Future

from ilw_msgs.action import Train
from ilw_ros.params import load, param
from ilw_ros.run import run_node

_EXIT_CODES = {1: Train.Result.ERROR_DATA, 2: Train.Result.ERROR_CONFIG}


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
        self._process: subprocess.Popen[str] | None = None
        self._server = ActionServer(
            self, Train, 'train', self._train, goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=lambda goal: CancelResponse.ACCEPT)
        self._result: Future | None = None
        # The awaited result is looked at whenever the node wakes; this bounds how late.
        self.create_timer(0.2, lambda: None)

    def _on_goal(self, goal: Any) -> GoalResponse:
        return GoalResponse.REJECT if self._process else GoalResponse.ACCEPT

    def _on_accepted(self, goal: Any) -> None:
        out = f'{self._params.runs}/{time.strftime("%Y%m%d-%H%M%S")}-train'
        request = goal.request
        command = [sys.executable, '-m', 'ilw_learner.cli', 'train', '--progress-json',
                   '--task', request.contract or self._params.contract,
                   '--demos', request.demonstrations, '--seed', str(request.seed),
                   '--env', self._params.env, '--out', out]
        if request.config:
            command += ['--config', request.config]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True,
                                         stderr=subprocess.PIPE)
        self._result = Future()
        threading.Thread(target=self._follow, args=(goal, self._process, self._result),
                         daemon=True).start()
        goal.execute()

    async def _train(self, goal: Any) -> Train.Result:
        assert self._result is not None
        code, words, summary = await self._result
        self._process = None
        return self._finish(goal, code, words, summary)

    def _follow(self, goal: Any, process: subprocess.Popen[str], result: Future) -> None:
        """Pass progress on until the process ends; in a thread of its own."""
        assert process.stdout is not None and process.stderr is not None
        summary: dict[str, Any] = {}
        for line in process.stdout:
            if goal.is_cancel_requested:
                process.terminate()
                break
            data = json.loads(line)
            if 'progress' in data:
                self._feedback(goal, data['progress'])
            else:
                summary = data
        words = process.stderr.read().strip().splitlines()
        result.set_result((process.wait(), words, summary))

    @staticmethod
    def _finish(goal: Any, code: int, words: list[str], summary: dict[str, Any]) -> Train.Result:
        if goal.is_cancel_requested:
            goal.canceled()
            return Train.Result(error_code=Train.Result.ERROR_CANCELLED,
                                success_ratio=math.nan)
        if code != 0 or not summary:
            goal.abort()
            return Train.Result(
                error_code=_EXIT_CODES.get(code, Train.Result.ERROR_FAILED),
                error_msg=words[-1] if words else f'exit code {code}', success_ratio=math.nan)
        goal.succeed()
        ratio = (math.nan if summary['success'] is None
                 else summary['success'] / summary['episodes_eval'])
        return Train.Result(checkpoint=summary['checkpoint'], success_ratio=ratio)

    @staticmethod
    def _feedback(goal: Any, progress: dict[str, Any]) -> None:
        ratio = progress['success_ratio']
        goal.publish_feedback(Train.Feedback(
            update=progress['update'], updates=progress['updates'], loss=progress['loss'],
            success_ratio=math.nan if ratio is None else ratio))

    def destroy_node(self) -> None:
        """End a training that is still running."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
        super().destroy_node()


def main() -> int:
    """Run the node."""
    return run_node(TrainerNode)
