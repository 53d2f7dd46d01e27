"""The guards held to a slow oracle that walks the arc millimetre by millimetre."""

from dataclasses import replace
import math

from hypothesis import assume, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import WorkspaceSpec
from ilw_core.features.lidar import DISTANCE, FREE, NOTHING, TOO_NEAR, ScanGeometry
from ilw_core.features.lidar_spec import PLAIN, LidarSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.guards.braking import Braking
from ilw_teleop.guards.forward_stop import ForwardStop
from ilw_teleop.guards.survey import edges_of_runs, survey
from ilw_teleop.guards.swept_way import Places

P = 100_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
BOTH_WAYS = replace(CLUTTER, action=replace(CLUTTER.action, low=np.array([-0.5, -1.5])))
STEP_M = 0.001
points = st.lists(st.tuples(st.floats(-1.2, 1.2), st.floats(-1.2, 1.2)), min_size=1, max_size=8)
speeds = st.sampled_from([-0.5, -0.31, -0.12, 0.17, 0.28, 0.5])
turns = st.floats(-1.5, 1.5)
mounts = st.sampled_from([(0.12, -0.07, 0.9), (-0.2, 0.03, -2.4), (0.0, 0.15, math.pi / 2),
                          (0.05, -0.11, math.pi)])


def walked(speed, turn, way_m, pose=(0.0, 0.0, 0.0)):
    """Return where a robot is on its arc, each millimetre: x, y, yaw, ``(N,)`` each."""
    count = round(way_m / STEP_M) + 1
    along = STEP_M * np.arange(count)
    yaw = pose[2] + turn / abs(speed) * along
    middle = yaw[:-1] + 0.5 * turn / abs(speed) * STEP_M
    sign = math.copysign(STEP_M, speed)
    x = pose[0] + sign * np.concatenate([[0.0], np.cumsum(np.cos(middle))])
    y = pose[1] + sign * np.concatenate([[0.0], np.cumsum(np.sin(middle))])
    return x, y, yaw


def walked_until_touch(things, radius, speed, turn, way_m):
    """Return the way until the circle touches something in front of its centre."""
    x, y, yaw = walked(speed, turn, way_m)
    for i in range(len(x)):
        dx, dy = things[:, 0] - x[i], things[:, 1] - y[i]
        ahead = (dx * math.cos(yaw[i]) + dy * math.sin(yaw[i])) * math.copysign(1.0, speed)
        if np.any((np.hypot(dx, dy) < radius) & (ahead > 0.0)):
            return i * STEP_M
    return math.inf


# -- along the arc

@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(points, speeds, turns, st.sampled_from([0.08, 0.16, 0.33]))
def test_the_way_to_what_is_in_the_way_is_what_walking_it_finds(things, speed, turn, radius):
    things, reach = np.array(things), 1.0
    assume(np.all(np.hypot(*things.T) > radius + 0.02))
    found = Places(things).way(radius, speed, turn, 9.0)
    by_hand = walked_until_touch(things, radius, speed, turn, reach)
    slimmer = walked_until_touch(things, radius - 0.004, speed, turn, reach)
    wider = walked_until_touch(things, radius + 0.004, speed, turn, reach)
    assert min(wider, reach) - 0.003 <= min(found, reach) <= min(slimmer, reach) + 0.003
    assert by_hand == math.inf or abs(found - by_hand) < 0.2


@pytest.mark.parametrize('side', [1.0, -1.0])
def test_a_bend_of_a_circle_of_seven_kilometres_counts(side):
    beside = Places(np.array([[10.0, side * 0.164]]))  # after 10 m it is 7.5 mm off the straight
    assert beside.way(0.16, 1.0, 0.0, 12.0) == math.inf
    assert beside.way(0.16, 1.0, side * 1.5e-4, 12.0) == pytest.approx(10.0, abs=0.05)
    assert beside.way(0.16, 1.0, -side * 1.5e-4, 12.0) == math.inf


