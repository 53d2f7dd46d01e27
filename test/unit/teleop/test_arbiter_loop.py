"""Silence makes the arbiter decide, but a simulated clock may leap."""

from dataclasses import replace
from itertools import pairwise

import pytest

from ilw_core.episode import Source
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.loop import ArbiterLoop
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.senders import Senders

P = 100_000_000
MS = 1_000_000
T0 = 1_000_000_000_000


@pytest.fixture
def arbiter(clutter):
    made = Arbiter(clutter)
    names = clutter.action.names
    made.offer(Request(1, T0, True, clutter.hash, names, 0.1, 1, [0.2, 0.0]), T0, T0)
    assert made.decide(T0, T0).source is Source.PERSON
    return made


def test_on_hardware_silence_counts_at_once(arbiter):
    loop = ArbiterLoop(arbiter)
    assert loop.poll(T0 + P, T0 + P, 0) is None
    assert loop.poll(T0 + 2 * P, T0 + 2 * P, 0).reasons[0] == 'silent'


def test_in_simulation_the_last_request_must_be_long_ago_in_wall_time_too(arbiter):
    loop = ArbiterLoop(arbiter, 50 * MS, 450 * MS)
    late = T0 + 3 * P
    assert loop.hears(0, active=True)
    assert loop.poll(late, late, 0) is None
    assert loop.poll(late, late, 49 * MS) is None
    assert loop.poll(late, late, 50 * MS).reasons[0] == 'silent'


def test_after_a_leap_the_driver_has_time_to_plan(arbiter):
    loop = ArbiterLoop(arbiter, 50 * MS, 450 * MS)
    late = T0 + 11 * P
    loop.leap(0)
    assert loop.poll(late, late, 0) is None
    assert loop.poll(late, late, 449 * MS) is None
    assert loop.poll(late, late, 450 * MS) is not None
    assert loop.poll(late + P, late + P, 460 * MS) is not None  # the leap is over


def test_a_driver_that_spoke_after_the_leap_gets_no_extra_time(arbiter):
    loop = ArbiterLoop(arbiter, 50 * MS, 450 * MS)
    loop.leap(0)
    assert loop.hears(10 * MS, active=True)
    late = T0 + 11 * P
    assert loop.poll(late, late, 59 * MS) is None
    assert loop.poll(late, late, 60 * MS) is not None


def test_a_clock_that_stops_stops_the_robot(arbiter):
    loop = ArbiterLoop(arbiter, 50 * MS, 450 * MS)
    loop.tick(0)
    assert loop.poll(T0 + P, T0 + P, 0) is None
    assert loop.poll(T0 + P, T0 + P, 1000 * MS) is None
    decision = loop.poll(T0 + P, T0 + P, 1001 * MS)
    assert decision.applied.tolist() == [0.0, 0.0]
    assert loop.poll(T0 + P, T0 + P, 1100 * MS) is None  # said once
    assert not loop.hears(1150 * MS, active=True)
    loop.tick(1190 * MS)
    assert loop.hears(1200 * MS, active=True)


def test_a_clock_that_has_not_begun_decides_nothing(arbiter):
    assert ArbiterLoop(arbiter).poll(0, 0, 10**12) is None


def test_an_arbiter_that_hung_itself_disarms_the_policy(arbiter):
    loop = ArbiterLoop(arbiter)
    arbiter.arm()
    loop.poll(T0 + P, T0 + P, 0)
    loop.poll(T0 + 2 * P, T0 + 2 * P, 1_500 * MS)
    assert arbiter.armed
    loop.poll(T0 + 3 * P, T0 + 3 * P, 3_001 * MS)
    assert not arbiter.armed


def test_two_senders_fall_back_again_and_again_and_a_restarted_one_only_once():
    alone, two = Senders(), Senders()
    for k, number in enumerate([1, 2, 3, 1, 2, 3, 4]):
        assert alone.take(number, k * P) == (k == 3), 'another sender than before'
        assert not alone.several(k * P)
    assert not any(Senders().take(number, 0) for number in (None, 0))
    for k, number in enumerate([7, 1, 8, 2, 9]):
        two.take(number, k * P)
    assert two.several(4 * P)
    assert not two.several(20 * P)  # the other has gone


@pytest.fixture
def idle(clutter):
    """Return an arbiter that decided at T0, and nobody drives."""
    made = Arbiter(clutter)
    assert made.decide(T0, T0).source is Source.NONE
    return made


def chunk(clutter, stamp, value=0.2):
    return Request(1, stamp, True, clutter.hash, clutter.action.names, 0.1, 1, [value, 0.0])


@pytest.mark.parametrize('since_ms', [0, 1, 30, 99, 100, 170])
def test_while_nobody_drives_the_next_poll_is_when_the_next_decision_is_due(idle, since_ms):
    loop, now = ArbiterLoop(idle), T0 + since_ms * MS
    rest = loop.rest_ns(now, now, paced=True)
    assert rest == max(0, 100 - since_ms) * MS
    if rest:
        assert loop.poll(now + rest - 1, now + rest - 1, now + rest - 1) is None
    assert loop.poll(now + rest, now + rest, now + rest) is not None


