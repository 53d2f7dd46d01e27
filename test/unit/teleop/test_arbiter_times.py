"""The arbiter at times that nobody chose: pauses, late polls, ramps; what each period allows."""

from dataclasses import replace

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import SafetySpec
from ilw_core.episode import Source
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.loop import ArbiterLoop
from ilw_teleop.arbiter.request import Request, refusal

P = 100_000_000
MS = 1_000_000
T0 = 1_000_000_000_000
CLUTTER = replace(load_contract(config_file('tasks', 'clutter')),
                  safety=SafetySpec(clamp_ratio=0.1, clamps_in_a_row=10))


def with_rates(max_rate=(1.0, 3.0), stop_rate=(np.inf, np.inf), stop=(0.0, 0.0)):
    """Return the contract with other rates per second, forward and turn each its own."""
    return replace(CLUTTER, action=replace(
        CLUTTER.action, max_rate=np.array(max_rate), stop_rate=np.array(stop_rate),
        stop=np.full(2, np.nan) if stop is None else np.array(stop), start=np.zeros(2)))


def ask(contract, source, values, stamp, **changes):
    return Request(**{
        'source': source, 'stamp_ns': stamp, 'active': True, 'contract_hash': contract.hash,
        'names': contract.action.names, 'period_s': 0.1, 'horizon': len(values) // 2,
        'values': values} | changes)


def put(arbiter, contract, values, at, source=1, **changes):
    arbiter.offer(ask(contract, source, values, at, **changes), at, at)
    return arbiter.decide(at, at)


def up_to_speed(contract, values=(0.4, -0.9)):
    """Return an arbiter whose person drives so at T0, without a ramp left."""
    arbiter = Arbiter(contract)
    for k in range(-12, 1):
        decision = put(arbiter, contract, list(values), T0 + k * P)
    assert decision.applied == pytest.approx(values) and decision.reasons == ()
    return arbiter


# -- the emergency stop

@pytest.mark.parametrize('stop_rate', [(0.5, 1.0), (0.01, 0.02), (5.0, np.inf), (np.inf, 0.1)])
def test_an_emergency_stop_knows_no_ramp_whatever_the_stop_rate(stop_rate):
    arbiter = up_to_speed(with_rates(stop_rate=stop_rate))
    arbiter.estop()
    decision = arbiter.decide(T0 + 7 * MS, T0 + 7 * MS)
    assert decision.applied.tolist() == [0.0, 0.0]
    assert (decision.source, decision.reasons) == (Source.ESTOP, ('estop',))


# -- the stop when nobody drives

@pytest.mark.parametrize('pause_ms', [201, 230, 290, 455])
def test_a_stop_falls_at_its_rate_times_the_time_that_went_by(pause_ms):
    arbiter = up_to_speed(with_rates(stop_rate=(0.5, 2.0)))
    at = T0 + pause_ms * MS
    decision = arbiter.decide(at, at)
    assert decision.applied == pytest.approx(
        [max(0.0, 0.4 - 0.5 * pause_ms / 1000), min(0.0, -0.9 + 2.0 * pause_ms / 1000)])
    assert decision.reasons == ('silent', 'rate')
    last = arbiter.decide(at + 20 * P, at + 20 * P)
    assert last.applied.tolist() == [0.0, 0.0] and last.reasons == ('silent',)


def test_a_stop_action_that_is_not_zero_is_what_nobody_means():
    contract = with_rates(stop=(0.05, -0.3))
    arbiter = up_to_speed(contract)
    assert arbiter.decide(T0 + 3 * P, T0 + 3 * P).applied.tolist() == [0.05, -0.3]


def test_a_contract_without_a_stop_action_holds_what_was_applied():
    arbiter = up_to_speed(with_rates(stop=None))
    assert arbiter.decide(T0 + 9 * P, T0 + 9 * P).applied == pytest.approx([0.4, -0.9])


# -- after a pause

