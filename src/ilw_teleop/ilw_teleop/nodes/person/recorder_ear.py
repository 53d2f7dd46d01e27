"""Listen to the recorder on behalf of the person at the joystick. See ``recorder_watch.py``."""

from collections.abc import Callable
import time

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from ilw_msgs.msg import EpisodeStatus
from ilw_ros.health import ERROR, OK, WARN, Diagnostics
from ilw_ros.qos import LATCHED
from ilw_teleop.recording.recorder_watch import RecorderWatch

_BUSY = (EpisodeStatus.PHASE_RECORDING, EpisodeStatus.PHASE_SAVING)


class RecorderEar:
    """
    Follows ``episode/status``.

    :param on_alarm: called when an episode becomes suspect, does not start, or the recorder goes.
    :param diagnose: say on /diagnostics how the recorder is, as it cannot say that it hangs.
    """

    def __init__(self, node: Node, *, on_alarm: Callable[[], None] = lambda: None,
                 diagnose: bool = False) -> None:
        self._watch, self._on_alarm = RecorderWatch(), on_alarm
        self._answers = 0
        self._diagnostics = Diagnostics(node, 'recorder') if diagnose else None
        node.create_subscription(EpisodeStatus, 'episode/status', self._on_status, LATCHED)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(0.1, self._on_tick, clock=steady)
        node.create_timer(1.0, self._diagnose, clock=steady)

    @property
    def heard(self) -> bool:
        """Whether there is a recorder."""
        return self._watch.heard

    @property
    def recording(self) -> bool:
        """Whether it records, or saves."""
        return self._watch.recording

    @property
    def answers(self) -> int:
        """How many starts it said it began or refused."""
        return self._answers

    def _on_status(self, status: EpisodeStatus) -> None:
        self._answers = status.attempted + status.refused
        recording = (status.episode or 'an episode') if status.phase in _BUSY else ''
        if self._watch.on_status(time.monotonic_ns(), recording=recording,
                                 suspect=bool(status.suspect), refused=status.refused):
            self._on_alarm()

    def _on_tick(self) -> None:
        if self._watch.on_tick(time.monotonic_ns()):
            self._diagnose()
            if self._watch.losing:
                self._on_alarm()

    def _diagnose(self) -> None:
        if self._diagnostics is not None:
            watch = self._watch
            self._diagnostics.publish(
                ERROR if watch.losing else WARN if watch.gone else OK, watch.text)
