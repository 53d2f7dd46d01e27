"""Say how the recorder is: ``episode/status`` and ``/diagnostics``."""

from rclpy.node import Node

from ilw_msgs.msg import EpisodeStatus
from ilw_ros.convert import time_msg
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.qos import LATCHED
from ilw_teleop.recording.recorder import Recorder
from ilw_teleop.recording.words import Phase, RecorderStatus


class RecorderReports:
    """Publishes both."""

    def __init__(self, node: Node) -> None:
        self._publisher = node.create_publisher(EpisodeStatus, 'episode/status', LATCHED)
        self._diagnostics = Diagnostics(node, 'recorder')
        self.status = EpisodeStatus()

    def publish(self, status: RecorderStatus, now_ns: int, *, beat: bool) -> bool:
        """
        Publish the status if it has changed; returns whether it has.

        :param beat: publish it anyway: whoever listens knows that the recorder lives.
        """
        fields = {name: value for name, value in vars(status).items() if name != 'begin_ns'}
        new = EpisodeStatus(begin=time_msg(max(0, status.begin_ns)), **fields)
        new.header.stamp = self.status.header.stamp
        changed = new != self.status
        if changed or beat:
            new.header.stamp = time_msg(max(0, now_ns))
            self.status = new
            self._publisher.publish(new)
        return changed

    def diagnose(self, recorder: Recorder) -> None:
        """Publish the diagnostics that belong to the newest status."""
        status = self.status
        phase = Phase(status.phase)
        wrong = [*status.problems, *status.suspect]
        bad = phase is Phase.FAULT or recorder.losing
        self._diagnostics.publish(
            ERROR if bad else WARN if wrong else OK, ': '.join([phase.name.lower(), *wrong[:1]]), {
                'problems': ' '.join(status.problems), 'suspect': ' '.join(status.suspect),
                'messages': status.messages, 'dropped': status.dropped,
                'waiting for the disk [MB]': round(recorder.waiting_bytes / 1e6, 1)})