def test_what_is_out_of_reach_does_not_matter():
    places = Places(np.array([[0.9, 0.05], [0.4, -0.6]]))
    assert places.way(0.2, 0.3, 0.0, 0.69) == math.inf
    assert places.way(0.2, 0.3, 0.0, 0.71) == pytest.approx(
        0.9 - math.sqrt(0.2 ** 2 - 0.05 ** 2))


@pytest.mark.parametrize('turn', [0.0, 0.0004, -0.0004, 0.2, -0.7])
def test_who_stands_still_drives_nowhere_and_nothing_is_in_the_way_of_nothing(turn):
    assert Places(np.array([[0.3, 0.01]])).way(0.16, 0.0, turn, 1.0) == math.inf
    assert Places(np.zeros((0, 2))).way(0.16, 0.4, turn, 1.0) == math.inf


@pytest.mark.parametrize(('speed', 'turn'), [(0.4, 0.0), (0.4, 0.9), (-0.4, 0.0), (-0.3, -0.8)])
def test_what_touches_in_front_stops_and_what_touches_behind_does_not(speed, turn):
    sign = math.copysign(1.0, speed)
    assert Places(np.array([[0.1 * sign, 0.07]])).way(0.16, speed, turn, 1.0) == 0.0
    assert Places(np.array([[-0.1 * sign, 0.07]])).way(0.16, speed, turn, 1.0) > 0.5


# -- mounts

@pytest.mark.parametrize('mount', [(0.3, -0.2, 0.7), (-0.11, 0.05, -2.9), (0.0, 0.4, 1.57)])
@pytest.mark.parametrize('increment', [0.3, -0.3])
def test_hits_lie_where_the_mount_says(mount, increment):
    geometry = ScanGeometry(5, -0.4, increment, 0.05, 10.0)
    ranges = np.array([1.5, 0.7, 2.2, 0.9, 1.1])
    kinds = np.array([DISTANCE, DISTANCE, NOTHING, DISTANCE, DISTANCE])
    hits = survey(ranges, kinds, geometry, PLAIN, mount, 0.16).hits
    x, y, yaw = mount
    expected = [(x + r * math.cos(yaw - 0.4 + increment * k),
                 y + r * math.sin(yaw - 0.4 + increment * k))
                for k, r in enumerate(ranges) if k != 2]
    assert hits == pytest.approx(np.array(expected))


def discs_seen(things, mount, beams=720):
    """Return 720 ranges from a mount to discs of 2 cm around points of the robot's frame."""
    angles = mount[2] - math.pi + 2 * math.pi / beams * np.arange(beams)
    ranges = np.full(beams, 9.0)
    for x, y in np.array(things) - mount[:2]:
        along = x * np.cos(angles) + y * np.sin(angles)
        aside = -x * np.sin(angles) + y * np.cos(angles)
        met = (np.abs(aside) < 0.02) & (along > 0.0)
        ranges[met] = np.minimum(ranges[met], along[met])
    return ranges


def looking(contract, things, mount=(0.0, 0.0, 0.0)):
    scan = replace(contract.safety.scan, mount=mount)
    ahead = ForwardStop(replace(contract, safety=replace(contract.safety, scan=scan)))
    ahead.see(T0, discs_seen(things, mount), -math.pi, 2 * math.pi / 720, 0.02, 10.0)
    return ahead


@settings(max_examples=60, deadline=None)
@given(points, speeds, st.floats(-1.2, 1.2), mounts)
def test_wherever_the_lidar_is_mounted_the_robot_is_as_fast(things, speed, turn, mount):
    near = [math.hypot(x - mount[0], y - mount[1]) for x, y in things]
    assume(min(near) > 0.3 and min(math.hypot(*at) for at in things) > 0.3)
    asked = np.array([speed, turn])
    here, reasons = looking(BOTH_WAYS, things).slow(asked, T0)
    there, others = looking(BOTH_WAYS, things, mount).slow(asked, T0)
    # Two things in one line of sight are one for the lidar; what it lets pass must be safe.
    limit_m = Braking(2.0, 0.1).way_m(abs(there[0])) + 0.02
    if there[0]:
        seen_m = walked_until_touch(np.array(things), 0.16, there[0], turn, limit_m + 0.01)
        assert seen_m > limit_m - 0.035
    if len(things) == 1:
        assert reasons == others
        assert there[0] == pytest.approx(here[0], abs=0.06)


