"""An executor of one thread that builds its wait set once per callback."""

import threading
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.guard_condition import GuardCondition


class OneThreadExecutor(SingleThreadedExecutor):
    """
    Spins nodes in one thread, with half of the waits of rclpy's own executor.

    That one wakes itself after each callback, for other threads that could wait beside it: here
    there are none, and all it did was to wait twice.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._guard.destroy()
        self._guard = _Wake(self)

    def has_unfinished(self) -> bool:
        """Tell whether a callback that awaits something may be left beside the one that runs."""
        tasks = getattr(self, '_tasks', None)  # later releases than Jazzy keep them elsewhere
        return tasks is None or sum(not task.done() for task, _, _ in tasks) > 1

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Wait for one callback and run it, as rclpy's own."""
        self._guard.spun_by = threading.get_ident()
        super().spin_once(timeout_sec)


class _Wake(GuardCondition):
    """What wakes the executor; its own thread, which looks anew before it waits, needs it not."""

    def __init__(self, executor: OneThreadExecutor) -> None:
        super().__init__(None, None, executor.context)
        self._executor, self.spun_by = executor, 0

    def trigger(self) -> None:
        if threading.get_ident() != self.spun_by or self._executor.has_unfinished():
            super().trigger()
