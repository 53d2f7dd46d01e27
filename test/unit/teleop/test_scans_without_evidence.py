"""Nothing measured is never free: whatever is done to a scan, it lets the robot be no faster."""

from dataclasses import replace
import importlib.util
import math
from pathlib import Path
import sys

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.features.lidar_spec import LidarSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import load_profile
from ilw_teleop.guards.forward_stop import ANOTHER_NS, ForwardStop

_SPEC = importlib.util.spec_from_file_location(
    'spoilt_scans', Path(__file__).with_name('spoilt_scans.py'))
sys.modules['spoilt_scans'] = spoilt_scans = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(spoilt_scans)
AHEAD, WHOLE, Scan = spoilt_scans.AHEAD, spoilt_scans.WHOLE, spoilt_scans.Scan
ahead_of, room_scan = spoilt_scans.ahead_of, spoilt_scans.room_scan
INF, NAN = math.inf, math.nan
P = 100_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
BOTH_WAYS = replace(CLUTTER, action=replace(CLUTTER.action, low=np.array([-0.5, -1.5])))
AT_ONCE = replace(BOTH_WAYS, action=replace(BOTH_WAYS.action, max_rate=np.array([50.0, 50.0])))
ROOMS, WAYS_A_ROOM = 2_500, 4


def mounted(mount, contract=BOTH_WAYS, lidar=None):
    scan = replace(contract.safety.scan, mount=mount)
    contract = replace(contract, safety=replace(contract.safety, scan=scan))
    return contract.declaring(lidar) if lidar else contract


def drive(contract, scans, speed, turn=0.0):
    """Return the forward speed after each scan, and the last decision."""
    arbiter, speeds = Arbiter(contract), []
    for k, scan in enumerate(scans):
        now = T0 + k * P
        scan.shown(arbiter.ahead, now)
        arbiter.offer(Request(1, now, True, contract.hash, contract.action.names, 0.1, 1,
                              [speed, turn]), now, now)
        decision = arbiter.decide(now, now)
        speeds.append(abs(float(decision.applied[0])))
    return np.array(speeds), decision


def spoilt(name, scan, mount, speed, rng):
    """Return a scan spoilt in the way of that name."""
    if name in WHOLE:
        return WHOLE[name](scan, rng)
    if name == 'dropouts':
        return replace(scan, ranges=np.where(
            rng.random(len(scan.ranges)) < rng.choice([0.05, 0.3]), NAN, scan.ranges))
    if name == 'a part not seen':
        where = ahead_of(scan, mount, rng.uniform(-3.1, 3.1), rng.uniform(0.02, 1.5))
        return replace(scan, ranges=np.where(where, NAN, scan.ranges))
    where = ahead_of(scan, mount, 0.0 if speed > 0.0 else math.pi, rng.uniform(0.1, 1.5))
    return replace(scan, ranges=np.where(where, AHEAD[name], scan.ranges))


WAYS = (*WHOLE, *AHEAD, 'dropouts', 'a part not seen')


@pytest.mark.long
def test_ten_thousand_spoilt_scans_never_make_the_robot_faster_than_honest_ones():
    """Each is the first scan there is, or follows an honest one at full speed."""
    rng = np.random.default_rng(10)
    drove, tried = dict.fromkeys(WAYS, 0), 0
    honest_drove = 0
    for room in range(ROOMS):
        mount = (rng.uniform(-0.1, 0.1), rng.uniform(-0.1, 0.1), rng.uniform(-3.0, 3.0))
        contract, speed = mounted(mount, AT_ONCE), float(rng.choice([-0.5, 0.5]))
        turn = 0.0 if rng.random() < 0.7 else float(rng.uniform(-1.5, 1.5))
        scan = replace(room_scan(rng, mount, speed=speed), says_end=bool(rng.random() < 0.5))
        before = [scan] * int(rng.choice([0, 1]))
        honest, _ = drive(contract, [*before, scan], speed, turn)
        honest_drove += honest[-1] > 0.0
        for k in range(WAYS_A_ROOM):
            name = WAYS[(WAYS_A_ROOM * room + k) % len(WAYS)]
            bad = spoilt(name, scan, mount, speed, rng)
            found, decision = drive(contract, [*before, bad], speed, turn)
            assert found[-1] <= honest[-1] + 1e-9, (name, room, decision.reasons)
            drove[name] += found[-1] > 0.0
            tried += 1
    assert tried == 10_000 and len(WAYS) > 40
    assert honest_drove > 0.4 * ROOMS, 'the robot stands before honest scans, too'
    assert drove['dropouts'] > 20 and drove['a part not seen'] > 20