@pytest.mark.parametrize(('mount', 'thing', 'reasons'), [
    ((0.1, 0.0, math.pi / 2), (0.28, 0.0), ('obstacle',)),
    ((0.1, 0.0, math.pi / 2), (0.0, 0.35), ()), ((0.1, 0.0, math.pi / 2), (0.0, -0.35), ()),
    ((0.0, 0.0, -math.pi / 2), (0.28, 0.0), ('obstacle',)),
    ((0.2, 0.0, 0.0), (0.6, 0.0), ()), ((0.0, 0.2, 0.0), (0.35, 0.2), ()),
    ((0.0, -0.2, 0.0), (0.28, 0.0), ('obstacle',))])
def test_a_thing_is_where_it_is_and_not_where_the_lidar_would_have_it(mount, thing, reasons):
    assert looking(BOTH_WAYS, [thing], mount).slow(np.array([0.5, 0.0]), T0)[1] == reasons


# -- what is settled on

@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.floats(0.22, 0.9), st.floats(-math.pi, math.pi)), min_size=3,
                max_size=12), st.sampled_from([-0.5, 0.3, 0.5]), st.floats(0.4, 1.5),
       st.sampled_from([-1.0, 1.0]))
def test_the_speed_that_is_left_has_room_to_brake_on_its_own_arc(things, speed, turn, side):
    things = [(far * math.cos(at), far * math.sin(at)) for far, at in things]
    turn *= side
    ahead = looking(BOTH_WAYS, things)
    left = float(ahead.slow(np.array([speed, turn]), T0)[0][0])
    assert left * speed >= 0.0 and abs(left) <= abs(speed)
    if left:
        braking = Braking(2.0, 0.1)
        needed = braking.way_m(left) + 0.02
        seen = survey_of(things)
        assert Places(seen).way(0.16, left, turn, needed + 0.1) >= needed - 1e-6


@pytest.mark.parametrize('share', [0.5, 0.9, 0.99])
@pytest.mark.parametrize('speed', [-0.5, 0.2, 0.5])
@pytest.mark.parametrize('gone_m', [0.0, 0.07])
def test_where_every_slower_arc_is_shorter_still_the_robot_stands(share, speed, gone_m):
    """At the same turn a slower robot bends more, and may meet something nearer: it never ends."""
    ahead = ForwardStop(BOTH_WAYS)

    def always_too_short(slower, turn, reach_m):
        return share * ahead._braking.way_m(slower) + 0.02 + gone_m

    def just_enough(slower, turn, reach_m):
        return ahead._braking.way_m(slower) + 0.02 + gone_m

    assert ahead._settle(speed, 1.2, always_too_short, gone_m) == 0.0
    assert ahead._settle(speed, 1.2, just_enough, gone_m - 1e-9) == speed


def survey_of(things):
    ranges = discs_seen(things, (0.0, 0.0, 0.0))
    angles = -math.pi + 2 * math.pi / 720 * np.arange(720)
    return np.stack([ranges * np.cos(angles), ranges * np.sin(angles)], axis=1)


# -- the workspace

def boxed(pose, low=(-0.7, -1.1), high=(1.3, 0.4)):
    box = WorkspaceSpec('odom', low, high, 2 * P)
    ahead = ForwardStop(replace(BOTH_WAYS, safety=replace(
        BOTH_WAYS.safety, scan=None, workspace=box)))
    ahead.place(T0, *pose)
    return ahead