@pytest.mark.parametrize('pause_ms', [210, 300, 370, 450, 1700])
def test_after_a_pause_one_period_of_change_is_allowed_from_where_the_robot_stopped(pause_ms):
    contract = with_rates(max_rate=(1.0, 3.0))
    arbiter = up_to_speed(contract)
    stopped = np.array([max(0.0, 0.4 - (pause_ms / 1000 - 0.1)),
                        min(0.0, -0.9 + 3.0 * (pause_ms / 1000 - 0.1))])
    decision = put(arbiter, contract, [0.5, 1.5], T0 + pause_ms * MS)
    assert decision.applied == pytest.approx(np.minimum(np.add(stopped, [0.1, 0.3]), [0.5, 1.5]),
                                             abs=1e-6)
    assert 'rate' in decision.reasons


@pytest.mark.parametrize('late_ms', [10, 73, 130, 199])
def test_a_late_or_early_request_may_change_by_the_time_since_the_last_decision(late_ms):
    contract = with_rates(max_rate=(1.0, 3.0))
    arbiter = up_to_speed(contract)
    decision = put(arbiter, contract, [-0.5, 1.5], T0 + late_ms * MS)
    change = decision.applied - [0.4, -0.9]
    assert change == pytest.approx([-min(late_ms / 1000, 0.4), 3.0 * late_ms / 1000])


# -- when a decision is due

@pytest.mark.parametrize('period_s', [0.1, 0.04])
def test_a_decision_is_due_one_and_a_half_periods_after_the_last_of_one_who_drives(period_s):
    arbiter = Arbiter(CLUTTER)
    values = [0.1, 0.2] * 6
    put(arbiter, CLUTTER, values, T0, period_s=period_s)
    assert arbiter.driven
    assert not arbiter.due(T0 + 149 * MS, T0 + 149 * MS)
    assert arbiter.due(T0 + 150 * MS, T0 + 150 * MS)


def test_a_decision_is_due_every_period_when_nobody_drives():
    arbiter = Arbiter(CLUTTER)
    assert arbiter.due(T0, T0)
    arbiter.decide(T0, T0)
    assert not arbiter.due(T0 + P - 1, T0 + P - 1)
    assert arbiter.due(T0 + P, T0 + P)


def test_a_decision_is_due_as_soon_as_who_drives_has_gone_silent():
    arbiter = up_to_speed(CLUTTER)
    arbiter.offer(ask(CLUTTER, 1, [0.4, -0.9], T0 + 1), T0 + 1, T0 + 1)
    arbiter.decide(T0 + 140 * MS, T0 + 140 * MS)
    assert not arbiter.due(T0 + 199 * MS, T0 + 199 * MS)
    assert arbiter.due(T0 + 200 * MS + 1, T0 + 200 * MS + 1)


def test_a_clock_that_leapt_back_makes_a_decision_due_and_forgets_what_was_asked():
    arbiter = up_to_speed(CLUTTER)
    assert not arbiter.due(T0 - P, T0 - P)
    assert arbiter.due(T0 - P - 1, T0 - P - 1)
    assert arbiter.decide(T0 - 2 * P, T0 - 2 * P).source is Source.NONE


@pytest.mark.parametrize(('step', 'at_ms', 'due'), [
    (0, 99, False), (1, 100, True), (2, 230, True), (4, 470, True), (5, 520, False)])
def test_each_action_of_a_chunk_is_driven_when_its_time_comes(step, at_ms, due):
    values = [0.01 * k for k in range(1, 11)]  # (5, 2)
    arbiter = Arbiter(CLUTTER)
    put(arbiter, CLUTTER, values, T0)
    at = T0 + at_ms * MS
    assert arbiter.chunk_due(at) is due
    row = min(step, 4)
    assert arbiter.decide(at, at).requested == tuple(values[2 * row:2 * row + 2])


def test_the_end_of_a_chunk_is_held_for_two_periods_and_then_nobody_drives():
    arbiter = Arbiter(CLUTTER)
    put(arbiter, CLUTTER, [0.1, 0.2, 0.3, 0.4, 0.2, 0.7], T0)  # the last from 200 ms on
    assert arbiter.decide(T0 + 399 * MS, T0 + 399 * MS).requested == (0.2, 0.7)
    late = arbiter.decide(T0 + 400 * MS, T0 + 400 * MS)
    assert (late.source, late.requested, late.reasons[0]) == (Source.NONE, (), 'silent')


