"""The executor of all nodes waits once per callback, and sleeps through nothing."""

from functools import partial
import threading
import time

import pytest
import rclpy
from rclpy import executors
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future

from ilw_ros.run import in_thread
from ilw_ros.spinning.executor import OneThreadExecutor


@pytest.fixture
def spun(ros):
    """Return a node, its executor and how often it began to wait."""
    node, executor = rclpy.create_node('spun'), OneThreadExecutor()
    executor.add_node(node)
    yield node, executor
    executor.shutdown()
    node.destroy_node()


def spin(executor, done, seconds=3.0):
    """Spin as a node does until ``done()``; nothing but what was asked for wakes it."""
    late = []
    watch = threading.Timer(seconds, lambda: late.append(1) or executor.wake())
    watch.start()
    while not done():
        executor.spin_once()
        assert not late, 'it was not woken'
    watch.cancel()


def test_it_waits_once_per_callback(spun, monkeypatch):
    node, executor = spun
    waits, calls = [], []

    class Counted(executors._rclpy.WaitSet):
        def wait(self, timeout_ns):
            waits.append(1)
            super().wait(timeout_ns)

    timer = node.create_timer(0.005, lambda: calls.append(1))
    spin(executor, lambda: len(calls) >= 5)  # what is there at the start may wake it, too
    monkeypatch.setattr(executors._rclpy, 'WaitSet', Counted)
    calls.clear()
    spin(executor, lambda: len(calls) >= 100)
    timer.cancel()
    assert len(waits) <= 110, "twice as many with rclpy's own"


def test_another_thread_wakes_it(spun):
    _, executor = spun
    done = []
    threading.Timer(0.2, lambda: executor.create_task(lambda: done.append(1))).start()
    begin = time.monotonic()
    spin(executor, lambda: done)
    assert time.monotonic() - begin < 1.0


def test_what_a_callback_creates_is_waited_for(spun):
    node, executor = spun
    done = []

    def first():
        timer.cancel()
        node.create_timer(0.01, lambda: done.append('timer'))
        executor.create_task(lambda: done.append('task'))

    timer = node.create_timer(0.01, first)
    spin(executor, lambda: {'timer', 'task'} <= {*done}, 2.0)


@pytest.mark.parametrize('order', [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_callbacks_that_await_each_other_go_on(spun, order):
    """Which of them is looked at first in a pass does not matter."""
    node, executor = spun
    group = ReentrantCallbackGroup()
    wake = node.create_guard_condition(lambda: None, group)
    futures, done, timers = [Future(executor=executor) for _ in order], [], {}

    async def link(i):
        timers[i].cancel()
        if i == 3:
            await in_thread(lambda: time.sleep(0.2), wake.trigger)
        else:
            await futures[i + 1]
        futures[i].set_result(i)
        done.append(i)

    for late, i in enumerate(order):
        timers[i] = node.create_timer(0.01 + 0.02 * late, partial(link, i), callback_group=group)
    spin(executor, lambda: len(done) == 4, 2.0)
    assert done == [3, 2, 1, 0]


def test_work_in_a_thread_goes_on_when_it_is_done(spun):
    node, executor = spun
    group, done = ReentrantCallbackGroup(), []
    guard = node.create_guard_condition(lambda: None, group)

    async def call():
        timer.cancel()
        done.append(await in_thread(lambda: time.sleep(0.1) or 'worked', guard.trigger))

    timer = node.create_timer(0.01, call, callback_group=group)
    spin(executor, lambda: done, 2.0)
    assert done == ['worked']


def test_where_tasks_are_kept_elsewhere_it_wakes_itself_as_rclpy_does(spun, monkeypatch):
    _, executor = spun
    monkeypatch.delattr(executor, '_tasks')
    assert executor.has_unfinished()
