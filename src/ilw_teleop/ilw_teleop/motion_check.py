"""Does the robot move as it is told, and does its odometry agree with itself? No ROS, no clock."""

from collections import deque
import math

import numpy as np

from ilw_core.contract import ActionSpec
from ilw_teleop.plausible import field_index

SETTLED_NS = 600_000_000
"""A command counts once it has been given for so long: delay and inertia are over by then"""
_MEMORY_NS = 2_000_000_000
_VOTES = 10
"""Readings that are asked; most of them must agree"""
_TOO_FAST = 5.0
"""So many times faster than told is another unit: degrees give 57"""


class _Axis:
    """One axis of the twist: forward, or turn."""

    def __init__(self, what: str, told: float, seen: float) -> None:
        self.what, self.told, self.seen = what, told, seen
        self.votes: deque[float] = deque(maxlen=_VOTES)
        """Seen over told, of readings while a command was settled"""

    def problem(self) -> str:
        if len(self.votes) < _VOTES // 2:
            return ''
        against = sum(ratio < 0.0 for ratio in self.votes)
        if against > 0.8 * len(self.votes):
            return (f'moves against its commands: {self.what} has the opposite sign in {against} '
                    f'of {len(self.votes)} readings. Swap the motors or wheels in the driver, or '
                    f'its odometry.')
        ratio = float(np.median(self.votes))
        if ratio > _TOO_FAST:
            return (f'{self.what} is {ratio:.0f} times what was commanded. The units must be m/s '
                    f'and rad/s; correct the driver.')
        return ''


class MotionCheck:
    """
    Compares commands with odometry, and the pose in it with the twist in it.

    :param action: a planar twist; of others nothing is said.
    """

    def __init__(self, action: ActionSpec) -> None:
        self._index = (field_index(action, 'linear.x'), field_index(action, 'angular.z'))
        self._forward = _Axis('the forward speed', told=0.03, seen=0.02)  # m/s: above the noise
        self._turn = _Axis('the turn rate', told=0.15, seen=0.05)  # rad/s
        self._commands: deque[tuple[int, float, float]] = deque()
        self._path: deque[tuple[int, float, float, float, float, float]] = deque()
        self._disagrees = ''

    def command(self, values: list[float], mono_ns: int) -> None:
        """Take in what the robot was told, in the order of the action."""
        forward, turn = self._index
        if forward is None or turn is None:
            return
        self._commands.append((mono_ns, values[forward], values[turn]))
        while self._commands[0][0] < mono_ns - _MEMORY_NS:
            self._commands.popleft()

    def odometry(self, stamp_ns: int, pose: tuple[float, float, float],
                 twist: tuple[float, float], mono_ns: int) -> None:
        """Take in a reading: x, y [m], yaw [rad]; forward [m/s], turn [rad/s]."""
        if not all(map(math.isfinite, (*pose, *twist))):
            return
        recent = [c for c in self._commands if c[0] >= mono_ns - SETTLED_NS]
        # Settled: commands went on all the time, and before it.
        if len(recent) >= 3 and self._commands[0][0] <= mono_ns - SETTLED_NS:
            for i, axis in ((1, self._forward), (2, self._turn)):
                told = np.array([c[i] for c in recent])
                seen = twist[i - 1]
                steady = np.all(told > axis.told) or np.all(told < -axis.told)
                if steady and abs(seen) > axis.seen:
                    axis.votes.append(seen / float(np.median(told)))
        self._compare(stamp_ns, pose, twist)

    def _compare(self, stamp_ns: int, pose: tuple[float, float, float],
                 twist: tuple[float, float]) -> None:
        """Hold a second of poses against a second of twists."""
        if self._path and not 0 < stamp_ns - self._path[-1][0] < 1_000_000_000:
            self._path.clear()
        self._path.append((stamp_ns, *pose, *twist))
        if stamp_ns - self._path[0][0] < 1_000_000_000 or len(self._path) < 4:
            return
        x, y, yaw, v, w = np.array([row[1:] for row in self._path]).T
        dt = np.diff(np.array([row[0] for row in self._path], dtype=np.int64)) / 1e9
        self._path.clear()
        self._disagrees = ''
        if np.max(np.abs(w[1:]) * dt) > np.pi / 2:
            return  # between two readings it may have turned either way
        along = float(np.sum(np.diff(x) * np.cos(yaw[:-1]) + np.diff(y) * np.sin(yaw[:-1])))
        turned = float(np.sum((np.diff(yaw) + np.pi) % (2 * np.pi) - np.pi))
        says = (float(np.sum((v[:-1] + v[1:]) / 2 * dt)), float(np.sum((w[:-1] + w[1:]) / 2 * dt)))
        for what, unit, moved, said, least in (
                ('forward', 'm', along, says[0], 0.05), ('turn', 'rad', turned, says[1], 0.15)):
            if max(abs(moved), abs(said)) < least:
                continue
            if moved * said <= 0.0 or not 0.5 <= moved / said <= 2.0:
                self._disagrees = (
                    f'contradicts itself ({what}): its pose went {moved:.3g} {unit} in a second, '
                    f'its twist says {said:.3g} {unit}. Check units and signs in the driver.')

    def problems(self) -> list[str]:
        """Return what is wrong, a sentence each; nothing before it has moved."""
        return [text for text in (self._forward.problem(), self._turn.problem(), self._disagrees)
                if text]

    def opposed(self) -> bool:
        """Tell whether the robot moves against its commands: no policy may go on."""
        return any('against' in axis.problem() for axis in (self._forward, self._turn))
