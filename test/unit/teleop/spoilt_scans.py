"""A room with a wall ahead as a lidar sees it, and ways in which its scans are spoilt."""

from dataclasses import dataclass, replace
import math

import numpy as np

NAN, INF = math.nan, math.inf


@dataclass(frozen=True)
class Scan:
    """What ``ForwardStop.see`` takes."""

    ranges: np.ndarray
    angle_min: float
    increment: float
    range_min: float = 0.12
    range_max: float = 8.0
    says_end: bool = True
    """The driver says ``angle_max``"""
    angle_max: float | None = None
    """Where it says another than is true"""

    def shown(self, ahead, at_ns):
        end = self.angle_max
        if end is None and self.says_end:
            end = self.angle_min + self.increment * (len(self.ranges) - 1)
        ahead.see(at_ns, np.asarray(self.ranges, dtype=np.float32), self.angle_min,
                  self.increment, self.range_min, self.range_max, end)


def room_scan(rng, mount, *, speed=1.0, beams=None, first=None):
    """Return an honest scan of a rectangular room; the wall in the way is 0.2 to 1.5 m away."""
    beams = beams or int(rng.choice([180, 360, 720]))
    sign = rng.choice([-1.0, 1.0])
    angle_min = rng.uniform(-math.pi, math.pi) if first is None else first
    angles = angle_min + sign * 2.0 * math.pi / beams * np.arange(beams)
    tilt = rng.uniform(-0.6, 0.6) + (0.0 if speed > 0.0 else math.pi)
    away = [rng.uniform(0.2, 1.5), rng.uniform(0.4, 3.0), rng.uniform(0.4, 3.0),
            rng.uniform(0.4, 3.0)]
    ranges = np.full(beams, np.inf)
    for k, far in enumerate(away):
        normal = tilt + k * math.pi / 2
        left = far - mount[0] * math.cos(normal) - mount[1] * math.sin(normal)
        with np.errstate(divide='ignore'):
            met = left / np.cos(mount[2] + angles - normal)
        ranges = np.minimum(ranges, np.where(met > 0.0, met, np.inf))
    return Scan(ranges, angle_min, sign * 2.0 * math.pi / beams)


def ahead_of(scan, mount, direction, half_rad):
    """Return which beams look within an angle of a direction of the robot, ``(L,)`` bool."""
    angles = mount[2] + scan.angle_min + scan.increment * np.arange(len(scan.ranges))
    return np.abs((angles - direction + math.pi) % (2 * math.pi) - math.pi) <= half_rad


def _put(scan, where, value):
    return replace(scan, ranges=np.where(where, value, scan.ranges))


def _only(scan, keep):
    return replace(scan, ranges=scan.ranges[:keep],
                   angle_max=scan.angle_min + scan.increment * (len(scan.ranges) - 1))


def _one_known(scan, rng):
    ranges = np.full(len(scan.ranges), NAN)
    ranges[rng.integers(len(ranges))] = 2.0
    return replace(scan, ranges=ranges)


WHOLE = {
    'empty': lambda s, rng: replace(s, ranges=s.ranges[:0]),
    'all zero': lambda s, rng: _put(s, True, 0.0),
    'all zero, range_min 0': lambda s, rng: replace(_put(s, True, 0.0), range_min=0.0),
    'all -inf': lambda s, rng: _put(s, True, -INF),
    'all NaN': lambda s, rng: _put(s, True, NAN),
    'all NaN but one': _one_known,
    'all negative': lambda s, rng: replace(s, ranges=-s.ranges),
    'nearer than range_min': lambda s, rng: _put(s, True, 0.05),
    'beyond range_max': lambda s, rng: _put(s, True, s.range_max * 1.2),
    'one beam': lambda s, rng: _only(s, 1),
    'three beams': lambda s, rng: _only(s, 3),
    'a quarter of the beams': lambda s, rng: _only(s, len(s.ranges) // 4),
    'a quarter of the beams, consistent': lambda s, rng: replace(
        s, ranges=s.ranges[:len(s.ranges) // 4]),
    'every fourth beam': lambda s, rng: replace(s, ranges=s.ranges[::4]),
    'far too many beams': lambda s, rng: replace(s, ranges=np.full(200_000, 5.0)),
    'in millimetres': lambda s, rng: replace(s, ranges=1000.0 * s.ranges),
    'all of it in millimetres': lambda s, rng: replace(
        s, ranges=1000.0 * s.ranges, range_min=1000.0 * s.range_min,
        range_max=1000.0 * s.range_max),
    'in millimetres, range_max inf': lambda s, rng: replace(
        s, ranges=1000.0 * s.ranges, range_max=INF),
    'range_max 0.2': lambda s, rng: replace(s, range_max=0.2),
    'range_max 0': lambda s, rng: replace(s, range_max=0.0),
    'range_min 1': lambda s, rng: replace(s, range_min=1.0),
    'range_min NaN': lambda s, rng: replace(s, range_min=NAN),
    'range_min above range_max': lambda s, rng: replace(s, range_min=9.0),
    'increment 0': lambda s, rng: replace(s, increment=0.0),
    'increment 1e-38': lambda s, rng: replace(s, increment=1e-38),
    'increment NaN': lambda s, rng: replace(s, increment=NAN),
    'increment in degrees': lambda s, rng: replace(s, increment=math.degrees(s.increment)),
    'increment doubled': lambda s, rng: replace(s, increment=2.0 * s.increment),
    'angle_min 1e30': lambda s, rng: replace(s, angle_min=1e30),
    'angle_min infinite': lambda s, rng: replace(s, angle_min=-INF),
    'angles in degrees': lambda s, rng: replace(
        s, angle_min=math.degrees(s.angle_min), increment=math.degrees(s.increment)),
    'angle_max elsewhere': lambda s, rng: replace(s, angle_max=s.angle_min + 1.0),
}
"""Name -> what becomes of a scan (and a random generator)"""
AHEAD = {'-inf ahead': -INF, 'NaN ahead': NAN, '0 ahead': 0.0, '0.05 m ahead': 0.05,
         'a negative value ahead': -1.0, 'beyond range_max ahead': 1e6, 'float max ahead': 3.4e38}
"""Name -> what beams ahead say"""
