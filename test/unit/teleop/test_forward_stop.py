"""What the lidar sees slows the robot in time, and nothing else does."""

from dataclasses import replace
import math
from types import SimpleNamespace

from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.episode import Source
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.guards.forward_stop import ForwardStop

P = 100_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
RAYS = 360


def scan_of(points, pose=(0.0, 0.0, 0.0)):
    """Return 360 ranges from a pose to discs of 3 cm around the points."""
    x, y, yaw = pose
    ranges = np.full(RAYS, np.inf)
    for px, py in points:
        far, bearing = math.hypot(px - x, py - y), math.atan2(py - y, px - x) - yaw
        half = math.asin(min(1.0, 0.03 / max(far, 0.03)))
        for i in range(RAYS):
            off = (2 * math.pi * i / RAYS - bearing + math.pi) % (2 * math.pi) - math.pi
            if abs(off) <= half + math.pi / RAYS:
                ranges[i] = min(ranges[i], max(far - 0.03, 0.0))
    return ranges


def seeing(points, contract=CLUTTER, pose=(0.0, 0.0, 0.0), now=T0):
    ahead = ForwardStop(contract)
    ahead.see(now, scan_of(points, pose), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    return ahead


def slowed(points, v, w):
    action, reasons = seeing(points).slow(np.array([v, w]), T0)
    return action[0], action[1], reasons


def test_a_free_way_is_driven_as_asked():
    assert slowed([(2.0, 0.0), (-0.3, 0.0), (0.0, 0.3)], 0.5, 0.0) == (0.5, 0.0, ())


def test_an_obstacle_straight_ahead_slows_and_then_stops():
    # Until the disc of 0.16 m touches: x - 0.03 - 0.16; minus 0.02 margin. v^2/4 + 0.1 v = way.
    speed, _, reasons = slowed([(0.30, 0.0)], 0.5, 0.0)
    assert reasons == ('obstacle',)
    assert speed ** 2 / 4 + 0.1 * speed == pytest.approx(0.30 - 0.03 - 0.16 - 0.02, abs=0.003)
    assert slowed([(0.20, 0.0)], 0.5, 0.0) == (0.0, 0.0, ('obstacle',))


def test_turning_in_place_beside_a_wall_is_free():
    assert slowed([(0.2, 0.0), (0.0, 0.2), (0.0, -0.2)], 0.0, 1.5) == (0.0, 1.5, ())


def test_a_curve_is_followed_not_the_nose():
    # A left circle of 0.5 m radius: what stands on it counts, what stands straight ahead does not.
    on_the_arc = (0.5 * math.sin(0.6), 0.5 - 0.5 * math.cos(0.6))
    assert slowed([on_the_arc], 0.5, 1.0)[2] == ('obstacle',)
    assert slowed([(0.5, -0.15)], 0.5, 1.0)[2] == ()


def test_a_robot_that_touches_may_back_off_but_not_push():
    backwards = replace(CLUTTER, action=replace(CLUTTER.action, low=np.array([-0.5, -1.5])))
    ahead = seeing([(0.15, 0.0)], backwards)
    assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == ('obstacle',)
    assert ahead.slow(np.array([-0.3, 0.0]), T0)[1] == ()
    behind = seeing([(-0.22, 0.0)], backwards)
    assert behind.slow(np.array([-0.5, 0.0]), T0)[1] == ('obstacle',)


def test_backing_out_of_a_curve_bends_the_right_way():
    backwards = replace(CLUTTER, action=replace(CLUTTER.action, low=np.array([-0.5, -1.5])))
    # Backwards with a positive turn rate the robot's tail goes to -y.
    tail = (-0.5 * math.sin(0.5), -(0.5 - 0.5 * math.cos(0.5)))
    assert seeing([tail], backwards).slow(np.array([-0.5, 1.0]), T0)[1] == ('obstacle',)
    other = (tail[0] - 0.1, 0.3)
    assert seeing([other], backwards).slow(np.array([-0.5, 1.0]), T0)[1] == ()


def test_without_a_fresh_scan_the_robot_is_blind_and_stands():
    never = ForwardStop(CLUTTER)
    assert never.slow(np.array([0.3, 0.1]), T0) [1] == ('blind',)
    ahead = seeing([])
    assert ahead.slow(np.array([0.3, 0.1]), T0 + 2 * P)[1] == ()
    action, reasons = ahead.slow(np.array([0.3, 0.1]), T0 + 2 * P + 1)
    assert (action.tolist(), reasons) == ([0.0, 0.0], ('blind',))


def test_a_scan_of_nonsense_is_no_scan():
    ahead = ForwardStop(CLUTTER)
    ahead.see(T0, np.full(10, 1.0), math.nan, 0.1, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == ('blind',)


def test_a_late_or_disordered_scan_is_old_news():
    ahead = seeing([], now=T0)
    ahead.see(T0 - P, scan_of([(0.2, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == ()
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 3 * P)[1] == ('blind',)


def test_a_lidar_that_repeats_itself_while_the_robot_moves_is_blind():
    ahead = seeing([(2.0, 0.0)])
    same = scan_of([(2.0, 0.0)])
    for k in range(1, 6):
        now = T0 + k * P
        assert ahead.slow(np.array([0.3, 0.0]), now)[1] == (), k
        ahead.see(now, same, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 5 * P)[1] == ('blind',)
    ahead.see(T0 + 6 * P, scan_of([(1.9, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 6 * P)[1] == ()


def test_in_another_world_equal_scans_are_counted_from_the_start():
    ahead, same = seeing([(2.0, 0.0)]), scan_of([(2.0, 0.0)])

    def drive(first, last):
        for k in range(first, last + 1):
            found = ahead.slow(np.array([0.3, 0.0]), T0 + k * P)[1]
            ahead.see(T0 + k * P, same, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
            yield found

    assert set(drive(1, 4)) == {()}
    ahead.leap(T0 + 4 * P)
    assert set(drive(5, 9)) == {()}
    assert list(drive(10, 11)) == [('blind',)] * 2


@pytest.mark.parametrize(('known', 'hangs'), [(0.4, False), (0.6, True)])
def test_scans_that_share_less_than_half_of_what_they_measure_are_not_equal(known, hangs):
    ahead, every = seeing([]), np.full(RAYS, 2.0)
    some = np.where(np.arange(RAYS) < known * RAYS, every, np.inf)
    found = []
    for k in range(1, 14):
        found.append(ahead.slow(np.array([0.0, 0.3]), T0 + k * P)[1])
        ahead.see(T0 + k * P, some if k % 2 else every, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert (('blind',) in found) is hangs


def test_equal_scans_while_the_robot_is_kept_from_moving_are_not_a_lidar_that_hangs():
    ahead, same = seeing([(2.0, 0.0)]), scan_of([(2.0, 0.0)])
    for k in range(5, 15):
        assert ahead.slow(np.array([0.3, 0.0]), T0 + k * P)[1] == ('blind',), 'each comes too late'
        ahead.see(T0 + (k - 4) * P, same, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    ahead.see(T0 + 15 * P, same, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 15 * P)[1] == ()


@pytest.mark.parametrize('periods', [0, 1, 2])
def test_what_was_seen_a_while_ago_is_nearer_now_by_the_way_gone_since(periods):
    ahead, far = ForwardStop(CLUTTER), 0.36 + 0.04 * periods
    for k in range(-8, 0):
        if k == -periods:
            ahead.see(T0 + k * P, scan_of([(far, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
        ahead.sent(np.array([0.4, 0.0]), T0 + k * P)
    if periods == 0:
        ahead.see(T0, scan_of([(far, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    action, reasons = ahead.slow(np.array([0.5, 0.0]), T0)
    assert reasons == ('obstacle',)
    assert action[0] == pytest.approx(0.493, abs=0.002), 'as fast as where it stood 0.36 m away'


def test_after_the_clock_leapt_back_scans_of_the_time_before_do_not_hold_up_those_of_now():
    ahead = seeing([], now=T0 + 100 * P)
    ahead.leap(T0)
    assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == ('blind',)
    assert 'no scan has come' in ahead.why['blind']
    ahead.see(T0, scan_of([]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == ()


@pytest.mark.parametrize('names', [('joint_1', 'joint_2'), ('twist.linear.x', 'joint_2'),
                                   ('joint_1', 'twist.angular.z')])
def test_an_action_that_is_no_planar_twist_is_refused_by_its_names(names):
    command = replace(CLUTTER.action.commands[0], paths=names)
    action = replace(CLUTTER.action, commands=(command,))
    with pytest.raises(ContractError, match=rf'angular\.z. The contract has: {", ".join(names)}'):
        ForwardStop(replace(CLUTTER, action=action))


@pytest.mark.parametrize('margin_m', [0.0, 0.05, 0.6])
def test_how_far_it_looks_is_worked_out_by_hand(margin_m):
    # 0.5 m/s at 1 m/s2: 0.125 m to brake; two periods and the age of the oldest scan: 0.4 s.
    safety = replace(CLUTTER.safety, margin_m=margin_m, deceleration_mps2=1.0)
    assert safety.scan.max_age_ns == 2 * P and CLUTTER.period_ns == P
    action = replace(CLUTTER.action, high=np.array([0.5, 1.5]), low=np.array([-0.2, -1.5]))
    ahead = ForwardStop(replace(CLUTTER, safety=safety, action=action))
    assert ahead._reach_m == pytest.approx(0.125 + 0.5 * 0.4 + margin_m)


def test_scans_of_now_one_beam_more_now_one_less_are_not_a_lidar_that_hangs():
    ahead = seeing([(2.0, 0.0)])
    for k in range(1, 20):
        now = T0 + k * P
        assert ahead.slow(np.array([0.3, 0.0]), now)[1] == (), k
        same = scan_of([(2.0, 0.0)])[:RAYS - k % 2]
        ahead.see(now, same, 0.0, 2 * math.pi / RAYS, 0.05, 10.0)


@pytest.mark.parametrize('fastest', [0.5, 2.0, 6.0])
def test_where_nobody_looked_is_known_as_far_as_the_robot_may_get_until_it_stands(fastest):
    action = replace(CLUTTER.action, high=np.array([fastest, 1.5]))
    ahead = ForwardStop(replace(CLUTTER, action=action))
    asked = []
    for k in range(30):  # at full speed, and the scans become as old as they may
        now = T0 + k * P
        if k % 2 == 0:
            ahead.see(now, scan_of([(9.0, 0.001 * k)]), 0.0, 2 * math.pi / RAYS, 0.05, 40.0)
            seen = ahead._survey
            ahead._survey = SimpleNamespace(
                way_to_things=seen.way_to_things, way_to_near=seen.way_to_near,
                way_to_unseen=lambda speed, turn, reach: asked.append(reach) or math.inf)
        applied, _ = ahead.slow(np.array([fastest, 0.0]), now)
        ahead.sent(applied, now)
    assert 0.8 * ahead._reach_m < max(asked) <= ahead._reach_m + 1e-9


def test_a_robot_that_stands_may_see_the_same_for_ever():
    ahead = seeing([(2.0, 0.0)])
    for k in range(50):
        now = T0 + k * P
        ahead.slow(np.array([0.0, 0.0]), now)
        ahead.see(now, scan_of([(2.0, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.05, 10.0)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 50 * P)[1] == ()


@pytest.mark.long
@example([(0.4375, 0.0)], [(v, 0.0) for v in (0.5, 0.5, 0.5, 0.0, 0.5, 0.5, 0.0, 0.0)])
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(-2.0, 2.0), st.floats(-2.0, 2.0)), min_size=1, max_size=8),
       st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(-1.5, 1.5)), min_size=5, max_size=40))
def test_whatever_is_asked_the_robot_touches_nothing_it_sees(things, asked):
    """The plant brakes no harder than the contract says and hears of it one period late."""
    things = [(x, y) for x, y in things if math.hypot(x, y) > 0.4]
    arbiter = Arbiter(CLUTTER)
    x = y = yaw = speed = 0.0
    late = np.zeros(2)
    for k, (v, w) in enumerate(asked):
        now = T0 + k * P
        arbiter.ahead.see(now, scan_of(things, (x, y, yaw)), 0.0, 2 * math.pi / RAYS, 0.0, 10.0)
        arbiter.offer(Request(1, now, True, CLUTTER.hash, CLUTTER.action.names, 0.1, 1, [v, w]),
                      now, now)
        command = arbiter.decide(now, now).applied
        for _ in range(10):
            fall = CLUTTER.safety.deceleration_mps2 * 0.01
            speed = max(late[0], speed - fall) if late[0] < speed else late[0]
            x, y = x + speed * math.cos(yaw) * 0.01, y + speed * math.sin(yaw) * 0.01
            yaw += late[1] * 0.01
            for px, py in things:
                assert math.hypot(px - x, py - y) > 0.16 + 0.03 - 0.02  # what the margin is for
        late = command


def test_the_person_may_override_and_the_policy_may_not():
    for source, override, reasons in ((1, True, ()), (1, False, ('obstacle',)),
                                      (2, True, ('obstacle',))):
        arbiter = Arbiter(CLUTTER, armed=True)
        arbiter.ahead.see(T0, scan_of([(0.2, 0.0)]), 0.0, 2 * math.pi / RAYS, 0.0, 10.0)
        arbiter.offer(Request(source, T0, True, CLUTTER.hash, CLUTTER.action.names, 0.1, 1,
                              [0.1, 0.0], override=override), T0, T0)
        decision = arbiter.decide(T0, T0)
        assert decision.source in (Source.PERSON, Source.POLICY)
        assert decision.reasons == reasons


BOX = CLUTTER.text.replace('scan: {topic: scan}', 'scan: {topic: scan}\n  workspace: '
                           '{topic: odom, x_m: [-1.0, 1.0], y_m: [-1.0, 1.0]}')


def test_the_edge_of_the_workspace_is_an_obstacle_from_inside_only():
    contract = parse_contract(BOX)
    ahead = seeing([], contract)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ('blind',)  # where is it?
    ahead.place(T0, 0.0, 0.0, 0.0)
    assert ahead.slow(np.array([0.5, 0.0]), T0) [1] == ()
    ahead.place(T0, 0.95, 0.0, 0.0)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ('workspace',)
    ahead.place(T0, 0.95, 0.0, math.pi)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ()
    ahead.place(T0, 1.2, 0.0, math.pi)  # carried out by hand: it may drive back
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ()
    ahead.place(T0, 1.2, 0.0, 0.0)
    action, reasons = ahead.slow(np.array([0.5, 0.0]), T0)
    assert (action[0], reasons) == (0.0, ('workspace',))


def test_safety_is_no_part_of_the_hash_but_limits_are():
    assert parse_contract(BOX).hash == CLUTTER.hash
    assert parse_contract(CLUTTER.text.replace('max: 0.5,', 'max: 0.6,')).hash != CLUTTER.hash


@pytest.mark.parametrize(('old', 'new', 'word'), [
    ('deceleration_mps2: 2.0', 'deceleration_mps2: 0', 'deceleration_mps2'),
    ('deceleration_mps2: 2.0', 'decelleration_mps2: 2.0', 'deceleration_mps2'),
    ('radius_m: 0.16', 'radius_m: -1', 'radius_m'),
    ('x_m: [-1.0, 1.0]', 'x_m: [1.0, -1.0]', 'x_m'),
    ('twist.linear.x', 'twist.linear.z', 'planar twist'),
])
def test_a_mistake_in_the_safety_section_is_named(old, new, word):
    with pytest.raises(ContractError, match=word):
        parse_contract(BOX.replace(old, new))


@pytest.mark.parametrize(('ranges', 'low', 'high'), [
    ([float('nan')] * 36, 0.1, 10.0), ([2.0] * 36, float('nan'), 10.0),
    ([2.0] * 36, 0.1, float('nan')), ([2.0] * 36, 5.0, 1.0), ([2.0] * 200_000, 0.1, 10.0)])
def test_a_scan_that_makes_no_sense_leaves_the_robot_blind_not_free(clutter, ranges, low, high):
    ahead = ForwardStop(clutter)
    ahead.see(1, np.array(ranges), 0.0, 0.17, low, high)
    slowed, reasons = ahead.slow(np.array([0.5, 0.0]), 1)
    assert reasons == ('blind',)
    assert not slowed.any()