def test_a_chunk_whose_own_times_are_over_expires_though_it_came_just_now():
    arbiter = Arbiter(CLUTTER)
    request = ask(CLUTTER, 1, [0.1, 0.2, 0.3, 0.4], T0 - 250 * MS)
    arbiter.offer(request, T0, T0)
    assert arbiter.decide(T0 + 49 * MS, T0 + 49 * MS).source is Source.PERSON
    decision = arbiter.decide(T0 + 50 * MS, T0 + 50 * MS)
    assert (decision.source, decision.reasons[0]) == (Source.NONE, 'expired')


# -- who may be heard

@pytest.mark.parametrize('source', [1, 2])
def test_action_names_in_another_order_are_another_contract(source):
    request = ask(CLUTTER, source, [0.3, 0.1], T0, names=CLUTTER.action.names[::-1])
    assert refusal(request, CLUTTER, 2 * P, T0) == 'contract'
    arbiter = Arbiter(CLUTTER, armed=True)
    decision = put(arbiter, CLUTTER, [0.3, 0.1], T0, source=source,
                   names=CLUTTER.action.names[::-1])
    assert (decision.source, decision.reasons[0]) == (Source.NONE, 'contract')
    assert arbiter.refused == {'contract': 1}


@pytest.mark.parametrize(('changes', 'why'), [
    ({}, ''), ({'names': ['twist.linear.x', 'twist.angular.z']}, ''),
    ({'names': ('twist.linear.x',)}, 'contract'), ({'contract_hash': 'f' * 64}, 'contract'),
    ({'horizon': 2}, 'length'), ({'horizon': 0, 'values': ()}, 'length'),
    ({'values': (0.1, 0.2, 0.3)}, 'length'), ({'period_s': 0.9e-4}, 'nonfinite'),
    ({'period_s': 1e-4}, ''), ({'period_s': 1e4}, ''), ({'period_s': 1.1e4}, 'nonfinite'),
    ({'period_s': float('nan')}, 'nonfinite'), ({'values': (0.1, float('inf'))}, 'nonfinite'),
    ({'horizon': 3, 'values': (0.1,) * 6, 'period_s': 1.0}, ''),
    ({'horizon': 3, 'values': (0.1,) * 6, 'period_s': 1.1}, 'length')])
def test_each_rule_of_a_request_is_kept_to_its_bound(changes, why):
    request = replace(ask(CLUTTER, 2, [0.1, 0.2], T0), **changes)
    assert refusal(request, CLUTTER, 2 * P, T0) == why


@pytest.mark.parametrize(('age_ns', 'horizon', 'why'), [
    (2 * P - 1, 1, ''), (2 * P, 1, 'stale'), (-2 * P, 1, ''), (-2 * P - 1, 1, 'stale'),
    (4 * P - 1, 3, ''), (4 * P, 3, 'expired'), (-2 * P - 1, 3, 'expired')])
def test_a_request_is_as_old_as_its_last_action_allows(age_ns, horizon, why):
    request = ask(CLUTTER, 2, [0.1, 0.2] * horizon, T0 - age_ns)
    assert refusal(request, CLUTTER, 2 * P, T0) == why


@pytest.mark.parametrize(('seen_ns', 'horizon', 'why'), [
    (4 * P - 1, 1, ''), (4 * P, 1, 'observation'), (6 * P - 1, 3, ''), (6 * P, 3, 'observation')])
def test_what_follows_from_an_old_observation_is_refused(seen_ns, horizon, why):
    request = ask(CLUTTER, 2, [0.1, 0.2] * horizon, T0, observation_ns=T0 - seen_ns)
    assert refusal(request, CLUTTER, 2 * P, T0) == why


# -- the loop's patience

def silent_for(loop, since_ns, until_ns):
    """Return when the loop decided first, polled every 10 ms; ``None``: not."""
    for at in range(since_ns, until_ns, 10 * MS):
        if loop.poll(at, at, at) is not None:
            return at
    return None


@pytest.mark.parametrize('grace_ms', [500, 730])
def test_only_who_drives_makes_the_loop_wait(grace_ms):
    arbiter = up_to_speed(CLUTTER)
    loop = ArbiterLoop(arbiter, grace_ms * MS)
    loop.hears(T0, active=True)
    for ms in range(10, grace_ms, 10):
        loop.hears(T0 + ms * MS, active=False)
        assert loop.poll(T0 + ms * MS, T0 + ms * MS, T0 + ms * MS) is None
    assert silent_for(loop, T0 + grace_ms * MS, T0 + 3000 * MS) == T0 + grace_ms * MS


