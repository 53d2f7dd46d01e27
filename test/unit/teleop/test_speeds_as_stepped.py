"""The speed that is left, held to a slow search for it among stepped motions."""

from dataclasses import replace
from itertools import pairwise
import math
import re

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest
from slow_motion import Stepped, walked_to_touch

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import WorkspaceSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.guards.forward_stop import ForwardStop

MS = 1_000_000
T0_MS = 1_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
AGE_MS = 900
quick = settings(max_examples=200, deadline=None, derandomize=True)
sent = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9]), st.integers(20, 160)),
                min_size=0, max_size=6)


def looking(*, brake=2.0, margin=0.02, radius=0.16, box=None, names=None):
    """Return a guard that takes scans and poses of up to 0.9 s."""
    scan = replace(CLUTTER.safety.scan, max_age_ns=AGE_MS * MS)
    safety = replace(CLUTTER.safety, scan=scan, deceleration_mps2=brake, margin_m=margin,
                     radius_m=radius, workspace=box and WorkspaceSpec('odom', *box, AGE_MS * MS))
    names = names or CLUTTER.action.names
    high = np.full(len(names), 2.0)
    command = replace(CLUTTER.action.commands[0], paths=names, fields=tuple(range(len(names))))
    action = replace(CLUTTER.action, names=names, commands=(command,), low=-high, high=high)
    return ForwardStop(replace(CLUTTER, safety=safety, action=action))


def see(ahead, at_ms, things, far=6.0):
    """Show it beams of one degree: 6 m, but to things (degrees -> what the beam says)."""
    ranges = np.full(360, far)
    for degrees, says in things.items():
        ranges[degrees % 360] = says
    ahead.see(at_ms * MS, ranges, 0.0, math.radians(1.0), 0.05, 10.0)


def drive(ahead, stepped, commands, seen_ms, show, sign=1.0):
    """Send commands, showing something ``seen_ms`` before the end; return when that is."""
    end_ms = T0_MS + sum(pause for _, pause in commands)
    at_ms = T0_MS
    ahead._braking.pass_time(T0_MS * MS)
    stepped.now_ms = T0_MS
    for speed, pause in commands:
        ahead.sent(np.array([sign * speed, 0.3]), at_ms * MS)
        stepped.send(speed, at_ms)
        at_ms += pause
    show(end_ms - seen_ms)
    return end_ms


def fastest(stepped, room, asked):
    """Return the highest speed up to what is asked from which it stops within a way."""
    if stepped.stopping_way(asked) <= room:
        return asked
    low, high = 0.0, asked
    for _ in range(20):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if stepped.stopping_way(middle) <= room else (low, middle)
    return low if low > 1e-5 else 0.0


@pytest.mark.long
@quick
@given(sent, st.integers(0, 400), st.floats(0.17, 1.2), st.sampled_from([1.0, -1.0]),
       st.sampled_from([0.15, 0.6, 1.1]), st.sampled_from([(2.0, 0.02), (0.7, 0.0), (3.0, 0.1)]))
def test_straight_ahead_it_is_as_fast_as_stops_in_front_of_what_was_seen(
        commands, seen_ms, away, sign, asked, robot):
    brake, margin = robot
    ahead, stepped = looking(brake=brake, margin=margin), Stepped(brake, 100)
    end_ms = drive(ahead, stepped, commands, seen_ms,
                   lambda at: see(ahead, at, {0 if sign > 0 else 180: away}), sign)
    action, reasons = ahead.slow(np.array([sign * asked, 0.0]), end_ms * MS)
    stepped.look(end_ms)
    room = away - 0.16 - margin - stepped.gone(end_ms - seen_ms)
    expected = fastest(stepped, room, asked)
    assert sign * action[0] == pytest.approx(expected, abs=3e-4)
    if abs(stepped.stopping_way(asked) - room) > 1e-5:
        assert reasons == (() if expected == asked else ('obstacle',))


@pytest.mark.long
@quick
@given(sent, st.integers(0, 400), st.integers(0, 400), st.floats(0.3, 1.2), st.floats(0.2, 1.2),
       st.sampled_from(['', 'near', 'unseen']))
