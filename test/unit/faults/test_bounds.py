"""The bounds of the fault table: constant, but for what the machine itself was late."""

from types import SimpleNamespace

import pytest

from ilw_faults.loop import LATENCY_S, Loop
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
