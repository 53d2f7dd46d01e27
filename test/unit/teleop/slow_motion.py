"""
Plain models of a robot that drives: where its arc leads, what it meets, how late it obeys.

Nothing here is clever: arcs are walked, motion is stepped, whoever is asked looks at every point.
"""

import cmath
import math

import numpy as np

STEP_M = 0.001


def along(ways, speed, turn, pose=(0.0, 0.0, 0.0)):
    """Return where a robot is after ways ``(S,)`` along its arc, as ``(S,)`` of x + iy."""
    ways, per_metre = np.asarray(ways, dtype=float), turn / abs(speed)
    moved = ways + 0j
    if abs(per_metre) > 1e-9:
        moved = np.expm1(1j * per_metre * ways) / (1j * per_metre)
    return complex(pose[0], pose[1]) + math.copysign(1.0, speed) * cmath.exp(1j * pose[2]) * moved


def walked_to_touch(points, radius, speed, turn, reach, step_m=STEP_M):
    """
    Return the way, at most ``reach``, until a circle that walks an arc touches a point.

    It walks millimetre by millimetre, and halves the one in which it touches. What it touches from
    the start counts in front of its centre only.
    """
    points = np.array([complex(x, y) for x, y in points])
    points = points[np.abs(points) < reach + radius]
    started = np.abs(points) < radius
    if np.any(points[started].real * speed > 0.0):
        return 0.0
    points = points[~started]
    ways = np.append(np.arange(0.0, reach, step_m), reach)
    at = along(ways, speed, turn)
    for begin in range(0, len(ways), 100):
        some = at[begin:begin + 100]
        near = (np.abs(some[:, None] - points) < radius).any(axis=1)
        if near.any():
            k = begin + int(np.argmax(near))
            low, high = ways[k - 1], ways[k]
            for _ in range(40):
                middle = 0.5 * (low + high)
                touches = np.any(np.abs(along([middle], speed, turn) - points) < radius)
                low, high = (low, middle) if touches else (middle, high)
            return high
    return math.inf


def walked_out(pose, low, high, speed, turn, reach):
    """Return the way, at most ``reach``, until the centre is out of a box."""
    ways = np.append(np.arange(0.0, reach, 0.2 * STEP_M), reach)
    at = along(ways, speed, turn, pose)
    out = (at.real > high[0]) | (at.real < low[0]) | (at.imag > high[1]) | (at.imag < low[1])
    return float(ways[np.argmax(out)]) if out.any() else math.inf


class Stepped:
    """
    A robot that obeys each command at once or up to ``late_ms`` later, whichever is faster.

    A command counts from when it was sent until ``late_ms`` after the next one was. It may speed
    up at once and brakes steadily. What counts is looked up when somebody looks, and counts until
    somebody looks again; the way in between is that of the fastest moment in it.
    """

    def __init__(self, brake, late_ms):
        self.brake, self.late_ms = brake, late_ms
        self.told, self.looks, self.speed, self.now_ms = [], [], 0.0, 0

    def counting(self, now_ms):
        """Return the fastest speed that may be obeyed now."""
        followed = [at for at, _ in self.told[1:]] + [math.inf]
        return max([0.0] + [speed for (_, speed), next_ms in zip(self.told, followed, strict=False)
                            if now_ms < next_ms + self.late_ms])

    def look(self, now_ms):
        """Let time pass, a millisecond at a time."""
        told, fastest = self.counting(self.now_ms), self.speed
        for _ in range(now_ms - self.now_ms):
            fastest = max(fastest, told)
            self.speed = max(told, self.speed - self.brake * 0.001)
        self.looks.append((now_ms, fastest * (now_ms - self.now_ms) / 1000))
        self.now_ms = now_ms

    def send(self, speed, now_ms):
        """Tell it a speed, forward or backward."""
        self.look(now_ms)
        self.told.append((now_ms, abs(speed)))

    def gone(self, since_ms):
        """Return the way of all stretches that ended since then."""
        return sum(way for end_ms, way in self.looks if end_ms > since_ms)

    def stopping_way(self, speed):
        """Return the way to standing: obeying late, then ``speed`` for a period, then a stop."""
        now, way = self.speed, 0.0
        for told in (self.counting(self.now_ms), abs(speed)):
            now = max(now, told)
            for _ in range(2 * self.late_ms):
                before, now = now, max(told, now - self.brake * 0.0005)
                way += 0.5 * (before + now) * 0.0005
        while now > 0.0:
            before, now = now, max(0.0, now - self.brake * 0.0005)
            way += 0.5 * (before + now) * 0.0005
        return way
