"""What one scan shows, held to a plain model that goes from beam to beam."""

import cmath
from functools import lru_cache
import math

import numpy as np
import pytest
from slow_motion import walked_to_touch
from slow_survey import BRIDGED_RAD, COARSE_RAD, SLOT_RAD, SlowSurvey

from ilw_core.features.lidar import DISTANCE, FREE, NOTHING, TOO_NEAR, ScanGeometry, read_beams
from ilw_core.features.lidar_spec import PLAIN, LidarSpec
from ilw_teleop.guards.survey import survey

SLOTS = 240
MOUNTS = [(0.0, 0.0, 0.0), (0.08, -0.05, 1.1), (-0.1, 0.02, -2.0), (0.25, 0.12, 0.4)]
SCANS = 130


def scan_of(seed):
    """Return ranges, kinds, geometry, declaration, mount, radius and reach of some scan."""
    rng = np.random.default_rng(seed)
    beams = int(rng.choice([13, 18, 40, 72, 180, 360, 700]))
    sign = rng.choice([-1.0, 1.0])
    whole = rng.random() < 0.6
    span = 2 * math.pi if whole else rng.uniform(2.0, 6.0)
    step = span / (beams + (rng.choice([0, 0, 1, 2]) if whole else 0))
    if rng.random() < 0.15:  # as wide as is told apart, to the last digit
        step, beams = [(COARSE_RAD, 14), (BRIDGED_RAD / 4, 280)][seed % 2]
    exact = rng.random() < 0.3  # neighbours half as far again, to the last digit
    kinds, ranges = np.zeros(beams, dtype=np.int8), np.zeros(beams)
    longest, at = max(2, rng.choice([beams // 40, beams // 12, beams // 5])), 0
    while at < beams:
        run = slice(at, at + int(rng.integers(1, longest + 1)))
        kinds[run] = rng.choice([DISTANCE, NOTHING, FREE, TOO_NEAR], p=[0.6, 0.25, 0.08, 0.07])
        ranges[run] = rng.choice([1.0, 1.5, 2.25]) if exact else (
            rng.choice([0.9, 1.2, 1.9, 3.5]) * rng.uniform(0.9, 1.1))
        at = run.stop
    kinds[rng.integers(beams)] = DISTANCE
    low = float(rng.choice([0.1, 0.3, 0.6]))
    geometry = ScanGeometry(beams, rng.uniform(-3.1, 0.0) * sign, sign * step, low,
                            float(rng.choice([8.0, 8.0, 0.45 + low])))
    spec = PLAIN
    if rng.random() < 0.3:
        first = geometry.angle_min if sign > 0 else geometry.angle_min - step * (beams - 1)
        first += rng.uniform(0.0, 0.4) * step * beams
        last = first + rng.uniform(0.2, 0.55) * step * beams
        if not whole and rng.random() < 0.5:  # a little more than there are beams
            first, last = first - rng.uniform(0.0, 2.4) * step, last + step * beams
            last = min(last, first + step * (beams - 1) + rng.uniform(0.0, 4.0) * step)
        spec = LidarSpec(sees_rad=(first, min(last, first + 6.2)))
        wide = read_beams(np.full(beams, low + 0.1), geometry, spec) == NOTHING
        kinds[wide] = NOTHING
        if (kinds == NOTHING).all():
            kinds[np.flatnonzero(~wide)[0]] = DISTANCE
    mount = MOUNTS[seed % len(MOUNTS)]
    return (ranges, kinds, geometry, spec, mount, float(rng.choice([0.08, 0.16, 0.4])),
            float(rng.choice([0.0, 0.3, 1.7])))


@lru_cache(maxsize=SCANS)
def both(seed):
    ranges, kinds, geometry, spec, mount, radius, reach = scan_of(seed)
    return (survey(ranges, kinds, geometry, spec, mount, radius, reach),
            SlowSurvey(ranges, kinds, geometry, spec, mount, radius), reach)


def points(places):
    return places._x + 1j * places._y


def in_order(them):
    them = np.round(np.array(them, dtype=complex), 9) + 0.0
    return np.sort_complex(them)


def rays(places, slow):
    """Return slot -> distances from the lidar, nearest first; what is at the lidar is left out."""
    found = {}
    for point in points(places):
        away = point - slow.at
        if abs(away) > 1e-9:
            turned = cmath.phase(away / cmath.exp(1j * slow.first_rad)) / SLOT_RAD
            assert abs(turned - round(turned)) < 1e-6, 'between two directions'
            found.setdefault(round(turned) % SLOTS, []).append(abs(away))
    return {slot: sorted(each) for slot, each in found.items()}


def way_out(slow, slot, start):
    """Return where a ray leaves a circle around the robot, from the lidar; ``None``: a graze."""
    unit = cmath.exp(1j * float(slow.first_rad + slot * SLOT_RAD))
    ways = np.linspace(0.0, abs(slow.at) + 2 * start, 400)
    away = np.abs(slow.at + ways * unit)
    if abs(away.min() - start) < 1e-3:
        return None
    inside = np.flatnonzero(away < start)
    if not len(inside):
        return 0.0
    low, high = float(ways[inside[-1]]), float(ways[inside[-1] + 1])
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if abs(slow.at + middle * unit) < start else (low, middle)
    return high


def assert_dense(ways, begin, radius):
    """Nearer than a twentieth of the radius and half of the way from the edge, or half of it."""
    past = np.array(ways) - begin
    most = np.minimum(0.05 * radius + 0.5 * past[:-1], 0.5 * radius)
    assert np.all(np.diff(past) <= most + 1e-9)


def with_the_nearest(ways, begin):
    return ways if begin > 0.0 else [0.0, *ways]  # which has no direction


def test_hits_and_bridges_are_where_going_from_beam_to_beam_finds_them():
    bridged = 0
    for seed in range(SCANS):
        fast, slow, _ = both(seed)
        assert fast.hits[:, 0] + 1j * fast.hits[:, 1] == pytest.approx(np.array(slow.hits))
        assert len(fast.things) == len(slow.hits) + len(slow.bridges)
        assert in_order(points(fast.things)) == pytest.approx(
            in_order(slow.hits + slow.bridges), abs=1e-8)
        assert fast.sight_m == pytest.approx(slow.sight)
        bridged += bool(slow.bridges)
    assert bridged > SCANS // 8


def test_places_lie_in_the_directions_that_are_in_a_gap_and_in_no_other():
    inside = outside = 0
    for seed in range(SCANS):
        fast, slow, _ = both(seed)
        found = {name: rays(getattr(fast, name), slow) for name in ('unseen', 'outside')}
        for slot in range(SLOTS):
            depth, declared = (slow.unseen_by(slot * SLOT_RAD),
                               slow.declared_blind(slot * SLOT_RAD))
            if abs(depth) > 1e-9 and declared is not None:
                blind = bool(depth > 0.0)
                assert (slot in found['unseen']) is (blind and not declared), (seed, slot)
                assert (slot in found['outside']) is (blind and declared), (seed, slot)
        inside, outside = inside + len(found['unseen']), outside + len(found['outside'])
    assert inside > 300 and outside > 300


@pytest.mark.long
def test_places_begin_at_the_robot_and_lie_so_densely_that_it_meets_one_before_it_is_in():
    looked = 0
    for seed in range(SCANS):
        fast, slow, reach = both(seed)
        for name, start in (('unseen', slow.radius), ('outside', 2.5 * slow.radius)):
            found = rays(getattr(fast, name), slow)
            for slot, ways in found.items():
                begin = way_out(slow, slot, start)
                if begin is None:
                    continue
                ways = with_the_nearest(ways, begin)
                assert abs(ways[0] - begin) < 1e-9
                assert_dense(ways, begin, slow.radius)
                past = np.array(ways) - begin
                assert np.all(np.diff(past) > 1e-6), 'none is there twice'
                far_apart = np.diff(past[past > 1.99 * slow.radius])
                assert np.all(np.abs(far_apart - 0.5 * slow.radius) < 1e-9)
                last = past[-1]
                edge = not {(slot - 1) % SLOTS, (slot + 1) % SLOTS} <= found.keys()
                if not edge or reach + start <= 2 * slow.radius:
                    assert abs(last - 2 * slow.radius) < 1e-9
                else:
                    assert last <= reach + start + 1e-9
                    assert last >= max(reach + start - 0.5 * slow.radius, 2 * slow.radius) - 1e-9
                looked += edge
    assert looked > 100


def test_what_is_too_near_may_be_anywhere_from_the_robot_to_the_shortest_range():
    looked = 0
    for seed in range(SCANS):
        fast, slow, _ = both(seed)
        found = rays(fast.near, slow)
        close = [slow.geometry.increment * beam for beam in slow.too_near]
        for turned in close:
            slot = turned / SLOT_RAD
            if abs(slot % 1.0 - 0.5) > 1e-6:
                assert round(slot) % SLOTS in found
        for slot, ways in found.items():
            off = [abs(math.remainder(slot * SLOT_RAD - turned, 2 * math.pi)) for turned in close]
            assert min(off) <= 0.5 * SLOT_RAD + 1e-9
            begin = way_out(slow, slot, slow.radius)
            if begin is not None:
                ways = with_the_nearest(ways, begin)
                assert abs(ways[0] - begin) < 1e-9
                assert_dense(ways, begin, slow.radius)
                assert ways[-1] == pytest.approx(
                    min(begin + 2 * slow.radius, max(begin, slow.geometry.range_min)))
                looked += 1
        assert bool(close) is (len(fast.near) > 0)
    assert looked > 100


@pytest.mark.parametrize('speed', [0.5, -0.3])
@pytest.mark.parametrize('turn', [0.0, 0.8, -1.3])
def test_the_way_to_what_is_known_is_walked_and_what_is_at_hand_is_met_at_once(speed, turn):
    met = set()
    for seed in range(60):
        fast, slow, reach = both(seed)
        reach, radius = max(reach, 0.2), slow.radius

        def walked(places, size, hand, reach=reach, radius=radius):
            them = [(p.real, p.imag) for p in points(places)]
            ways = [walked_to_touch(them, size * radius + off, speed, turn,
                                    max(reach, hand * radius), 0.004) for off in (1e-4, -1e-4)]
            return [0.0 if way <= hand * radius else way for way in ways]

        things, near, unseen, outside = (walked(*each) for each in (
            (fast.things, 1.0, 0.0), (fast.near, 0.99, 1.0), (fast.unseen, 0.99, 1.0),
            (fast.outside, 0.99, 2.5)))
        unseen = [min(*each, slow.sight) for each in zip(unseen, outside, strict=True)]
        for found, (least, most) in ((fast.way_to_things(speed, turn, reach), things),
                                     (fast.way_to_near(speed, turn, reach), near),
                                     (fast.way_to_unseen(speed, turn, reach), unseen)):
            assert min(least, reach) - 1e-4 <= min(found, reach) <= min(most, reach) + 1e-4
            met.add((bool(most == 0.0), bool(most < reach)))
    assert len(met) == 3, 'at once, on the way, and not at all'
