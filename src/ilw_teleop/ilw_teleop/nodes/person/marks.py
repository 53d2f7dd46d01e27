"""Marks of a person's buttons as ``episode/event``. See ``mark_check.py``."""

import time

from rclpy.node import Node

from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome
from ilw_core.features.goal import polar
from ilw_msgs.msg import EpisodeEvent
from ilw_ros.convert import time_msg
from ilw_ros.qos import EVENT
from ilw_teleop.nodes.person.goal_ear import GoalEar
from ilw_teleop.nodes.person.recorder_ear import RecorderEar
from ilw_teleop.recording.mark_check import ENDS, MarkCheck

MARKS = {
    'start': (EpisodeEvent.KIND_START, EpisodeEvent.OUTCOME_UNKNOWN),
    'save_success': (EpisodeEvent.KIND_STOP, EpisodeEvent.OUTCOME_SUCCESS),
    'save_failure': (EpisodeEvent.KIND_STOP, EpisodeEvent.OUTCOME_FAILURE),
    'discard': (EpisodeEvent.KIND_DISCARD, EpisodeEvent.OUTCOME_UNKNOWN),
}


class Marks:
    """Publishes them, once it is sure that they are meant and heard."""

    def __init__(self, node: Node, contract: Contract, recorder: RecorderEar) -> None:
        self._node, self._recorder = node, recorder
        self._check = MarkCheck(contract.goal_radius_m)
        self._goal = GoalEar(node, contract)
        self._publisher = node.create_publisher(EpisodeEvent, 'episode/event', EVENT)
        self.sent, self._answers = 0, 0

    def press(self, control: str, stamp: int) -> None:
        """Take in a press of a button of ``MARKS``."""
        goal, self._answers = self._goal, self._recorder.answers
        known = goal.pose is not None and goal.goal is not None
        send, text = self._check.press(
            control, time.monotonic_ns(), heard=self._recorder.heard,
            recording=self._recorder.recording,
            to_goal_m=polar(goal.pose, goal.goal)[0] if known else None)  # type: ignore[arg-type]
        self._do(send, text, control, stamp)

    def tick(self, stamp: int) -> None:
        """Send a start again that no recorder has answered."""
        ear = self._recorder
        self._do(*self._check.start_due(
            time.monotonic_ns(), heard=ear.heard,
            answered=ear.recording or ear.answers > self._answers), 'start', stamp)

    def ruled(self, outcome: Outcome, stamp: int) -> None:
        """Send that a rule of the contract ended the attempt."""
        word = 'success' if outcome is Outcome.SUCCESS else 'failure'
        self._node.get_logger().info(f'The attempt ended by termination.{word}.')
        self._publish(EpisodeEvent.KIND_STOP, int(outcome), 'rule', stamp)

    def _do(self, send: bool, text: str, control: str, stamp: int) -> None:
        if text:
            self._node.get_logger().warning(text)
        if send:
            self._send(control, stamp)

    def _send(self, control: str, stamp: int) -> None:
        self._publish(*MARKS[control], 'operator' if control in ENDS else '', stamp)

    def _publish(self, kind: int, outcome: int, stop_reason: str, stamp: int) -> None:
        self.sent += 1
        event = EpisodeEvent(sequence=self.sent, sender='teleop', kind=kind, outcome=outcome,
                             stop_reason=stop_reason)
        event.header.stamp = time_msg(stamp)
        self._publisher.publish(event)