def walked_out(pose, speed, turn, way_m, low=(-0.7, -1.1), high=(1.3, 0.4)):
    x, y, _ = walked(speed, turn, way_m, pose)
    out = (x < low[0]) | (x > high[0]) | (y < low[1]) | (y > high[1])
    return STEP_M * int(np.argmax(out)) if out.any() else math.inf


@settings(max_examples=300, deadline=None)
@given(st.floats(-0.69, 1.29), st.floats(-1.09, 0.39), st.floats(-3.1, 3.1), speeds, turns)
def test_the_robot_stays_in_its_box_forward_and_backward(x, y, yaw, speed, turn):
    needed = Braking(2.0, 0.1).way_m(abs(speed)) + 0.02
    out_m = walked_out((x, y, yaw), speed, turn, 0.4)
    assume(abs(out_m - needed) > 0.012)
    action, reasons = boxed((x, y, yaw)).slow(np.array([speed, turn]), T0)
    if out_m > needed:
        assert (action.tolist(), reasons) == ([speed, turn], ())
    else:
        assert reasons == ('workspace',) and abs(action[0]) < abs(speed)
        left = float(action[0])
        if abs(left) > 0.01:
            needed = Braking(2.0, 0.1).way_m(abs(left)) + 0.02
            assert walked_out((x, y, yaw), left, turn, 0.4) > needed - 0.015


@pytest.mark.parametrize('side', [1.0, -1.0])
@pytest.mark.parametrize(('x', 'free'), [(0.96, True), (0.99, False)])
def test_a_tight_arc_turns_away_before_the_edge_that_a_wide_one_would_cross(side, x, free):
    """A circle of 0.2 m, 60 degrees to the edge at 1.0 m: it gets 27 mm nearer, no more."""
    ahead = boxed((x, 0.0, side * math.radians(60)), (-3.0, -3.0), (1.0, 3.0))
    action, reasons = ahead.slow(np.array([0.5, side * 2.5]), T0)
    assert (reasons == ()) == (action[0] == 0.5) == free


@pytest.mark.parametrize(('pose', 'speed', 'free'), [
    ((1.4, 0.0, 0.3), 0.4, False), ((1.4, 0.0, 0.3), -0.4, True),
    ((1.4, 0.0, 2.9), 0.4, True), ((1.4, 0.0, 2.9), -0.4, False),
    ((0.2, 0.6, 1.2), 0.4, False), ((0.2, 0.6, 1.2), -0.4, True),
    ((-0.9, -0.5, 0.4), 0.4, True), ((-0.9, -0.5, 0.4), -0.4, False),
    ((0.2, -1.3, -1.9), 0.4, False), ((0.2, -1.3, -1.9), -0.4, True)])
def test_from_outside_only_the_way_back_is_free(pose, speed, free):
    action, reasons = boxed(pose).slow(np.array([speed, 0.0]), T0)
    assert (action[0] == speed, reasons) == ((True, ()) if free else (False, ('workspace',)))


def test_an_old_pose_blinds_and_the_time_since_it_counts_as_way():
    ahead = boxed((1.0, 0.0, 0.0))
    assert ahead.slow(np.array([0.5, 0.3]), T0 + 2 * P + 1)[1] == ('blind',)
    assert ahead.slow(np.array([0.0, 0.0]), T0 + 2 * P + 1)[1] == ()
    fresh, reasons = boxed((1.15, 0.0, 0.0)).slow(np.array([0.5, 0.0]), T0)
    assert reasons == () and fresh[0] == 0.5
    ahead = boxed((1.15, 0.0, 0.0))
    ahead.sent(np.array([0.5, 0.0]), T0)
    later, reasons = ahead.slow(np.array([0.5, 0.0]), T0 + P)  # it may be at 1.20 by now
    assert reasons == ('workspace',) and later[0] < 0.5


# -- what follows from commands sent before, at irregular times

@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(-0.5, 0.5), st.integers(5, 260)), min_size=2, max_size=12),
       st.integers(0, 300))
