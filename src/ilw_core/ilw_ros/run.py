"""One ``main`` for every node: start, spin in one thread, end cleanly."""

from collections.abc import Callable
import signal
import sys
import threading
from typing import Any

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

from ilw_core.errors import IlwError
from ilw_core.printable import printable
from ilw_ros.clock_guard import guard_clock


def run_node(make_node: Callable[[], Node]) -> int:
    """
    Run a node until it is told to stop.

    :param make_node: a node class, or a function that returns a node.
    :returns: 0 after a clean end, 2 when the node refused to start (one line says why).
    """
    rclpy.init()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: clean up, then end
    node, code = None, 0
    try:
        node = make_node()
        guard_clock(node)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except IlwError as error:
        print(f'error: {printable(error)}', file=sys.stderr)
        code = 2
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if node is not None:
            node.destroy_node()
        rclpy.try_shutdown()
    return code


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
