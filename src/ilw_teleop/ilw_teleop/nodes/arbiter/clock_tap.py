"""Follow a fine /clock without being woken by each of its messages."""

import time
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.time_source import CLOCK_TOPIC

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
        self._group = _Switched()
        self._subscription = next(
            (s for s in node.subscriptions if s.topic_name == CLOCK_TOPIC), None)
        if self._subscription is not None:
            self._subscription.callback_group = self._group
            # They wait by the same condition as the messages: left in, what is not taken yet would
            # wake the executor without end.
            for handler in self._subscription.event_handlers:
                handler.callback_group = self._group

    @property
    def paced(self) -> bool:
        """Whether time runs by the wall clock; it does not wait for answers."""
        return self._subscription is None or not self._group.open

    def moved(self, step_ns: int) -> None:
        """Note that time moved by ``step_ns``."""
        self._moved_ns = time.monotonic_ns()
        if self._group.open:
            self._small = self._small + 1 if 0 < step_ns < self._fine_ns else 0
            self._group.open = self._small < FINE_IN_A_ROW

    def take(self) -> None:
        """Follow the newest time, if it does not wake the node by itself."""
        if self._group.open or self._subscription is None:
            return
        handle = self._subscription.handle
        with handle:
            taken = handle.take_message(self._subscription.msg_type, False)
        if taken is not None:
            self._subscription.callback(taken[0])
        if time.monotonic_ns() - self._moved_ns > _STANDS_NS:
            self._small, self._group.open = 0, True


class _Switched(ReentrantCallbackGroup):
    """Keeps its subscription out of the executor while it is not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open = True

    def can_execute(self, entity: Any) -> bool:
        return self.open and super().can_execute(entity)