@pytest.mark.parametrize('name', WHOLE)
def test_a_scan_that_shows_nothing_makes_the_robot_stand_and_says_why(name):
    rng = np.random.default_rng(3)
    free = replace(room_scan(rng, (0.0, 0.0, 0.0), first=-2.0), range_max=8.0)
    free = replace(free, ranges=np.full(len(free.ranges), 5.0))
    if name == 'range_min 1':  # 5 m are not too near
        free = replace(free, ranges=np.full(len(free.ranges), 0.5))
    for honest in (0, 3):
        arbiter = Arbiter(BOTH_WAYS)
        for k in range(honest + 4):
            now = T0 + k * P
            (free if k < honest else WHOLE[name](free, rng)).shown(arbiter.ahead, now)
            arbiter.offer(Request(1, now, True, CLUTTER.hash, CLUTTER.action.names, 0.1, 1,
                                  [0.5, 0.0]), now, now)
            decision = arbiter.decide(now, now)
        assert decision.applied[0] == 0.0, name
        reason = (set(decision.reasons) & {'blind', 'near', 'unseen'}).pop()
        assert len(arbiter.ahead.why[reason]) > 30, arbiter.ahead.why


def around(beams=360, far=3.0, first=-math.pi, last=math.pi, **more):
    closed = last - first > 2 * math.pi - 1e-6
    step = (last - first) / (beams if closed else beams - 1)
    return Scan(np.full(beams, far), first, step, **more)


def slowed(scan, v, w=0.0, *, mount=(0.0, 0.0, 0.0), lidar=None, contract=BOTH_WAYS):
    """Return speed and reasons of one decision of a robot that begins to move."""
    ahead = ForwardStop(mounted(mount, contract, lidar))
    scan.shown(ahead, T0)
    action, reasons = ahead.slow(np.array([v, w]), T0)
    return action[0], reasons


def put(scan, at_rad, half_rad, value, mount=(0.0, 0.0, 0.0)):
    return replace(scan, ranges=np.where(ahead_of(scan, mount, at_rad, half_rad), value,
                                         scan.ranges))


@pytest.mark.parametrize(('value', 'reason'), [
    (-INF, 'near'), (0.05, 'near'), (NAN, 'unseen'), (0.0, 'unseen'), (-2.0, 'unseen'),
    (9.0, 'unseen')])
@pytest.mark.parametrize('mount', [(0.0, 0.0, 0.0), (0.08, -0.05, 1.3), (-0.05, 0.0, -2.6)])
def test_what_one_direction_does_not_show_stops_that_way_only(value, reason, mount):
    scan = put(around(), 0.0, 0.3, value, mount) if mount == (0.0, 0.0, 0.0) else \
        put(around(first=-2.0, last=2 * math.pi - 2.0), 0.0, 0.3, value, mount)
    assert slowed(scan, 0.5, mount=mount) == (0.0, (reason,))
    assert slowed(scan, -0.5, mount=mount) == (-0.5, ())
    behind = put(around(), math.pi, 0.3, value, mount)
    assert slowed(behind, 0.5, mount=mount) == (0.5, ())
    assert slowed(behind, -0.5, mount=mount) == (0.0, (reason,))