@pytest.mark.parametrize('simulated', [False, True])
def test_while_somebody_drives_there_is_no_rest(arbiter, simulated):
    loop = ArbiterLoop(arbiter, simulated=simulated)
    for k in range(30):
        loop.tick(T0 + k * 10 * MS) if simulated else None
        assert loop.rest_ns(T0 + k * 10 * MS, T0 + k * 10 * MS, paced=True) == 0


def test_whoever_begins_to_drive_ends_the_rest_and_whoever_goes_silent_is_noticed_in_time(
        idle, clutter):
    loop, now = ArbiterLoop(idle), T0
    now += loop.rest_ns(now, now, paced=True) // 2
    idle.offer(chunk(clutter, now), now, now)
    assert idle.decide(now, now).source is Source.PERSON
    while loop.poll(now, now, now) is None:
        assert loop.rest_ns(now, now, paced=True) == 0
        now += 10 * MS
    assert now - T0 <= 50 * MS + 1.5 * P + 10 * MS, 'as with a poll each 10 ms'


@pytest.mark.parametrize('pace', [0.25, 1.0, 3.0, 20.0])
def test_in_simulation_the_rest_is_as_long_as_time_takes_on_the_wall(idle, pace):
    loop, wall, decided, longest = ArbiterLoop(idle, simulated=True), 0, [], 0
    next_poll = 0
    for wall in range(0, 3000 * MS, MS):  # /clock each millisecond
        now = T0 + round(wall * pace)
        loop.tick(wall)
        if wall >= next_poll:
            if loop.poll(now, now, wall) is not None:
                decided.append(now)
            rest = loop.rest_ns(now, wall, paced=True)
            longest, next_poll = max(longest, rest), wall + max(rest, 10 * MS)
    gaps = [b - a for a, b in pairwise(decided)]
    assert len(decided) > 5
    assert max(gaps) <= P + pace * 20 * MS, 'not later than with a poll each 10 ms, twice'
    assert longest <= P + 10 * MS, 'a step of the clock later, so that it is due'


def test_in_simulation_one_poll_decides_and_its_period_stays_the_same(idle):
    """Each poll in vain, and each other period of its timer, wakes the node once more."""
    loop, wall, polls, decided, rests = ArbiterLoop(idle, simulated=True), 0, 0, 0, []
    while wall < 10_000 * MS:
        now = T0 + wall // (10 * MS) * 10 * MS  # /clock each 10 ms
        loop.tick(wall)
        decided += loop.poll(now, now, wall) is not None
        rests.append(loop.rest_ns(now, wall, paced=True))
        polls, wall = polls + 1, wall + max(rests[-1], 10 * MS) + 700_000
    assert decided > 85
    assert polls <= decided + 5
    assert max(rests[10:]) - min(rests[10:]) < 5 * MS


def test_a_simulator_that_may_wait_for_an_answer_is_never_rested_on(idle):
    loop = ArbiterLoop(idle, simulated=True)
    loop.tick(0)
    assert loop.rest_ns(T0, 10 * MS, paced=False) == 0


def test_a_clock_that_stands_is_looked_at_now_and_then(idle):
    loop = ArbiterLoop(idle, simulated=True)
    assert loop.rest_ns(T0, 60_000 * MS, paced=False) == 0, 'before it began'
    loop.tick(0)
    assert loop.rest_ns(T0, 9_900 * MS, paced=False) == 0
    assert loop.rest_ns(T0, 10_100 * MS, paced=False) == P
    loop.leap(10_100 * MS)
    assert loop.rest_ns(T0, 10_100 * MS, paced=False) == 0, 'a new world is waited for'


@pytest.mark.parametrize(('simulated', 'driver'), [(False, Source.PERSON), (True, Source.NONE)])
def test_a_clock_set_back_is_another_world_in_simulation_only(clutter, simulated, driver):
    made = Arbiter(clutter, armed=True)
    loop, names = ArbiterLoop(made, simulated=simulated), clutter.action.names
    loop.tick(0)
    for source in (Source.PERSON, Source.POLICY):
        loop.request(Request(source, T0, True, clutter.hash, names, 0.1, 1, [0.2, 0.0]), T0, T0, 0)
    loop.clock(-100 * P, T0 - 100 * P, T0 - 100 * P if simulated else T0 + MS, MS)
    now, mono = T0 - 100 * P, T0 - 100 * P if simulated else T0 + MS
    assert loop.switched(now, mono).source is driver


