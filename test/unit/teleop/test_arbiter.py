"""The arbiter lets through what it may, and nothing else."""

from dataclasses import replace
import math

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import SafetySpec
from ilw_core.episode import Source
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request

P = 100_000_000
T0 = 1_000_000_000_000
NO_LIDAR = SafetySpec(clamp_ratio=0.1, clamps_in_a_row=10)


def without_lidar(task):
    """Return a shipped contract that does not look ahead: see test_forward_stop.py."""
    return replace(load_contract(config_file('tasks', task)), safety=NO_LIDAR)


@pytest.fixture
def clutter():
    return without_lidar('clutter')


@pytest.fixture(params=['clutter', 'maze'])
def contract(request):
    return without_lidar(request.param)


def ask(contract, source, actions, stamp, **changes):
    return Request(**{
        'source': source, 'stamp_ns': stamp, 'active': True, 'contract_hash': contract.hash,
        'names': contract.action.names, 'period_s': 0.1,
        'horizon': len(actions) // contract.action.dim, 'values': actions} | changes)


def put(arbiter, request, now):
    """Offer a request and decide, as the node does."""
    arbiter.offer(request, now, now)
    return arbiter.decide(now, now)


def test_nobody_there_means_the_stop_action(contract):
    decision = Arbiter(contract).decide(T0, T0)
    assert decision.source is Source.NONE
    assert decision.applied.tolist() == [0.0, 0.0]
    assert decision.reasons == ('silent',)
    assert decision.requested == ()


def test_a_person_gets_what_they_ask_for_within_the_rate(clutter):
    arbiter = Arbiter(clutter)
    first = put(arbiter, ask(clutter, 1, [0.5, 0.4], T0), T0)
    assert first.source is Source.PERSON
    assert first.requested == (0.5, 0.4)
    assert first.applied == pytest.approx([0.2, 0.4])  # 2 m/s2 for 0.1 s; 8 rad/s2 for 0.1 s
    assert first.reasons == ('rate',)
    second = put(arbiter, ask(clutter, 1, [0.3, 0.4], T0 + P), T0 + P)
    assert second.applied == pytest.approx([0.3, 0.4])
    assert second.reasons == ()


def test_a_request_beyond_the_range_is_clipped_and_says_so(clutter):
    decision = put(Arbiter(clutter), ask(clutter, 1, [-3.0, 0.0], T0), T0)
    assert decision.applied == pytest.approx([0.0, 0.0])
    assert decision.reasons == ('range',)


def test_a_policy_is_disarmed_until_it_is_armed(clutter):
    arbiter = Arbiter(clutter)
    decision = put(arbiter, ask(clutter, 2, [0.2, 0.0], T0), T0)
    assert decision.source is Source.NONE
    assert decision.applied.tolist() == [0.0, 0.0]
    assert decision.reasons == ('disarmed',)
    assert decision.requested == (0.2, 0.0)
    arbiter.arm()
    decision = put(arbiter, ask(clutter, 2, [0.2, 0.0], T0 + P), T0 + P)
    assert (decision.source, decision.reasons) == (Source.POLICY, ())


def test_a_policy_whose_process_was_replaced_must_be_armed_again(clutter):
    arbiter = Arbiter(clutter)
    assert arbiter.notice_restart() == '', 'nobody had armed it'
    arbiter.arm()
    assert put(arbiter, ask(clutter, 2, [0.1, 0.0], T0), T0).source is Source.POLICY
    assert 'arm it again' in arbiter.notice_restart()
    decision = put(arbiter, ask(clutter, 2, [0.1, 0.0], T0 + P), T0 + P)
    assert (decision.source, decision.armed) == (Source.NONE, False)
    assert 'disarmed' in decision.reasons
    assert arbiter.arm() == '' and not arbiter.disarmed_why
    late = T0 + 2 * P
    assert put(arbiter, ask(clutter, 2, [0.1, 0.0], late), late).source is Source.POLICY


def test_a_person_takes_over_and_gives_back_without_a_jump(clutter):
    arbiter = Arbiter(clutter, armed=True)
    for k in range(5):
        now = T0 + k * P
        before = put(arbiter, ask(clutter, 2, [0.5, 0.0], now), now)
    taken = put(arbiter, ask(clutter, 1, [0.0, -1.5], now + P), now + P)
    assert taken.source is Source.PERSON
    assert taken.applied - before.applied == pytest.approx([-0.2, -0.8])
    now += 2 * P
    assert not arbiter.offer(ask(clutter, 2, [0.5, 0.0], now), now, now)
    assert arbiter.offer(ask(clutter, 1, [0.0, 0.0], now, active=False), now, now)
    back = arbiter.decide(now, now)
    assert back.source is Source.POLICY
    assert abs(back.applied - taken.applied) == pytest.approx([0.2, 0.8])


def test_a_person_who_lets_go_while_the_arbiter_hangs_no_longer_drives(clutter):
    arbiter = Arbiter(clutter)
    put(arbiter, ask(clutter, 2, [0.5, 0.0], T0), T0)
    assert put(arbiter, ask(clutter, 1, [0.5, 0.0], T0), T0).source is Source.PERSON
    now = T0 + 15 * P
    assert not arbiter.offer(ask(clutter, 1, [0.5, 0.0] * 2, now, active=False, horizon=2),
                             now, now)
    assert arbiter.due(now, now)
    assert arbiter.decide(now, now).source is Source.NONE


def test_the_emergency_stop_is_at_once_and_stays(clutter):
    arbiter = Arbiter(clutter, armed=True)
    for k in range(5):
        put(arbiter, ask(clutter, 1, [0.5, 0.5], T0 + k * P), T0 + k * P)
    arbiter.estop()
    now = T0 + 5 * P
    decision = put(arbiter, ask(clutter, 1, [0.5, 0.5], now), now)
    assert decision.source is Source.ESTOP
    assert decision.applied.tolist() == [0.0, 0.0]
    assert decision.reasons == ('estop',)
    assert 'reset' in arbiter.arm()
    assert not arbiter.armed
    arbiter.reset()
    assert not arbiter.armed
    after = arbiter.decide(now + P, now + P)
    assert after.reasons == ('silent',)  # what was asked before does not come back


@pytest.mark.parametrize(('changes', 'reason'), [
    ({'contract_hash': 'other'}, 'contract'),
    ({'names': ('a', 'b')}, 'contract'),
    ({'values': [0.1]}, 'length'),
    ({'horizon': 3}, 'length'),
    ({'horizon': 0, 'values': []}, 'length'),
    ({'horizon': 3, 'values': [0.1] * 6, 'period_s': 1.01}, 'length'),
    ({'values': [math.nan, 0.0]}, 'nonfinite'),
    ({'values': [0.0, math.inf]}, 'nonfinite'),
    ({'period_s': math.nan}, 'nonfinite'),
    ({'period_s': 0.0}, 'nonfinite'),
    ({'stamp_ns': T0 - 2 * P}, 'stale'),
    ({'observation_ns': T0 - 4 * P}, 'observation'),
    ({'stamp_ns': T0 + 50 * P}, 'stale'),
    ({'stamp_ns': T0 - 4 * P, 'horizon': 2, 'values': [0.1] * 4}, 'expired'),
])
@pytest.mark.parametrize('source', [1, 2])
def test_a_bad_request_stops_the_robot_and_says_why(clutter, changes, reason, source):
    arbiter = Arbiter(clutter, armed=True)
    decision = put(arbiter, ask(clutter, source, [0.1, 0.1], T0, **changes), T0)
    assert decision.source is Source.NONE
    assert decision.applied.tolist() == [0.0, 0.0]
    assert decision.reasons == (reason,)
    assert arbiter.refused == {reason: 1}


def test_a_bad_request_of_the_person_does_not_hand_over_to_the_policy(clutter):
    arbiter = Arbiter(clutter, armed=True)
    put(arbiter, ask(clutter, 2, [0.2, 0.0], T0), T0)
    decision = put(arbiter, ask(clutter, 1, [math.nan, 0.0], T0 + 1), T0 + 1)
    assert (decision.source, decision.reasons[0]) == (Source.NONE, 'nonfinite')


def test_a_person_who_vanishes_keeps_the_policy_out_for_a_while(clutter):
    arbiter = Arbiter(clutter, armed=True, person_hold_ns=10 * P)
    put(arbiter, ask(clutter, 1, [0.2, 0.0], T0), T0)
    later = T0 + 5 * P
    assert put(arbiter, ask(clutter, 2, [0.2, 0.0], later), later).reasons[0] == 'silent'
    later = T0 + 11 * P
    assert put(arbiter, ask(clutter, 2, [0.2, 0.0], later), later).source is Source.POLICY


def test_the_actions_of_a_chunk_are_applied_in_their_time(clutter):
    arbiter = Arbiter(clutter, armed=True)
    chunk = ask(clutter, 2, [0.1, 0.0, 0.2, 0.0, 0.3, 0.0], T0)
    applied = [put(arbiter, chunk, T0).applied[0]]
    for k in range(1, 6):
        now = T0 + k * P
        assert arbiter.chunk_due(now) is (k < 3)
        applied.append(arbiter.decide(now, now).applied[0])
    # The last action holds for one more period, then the robot stops.
    assert applied == pytest.approx([0.1, 0.2, 0.3, 0.3, 0.0, 0.0])


def test_a_late_chunk_is_entered_where_it_belongs(clutter):
    arbiter = Arbiter(clutter, armed=True)
    decision = put(arbiter, ask(clutter, 2, [0.0, 0.0, 0.1, 0.0, 0.2, 0.0], T0), T0 + 2 * P)
    assert decision.requested == (0.2, 0.0)


def test_a_clock_that_jumps_back_makes_it_forget(clutter):
    arbiter = Arbiter(clutter)
    put(arbiter, ask(clutter, 1, [0.2, 0.0], T0), T0)
    early = T0 - 50 * P
    assert arbiter.due(early, early)
    assert arbiter.decide(early, early).reasons[0] == 'silent'


def test_a_leap_of_the_clock_gives_the_stop_action(clutter):
    arbiter = Arbiter(clutter)
    put(arbiter, ask(clutter, 1, [0.2, 0.0], T0), T0)
    late = T0 + 12 * P
    assert arbiter.due(late, late)
    decision = arbiter.decide(late, late)
    assert decision.applied.tolist() == [0.0, 0.0]
    assert decision.reasons == ('silent',)


def test_the_source_in_control_is_decided_at_once_and_others_are_not(clutter):
    arbiter = Arbiter(clutter, armed=True)
    assert arbiter.offer(ask(clutter, 1, [0.1, 0.0], T0), T0, T0)
    arbiter.decide(T0, T0)
    assert not arbiter.offer(ask(clutter, 2, [0.2, 0.0], T0), T0, T0)
    assert arbiter.offer(ask(clutter, 1, [0.1, 0.0], T0 + P), T0 + P, T0 + P)
    arbiter.decide(T0 + P, T0 + P)
    assert not arbiter.due(T0 + 2 * P, T0 + 2 * P)
    assert arbiter.due(T0 + 3 * P, T0 + 3 * P)


def test_holding_robots_keep_their_last_action(clutter):
    text = clutter.text.replace('on_stale: stop', 'on_stale: hold').replace(
        'geometry_msgs/msg/TwistStamped', 'trajectory_msgs/msg/JointTrajectory')
    for unit in ('rad', 'm'):
        text = text.replace(f'unit: {unit}/s', f'unit: {unit}, start: 0.0')
    from ilw_core.contract.file import parse_contract
    holding = replace(parse_contract(text), safety=NO_LIDAR)
    arbiter = Arbiter(holding)
    put(arbiter, ask(holding, 1, [0.2, 0.3], T0), T0)
    assert arbiter.decide(T0 + 5 * P, T0 + 5 * P).applied == pytest.approx([0.2, 0.3])


numbers = st.floats(-2.0, 2.0) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
steps = st.lists(st.tuples(
    st.sampled_from([1, 1, 2, 2, 0, 3]),                              # source
    st.integers(0, P) | st.integers(-3 * P, 3 * P),                   # time to the next step
    st.lists(numbers, min_size=2, max_size=2) | st.lists(numbers, max_size=6),
    st.just(0) | st.integers(-5 * P, 5 * P),                          # age of the stamp
    st.sampled_from([True, True, False]),                             # active
    st.sampled_from([0.1, 0.1, 0.05, 0.0, -1.0, math.nan, 1e300]),    # period
    st.sampled_from([1, 1, 2, 3, 0]),                                 # horizon
    st.sampled_from(['arm', 'arm', 'arm', 'disarm', 'estop', 'reset', '', ''])), max_size=25)


@settings(max_examples=100, deadline=None)
@given(moves=steps, contract=st.sampled_from(
    [without_lidar(task) for task in ('clutter', 'maze')]))
def test_whatever_comes_the_output_stays_in_range_and_rate_and_silence_stops_it(moves, contract):
    action, arbiter = contract.action, Arbiter(contract)
    now = newest = T0
    previous, decided = np.zeros(2), None
    for source, wait, values, age, active, period, horizon, switch in moves:
        now += wait
        newest = max(newest, now)
        if switch:
            getattr(arbiter, switch)()
        arbiter.offer(ask(contract, source, values, now - age, active=active, period_s=period,
                          horizon=horizon), now, now)
        decision = arbiter.decide(now, now)
        applied = decision.applied
        assert np.isfinite(applied).all()
        assert (applied >= action.low).all() and (applied <= action.high).all()
        # A clock that jumped back far tells no elapsed time: then one period counts.
        jumped = decided is None or now < decided - P
        elapsed = P if jumped else max(0, now - decided)
        if decision.source in (Source.PERSON, Source.POLICY):
            assert (abs(applied - previous) <= action.max_rate * elapsed / 1e9 + 1e-6).all()
            assert not decision.estopped
            assert decision.source is Source.PERSON or decision.armed
        else:
            assert applied.tolist() == [0.0, 0.0]
        previous, decided = applied, now
    longest = 2 * P  # a chunk of three actions lasts two more periods of 0.1 s
    now = newest + longest + 2 * P
    assert arbiter.due(now, now)
    silent = arbiter.decide(now, now)
    assert silent.source in (Source.NONE, Source.ESTOP)
    assert silent.applied.tolist() == [0.0, 0.0]


@settings(max_examples=50, deadline=None)
@given(st.floats(0.0, 0.5), st.floats(-1.5, 1.5), st.integers(1, 2), st.integers(0, 50 * P))
def test_after_two_periods_of_silence_the_stop_action_is_wanted(forward, turn, source, more):
    contract = without_lidar('clutter')
    arbiter = Arbiter(contract, armed=True)
    put(arbiter, ask(contract, source, [forward, turn], T0), T0)
    now = T0 + 2 * P + more
    assert arbiter.due(now, now)
    decision = arbiter.decide(now, now)
    assert decision.reasons == ('silent',)
    assert decision.applied.tolist() == [0.0, 0.0]


def test_the_stop_is_as_gentle_as_the_contract_wants(clutter):
    slow = replace(clutter, action=replace(clutter.action, stop_rate=np.array([1.0, np.inf])))
    arbiter = Arbiter(slow)
    for k in range(4):
        put(arbiter, ask(clutter, 1, [0.5, 0.5], T0 + k * P), T0 + k * P)
    speeds = [arbiter.decide(T0 + k * P, T0 + k * P).applied.tolist() for k in range(5, 12)]
    assert [v for v, _ in speeds][:3] == pytest.approx([0.3, 0.2, 0.1], abs=1e-6)
    assert speeds[-1] == pytest.approx([0.0, 0.0])
    assert {turn for _, turn in speeds} == {0.0}


def test_request_after_request_far_out_of_range_trips_the_emergency_stop(clutter):
    arbiter = Arbiter(clutter, armed=True)
    for k in range(9):
        assert not put(arbiter, ask(clutter, 2, [2.0, 0.0], T0 + k * P), T0 + k * P).estopped
    decision = put(arbiter, ask(clutter, 2, [2.0, 0.0], T0 + 9 * P), T0 + 9 * P)
    assert (decision.source, decision.estopped) == (Source.ESTOP, True)
    assert decision.applied.tolist() == [0.0, 0.0]
    assert '10 requests of the policy' in arbiter.estop_why


def test_one_good_request_between_wild_ones_trips_nothing(clutter):
    arbiter = Arbiter(clutter, armed=True)
    for k in range(40):
        speed = 0.5 if k % 9 == 8 else 2.0
        assert not put(arbiter, ask(clutter, 2, [speed, 0.0], T0 + k * P), T0 + k * P).estopped


def test_a_little_beyond_the_range_is_no_alarm(clutter):
    arbiter = Arbiter(clutter, armed=True)
    for k in range(40):
        assert not put(arbiter, ask(clutter, 2, [0.54, 0.0], T0 + k * P), T0 + k * P).estopped


def test_a_rival_on_the_command_topic_stops_the_policy_and_keeps_it_from_being_armed(clutter):
    arbiter = Arbiter(clutter, armed=True)
    assert put(arbiter, ask(clutter, 2, [0.2, 0.0], T0), T0).source is Source.POLICY
    arbiter.notice_rivals(1)
    decision = put(arbiter, ask(clutter, 2, [0.2, 0.0], T0 + P), T0 + P)
    assert (decision.source, decision.reasons) == (Source.NONE, ('rival',))
    assert 'command the robot' in arbiter.arm()
    assert put(arbiter, ask(clutter, 1, [0.1, 0.0], T0 + P), T0 + P).source is Source.PERSON
    arbiter.notice_rivals(0, several_policies=True)
    assert 'Several' in arbiter.arm()
    arbiter.notice_rivals(0)
    assert arbiter.arm() == ''