def test_a_lidar_of_270_degrees_drives_ahead_and_not_where_it_does_not_see():
    scan = around(271, first=-2.356, last=2.356)
    assert slowed(scan, 0.5) == (0.5, ())
    assert slowed(scan, 0.3, 1.0) == (0.3, ())
    assert slowed(scan, -0.5) == (0.0, ('unseen',))
    turned = slowed(scan, 0.5, mount=(0.0, 0.0, math.pi))
    assert turned == (0.0, ('unseen',)), 'mounted backwards'
    assert slowed(scan, 0.0, 1.0)[1] == (), 'turning in place'


def test_a_front_lidar_and_a_depth_camera_drive_straight_ahead_once_declared():
    front = around(181, first=-math.pi / 2, last=math.pi / 2)
    assert slowed(front, 0.5) == (0.5, ())
    sees = LidarSpec(sees_rad=(-math.pi / 2, math.pi / 2))
    assert slowed(front, 0.5, mount=(0.14, 0.0, 0.0), lidar=sees) == (0.5, ())
    assert slowed(front, 0.2, 0.7, mount=(0.14, 0.0, 0.0), lidar=sees) == (0.2, ())
    assert slowed(front, -0.5, mount=(0.14, 0.0, 0.0), lidar=sees) == (0.0, ('unseen',))
    camera = around(200, first=-0.61, last=0.61)
    seen = LidarSpec(sees_rad=(-0.61, 0.61))
    assert slowed(camera, 0.5, mount=(0.12, 0.0, 0.0)) == (0.0, ('unseen',)), 'not declared'
    assert slowed(camera, 0.5, mount=(0.12, 0.0, 0.0), lidar=seen) == (0.5, ())
    hole = put(camera, 0.0, 0.2, NAN)
    assert slowed(hole, 0.5, mount=(0.12, 0.0, 0.0), lidar=seen) == (0.0, ('unseen',))
    aside = slowed(camera, 0.5, mount=(0.12, 0.0, 0.9), lidar=seen)
    assert aside == (0.0, ('unseen',)), 'it looks elsewhere'
    sharp = slowed(camera, 0.2, 1.2, mount=(0.12, 0.0, 0.0), lidar=seen)
    assert sharp == (0.0, ('unseen',)), 'round a corner it does not look into'


def test_a_lidar_that_sees_less_than_is_declared_shows_nothing():
    scan = around(91, first=-0.7, last=0.7)
    assert slowed(scan, 0.5, lidar=LidarSpec(sees_rad=(-2.0, 2.0))) == (0.0, ('blind',))
    masked = put(around(), math.pi, 0.5, 0.05)  # a post of the robot behind its lidar
    assert slowed(masked, 0.5, lidar=LidarSpec(sees_rad=(-2.5, 2.5))) == (0.5, ())


@pytest.mark.parametrize('beams', [36, 90, 360, 720])
def test_coarse_lidars_and_single_dropouts_drive(beams):
    assert slowed(around(beams), 0.5) == (0.5, ())
    if beams > 90:
        rng = np.random.default_rng(1)
        for _ in range(20):
            scan = around(beams)
            scan = replace(scan, ranges=np.where(rng.random(beams) < 0.05, NAN, scan.ranges))
            assert slowed(scan, 0.5) == (0.5, ())


def test_a_dropout_in_front_of_a_wall_is_the_wall():
    wall = put(around(), 0.0, 0.5, 0.28)
    hole = put(wall, 0.0, 0.02, NAN)
    assert 0.0 < slowed(hole, 0.5)[0] < slowed(wall, 0.5)[0]


@pytest.mark.parametrize(('word', 'value'), [('zero', 0.0), ('nan', NAN), ('max', 8.0),
                                             ('max', 8.5), ('inf', INF)])
def test_a_declared_way_to_say_no_return_drives(word, value):
    rng = np.random.default_rng(2)
    scan = around()
    scan = replace(scan, ranges=np.where(rng.random(360) < 0.8, value, scan.ranges))
    assert slowed(scan, 0.5, lidar=LidarSpec(no_return=word)) == (0.5, ())
    if value != INF and value != 8.0:
        assert slowed(scan, 0.5)[1] != ()
        dead = replace(scan, ranges=np.full(360, value))
        if word != 'max':
            assert slowed(dead, 0.5, lidar=LidarSpec(no_return=word)) == (0.0, ('blind',))