def test_a_plant_that_obeys_late_never_goes_farther_than_is_counted(sent, after_ms):
    """The plant obeys each command 0.1 s late, brakes at 2 m/s2, and speeds up at once."""
    braking, now_ms, obeyed = Braking(2.0, 0.1, memory_ns=5 * 10**9), 0, []
    for speed, pause_ms in sent:
        braking.sent(speed, now_ms * 1_000_000)
        obeyed.append((now_ms + 100, abs(speed)))
        for looked_ms in range(now_ms + 37, now_ms + pause_ms, 37):  # the arbiter asks in between
            braking.pass_time(looked_ms * 1_000_000)
        now_ms += pause_ms
    end_ms = now_ms + after_ms
    braking.pass_time(end_ms * 1_000_000)
    speed, gone, gone_at = 0.0, 0.0, {}
    for ms in range(end_ms + 2000):
        told = [v for at, v in obeyed if at <= ms]
        wanted = told[-1] if told and ms < end_ms + 100 else 0.0  # it is told to stop at the end
        speed = max(wanted, speed - 2.0 * 0.001)
        gone_at[ms] = gone
        gone += speed * 0.001
    assert braking.gone_m(0) >= gone_at[end_ms] - 0.002
    assert braking.way_m(0.0) >= gone - gone_at[end_ms] - 0.002


def test_a_command_counts_until_the_next_one_is_surely_obeyed():
    braking = Braking(2.0, 0.1)
    braking.sent(0.5, 0)
    braking.sent(0.0, 250_000_000)
    braking.pass_time(349_999_999)
    assert braking.way_m(0.0) == pytest.approx(0.05 + 0.0625, abs=1e-6)
    braking.pass_time(400_000_000)  # obeyed from 350 ms on, and it brakes since
    assert braking.way_m(0.0) == pytest.approx(0.5 * 0.5 ** 2 / 2.0, abs=0.06)


@pytest.mark.parametrize('since_ms', [0, 50, 130, 240])
def test_the_way_gone_is_that_since_the_measurement(since_ms):
    braking = Braking(2.0, 0.1, memory_ns=10**9)
    for ms in range(0, 301, 10):
        braking.sent(0.3, ms * 1_000_000)
    assert braking.gone_m(since_ms * 1_000_000) == pytest.approx(0.3 * (300 - since_ms) / 1000)


def test_the_way_is_remembered_for_as_long_as_was_asked_and_forgotten_after_a_leap_back():
    braking = Braking(2.0, 0.1, memory_ns=100_000_000)
    for ms in range(0, 1001, 10):
        braking.sent(0.4, ms * 1_000_000)
    assert braking.gone_m(0) == pytest.approx(0.4 * 0.1, abs=0.005)
    braking.pass_time(500_000_000)
    assert braking.gone_m(0) == pytest.approx(0.0, abs=1e-9)


# -- what nobody saw

def gap_survey(blind, beams=360, mount=(0.0, 0.0, 0.0), near=(), radius=0.16):
    """Return what 360 beams of 3 m show that see nothing within (first, last) [rad]."""
    angles = -math.pi + 2 * math.pi / beams * np.arange(beams)
    kinds = np.full(beams, DISTANCE)
    kinds[(angles >= blind[0]) & (angles <= blind[1])] = NOTHING
    if near:
        kinds[(angles >= near[0]) & (angles <= near[1])] = TOO_NEAR
    geometry = ScanGeometry(beams, -math.pi, 2 * math.pi / beams, 0.1, 10.0)
    return survey(np.full(beams, 3.0), kinds, geometry, PLAIN, mount, radius, 1.0)