def test_a_leap_of_the_clock_has_a_grace_of_its_own_that_a_driver_ends():
    for heard, first_ms in ((False, 900), (True, 500)):
        arbiter = up_to_speed(CLUTTER)
        loop = ArbiterLoop(arbiter, 200 * MS, 900 * MS)
        loop.leap(T0)
        if heard:
            loop.hears(T0 + 300 * MS, active=True)
        assert silent_for(loop, T0, T0 + 2000 * MS) == T0 + first_ms * MS


@pytest.mark.parametrize(('hung_ms', 'armed'), [(1500, True), (1501, False), (6000, False)])
def test_a_loop_that_was_not_polled_disarms(hung_ms, armed):
    arbiter = Arbiter(CLUTTER, armed=True)
    loop = ArbiterLoop(arbiter)
    loop.poll(T0, T0, T0)
    loop.poll(T0 + hung_ms * MS, T0 + hung_ms * MS, T0 + hung_ms * MS)
    assert arbiter.armed is armed


@pytest.mark.parametrize(('still_ms', 'heard'), [(1000, True), (1001, False)])
def test_a_simulated_clock_that_stands_still_stops_the_robot(still_ms, heard):
    arbiter = up_to_speed(CLUTTER)
    loop = ArbiterLoop(arbiter, simulated=True)
    wall = 77_000 * MS
    assert not loop.hears(wall, active=True), 'it has not ticked yet'
    loop.tick(wall)
    late = wall + still_ms * MS
    assert loop.hears(late, active=True) is heard
    decision = loop.poll(T0 + 50 * MS, T0 + 50 * MS, late)
    assert (decision is None) is heard
    assert heard or decision.applied.tolist() == [0.0, 0.0]


def test_before_the_first_tick_of_a_simulated_clock_nothing_is_decided():
    assert ArbiterLoop(Arbiter(CLUTTER), simulated=True).poll(0, 0, 5 * MS) is None


# -- how long a person who vanished keeps the policy out

@pytest.mark.parametrize(('gone_ms', 'driver'), [(999, Source.NONE), (1000, Source.NONE),
                                                 (1001, Source.POLICY)])
def test_a_person_who_vanished_holds_the_policy_off_for_a_second(gone_ms, driver):
    arbiter = Arbiter(CLUTTER, armed=True)
    put(arbiter, CLUTTER, [0.1, 0.0], T0)
    at = T0 + gone_ms * MS
    assert put(arbiter, CLUTTER, [0.2, 0.3], at, source=2).source is driver


@pytest.mark.parametrize(('since_ms', 'now'), [(49, False), (50, False), (51, True)])
def test_who_cannot_drive_asks_for_one_decision_in_half_a_period(since_ms, now):
    arbiter = Arbiter(CLUTTER)
    arbiter.decide(T0, T0)
    at = T0 + since_ms * MS
    assert arbiter.offer(ask(CLUTTER, 1, [0.0, 0.0], at, active=False), at, at) is now


@pytest.mark.parametrize(('asked', 'wild'), [((0.54, 0.0), False), ((0.56, 0.0), True),
                                            ((0.2, -1.75), False), ((0.2, -1.85), True)])
def test_requests_far_out_of_range_trip_the_stop_only_in_a_row(asked, wild):
    slack = 0.1 * (CLUTTER.action.high - CLUTTER.action.low)
    assert slack == pytest.approx([0.05, 0.3])
    arbiter = Arbiter(CLUTTER)
    for k in range(9):
        put(arbiter, CLUTTER, list(asked), T0 + k * P)
    put(arbiter, CLUTTER, [0.3, 0.2], T0 + 9 * P)
    for k in range(10, 19):
        put(arbiter, CLUTTER, list(asked), T0 + k * P)
    assert not arbiter.estopped
    put(arbiter, CLUTTER, list(asked), T0 + 19 * P)
    assert arbiter.estopped is wild


