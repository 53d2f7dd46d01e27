"""The bounds of the fault table: constant, but for what the machine itself was late."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.watched import Command, Watched
from ilw_faults.witness import Witness


def judged(commands, late, at_s=100.0, clock=()):
    """Return how a fault at ``at_s`` is judged: the first (time, stops) that stops counts."""
    loop = Loop.__new__(Loop)
    loop.contract = SimpleNamespace(period_ns=100_000_000)
    loop.spy = SimpleNamespace(
        clock=clock, commands=[SimpleNamespace(at_s=at) for at, _ in commands],
        stopped_at=lambda after: next((at for at, stops in commands if stops and at >= after),
                                      None))
    loop._witness = Witness.__new__(Witness)
    loop._witness._late = []
    for at, seconds in late:
        loop._witness.note(at, seconds)
    return loop.watch(at_s, bound_s=loop.two_periods_s + LATENCY_S, watch_s=0.0)


@pytest.mark.parametrize('gap_before_s', [0.1, 0.4, 2.0])
def test_a_gap_before_the_fault_does_not_loosen_the_bound(gap_before_s):
    commands = [(99.0, False), (99.0 + gap_before_s, False), (100.3, True)]
    stop = judged(commands, [])
    assert stop.bound_s == pytest.approx(0.23) and not stop.in_time
    assert judged([*commands[:2], (100.22, True)], []).in_time


@pytest.mark.parametrize(('late', 'in_time'), [
    ([(99.9, 0.5)], False), ([(100.1, 0.05)], False), ([(100.1, 0.08)], True),
    ([(100.05, 0.01), (100.2, 0.2), (100.3, 0.02)], True)])
def test_only_what_a_bystander_was_late_since_the_fault_is_allowed_for(late, in_time):
    assert judged([(99.9, False), (100.3, True)], late).in_time is in_time


def ticks(pace, *, from_s=99.0, to_s=103.0, ns=5_000_000_000):
    return [(from_s + 0.01 * k, ns + round(pace * 1e7 * k))
            for k in range(round(100 * (to_s - from_s)))]


@pytest.mark.parametrize(('clock', 'in_time'), [
    (ticks(1.0), False), (ticks(0.9), False), (ticks(0.4), True), (ticks(0.25), True),
    (ticks(0.1), False), (ticks(0.0), False), (ticks(-1.0), False), (ticks(3.0), False),
    (ticks(1.0, to_s=100.0) + ticks(1.0, from_s=100.0, ns=15_000_000_000), False),
    (ticks(1.0, from_s=100.01), False), ([], False)],
    ids=['real time', 'hardly slower', 'slower', 'much slower', 'almost stands', 'stands',
         'backwards', 'faster', 'jumps', 'begins late', 'none'])
def test_time_that_runs_slower_in_the_simulation_is_allowed_for(clock, in_time):
    assert judged([(99.9, False), (100.5, True)], [], clock=clock).in_time is in_time


@pytest.mark.parametrize('pace', [1.0, 0.999])
def test_a_clock_that_keeps_pace_adds_nothing(pace):
    assert judged([(100.23, True)], [], clock=ticks(pace)).bound_s == pytest.approx(0.23)


def watched(spans):
    """Return what was heard of commands each 10 ms: (from, to, moves) spans."""
    spy = Watched(load_contract(config_file('tasks', 'clutter')))
    for begin, end, moves in spans:
        spy.commands += [Command(begin + 0.01 * k, 0, np.array([0.2, 0.0]) * moves)
                         for k in range(round((end - begin) / 0.01))]
    return spy


def judged_while_it_moves(spans, seen=lambda: True):
    loop = Loop.__new__(Loop)
    loop.spy = watched(spans)
    loop._witness = SimpleNamespace(late_s=lambda since: 0.0)
    return loop.watch(100.0, bound_s=0.83, watch_s=1.0, seen=seen)


@pytest.mark.parametrize(('spans', 'reaction_s'), [
    ([(99.0, 100.7, 1), (100.7, 101.5, 0)], 0.7),
    ([(99.0, 100.3, 1), (100.3, 100.9, 0), (100.9, 101.36, 1), (101.36, 102.0, 0)], 0.76),
    ([(99.0, 100.5, 1), (100.5, 100.6, 0), (100.6, 101.1, 1), (101.1, 102.0, 0)], 1.0),
    ([(99.0, 99.9, 0), (99.9, 100.2, 1), (100.2, 101.0, 0)], 0.2),
    ([(99.0, 101.0, 0)], 0.0)],
    ids=['at once', 'stood meanwhile', 'drove on for too long', 'began before', 'stood'])
def test_what_only_a_moving_robot_sees_is_judged_by_how_long_it_moved(spans, reaction_s):
    stop = judged_while_it_moves(spans)
    assert stop.reaction_s == pytest.approx(reaction_s, abs=0.011)
    assert stop.in_time is (reaction_s <= 0.83)


def test_one_that_drives_on_or_never_sees_it_is_not_watched_for_ever(monkeypatch):
    clock = SimpleNamespace(now=101.0)
    monkeypatch.setattr(time, 'monotonic', lambda: clock.now)
    monkeypatch.setattr(time, 'sleep', lambda seconds: setattr(clock, 'now', clock.now + seconds))
    assert judged_while_it_moves([(99.0, 101.0, 1)], lambda: False).reaction_s is None
    assert clock.now == pytest.approx(101.0)
    clock.now = 100.5
    stop = judged_while_it_moves([(99.0, 100.0, 1), (100.0, 100.5, 0)], lambda: False)
    assert 110.9 < clock.now < 111.1 and stop.reaction_s == pytest.approx(0.0, abs=0.011)


def test_a_command_that_never_stops_is_never_in_time():
    assert not judged([(99.9, False), (100.1, False)], [(100.0, 9.0)]).in_time


def test_a_bystander_is_hardly_late_on_a_machine_that_lets_it_wake_and_forgets_old_times():
    witness = Witness()
    witness.close()
    witness._late = []
    for k in range(3000):
        witness.note(k, 1.0 / (k + 1))
    assert witness.late_s(0.0) == 1.0 / 1001
    assert witness.late_s(2999.5) == 0.0
