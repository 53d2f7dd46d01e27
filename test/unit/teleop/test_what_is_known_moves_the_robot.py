"""The robot moves only by what is known now: not by old scans, other clocks, or nobody's wish."""

from dataclasses import replace
import math

import numpy as np
import pytest

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.errors import ContractError
from ilw_core.features.lidar_spec import LidarSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import RobotProfile, Wheels
from ilw_teleop.guards.forward_stop import FROZEN_SCANS, ForwardStop

P = 100_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
TURN = 2.0 * math.pi
BEAMS = 360
FREE = np.full(BEAMS, np.inf)


def wall_at(ahead_m, beams=BEAMS):
    """Return the ranges of a scan from -pi on, of a wall across the way."""
    cosine = np.cos(-math.pi + TURN / beams * np.arange(beams))
    return np.where(cosine > 0.2, ahead_m / np.maximum(cosine, 0.2), np.inf)


def see(ahead, taken_ns, ranges, low=0.05, high=20.0):
    ahead.see(taken_ns, ranges, -math.pi, TURN / len(ranges), low, high)


def ask(contract, values, now):
    return Request(1, now, True, contract.hash, contract.action.names, 0.1, 1, values)


def with_action(old, new):
    return CLUTTER.text.replace(old, new)


@pytest.mark.parametrize('back_to_ns', [0, 1, P, 50 * P, T0 - 20 * P])
def test_a_clock_that_is_set_back_takes_what_was_seen_with_it(back_to_ns):
    ahead = ForwardStop(CLUTTER)
    see(ahead, T0, FREE)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[0][0] == 0.5
    ahead.leap(back_to_ns)
    assert ahead.slow(np.array([0.5, 0.0]), back_to_ns)[1] == ('blind',)
    see(ahead, back_to_ns + P, wall_at(0.25))
    action, reasons = ahead.slow(np.array([0.5, 0.0]), back_to_ns + P)
    assert (action[0] < 0.37, reasons) == (True, ('obstacle',))  # v^2/4 + 0.1 v = 0.25 - 0.18


def test_a_scan_of_a_time_to_come_shows_nothing():
    ahead = ForwardStop(CLUTTER)
    see(ahead, T0 + 100 * P, FREE)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ('blind',)


@pytest.mark.parametrize(('age_s', 'late_s', 'speed', 'wall_m'), [
    (0.0, 0.0, 0.5, 1.5), (0.15, 0.0, 0.5, 1.5), (0.19, 0.09, 0.5, 1.2), (0.1, 0.09, 1.0, 2.5),
    (0.19, 0.09, 2.0, 5.0)])
def test_a_robot_that_brakes_as_promised_never_touches_however_old_scans_may_be(
        age_s, late_s, speed, wall_m):
    contract = replace(CLUTTER, action=replace(CLUTTER.action, high=np.array([speed, 1.5])))
    ahead, radius = ForwardStop(contract), contract.safety.radius_m
    dt, x, v, told, queue = 0.01, 0.0, 0.0, 0.0, []
    been, nearest = [], math.inf
    for step in range(800):
        now = T0 + round(step * dt * 1e9)
        been.append(x)
        if step % 10 == 0:
            at = max(0, step - round(age_s / dt))
            see(ahead, T0 + round(at * dt * 1e9), wall_at(wall_m - been[at]))
            action, _ = ahead.slow(np.array([speed, 0.0]), now)
            ahead.sent(action, now)
            queue.append((step + round(late_s / dt), action[0]))
        while queue and queue[0][0] <= step:
            told = queue.pop(0)[1]
        v = told if told >= v else max(told, v - contract.safety.deceleration_mps2 * dt)
        x += v * dt
        nearest = min(nearest, wall_m - x - radius)
    assert nearest > -1e-6
    assert x > 0.3  # and it did drive there


@pytest.mark.parametrize('axis', ['linear.y', 'linear.z', 'angular.x', 'angular.y'])
def test_looking_ahead_is_refused_where_the_robot_moves_in_a_way_nobody_looks(axis):
    text = with_action(
        '  on_stale: stop', f'    - {{name: twist.{axis}, unit: m/s, min: -0.5, max: 0.5, '
        f'max_rate: 2.0}}\n  on_stale: stop')
    with pytest.raises(ContractError, match=f'twist.{axis}'):
        parse_contract(text)