@pytest.mark.parametrize('late_ms', [110, 150, 199, 200])
def test_up_to_two_periods_the_robot_is_where_it_was_told_to_be(late_ms):
    arbiter = up_to_speed(with_rates(max_rate=(1.0, 3.0)))
    decision = put(arbiter, with_rates(max_rate=(1.0, 3.0)), [0.5, -1.5], T0 + late_ms * MS)
    assert decision.applied == pytest.approx([0.5, max(-1.5, -0.9 - 3.0 * late_ms / 1000)],
                                             abs=1e-6)


def test_after_a_leap_back_of_the_clock_the_first_to_ask_is_heard():
    arbiter = up_to_speed(CLUTTER)
    arbiter.arm()
    early = T0 - 5 * P
    arbiter.offer(ask(CLUTTER, 2, [0.1, 0.2], early), early, early)
    decision = arbiter.decide(early, early)
    assert (decision.source, decision.requested) == (Source.POLICY, (0.1, 0.2))


@pytest.mark.parametrize('source', [0, 3, 99, -1])
def test_nobody_else_is_heard_and_it_is_counted(source):
    arbiter = Arbiter(CLUTTER, armed=True)
    assert not arbiter.offer(ask(CLUTTER, source, [0.1, 0.0], T0), T0, T0)
    assert arbiter.refused == {'contract': 1}
    assert arbiter.decide(T0, T0).source is Source.NONE


@pytest.mark.parametrize(('against', 'armed'), [(False, True), (True, False)])
def test_a_robot_that_is_not_ready_is_not_armed_and_one_that_moves_against_it_disarmed(against,
                                                                                        armed):
    arbiter = Arbiter(CLUTTER, armed=True)
    arbiter.notice_unready(['The lidar is off.', 'Twice.'], against=against)
    assert arbiter.armed is armed
    assert arbiter.arm() == 'The lidar is off. Twice.'
    arbiter.notice_unready([])
    assert arbiter.arm() == '' and arbiter.armed


@pytest.mark.parametrize(('commanders', 'policies', 'word'), [
    (1, False, '1 other node'), (2, True, '2 other node'), (0, True, 'Several policies'),
    (0, False, '')])
def test_who_shares_the_robot_does_not_drive_it(commanders, policies, word):
    arbiter = Arbiter(CLUTTER, armed=True)
    arbiter.notice_rivals(commanders, several_policies=policies)
    assert word in arbiter.rivals and arbiter.armed is (word == '')
    assert (arbiter.arm() == '') is (word == '')
    decision = put(arbiter, CLUTTER, [0.1, 0.0], T0, source=2)
    assert decision.reasons[0] == 'rival' if word else decision.source is Source.POLICY


def test_an_emergency_stop_says_why_and_ends_with_a_reset_that_nothing_survives():
    arbiter = up_to_speed(CLUTTER)
    arbiter.arm()
    arbiter.estop('the button on the robot')
    assert arbiter.estopped and not arbiter.armed
    assert 'the button on the robot' in arbiter.arm()
    assert arbiter.decide(T0 + MS, T0 + MS).estopped
    arbiter.reset()
    assert not arbiter.estopped and arbiter.estop_why == ''
    assert arbiter.decide(T0 + 2 * MS, T0 + 2 * MS).source is Source.NONE, 'asked before'


def test_who_does_not_say_so_takes_no_responsibility_for_what_the_lidar_sees():
    assert ask(CLUTTER, 1, [0.1, 0.0], T0).override is False


def test_a_free_way_ahead_does_not_end_a_smooth_motion():
    whole = load_contract(config_file('tasks', 'clutter'))
    smooth = replace(whole, action=replace(whole.action, max_acceleration=np.array([2.0, 8.0])))
    seeing, blind = Arbiter(smooth), Arbiter(replace(smooth, safety=CLUTTER.safety))
    for k in range(4):
        at = T0 + k * P
        seeing.ahead.see(at, np.full(360, 3.0 + 0.1 * k), 0.0, 2 * np.pi / 360, 0.05, 10.0)
        found = [put(arbiter, smooth, [0.3, 0.2], at).applied for arbiter in (seeing, blind)]
        assert found[0] == pytest.approx(found[1])
    assert found[0][0] > 0.1