@pytest.mark.parametrize('radius', [0.08, 0.16, 0.4])
def test_places_where_nobody_looked_begin_at_the_robot_s_edge_and_leave_no_gap_for_it(radius):
    seen = gap_survey((-0.2, 0.2), radius=radius)
    away = np.sort(np.hypot(seen.unseen._x, seen.unseen._y))
    assert away[0] == pytest.approx(radius) and away[-1] >= min(3.0 * radius, 1.0 + radius) - 1e-9
    assert np.diff(away).max() <= 0.5 * radius + 1e-9


@pytest.mark.parametrize(('middle', 'speed', 'free'), [
    (0.0, 0.4, False), (0.0, -0.4, True), (2.9, -0.4, False), (2.9, 0.4, True),
    (1.9, 0.4, True), (-1.1, -0.4, True)])
def test_where_no_beam_looked_nobody_drives(middle, speed, free):
    seen = gap_survey((middle - 0.2, middle + 0.2))
    assert (seen.way_to_unseen(speed, 0.0, 0.5) == math.inf) is free


@pytest.mark.parametrize('mount', [(0.1, -0.05, 1.1), (-0.1, 0.02, -2.0)])
@pytest.mark.parametrize(('speed', 'free'), [(0.4, False), (-0.4, True)])
def test_where_no_beam_looked_turns_with_the_mount(mount, speed, free):
    middle = math.remainder(-mount[2], 2 * math.pi)  # ahead of the robot, as the lidar counts
    seen = gap_survey((middle - 0.3, middle + 0.3), mount=mount)
    assert (seen.way_to_unseen(speed, 0.0, 0.3) == math.inf) is free


def test_a_dropout_as_narrow_as_a_chair_leg_is_bridged_a_little_nearer():
    narrow = gap_survey((-0.03, 0.03))
    assert narrow.way_to_unseen(0.4, 0.0, 0.5) == math.inf
    assert len(narrow.unseen) == 0 and len(narrow.things) == 360
    way = narrow.way_to_things(0.4, 0.0, 9.0)
    assert way == pytest.approx(0.97 * 3.0 - 0.16, abs=0.01)
    wide = gap_survey((-0.06, 0.06))
    assert len(wide.unseen) > 0 and len(wide.things) < 360


@pytest.mark.parametrize(('speed', 'way'), [(0.4, 0.0), (-0.4, math.inf)])
def test_what_is_too_near_to_measure_is_met_at_once(speed, way):
    seen = gap_survey((5.0, 5.0), near=(-0.1, 0.1))
    assert seen.way_to_near(speed, 0.0, 0.5) == way


def bare(kinds, ranges=3.0, *, step=None, first=-math.pi, range_min=0.1, spec=PLAIN,
         mount=(0.0, 0.0, 0.0), reach=1.0):
    """Return what beams of these kinds show; as many as there are make a full turn."""
    kinds = np.array(kinds)
    step = 2 * math.pi / len(kinds) if step is None else step
    geometry = ScanGeometry(len(kinds), first, step, range_min, 10.0)
    return survey(np.broadcast_to(ranges, kinds.shape).astype(float), kinds, geometry, spec,
                  mount, 0.16, reach)


def with_gap(count, missing, at=100):
    kinds = np.full(count, DISTANCE)
    kinds[at:at + missing] = NOTHING
    return kinds


@pytest.mark.parametrize(('beams', 'missing', 'wide'), [
    (360, 0, False), (360, 4, False), (360, 5, True), (720, 9, False), (720, 10, True),
    (36, 0, False), (36, 1, True)])
def test_a_gap_is_bridged_up_to_five_degrees(beams, missing, wide):
    seen = bare(with_gap(beams, missing, at=20))
    assert (len(seen.unseen) > 0) is wide
    assert len(seen.things) == (beams - missing if wide else beams)


def test_between_beams_farther_apart_than_a_person_is_wide_nobody_looked():
    assert len(bare(np.full(16, DISTANCE)).unseen) == 0
    assert len(bare(np.full(12, DISTANCE)).unseen) > 0


@pytest.mark.parametrize(('beams', 'left_out', 'closed'), [(360, 1, True), (36, 1, True),
                                                           (36, 2, False)])
