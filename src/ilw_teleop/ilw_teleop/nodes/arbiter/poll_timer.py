"""A timer on the steady clock that fires often, or later where nothing can be due before."""

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

_LATE_NS = 500_000
"""After what was waited for is due, not just before it"""
_ALIKE = 0.05
"""A period that differs by less is left: to set one wakes the node once more"""

LOOK_S = 0.1
"""Between two looks at who else commands the robot"""
IDLE_LOOK_NS = 400_000_000
"""The same while nobody drives and no policy may; whoever arms one looks first"""


class PollTimer:
    """
    Fires each ``often_s``, until told to rest.

    :param on_poll: called at each.
    """

    def __init__(self, node: Node, often_s: float, on_poll: Callable[[], None]) -> None:
        self._often_ns = self._now_ns = round(often_s * 1e9)
        self._timer = node.create_timer(often_s, on_poll,
                                        clock=Clock(clock_type=ClockType.STEADY_TIME))

    def rest(self, rest_ns: int) -> None:
        """Fire next after ``rest_ns`` of wall time, or ``often_s`` if that is longer."""
        wanted = max(self._often_ns, rest_ns + _LATE_NS if rest_ns else 0)
        if abs(wanted - self._now_ns) > _ALIKE * self._now_ns:
            self._timer.timer_period_ns = self._now_ns = wanted
            self._timer.reset()