def test_whoever_held_the_stick_keeps_the_policy_out_when_the_wall_clock_is_set_back(clutter):
    made = Arbiter(clutter, armed=True)
    loop, names = ArbiterLoop(made), clutter.action.names
    loop.request(Request(Source.PERSON, T0, True, clutter.hash, names, 0.1, 1, [0.2, 0.0]),
                 T0, T0, 0)
    now = T0 - 100 * P
    loop.clock(-100 * P, now, T0 + MS, MS)
    asked = Request(Source.POLICY, now, True, clutter.hash, names, 0.1, 1, [0.4, 0.0])
    decision = loop.request(asked, now, T0 + 2 * MS, 2 * MS)
    assert decision is None or decision.source is not Source.POLICY


def asked(contract, stamp_ns, *, active=True, horizon=1):
    return Request(Source.PERSON, stamp_ns, active, contract.hash, contract.action.names, 0.1,
                   horizon, [0.2, 0.0] * horizon)


@pytest.mark.parametrize('behind', [1, 2, 5])
def test_who_fell_behind_a_clock_that_waits_catches_up(clutter, behind):
    """A simulator ticks once for each decision; on their way are requests of so many ticks."""
    loop, now, wall = ArbiterLoop(Arbiter(clutter), 50 * MS, 450 * MS, simulated=True), T0, 0
    asked_at = [T0 - k * P for k in range(behind, -1, -1)]
    driven = []
    while len(driven) < 20:
        wall += MS
        loop.tick(wall)
        decision = loop.request(asked(clutter, asked_at.pop(0)), now, now, wall, waits=True)
        if decision is not None:
            driven.append(decision)
            now += P
            asked_at.append(now)
        assert asked_at, 'each tick is seen, and what is asked is on its way'
    assert len(asked_at) == 1, 'nothing is on its way but the answer to the newest tick'
    assert {each.source for each in driven} == {Source.PERSON}


@pytest.mark.parametrize('changed', [
    {'period_s': period_s} for period_s in (
        float('inf'), float('-inf'), float('nan'), 1e308, -1e308, 0.0)] + [
    {'horizon': horizon} for horizon in (-2 ** 31, 0, 2, 2 ** 32)] + [
    {'values': [float('nan'), 0.0]}, {'values': []}, {'names': []}, {'contract_hash': ''},
    {'source': 0}, {'source': 77}], ids=str)
@pytest.mark.parametrize('stamp_ns', [0, T0 - P, T0, 2 ** 62])
def test_no_number_in_a_request_stops_a_loop_that_is_waited_for(clutter, changed, stamp_ns):
    loop = ArbiterLoop(Arbiter(clutter), 50 * MS, 450 * MS, simulated=True)
    loop.tick(0)
    decision = loop.request(replace(asked(clutter, stamp_ns), **changed), T0, T0, 0, waits=True)
    if 'source' in changed:
        assert decision is None, 'nobody that could drive'
    else:
        assert decision is not None, 'its tick goes on at once, and the robot stands'
        assert not decision.applied.any()


def test_only_what_a_tick_waits_for_may_be_left_without_an_answer(clutter):
    def fresh():
        made = ArbiterLoop(Arbiter(clutter), 50 * MS, 450 * MS, simulated=True)
        made.tick(0)
        return made

    old = asked(clutter, T0 - P)
    assert fresh().request(old, T0, T0, 0, waits=True) is None
    assert fresh().request(asked(clutter, T0 - P + 1), T0, T0, 0, waits=True) is not None
    assert fresh().request(old, T0, T0, 0) is not None, 'time runs by itself'
    assert fresh().request(asked(clutter, T0 - P, active=False), T0, T0, 0,
                           waits=True) is not None, 'who lets go is not kept waiting'
    assert fresh().request(asked(clutter, T0 - P, horizon=3), T0, T0, 0, waits=True) is not None
    loop = fresh()
    assert loop.request(old, T0, T0, 0, waits=True) is None
    assert loop.poll(T0, T0, 49 * MS) is None
    assert loop.poll(T0, T0, 50 * MS) is not None, 'it is held, and silence makes the tick go on'


def test_a_tick_that_waits_is_not_answered_by_a_chunk_while_its_sender_may_have_a_better_one(
        clutter):
    def begun():
        made = ArbiterLoop(Arbiter(clutter), 50 * MS, 450 * MS, simulated=True)
        made.tick(0)
        assert made.request(asked(clutter, T0, horizon=4), T0, T0, 0, waits=True) is not None
        return made

    assert begun().clock(P, T0 + P, T0 + P, MS) is not None, 'time runs by itself'
    loop = begun()
    assert loop.clock(P, T0 + P, T0 + P, 10 * MS, waits=True) is None
    assert loop.poll(T0 + P, T0 + P, 59 * MS, waits=True) is None
    late = loop.poll(T0 + P, T0 + P, 60 * MS, waits=True)
    assert late is not None and late.source is Source.PERSON, 'the sender is silent: it goes on'
    loop = begun()
    loop.clock(P, T0 + P, T0 + P, 10 * MS, waits=True)
    better = replace(asked(clutter, T0 + P, horizon=4), values=[0.4, 0.0] * 4)
    decision = loop.request(better, T0 + P, T0 + P, 20 * MS, waits=True)
    assert decision.requested == (0.4, 0.0)