def test_a_driver_may_leave_out_the_beam_where_the_circle_closes(beams, left_out, closed):
    seen = bare(np.full(beams - left_out, DISTANCE), step=2 * math.pi / beams)
    assert (len(seen.unseen) == 0) is closed


@pytest.mark.parametrize(('left', 'right', 'alike'), [
    (1.0, 1.4, True), (1.4, 1.0, True), (2.0, 2.0, True), (1.0, 1.6, False), (2.4, 1.0, False)])
def test_a_bridge_lies_on_the_surface_or_before_its_nearer_edge(left, right, alike):
    kinds, ranges = with_gap(360, 3), np.full(360, 3.0)
    ranges[:100], ranges[103:] = left, right
    seen = bare(kinds, ranges)
    angles = -math.pi + math.radians(1.0) * np.arange(360)
    ends = [far * np.array([math.cos(angles[i]), math.sin(angles[i])])
            for far, i in ((left, 99), (right, 103))]
    points = {(round(float(x), 9), round(float(y), 9))
              for x, y in zip(seen.things._x, seen.things._y, strict=True)}
    for k, share in ((100, 0.25), (101, 0.5), (102, 0.75)):
        at = 0.8 * min(left, right) * np.array([math.cos(angles[k]), math.sin(angles[k])])
        if alike:
            at = 0.97 * ((1.0 - share) * ends[0] + share * ends[1])
        assert (round(float(at[0]), 9), round(float(at[1]), 9)) in points


@pytest.mark.parametrize('mount', [(0.0, 0.0, 0.0), (0.3, -0.4, 1.0)])
def test_beams_without_a_return_see_to_the_end_of_their_range(mount):
    kinds = np.full(360, DISTANCE)
    assert bare(kinds, mount=mount).sight_m == math.inf
    kinds[40:60] = FREE
    seen = bare(kinds, mount=mount)
    assert seen.sight_m == pytest.approx(10.0 - 0.16 - math.hypot(*mount[:2]))
    assert len(seen.hits) == 340 and len(seen.unseen) == 0
    assert seen.way_to_unseen(0.3, 0.0, 20.0) == seen.sight_m
    assert seen.way_to_unseen(0.0, 1.0, 20.0) == math.inf


def test_a_gap_beside_what_is_too_near_is_too_near():
    kinds = with_gap(360, 3, at=179)
    kinds[182] = TOO_NEAR
    assert bare(kinds, range_min=0.5).way_to_near(0.3, 0.0, 0.5) == 0.0
    assert bare(kinds, range_min=0.5).way_to_near(-0.3, 0.0, 0.5) == math.inf
    assert len(bare(with_gap(360, 3)).near) == 0


@pytest.mark.parametrize('edge', [178, 182])
def test_a_gap_is_too_near_if_either_of_its_edges_is(edge):
    kinds = with_gap(360, 3, at=179)
    kinds[edge] = TOO_NEAR
    alone = np.full(360, DISTANCE)
    alone[edge] = TOO_NEAR
    near, one = (bare(each, range_min=0.5).near for each in (kinds, alone))
    assert len(near) >= 3 * len(one) > 0
    found = bare(kinds, range_min=0.5)
    assert len(found.things) == len(found.hits), 'and no thing as far as its other edge'


def test_a_scan_that_is_too_old_says_how_often_one_must_come():
    ahead = looking(BOTH_WAYS, [(2.0, 0.0)])
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 5 * P)[1] == ('blind',)
    assert 'must come every 200 ms' in ahead.why['blind']
    boxed_in = boxed((0.0, 0.0, 0.0))
    assert boxed_in.slow(np.array([0.3, 0.0]), T0 + 5 * P)[1] == ('blind',)
    assert 'must come every 200 ms' in boxed_in.why['blind']


