"""
Does the robot move as it is told, and does its odometry agree with itself?

The same functions judge a recording at once and, through ``MotionCheck``, what comes live.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from ilw_core.contract import planar_twist
from ilw_core.contract.action import ActionSpec

SETTLED_NS = 600_000_000
"""A command counts once it has been given for so long: delay and inertia are over by then"""
_MEMORY_NS = 2_000_000_000
_WINDOW_NS = 1_000_000_000
"""Poses are held against twists over so long"""
_VOTES = 10
"""Readings that are asked; most of them must agree"""
_TOO_FAST = 5.0
"""So many times faster than told is another unit: degrees give 57"""
LARGEST = 1e6
"""Of any number in odometry; what is beyond says nothing of motion"""
_STEADY_RATIO = 0.5
"""Of the way in a second to the sum of its steps; below it turns back, or the poses jump about"""
_FRAME_WINDOWS = 30
_ASIDE_RATIO = 0.2
"""Poses that go aside by more than this part of the way are of no base that only goes ahead"""
_FRAME_RATIO, _SURELY = 0.05, 10.0
"""A twist in the wrong frame misses the pose by more than this part of the way, and in the right
one by so many times less, in squares"""


@dataclass(frozen=True)
class TwistAxis:
    """One axis of the twist."""

    what: str
    unit: str
    told: float
    """Above the noise of commands [m/s, rad/s]"""
    seen: float
    """Above the noise of odometry"""
    moved: float
    """What a second of motion must be to be judged [m, rad]"""


FORWARD = TwistAxis('the forward speed', 'm', told=0.03, seen=0.02, moved=0.05)
TURN = TwistAxis('the turn rate', 'rad', told=0.15, seen=0.05, moved=0.15)


def settled_ratios(at_ns: np.ndarray, seen: np.ndarray, command_ns: np.ndarray, told: np.ndarray,
                   axis: TwistAxis) -> np.ndarray:
    """
    Return seen over told, of those readings at which a command was settled, ``(V,)``.

    :param at_ns: (M,) when readings came, on the clock of ``command_ns``.
    :param seen: (M,) of one axis.
    :param command_ns: (N,) never falling.
    :param told: (N,) what was commanded of that axis.
    """
    first = np.searchsorted(command_ns, at_ns - SETTLED_NS)
    last = np.searchsorted(command_ns, at_ns, side='right')
    # Commands went on all the time, and before it.
    rows = np.flatnonzero((last - first >= 3) & (first > 0) & (np.abs(seen) > axis.seen))
    rows = rows[command_ns[first[rows] - 1] >= at_ns[rows] - _MEMORY_NS]
    if not len(rows):
        return np.zeros(0)
    ends = np.stack([first[rows], last[rows]], axis=1).ravel()
    padded = np.append(told, 0.0)
    low, high = np.minimum.reduceat(padded, ends)[::2], np.maximum.reduceat(padded, ends)[::2]
    steady = (low > axis.told) | (high < -axis.told)
    return np.asarray(seen[rows][steady] / (0.5 * low + 0.5 * high)[steady])


def ratio_problem(ratios: np.ndarray, axis: TwistAxis) -> str:
    """Return what the settled readings of an axis say against it; empty if nothing."""
    if len(ratios) < _VOTES // 2:
        return ''
    against = int((ratios < 0.0).sum())
    if against > 0.8 * len(ratios):
        return (f'moves against its commands: {axis.what} has the opposite sign in {against} '
                f'of {len(ratios)} readings. Swap the motors or wheels in the driver, or '
                f'its odometry.')
    ratio = float(np.median(ratios))
    if ratio > _TOO_FAST:
        return (f'{axis.what} is {ratio:.0f} times what was commanded. The units must be m/s '
                f'and rad/s; correct the driver.')
    return ''


@dataclass(frozen=True)
class Windows:
    """What odometry tells of each second, by its poses and by its twists."""

    moved: np.ndarray
    """(K, 4) along x and y of the robot, along x and y of the pose's frame [m], by poses"""
    turned_rad: np.ndarray
    """(K,) by poses"""
    said: np.ndarray
    """(K, 3) x [m], y [m], turn [rad], by twists"""

    def contradicting(self, axis: TwistAxis) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return what was moved and said of the windows with motion, and whether they differ."""
        moved, said = ((self.moved[:, 0], self.said[:, 0]) if axis is FORWARD else
                       (self.turned_rad, self.said[:, 2]))
        rows = np.maximum(np.abs(moved), np.abs(said)) >= axis.moved
        moved, said = moved[rows], said[rows]
        with np.errstate(divide='ignore', over='ignore'):
            ratio = np.abs(moved / np.where(said == 0.0, np.inf, said))
        differ = (moved * said <= 0.0) | (ratio < 0.5) | (ratio > 2.0)
        return moved, said, differ

    def in_pose_frame(self) -> bool:
        """Tell whether the twist is given along the axes of the pose's frame, not the robot's."""
        sides = 2 if self.said[:, 1].any() else 1  # some leave y out
        off = [((self.moved[:, begin:begin + sides] - self.said[:, :sides]) ** 2).sum()
               for begin in (0, 2)]
        ahead, aside = (self.moved[:, :2] ** 2).sum(axis=0)
        sure = sides == 2 or aside < _ASIDE_RATIO ** 2 * ahead
        return bool(len(self.moved) > 2 and sure and off[1] * _SURELY < off[0]
                    and off[0] > _FRAME_RATIO ** 2 * (ahead + aside))


def contradiction(axis: TwistAxis, moved: float, said: float) -> str:
    """Return a sentence about odometry whose pose and twist differ."""
    return (f'contradicts itself ({axis.what.split()[1]}): its pose went {moved:.3g} {axis.unit} '
            f'in a second, its twist says {said:.3g} {axis.unit}. Check units and signs in the '
            f'driver.')


WRONG_FRAME = ('contradicts itself: its twist is given along the axes of the frame of its pose. '
               'It must be in that of the robot (child_frame_id; x is ahead). Correct the driver.')


def windows(stamps_ns: np.ndarray, poses: np.ndarray, twists: np.ndarray) -> Windows:
    """
    Cut odometry into seconds; left out are those with a gap, a turn back, or too fast a turn.

    :param stamps_ns: (M,) int64.
    :param poses: (M, 3) x, y [m], yaw [rad].
    :param twists: (M, 3) x, y [m/s], turn [rad/s].
    """
    if len(stamps_ns) < 4:
        return Windows(np.zeros((0, 4)), np.zeros(0), np.zeros((0, 3)))
    step_ns = np.diff(stamps_ns)
    gap = (step_ns <= 0) | (step_ns >= _WINDOW_NS)
    begins = np.concatenate([[0], np.flatnonzero(gap) + 1])
    since_ns = stamps_ns - np.repeat(stamps_ns[begins],
                                     np.diff(np.append(begins, len(stamps_ns))))
    part = np.cumsum(np.concatenate([[False], gap]))
    key = np.stack([part, since_ns // _WINDOW_NS], axis=1)[:-1]
    # A gap belongs to no window: its steps count nothing and make theirs too short.
    dt = np.where(gap, 0.0, step_ns / 1e9)
    new = np.concatenate([[True], np.any(np.diff(key, axis=0) != 0, axis=1)])
    number = np.cumsum(new) - 1
    dx, dy = np.diff(poses[:, 0]), np.diff(poses[:, 1])
    turn = (np.diff(poses[:, 2]) + np.pi) % (2 * np.pi) - np.pi
    yaw = poses[:-1, 2] + 0.5 * turn
    cos, sin = np.cos(yaw), np.sin(yaw)
    mean = 0.5 * (twists[:-1] + twists[1:]) * dt[:, None]
    rows = np.stack([dx * cos + dy * sin, dy * cos - dx * sin, dx, dy, turn, *mean.T, dt])
    rows[:, gap] = 0.0
    sums = np.stack([np.bincount(number, row) for row in rows], axis=1)  # (K, 9)
    fast = np.bincount(number, np.abs(twists[1:, 2]) * dt > np.pi / 2) > 0
    steps_m = np.bincount(number, np.hypot(rows[2], rows[3]))
    fine = (sums[:, 8] >= 0.9) & (np.bincount(number, ~gap) >= 3) & ~fast
    fine &= np.hypot(sums[:, 2], sums[:, 3]) >= _STEADY_RATIO * steps_m
    sums = sums[fine]
    return Windows(sums[:, :4], sums[:, 4], sums[:, 5:8])


class MotionCheck:
    """
    Compares commands with odometry, and the pose in it with the twist in it, as they come.

    :param action: a planar twist; of others nothing is said.
    """

    def __init__(self, action: ActionSpec) -> None:
        self._index = (planar_twist.field_index(action, planar_twist.FORWARD),
                       planar_twist.field_index(action, planar_twist.TURN))
        self._ratios = {axis: deque[float](maxlen=_VOTES) for axis in (FORWARD, TURN)}
        self._commands: deque[tuple[int, float, float]] = deque()
        self._path: deque[tuple[int, tuple[float, ...], tuple[float, ...]]] = deque()
        self._seconds: deque[Windows] = deque(maxlen=_FRAME_WINDOWS)
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
                 twist: tuple[float, float, float], mono_ns: int) -> None:
        """Take in a reading: x, y [m], yaw [rad]; x, y [m/s], turn [rad/s]."""
        if not all(abs(value) < LARGEST for value in (*pose, *twist)):  # false for NaN, too
            return
        if self._commands:
            at_ns = np.array([mono_ns])
            command_ns = np.array([row[0] for row in self._commands])
            for i, axis in ((1, FORWARD), (2, TURN)):
                told = np.array([row[i] for row in self._commands])
                seen = np.array([twist[0 if axis is FORWARD else 2]])
                self._ratios[axis].extend(settled_ratios(at_ns, seen, command_ns, told, axis))
        self._compare(stamp_ns, pose, twist)

    def _compare(self, stamp_ns: int, pose: tuple[float, ...], twist: tuple[float, ...]) -> None:
        """Hold a second of poses against a second of twists."""
        if self._path and not 0 < stamp_ns - self._path[-1][0] < _WINDOW_NS:
            self._path.clear()
        self._path.append((stamp_ns, pose, twist))
        if stamp_ns - self._path[0][0] < _WINDOW_NS or len(self._path) < 4:
            return
        second = windows(*(np.array([row[i] for row in self._path]) for i in range(3)))
        self._path.clear()
        self._seconds.append(second)
        self._disagrees = ''
        for axis in (FORWARD, TURN):
            for moved, said, differ in zip(*second.contradicting(axis), strict=True):
                if differ:
                    self._disagrees = contradiction(axis, moved, said)
        if Windows(*(
                np.concatenate([getattr(each, name) for each in self._seconds])
                for name in ('moved', 'turned_rad', 'said'))).in_pose_frame():
            self._disagrees = WRONG_FRAME

    def problems(self) -> list[str]:
        """Return what is wrong, a sentence each; nothing before it has moved."""
        found = [ratio_problem(np.array(ratios), axis) for axis, ratios in self._ratios.items()]
        return [text for text in (*found, self._disagrees) if text]

    def opposed(self) -> bool:
        """Tell whether the robot moves against its commands: no policy may go on."""
        return any('against' in text for text in self.problems())