@pytest.mark.parametrize('how', ['hold', '[0.3, 0.0]', '[0.0, 0.5]'])
def test_velocities_stop_when_nobody_drives_whatever_a_contract_wants(how):
    with pytest.raises(ContractError, match='on_stale must be stop'):
        parse_contract(with_action('on_stale: stop', f'on_stale: {how}'))


def test_a_slow_stop_still_stops_in_front_of_what_is_in_the_way():
    text = with_action('max: 0.5, max_rate: 2.0}', 'max: 0.5, max_rate: 2.0, stop_rate: 0.1}')
    contract = parse_contract(text)
    arbiter, now = Arbiter(contract), T0
    for k in range(10):
        now = T0 + k * P
        see(arbiter.ahead, now, FREE)
        arbiter.offer(ask(contract, [0.5, 0.0], now), now, now)
        arbiter.decide(now, now)
    released = replace(ask(contract, [0.0, 0.0], now), active=False)
    see(arbiter.ahead, now + P, wall_at(0.25))
    arbiter.offer(released, now + P, now + P)
    decision = arbiter.decide(now + P, now + P)
    assert decision.applied[0] < 0.37  # the slow stop alone: 0.49
    assert 'obstacle' in decision.reasons


@pytest.mark.parametrize(('brake', 'speed', 'turn'), [
    (0.5, 1.05, 0.9), (0.5, 1.05, -1.05), (0.5, 1.05, 1.4), (2.0, 3.0, 1.5)])
def test_an_arc_that_leaves_what_is_seen_is_slowed_as_far_as_the_brakes_reach(
        brake, speed, turn):
    action = replace(CLUTTER.action, low=np.array([-3.0, -1.5]), high=np.array([3.0, 1.5]))
    contract = replace(CLUTTER, action=action, safety=replace(
        CLUTTER.safety, deceleration_mps2=brake)).declaring(LidarSpec(sees_rad=(-0.524, 0.524)))
    ahead = ForwardStop(contract)
    beams = 61
    ahead.see(T0, np.full(beams, np.inf), -0.524, 1.048 / (beams - 1), 0.05, 20.0)
    action, reasons = ahead.slow(np.array([speed, turn]), T0)
    assert reasons == ('unseen',)
    assert action[0] < 0.95 * speed


def test_one_beam_that_flickers_does_not_make_a_hung_lidar_alive():
    ahead, same = ForwardStop(CLUTTER), wall_at(1.5)
    reasons = ()
    for k in range(FROZEN_SCANS + 4):
        ranges = same.copy()
        ranges[170 + k % 2] = math.nan
        see(ahead, T0 + k * P, ranges)
        action, reasons = ahead.slow(np.array([0.1, 0.0]), T0 + k * P)
        ahead.sent(action, T0 + k * P)
    assert reasons == ('blind',)


def named(*paths):
    command = replace(CLUTTER.action.commands[0], paths=paths, fields=tuple(range(len(paths))))
    return replace(CLUTTER.action, names=paths, commands=(command,))


def test_wheels_are_spared_whatever_the_order_of_the_action():
    profile = RobotProfile('base', 0.5, Wheels(0.03, 0.24, 30.0), {})
    swapped, why = profile.saturate(np.array([0.0, 3.0]), named('angular.z', 'linear.x'))
    assert why == ('wheels',)
    assert swapped == pytest.approx([0.0, 0.9])
    third, _ = profile.saturate(np.array([3.0, 7.0, 0.0]), named('linear.x', 'lift', 'angular.z'))
    assert third == pytest.approx([0.9, 7.0, 0.0])
    with pytest.raises(ContractError, match='has wheels'):
        profile.tighten(named('a', 'b'))


@pytest.mark.parametrize(('scale', 'low', 'high'), [
    (100.0, 2.0, 350.0), (100.0, 12.0, 1200.0), (1000.0, 120.0, 3500.0), (1000.0, 120.0, np.inf)])
def test_centimetres_and_millimetres_are_no_metres(scale, low, high):
    ahead = ForwardStop(CLUTTER)
    see(ahead, T0, scale * np.clip(wall_at(0.4), 0.1, 3.0), low, high)
    assert ahead.slow(np.array([0.5, 0.0]), T0)[1] == ('blind',)
