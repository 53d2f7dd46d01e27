"""When the policy acts: each tick once, in order, on the grid; and its thread."""

import threading
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.align import Observation
from ilw_core.policy_loop import PolicyLoop
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.runtime.worker import Worker

P = 100_000_000


def ticks(loop, odometry, stamps):
    given = []
    for stamp in stamps:
        loop.push('pose', stamp, odometry(x=1.0))
        while (seen := loop.poll()) is not None:
            given.append((seen.tick_ns, loop.began_anew))
    return given


def test_in_lockstep_every_message_is_a_tick(maze, odometry):
    stamps = [P * i for i in range(10, 20)]
    given = ticks(PolicyLoop(maze), odometry, stamps)
    assert given == [(stamp, i == 0) for i, stamp in enumerate(stamps)]


def test_a_fast_topic_gives_ticks_at_the_rate_of_the_contract(maze, odometry):
    given = ticks(PolicyLoop(maze), odometry, [P * 10 + 20_000_000 * i for i in range(51)])
    assert [t for t, _ in given] == [P * (10 + i) for i in range(11)]


def test_after_a_jump_the_grid_begins_anew(maze, odometry):
    loop = PolicyLoop(maze)
    ticks(loop, odometry, [P * 10, P * 11])
    assert ticks(loop, odometry, [P * 30 + 7]) == [(P * 30 + 7, True)]
    assert ticks(loop, odometry, [P * 31 + 7]) == [(P * 31 + 7, False)]


def test_a_reset_begins_anew_even_without_a_jump_and_only_once(maze, odometry):
    loop = PolicyLoop(maze)
    ticks(loop, odometry, [P * 10, P * 11])
    loop.restart(P * 12)
    assert ticks(loop, odometry, [P * 12]) == [(P * 12, True)]
    loop.restart(P * 12)  # told after its first tick was used: it did begin anew
    assert ticks(loop, odometry, [P * 13]) == [(P * 13, False)]


def test_a_clock_that_was_set_back_begins_anew(maze, odometry):
    loop = PolicyLoop(maze)
    ticks(loop, odometry, [P * 1000, P * 1001])
    assert ticks(loop, odometry, [P * 5, P * 6]) == [(P * 5, True), (P * 6, False)]


def test_an_old_goal_that_comes_late_is_no_clock_set_back(clutter, odometry):
    loop = PolicyLoop(clutter)
    scan = SimpleNamespace(ranges=np.ones(36, np.float32), angle_min=-3.1, angle_increment=0.17,
                           range_min=0.1)
    goal = SimpleNamespace(pose=SimpleNamespace(position=SimpleNamespace(x=3.0, y=0.0, z=0.0)))
    for i in (1000, 1001):
        loop.push('velocity', P * i, odometry())
        loop.push('lidar', P * i, scan)
        assert loop.poll() is None, 'no goal yet'
    loop.push('goal', P * 5, goal)
    seen = loop.poll()
    assert seen is not None
    assert seen.tick_ns == P * 1001
    assert loop.late == 0


def test_a_message_after_its_tick_counts_as_late(maze, odometry):
    loop = PolicyLoop(maze)
    ticks(loop, odometry, [P * 10, P * 11])
    loop.push('pose', P * 11 - 1, odometry())
    assert loop.late == 1


def test_an_overdue_tick_is_given_out_after_half_a_period(maze, odometry):
    loop = PolicyLoop(maze)
    assert loop.overdue(10**15) is None, 'before the first message there is no grid'
    ticks(loop, odometry, [P * 10])
    assert loop.overdue(P * 11 + P // 2 - 1) is None
    seen = loop.overdue(P * 11 + P // 2)
    assert seen is not None
    assert (seen.tick_ns, seen.valid.all()) == (P * 11, True), 'one period old is fresh enough'
    assert loop.overdue(P * 12) is None
    stale = [loop.overdue(P * i + P // 2) for i in (12, 13)][-1]
    assert not stale.valid.any(), 'beyond the tolerance it is missing'


class Slow(PolicyRunner):
    """Idles, but holds its first action back until it is let go."""

    def __init__(self, contract):
        super().__init__('idle', contract)
        self.entered, self.go = threading.Event(), threading.Event()
        self.observed = []

    def observe(self, observation):
        self.observed.append(observation.tick_ns)
        super().observe(observation)

    def act(self):
        self.entered.set()
        assert self.go.wait(10)
        return super().act()


def observation(tick):
    return Observation(tick, np.zeros(4, np.float32), np.ones(4, bool), 0)


def test_of_several_waiting_ticks_only_the_newest_is_acted_on_but_all_are_seen(maze):
    done, thoughts = threading.Semaphore(0), []

    def on_done(thought):
        thoughts.append(thought)
        done.release()

    runner = Slow(maze)
    worker = Worker(runner, on_done)
    worker.submit(observation(1), first=True)
    assert runner.entered.wait(10)
    for tick in (2, 3, 4):
        worker.submit(observation(tick), first=False)
    runner.go.set()
    for _ in range(2):
        assert done.acquire(timeout=10)
    worker.stop()
    assert [t.seen.tick_ns for t in thoughts] == [1, 4]
    assert [t.first for t in thoughts] == [True, False]
    assert runner.observed == [1, 2, 3, 4]
    assert worker.skipped == 2


def test_a_thread_that_broke_is_told_to_whoever_hands_over_the_next_tick(maze):
    def on_done(_):
        raise ValueError('a publisher that is gone')

    worker = Worker(PolicyRunner('random', maze), on_done)
    worker.submit(observation(1), first=True)
    worker._thread.join(10)
    with pytest.raises(RuntimeError) as told:
        worker.submit(observation(2), first=False)
    assert isinstance(told.value.__cause__, ValueError)
    worker.stop()
