"""How far a robot still goes, held to one whose motion is stepped millisecond by millisecond."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest
from slow_motion import Stepped

from ilw_teleop.guards.braking import Braking

MS = 1_000_000
BEGIN_MS = 703
robots = st.sampled_from([(2.0, 100), (0.5, 60), (4.5, 230)])
speeds = st.sampled_from([0.0, 0.1, -0.27, 0.5, -0.8, 1.3])
pauses = st.one_of(st.integers(0, 260), st.sampled_from([0, 40, 60, 100, 200, 230]))
doings = st.lists(st.tuples(st.sampled_from(['send', 'send', 'look', 'forget']), speeds,
                            pauses), min_size=1, max_size=10)
quick = settings(max_examples=150, deadline=None, derandomize=True)


def lived(robot, done, memory_ms=100_000):
    """Return a robot as it is counted and as it is stepped, after the same was done to both."""
    brake, late_ms = robot
    counted, stepped = Braking(brake, late_ms / 1000, memory_ms * MS), Stepped(brake, late_ms)
    now_ms = BEGIN_MS
    for what, speed, pause_ms in [('look', 0.0, 0), *done]:
        now_ms += pause_ms
        if what == 'send':
            counted.sent(speed, now_ms * MS)
            stepped.send(speed, now_ms)
        elif what == 'look':
            counted.pass_time(now_ms * MS)
            stepped.look(now_ms)
        else:
            counted.forget()
            stepped = Stepped(brake, late_ms)
            stepped.now_ms = counted._now_ns // MS
        yield counted, stepped, now_ms


@quick
@given(robots, doings, speeds)
def test_the_way_to_standing_is_what_stepping_it_finds(robot, done, asked):
    for counted, stepped, _ in lived(robot, done):
        assert counted.way_m(asked) == pytest.approx(stepped.stopping_way(asked), abs=3e-6)


@quick
@given(robots, doings, st.integers(0, 900), st.sampled_from([100, 400, 100_000]))
def test_the_way_gone_is_that_of_the_stretches_since_or_since_it_is_remembered(
        robot, done, since_ms, memory_ms):
    for counted, stepped, now_ms in lived(robot, done, memory_ms):
        since = max(now_ms - since_ms, stepped.now_ms - memory_ms)
        assert counted.gone_m((now_ms - since_ms) * MS) == pytest.approx(
            stepped.gone(since), abs=1e-9)


@quick
@given(robots, doings, st.floats(0.001, 1.5))
def test_the_fastest_speed_is_found_to_a_part_of_it(robot, done, way):
    *_, (counted, stepped, _) = lived(robot, done)
    finest = math.sqrt(2.0 * robot[0] * way) * 2.0 ** -24
    fastest = counted.fastest_mps(way)
    assert counted.way_m(fastest + finest) > way
    if fastest:
        assert counted.way_m(fastest) <= way
        assert stepped.stopping_way(fastest) == pytest.approx(way, abs=1e-5)
    else:
        assert stepped.stopping_way(0.001) > way
    assert counted.fastest_mps(-0.3) == counted.fastest_mps(0.0) == 0.0


@quick
@given(robots, doings, st.integers(1, 400), speeds)
def test_while_a_clock_goes_back_no_time_passes_and_the_way_gone_is_forgotten(
        robot, done, back_ms, asked):
    *_, (counted, stepped, now_ms) = lived(robot, done)
    counted.pass_time(now_ms * MS)
    stepped.look(now_ms)
    counted.sent(0.4, now_ms * MS)
    before = counted.way_m(asked)
    counted.pass_time((now_ms - back_ms) * MS)
    assert counted.way_m(asked) == before
    assert [counted.gone_m((now_ms + ms) * MS) for ms in (-2000, -back_ms, 0, 5)] == [0.0] * 4
    counted.pass_time((now_ms - back_ms + 50) * MS)
    fastest = max(stepped.speed, stepped.counting(now_ms), 0.4)
    assert counted.gone_m((now_ms - back_ms) * MS) == pytest.approx(0.05 * fastest)
    assert counted.gone_m(0) == pytest.approx(0.05 * fastest)


def test_at_the_same_instant_nothing_moves():
    *_, (counted, stepped, now_ms) = lived((2.0, 100), [
        ('send', 0.5, 10), ('send', 0.2, 90), ('look', 0.0, 130), ('look', 0.0, 50)])
    assert stepped.speed == pytest.approx(0.4), 'it brakes'
    before = counted.way_m(0.1), counted.gone_m(0)
    for _ in range(3):
        counted.pass_time(now_ms * MS)
        assert (counted.way_m(0.1), counted.gone_m(0)) == before