def test_scan_and_pose_count_as_old_as_each_of_them_is_and_all_reasons_are_told(
        commands, seen_ms, placed_ms, wall, edge, hides):
    ahead, stepped = looking(box=((-5.0, -5.0), (2.0, 5.0))), Stepped(2.0, 100)
    things = {degrees: {'near': 0.02, 'unseen': math.nan}[hides] if hides else wall
              for degrees in range(-7, 8)}
    things[0] = things[0] if hides == 'unseen' else wall

    def show(_):
        see(ahead, end_ms - seen_ms, things)
        ahead.place((end_ms - placed_ms) * MS, 2.0 - edge, 0.3, 0.0)

    end_ms = T0_MS + sum(pause for _, pause in commands)
    drive(ahead, stepped, commands, 0, show)
    action, reasons = ahead.slow(np.array([0.6, 0.0]), end_ms * MS)
    stepped.look(end_ms)
    left, expected, told = 0.6, (), []
    for reason, way, age_ms in (
            ('obstacle', wall - 0.16 if hides != 'unseen' else 9.0, seen_ms),
            ('near', 0.0 if hides == 'near' else 9.0, seen_ms),
            ('unseen', 0.0 if hides == 'unseen' else 9.0, seen_ms),
            ('workspace', edge, placed_ms)):
        room = way - 0.02 - stepped.gone(end_ms - age_ms)
        if abs(stepped.stopping_way(left) - room) < 1e-4 and left:
            return
        slower = fastest(stepped, room, left) if left else 0.0
        if slower < left:
            expected, told = (*expected, reason), [*told, (left, slower)]
        left = slower
    assert reasons == expected and tuple(ahead.why) == expected
    assert action[0] == pytest.approx(left, abs=4e-4)
    for reason, (before, after) in zip(expected, told, strict=True):
        found = re.search(r'\(([\d.e-]+) m/s asked, ([\d.e-]+) left\)', ahead.why[reason])
        assert float(found[1]) == pytest.approx(before, abs=4e-4)
        assert float(found[2]) == pytest.approx(after, rel=0.06, abs=4e-4)
        assert len(ahead.why[reason]) > 40


@pytest.mark.long
@quick
@given(sent, st.integers(0, 300), st.lists(st.tuples(st.integers(0, 359), st.floats(0.2, 0.8)),
                                           min_size=1, max_size=9),
       st.sampled_from([-1.0, 1.0]), st.sampled_from([0.2, 0.7]), st.floats(-2.0, 2.0))
def test_on_an_arc_it_stops_in_front_of_all_and_is_no_slower_than_the_tightest_of_them_asks(
        commands, seen_ms, things, sign, asked, turn):
    ahead, stepped = looking(), Stepped(2.0, 100)
    things = {degrees: away for degrees, away in things if away > 0.17}
    end_ms = drive(ahead, stepped, commands, seen_ms, lambda at: see(ahead, at, things), sign)
    action, reasons = ahead.slow(np.array([sign * asked, turn]), end_ms * MS)
    stepped.look(end_ms)
    taken = 0.02 + stepped.gone(end_ms - seen_ms)
    hits = [(away * math.cos(math.radians(degrees)), away * math.sin(math.radians(degrees)))
            for degrees, away in things.items()]

    def room(speed, wider=0.0):
        free = walked_to_touch(hits, 0.16 + wider, sign * speed, turn, 2.0, 0.004)
        return free - taken

    left = sign * float(action[0])
    assert 0.0 <= left <= asked and action[1] == turn
    assert reasons == (() if left == asked else ('obstacle',))
    if left:
        assert stepped.stopping_way(left) <= room(left, -1e-4) + 1e-4
    if stepped.stopping_way(asked) <= room(asked, 1e-4) - 1e-4:
        assert left == asked
    tightest = min(room(speed, 1e-4) for speed in np.linspace(0.02, asked, 12))
    assert left >= fastest(stepped, tightest - 0.02, asked) - 0.02


@pytest.mark.parametrize('just_enough', [True, False])
@pytest.mark.parametrize('looks', range(1, 8))
def test_after_four_slower_arcs_that_are_shorter_still_it_stands(looks, just_enough):
    margin = 0.0 if just_enough else 0.05  # without one, what is just enough is exactly so
    ahead, asked = looking(margin=0.4 * margin), []

    def free(speed, turn, reach_m):
        asked.append(speed)
        assert turn == 0.7 and reach_m == pytest.approx(ahead._braking.way_m(speed) + margin)
        if len(asked) >= looks:
            return reach_m if just_enough else math.inf
        return 0.9 * (reach_m - margin) + margin

    left = ahead._settle(-0.5, 0.7, free, 0.6 * margin)
    assert len(asked) == min(looks, 5) and asked[0] == -0.5
    assert left == (asked[-1] if looks <= 5 else 0.0)
    # From the second on a hundredth slower, or a way that shrinks with the speed is never met.
    for (faster, slower), ratio in zip(pairwise(asked), (1.0, 0.99, 0.99, 0.99), strict=False):
        room = ahead._braking.way_m(slower / ratio)
        assert room == pytest.approx(0.9 * ahead._braking.way_m(faster)) and slower < 0.0