def test_the_robot_profile_declares_it_to_the_arbiter(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text('robot: mine\nlidar: {no_return: zero, sees_rad: [-2.0, 2.0]}\n')
    profile = load_profile(file)
    scan = replace(around(), ranges=np.where(np.arange(360) % 3 > 0, 0.0, 3.0))
    for known, reason in ((profile, ()), (None, ('blind',))):
        ahead = Arbiter(CLUTTER, profile=known).ahead
        scan.shown(ahead, T0)
        assert ahead.slow(np.array([0.3, 0.0]), T0)[1] == reason


def test_a_free_way_ends_where_the_lidar_does():
    short = replace(around(), ranges=np.full(360, INF), range_max=0.25)
    speed, reasons = slowed(short, 0.5)
    assert reasons == ('unseen',) and speed < 0.4
    assert speed ** 2 / 4 + 0.1 * speed == pytest.approx(0.25 - 0.16 - 0.02, abs=1e-3)


def test_a_bad_scan_counts_at_once_and_a_good_one_ends_it():
    ahead = ForwardStop(CLUTTER)
    around().shown(ahead, T0)
    assert ahead.slow(np.array([0.3, 0.1]), T0)[1] == ()
    replace(around(), ranges=np.zeros(360)).shown(ahead, T0 + P)
    action, reasons = ahead.slow(np.array([0.3, 0.1]), T0 + P)
    assert (action.tolist(), reasons) == ([0.0, 0.0], ('blind',))
    assert 'no_return: zero' in ahead.why['blind'] and 'scan' in ahead.why['blind']
    around(far=2.9).shown(ahead, T0 + 2 * P)
    assert ahead.slow(np.array([0.3, 0.1]), T0 + 2 * P)[1] == ()


def test_another_lidar_counts_only_after_it_has_gone_on_for_long():
    ahead = ForwardStop(CLUTTER)
    around().shown(ahead, T0)
    other = around(100, first=-1.0, last=1.0)
    for k in range(1, ANOTHER_NS // P + 1):
        other.shown(ahead, T0 + k * P)
        assert ahead.slow(np.array([0.3, 0.0]), T0 + k * P)[1] == ('blind',)
        assert 'go on as it began' in ahead.why['blind']
    for k in (ANOTHER_NS // P + 1, ANOTHER_NS // P + 2):
        other.shown(ahead, T0 + k * P)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + k * P)[1] == ('unseen',), 'it sees a part'


def test_a_person_may_override_what_is_near_or_unseen():
    for value in (NAN, -INF):
        arbiter = Arbiter(CLUTTER)
        put(around(), 0.0, 0.3, value).shown(arbiter.ahead, T0)
        arbiter.offer(Request(1, T0, True, CLUTTER.hash, CLUTTER.action.names, 0.1, 1,
                              [0.1, 0.0], override=True), T0, T0)
        assert arbiter.decide(T0, T0).reasons == ()


def test_after_a_leap_the_world_before_is_not_taken_for_the_new_one():
    ahead = ForwardStop(CLUTTER)
    around().shown(ahead, T0)
    ahead.leap(T0 + 100 * P)
    assert ahead.slow(np.array([0.3, 0.0]), T0 + 100 * P)[1] == ('blind',)


def test_after_a_leap_the_robot_is_not_taken_to_be_as_fast_as_before():
    leapt, driving, fresh = (ForwardStop(CLUTTER) for _ in range(3))
    for k in range(5):
        leapt.sent(np.array([0.5, 0.0]), T0 + k * P)
        driving.sent(np.array([0.5, 0.0]), T0 + k * P)
    leapt.leap(T0 + 5 * P)
    speeds = []
    for ahead in (leapt, driving, fresh):
        put(around(), 0.0, 0.3, 0.3).shown(ahead, T0 + 5 * P)
        speeds.append(ahead.slow(np.array([0.5, 0.0]), T0 + 5 * P)[0][0])
    assert speeds[0] == speeds[2] > speeds[1]
