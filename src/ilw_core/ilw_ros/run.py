"""One ``main`` for every node: start, spin in one thread, end cleanly whatever ends it."""

from collections.abc import Callable
from contextlib import suppress
import os
import threading
from typing import Any

import rclpy
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException
from rclpy.guard_condition import GuardCondition
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.task import Future

from ilw_core.errors import IlwError
from ilw_core.text.printable import printable
from ilw_ros.console import let_go, say
from ilw_ros.launcher import Launcher
from ilw_ros.spinning.clock_guard import guard_clock
from ilw_ros.spinning.ending import CLEAN_UP_S, Ending
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros

_CONTEXT_GONE = (ExternalShutdownException, rclpy_implementation.RCLError, InvalidHandle)


def run_node(make_node: Callable[[], Node], *, shared_memory: bool = False) -> int:
    """
    Run a node until a signal comes, or until the process that started it is gone.

    Its ``farewell()``, if it has one, is called last while the graph can still hear it. A class
    that has something to save when it is destroyed says how long that may take: ``SAVING_S``.

    :param make_node: a node class, or a function that returns a node.
    :param shared_memory: as of ``start_ros``.
    :returns: 0 after a clean end, 2 when the node refused to start (one line says why).
    """
    run = _Run()
    ending = Ending(Launcher(os.environ), run.wake, run.overdue)
    try:
        start_ros(shared_memory=shared_memory)
        run.spin(make_node, ending)
        run.code = 0
    except IlwError as error:
        say(f'error: {printable(error)}')
        run.code = 2
    except _CONTEXT_GONE:
        if rclpy.ok():  # nobody ended it from outside: a fault of ours
            raise
        run.code = 0
    finally:
        try:
            run.end(ending)
        finally:
            rclpy.try_shutdown()
            ending.close(run.code)
            let_go()
    return run.code


class _Run:
    """The node that runs, and how another thread ends it."""

    def __init__(self) -> None:
        self.code = 1
        """What the process is to return; a fault until it is known to be none"""
        self._node: Node | None = None
        self._guard: GuardCondition | None = None
        self._executor: OneThreadExecutor | None = None
        self._parting, self._parted = threading.Lock(), threading.Event()
        self._done = False
        """Farewell was said, and there is nothing left to save"""

    def spin(self, make_node: Callable[[], Node], ending: Ending) -> None:
        node = self._node = make_node()
        guard_clock(node)
        # A group of its own: no callback that waits for something keeps it from being heard.
        self._guard = node.create_guard_condition(lambda: None, ReentrantCallbackGroup())
        self._executor = OneThreadExecutor()
        self._executor.add_node(node)
        while not ending.why and rclpy.ok():
            self._executor.spin_once()

    def wake(self) -> None:
        if self._guard is not None:
            with suppress(InvalidHandle):  # the node is being destroyed: it ends anyway
                self._guard.trigger()

    def end(self, ending: Ending) -> None:
        saving_s = getattr(self._node, 'SAVING_S', 0.0)
        self._done = not saving_s
        ending.within(CLEAN_UP_S + saving_s, self.code if self._done else 1)
        if self._node is None:
            return
        try:
            self._part()
            if ending.why:
                self._node.get_logger().info(f'Ending: {ending.why}.')
        finally:
            try:
                self._node.destroy_node()
            except _CONTEXT_GONE:
                if rclpy.ok():
                    raise
            if self._executor is not None:
                self._executor.shutdown(timeout_sec=0)  # later it would miss the context
            self._done = True
            ending.within(CLEAN_UP_S, self.code)

    def overdue(self) -> None:
        """The main thread hangs: say farewell from this one, and end."""
        if self._node is None:
            os._exit(0)  # it had not begun
        self._part()
        if self._done:  # what hangs is DDS: nothing is lost
            os._exit(self.code)
        say(f'error: {self._node.get_name()} was to end and did not in time. It was ended in the '
            f'middle of what it did.')
        os._exit(1)

    def _part(self) -> None:
        """Say farewell, once; whoever comes second waits a little for the first."""
        if not self._parting.acquire(blocking=False):
            self._parted.wait(1.0)
            return
        farewell = getattr(self._node, 'farewell', None)
        try:
            if farewell is not None and rclpy.ok():
                farewell()
        except _CONTEXT_GONE as error:
            say(f'error: the farewell was not heard: {error}')
        finally:
            self._parted.set()


def in_thread(work: Callable[[], Any], wake: Callable[[], None]) -> Future:
    """
    Do slow work in a thread; await the future in a callback of a reentrant group.

    :param wake: makes the executor look again, as a guard condition's ``trigger``.
    :returns: a future with the result, or with the exception that ``work`` raised.
    """
    future = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)
        wake()

    threading.Thread(target=run, daemon=True).start()
    return future