def test_on_an_arc_that_shrinks_with_the_speed_it_creeps_and_does_not_stand_for_ever():
    ahead = looking()
    see(ahead, T0_MS, {15: 0.25})
    action, reasons = ahead.slow(np.array([0.7, 1.0]), T0_MS * MS)
    assert reasons == ('obstacle',) and action[0] == pytest.approx(0.3677, abs=1e-3)


@pytest.mark.parametrize('names', [
    ('twist.angular.z', 'twist.linear.x'), ('lift', 'twist.linear.x', 'twist.angular.z'),
    ('twist.angular.z', 'lift', 'twist.linear.x')])
@pytest.mark.parametrize(('away', 'blind'), [(0.27, False), (3.0, False), (0.27, True)])
def test_only_the_twist_is_slowed_wherever_it_is_in_the_action(names, away, blind):
    ahead = looking(names=names)
    see(ahead, T0_MS, {0: away})
    ask = {'twist.linear.x': 0.5, 'twist.angular.z': 0.1, 'lift': 7.0}
    asked = np.array([ask[name] for name in names])
    action, reasons = ahead.slow(asked, (T0_MS + (AGE_MS + 1 if blind else 0)) * MS)
    found = dict(zip(names, action, strict=True))
    assert found.get('lift', 7.0) == 7.0
    assert found['twist.angular.z'] == (0.0 if blind else 0.1)
    assert bool(found['twist.linear.x'] == 0.5) is (away == 3.0)
    assert bool(found['twist.linear.x'] == 0.0) is blind
    assert reasons == (('blind',) if blind else () if away == 3.0 else ('obstacle',))
    assert [ask[name] for name in names] == asked.tolist(), 'what was asked stays as it was'
    before = ahead._braking.way_m(0.0)
    ahead.sent(asked, (T0_MS + 1000) * MS)
    assert before == 0.0 and ahead._braking.way_m(0.0) == pytest.approx(0.5 * 0.1 + 0.25 / 4.0)


@pytest.mark.parametrize(('scan_s', 'box_s', 'counts_s'), [
    (0.2, None, 0.2), (None, 0.7, 0.7), (0.3, 0.8, 0.8), (2.0, 0.5, 2.0), (30.0, 0.5, 10.0)])
@pytest.mark.parametrize('limits', [(-0.2, 0.5), (-0.9, 0.4)])
def test_it_knows_as_far_as_it_may_get_with_the_oldest_scan_or_pose(
        scan_s, box_s, counts_s, limits):
    ns = round(1e9)
    scan = scan_s and replace(CLUTTER.safety.scan, max_age_ns=round(scan_s * ns))
    box = box_s and WorkspaceSpec('odom', (-9.0, -9.0), (9.0, 9.0), round(box_s * ns))
    safety = replace(CLUTTER.safety, scan=scan, workspace=box, deceleration_mps2=0.8,
                     margin_m=0.07)
    action = replace(CLUTTER.action, low=np.array([limits[0], -3.0]),
                     high=np.array([limits[1], 3.0]))
    ahead = ForwardStop(replace(CLUTTER, safety=safety, action=action))
    fast = max(map(abs, limits))
    # Braking from full speed, two periods of 0.1 s, and what it may have gone already.
    assert ahead._reach_m == pytest.approx(
        fast ** 2 / 1.6 + 0.2 * fast + counts_s * fast + 0.07)
    for k in range(400):
        ahead.sent(np.array([0.1, 0.0]), T0_MS * MS + k * ns // 10)
    now = T0_MS * MS + 399 * ns // 10
    assert ahead._braking.gone_m(0) == pytest.approx(0.1 * counts_s, abs=0.0101)
    assert ahead._braking.gone_m(now - ns // 5) == pytest.approx(0.02)
