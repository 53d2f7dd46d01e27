"""Bags of the emulated robot, whose truth it tells: a source for bench/identify.py."""

from dataclasses import replace
import math
from pathlib import Path

import numpy as np
from synthetic_base import command_message, odometry_message, scan_message, write_bag

from ilw_core.base.plant import Plant
from ilw_emulator.profile import load_emulator
from ilw_emulator.robot import Robot
from ilw_emulator.truth import truth
from ilw_emulator.world import EmulatedWorld

_HALF_M, _HOME_M = 6.0, 3.0
_SPEED_MPS, _TURN_RADPS = 0.5, 1.5
_REST_S = 4.0
_PROVEN_S = 0.02  # as ilw_sysid.identify.clocks has it
_BEGIN_NS = 10_000_000_000


def mild(folder: Path, number: int, seed: int, length_s: float) -> Plant:
    """Record one machine of the mild profile."""
    return _record('mild', folder, number, seed, length_s)


def typical(folder: Path, number: int, seed: int, length_s: float) -> Plant:
    """Record one machine of the typical profile."""
    return _record('typical', folder, number, seed, length_s)


def nasty(folder: Path, number: int, seed: int, length_s: float) -> Plant:
    """Record one machine of the nasty profile."""
    return _record('nasty', folder, number, seed, length_s)


def _record(name: str, folder: Path, number: int, seed: int, length_s: float) -> Plant:
    profile = load_emulator(name)
    machine = seed * 1000 + number
    traits = profile.machine(machine)
    h = _HALF_M
    world = EmulatedWorld('room', (0.0, 0.0, 0.0), (1.0, 0.0), segments=(
        (-h, -h, h, -h), (h, -h, h, 0.6 * h), (h, 0.6 * h, -h, h), (-h, h, -h, -h)))
    robot = Robot(traits, profile.body, world, machine, _BEGIN_NS)
    messages, rng = [], np.random.default_rng([seed, number])
    hand, now_ns = _Hand(rng), _BEGIN_NS
    end_ns = _BEGIN_NS + round(length_s * 1e9)
    while now_ns < end_ns:
        v, w = hand.command((now_ns - _BEGIN_NS) * 1e-9, robot.pose)
        robot.command(v, w, now_ns)
        messages.append((now_ns * 1e-9, 'cmd_vel', command_message(now_ns * 1e-9, v, w)))
        now_ns += round(rng.normal(1.0, 0.05) / 15.0 * 1e9)
        while (arrival := robot.advance(now_ns)) is not None:
            at_s, m = arrival.stamp_ns * 1e-9, arrival.message
            if arrival.topic == 'odom':
                pose, twist = m.pose.pose, m.twist.twist
                yaw = 2.0 * math.atan2(pose.orientation.z, pose.orientation.w)
                told = odometry_message(at_s, np.array([pose.position.x, pose.position.y, yaw]),
                                        twist.linear.x, twist.angular.z)
            elif arrival.topic == 'scan':
                told = scan_message(at_s, m.ranges)
            else:
                continue
            messages.append((arrival.at_ns * 1e-9, arrival.topic, told))
    write_bag(folder, messages)
    plant = truth(traits, profile.body, by_odometry=True, span_s=(0.0, length_s))
    # Stamps tell of a clock that is off as of a delay, unless messages come before their stamps.
    offset_s = traits.clock.offset_s + 0.5e-6 * length_s * traits.clock.drift_ppm
    if offset_s - traits.odometry.transit_s > _PROVEN_S:
        offset_s = 0.0
    return replace(plant, odom_delay_s=plant.odom_delay_s + offset_s,
                   scan_delay_s=plant.scan_delay_s + offset_s)


class _Hand:
    """A thumb on a stick, which turns back home before it comes to a wall."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._goal, self._until_s, self._stick = rng, np.zeros(2), 0.0, np.zeros(2)

    def command(self, now_s: float, pose: tuple[float, float, float]) -> tuple[float, float]:
        """Return forward speed and turn rate."""
        if now_s < _REST_S:  # who records starts that before driving
            return 0.0, 0.0
        if now_s >= self._until_s:
            rng = self._rng
            speeds = [0.0, rng.uniform(-0.4, 1.0), rng.uniform(0.5, 1.0)]
            self._goal = np.array([rng.choice(speeds), rng.choice([0.0, rng.uniform(-1.0, 1.0)])])
            self._until_s = now_s + rng.uniform(0.4, 2.0)
            if math.hypot(*pose[:2]) > _HOME_M:
                off = math.remainder(math.atan2(-pose[1], -pose[0]) - pose[2], 2.0 * math.pi)
                ahead = abs(off) < 0.5
                self._goal = np.array([0.8 if ahead else 0.0, 0.3 * off if ahead else
                                       math.copysign(0.8, off)])
                self._until_s = now_s + (1.0 if ahead else abs(off) / (0.8 * _TURN_RADPS))
        self._stick += np.clip(self._goal - self._stick, -0.5, 0.5)
        v, w = np.round(self._stick, 2) * (_SPEED_MPS, _TURN_RADPS)
        return float(v), float(w)