@pytest.mark.parametrize('range_min', [0.3, 0.7])
def test_what_is_too_near_to_measure_is_between_the_robot_and_the_shortest_range(range_min):
    kinds = np.full(360, DISTANCE)
    kinds[268:273] = TOO_NEAR  # to the left
    seen = bare(kinds, range_min=range_min)
    assert np.abs(seen.near._x).max() < 0.1
    assert seen.near._y.min() == pytest.approx(0.16, abs=1e-3)
    assert seen.near._y.max() == pytest.approx(min(range_min, 0.16 + 2 * 0.16), abs=1e-3)


def test_where_a_lidar_is_declared_not_to_look_a_thing_may_be_nearer_unseen():
    count, step = 181, math.radians(1.0)
    declared = LidarSpec(sees_rad=(-math.pi / 2, math.pi / 2))
    seen = {name: bare(np.full(count, DISTANCE), step=step, first=-math.pi / 2, spec=spec)
            for name, spec in (('plain', PLAIN), ('declared', declared))}
    assert len(seen['plain'].outside) == 0 and len(seen['declared'].unseen) == 0
    for name, nearest in (('plain', 0.16), ('declared', 2.5 * 0.16)):
        found = seen[name].unseen if name == 'plain' else seen[name].outside
        assert np.hypot(found._x, found._y).min() == pytest.approx(nearest, abs=1e-6)
        assert np.all(found._x < 0.05)
        assert seen[name].way_to_unseen(0.3, 0.0, 1.0) == math.inf
        assert seen[name].way_to_unseen(-0.3, 0.0, 1.0) == 0.0
    kinds = np.full(count, DISTANCE)
    kinds[60:80] = NOTHING  # a gap where it is declared to look is no less a gap
    half = bare(kinds, step=step, first=-math.pi / 2, spec=declared)
    assert len(half.unseen) > 0 and np.all(half.unseen._x > 0.0)


@pytest.mark.parametrize(('where', 'edges'), [
    ('0011110', '0010010'), ('0001000', '0001000'), ('1100011', '0100010'),
    ('0110110', '0110110'), ('0111011', '0101011'), ('0000000', '0000000'),
    ('1111111', '0000000')])
def test_a_run_in_a_circle_has_two_edges_or_is_one(where, edges):
    found = edges_of_runs(np.array([mark == '1' for mark in where]))
    assert ''.join('01'[each] for each in found.astype(int)) == edges


@pytest.mark.parametrize('side', [1, -1])
@pytest.mark.parametrize('turn', [0.75, 0.85, 1.0])
def test_an_arc_that_bends_into_where_nobody_looked_ends_at_its_edge(turn, side):
    beams, low, high = 360, 100, 150
    kinds, ranges = np.full(beams, DISTANCE), np.full(beams, 3.0)
    hole = (np.arange(low, high + 1) * side) % beams
    kinds[hole], ranges[hole] = NOTHING, np.nan
    geometry = ScanGeometry(beams, 0.0, 2 * math.pi / beams, 0.05, 10.0)
    seen = survey(ranges, kinds, geometry, PLAIN, (0.0, 0.0, 0.0), 0.16, 2.5)
    x, y, _ = walked(0.5, side * turn, 2.5)
    bearing = np.degrees(np.arctan2(side * y, x))
    edge_m = STEP_M * np.argmax(bearing >= low)
    assert 1.5 < edge_m < 2.4, 'farther away than the places near the robot'
    found = seen.way_to_unseen(0.5, side * turn, 2.5)
    assert edge_m - 0.16 < found < edge_m + 0.08


def test_an_action_of_whole_numbers_is_slowed_to_a_part_of_them():
    ahead = ForwardStop(CLUTTER)
    ranges = np.full(360, 3.0)
    ranges[[359, 0, 1]] = 0.3
    ahead.see(T0, ranges, 0.0, 2 * math.pi / 360, 0.05, 10.0)
    action, reasons = ahead.slow(np.array([1, 0]), T0)
    assert reasons == ('obstacle',) and 0.4 < action[0] < 0.6
