"""What is measured stays in its range: joints, and the box of a tool."""

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.contract.safety import RangeSpec
from ilw_core.episode import Source
from ilw_core.errors import ContractError
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.guards.range_stop import RangeStop

P, MS = 100_000_000, 1_000_000
T0 = 1000 * P
ELBOW = RangeSpec(0, 'elbow', -1.0, 1.0, 2.0, 200 * MS)


def guard(*specs):
    return RangeStop(specs or (ELBOW,), P)


def slowed(value, speed, age_ns=0, spec=ELBOW):
    made = guard(spec)
    made.see('elbow', value, T0 - age_ns)
    action, reasons = made.slow(np.array([speed, 9.0]), T0)
    assert action[1] == 9.0
    return action[0], reasons


def test_a_speed_that_can_be_braked_in_time_is_left_alone():
    assert slowed(0.0, 1.0) == (1.0, ())
    assert slowed(0.99, -0.5) == (-0.5, ())


@pytest.mark.parametrize(('value', 'speed', 'expected'), [
    # 0.2 s until it brakes, then at 2/s2: 0.2 v + v2 / 4 is the way that is left.
    (0.75, 5.0, 0.6770), (-0.75, -5.0, -0.6770), (1.0, 0.1, 0.0), (1.5, 0.1, 0.0),
    (-1.5, -0.1, 0.0), (1.5, -0.1, -0.1), (-1.5, 0.1, 0.1)])
def test_the_speed_at_which_it_rests_at_the_end(value, speed, expected):
    got, reasons = slowed(value, speed)
    assert got == pytest.approx(expected, abs=1e-3)
    assert reasons == (() if got == speed else ('range_end',))


def test_what_is_on_its_way_leaves_less():
    made = guard()
    made.see('elbow', 0.0, T0 - 50 * MS)
    made.sent(np.array([0.5]), T0 - 4 * P)  # counts from 250 ms ago on
    made.sent(np.array([0.2]), T0 - P)
    # 0.15 s of 0.5, then 0.1 s from 0.5 towards 0.2, are under way: 0.115. It may end with 0.3.
    # 0.2 v + v2 / 4 = 0.885.
    assert made.slow(np.array([5.0]), T0)[0][0] == pytest.approx(1.5235, abs=1e-3)
    assert made.slow(np.array([-5.0]), T0)[0][0] == pytest.approx(-1.6396, abs=1e-3)
    made.see('elbow', 0.85, T0)  # 0.1 s of each: 0.06 left, less 0.0225 to brake from 0.3
    assert made.slow(np.array([5.0]), T0)[0][0] == pytest.approx(0.1875, abs=1e-3)


def test_a_lost_reading_leaves_nothing():
    assert slowed(0.75, 5.0, 200 * MS)[0] > 0.0
    assert slowed(0.75, 5.0, 200 * MS + 1) == (0.0, ('unmeasured',))
    assert slowed(0.75, 5.0, -1) == (0.0, ('unmeasured',))
    assert slowed(float('nan'), -5.0) == (0.0, ('unmeasured',))
    assert slowed(float('nan'), 0.0) == (0.0, ())
    never = guard()
    assert never.slow(np.array([0.3, 0.0]), T0)[1] == ('unmeasured',)
    assert 'elbow was not heard within 200 ms' in never.why['unmeasured']


def test_after_a_leap_of_the_clock_and_a_reading_that_is_none_it_is_unknown():
    made = guard()
    made.see('elbow', 0.0, T0)
    made.leap(T0)
    assert made.slow(np.array([0.3]), T0)[1] == ('unmeasured',)
    made.see('elbow', 0.0, T0)
    made.see('elbow', float('inf'), T0)
    assert made.slow(np.array([0.3]), T0)[1] == ('unmeasured',)


@pytest.mark.long
@settings(max_examples=200, deadline=None, derandomize=True)
@given(start=st.floats(-1.0, 1.0), wishes=st.lists(st.floats(-3.0, 3.0), min_size=5, max_size=40),
       late=st.integers(0, 2))
def test_whatever_is_asked_a_joint_that_obeys_late_stays_in_its_range(start, wishes, late):
    """Walk a joint that obeys up to two periods later and changes its speed by 2/s2, in 1 ms."""
    made, value, speed, pipe = guard(), start, 0.0, [0.0] * late
    for tick, wish in enumerate(wishes + [0.0] * 15):
        made.see('elbow', value, T0 + tick * P)
        action = made.slow(np.array([wish]), T0 + tick * P)[0]
        made.sent(action, T0 + tick * P)
        pipe.append(float(action[0]))
        told = pipe.pop(0)
        for _ in range(100):
            # It speeds up at once, the worst for its braking, and slows down as hard as it can.
            speed = told if abs(told) > abs(speed) and told * speed >= 0.0 else (
                speed + float(np.clip(told - speed, -0.002, 0.002)))
            value += speed * 0.001
        assert -1.0 - 0.01 <= value <= 1.0 + 0.01


TEXT = """
contract: joint_speed
version: 1
rate_hz: 10
observation:
  base: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: speeds, type: std_msgs/msg/Float64MultiArray}
  fields:
    - {name: 'data[0]', unit: rad/s, min: -1.0, max: 1.0, max_rate: 100.0}
    - {name: 'data[1]', unit: rad, min: -1.0, max: 1.0, max_rate: 100.0, on_stale: hold,
       start: 0.0}
  on_stale: stop
safety:
  ranges:
    - {field: 'data[0]', of: base.forward_mps, min: -1.0, max: 1.0, deceleration: 2.0}
"""


def test_the_arbiter_asks_it_and_no_override_goes_past_it():
    contract = parse_contract(TEXT)
    arbiter = Arbiter(contract)
    arbiter.ranges.see('base.forward_mps', 0.9, T0)
    for override in (False, True):
        arbiter.offer(Request(int(Source.PERSON), T0, True, contract.hash, contract.action.names,
                              0.1, 1, [1.0, 0.5], '', 0, override), T0, T0)
        decision = arbiter.decide(T0, T0)
        assert 'range_end' in decision.reasons
        assert decision.applied == pytest.approx([0.3483, 0.5], abs=1e-3)


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ("field: 'data[0]', of", "field: 'data[2]', of", 'one of'),
    ("field: 'data[0]', of", "field: 'data[1]', of", 'a speed'),
    ('of: base.forward_mps', 'of: elbow', 'an observed number'),
    ('min: -1.0, max: 1.0, deceleration', 'min: 1.0, max: 1.0, deceleration', 'greater than min'),
    ('deceleration: 2.0', 'deceleration: 0', 'finite number'),
    ('deceleration: 2.0', 'brakes: 2.0', 'deceleration is required')])
def test_a_mistake_is_named(old, new, said):
    assert old in TEXT
    with pytest.raises(ContractError, match=said) as caught:
        parse_contract(TEXT.replace(old, new))
    assert 'safety.ranges[0]' in str(caught.value)
