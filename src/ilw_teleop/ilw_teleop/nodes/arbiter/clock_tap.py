"""Follow a fine /clock without being woken by each of its messages."""

import time

from rclpy.node import Node
from rclpy.time_source import CLOCK_TOPIC

from ilw_teleop.nodes.arbiter.quiet import Quiet

FINE_IN_A_ROW = 5
"""So many small steps show that time runs by the wall clock, and not by answers to it"""
_STANDS_NS = 250_000_000


class ClockTap:
    """
    Takes the newest time when asked to, once /clock is seen to run in small steps.

    Before that, and whenever it stands, each message wakes the node: a simulator that waits for
    an answer is answered at once.

    :param fine_ns: steps below are small.
    """

    def __init__(self, node: Node, fine_ns: int) -> None:
        self._fine_ns, self._small, self._moved_ns = fine_ns, 0, 0
        clock = next((s for s in node.subscriptions if s.topic_name == CLOCK_TOPIC), None)
        self._clock = None if clock is None else Quiet(clock)

    @property
    def paced(self) -> bool:
        """Whether time runs by the wall clock; it does not wait for answers."""
        return self._clock is None or not self._clock.wakes

    def moved(self, step_ns: int) -> bool:
        """Note that time moved by ``step_ns``; returns whether it is ``paced``."""
        self._moved_ns = time.monotonic_ns()
        if self._clock is not None and self._clock.wakes:
            self._small = self._small + 1 if 0 < step_ns < self._fine_ns else 0
            self._clock.wakes = self._small < FINE_IN_A_ROW
        return self.paced

    def take(self) -> None:
        """Follow the newest time, if it does not wake the node by itself."""
        if self._clock is None or self._clock.wakes:
            return
        self._clock.take()
        if time.monotonic_ns() - self._moved_ns > _STANDS_NS:
            self._small, self._clock.wakes = 0, True
