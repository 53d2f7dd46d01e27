"""
Slow down for what the lidar sees and for the edge of the workspace. No ROS, no clock.

The robot is a circle that drives along the arc its command describes; it may be as fast as it can
brake in front of the first thing on that arc. A circle that turns in place hits nothing.
"""

from collections.abc import Callable
import math

import numpy as np

from ilw_core.contract import Contract
from ilw_core.errors import ContractError
from ilw_core.features import MAX_BEAMS
from ilw_core.safety_spec import SafetySpec
from ilw_teleop.braking import Braking

_STRAIGHT = 1e-3  # rad/m; a circle of one kilometre
_EDGE_SAMPLES = 24
FROZEN_SCANS = 5
"""So many equal scans in a row while the robot moves come from a sensor that hangs"""


class ForwardStop:
    """
    Knows what was seen last.

    :raises ContractError: the contract's action is no planar twist.
    """

    def __init__(self, contract: Contract) -> None:
        names = contract.action.names
        try:
            self._forward, self._turn = (
                next(i for i, name in enumerate(names) if name.endswith(tail))
                for tail in ('linear.x', 'angular.z'))
        except StopIteration as error:
            raise ContractError('Looking ahead takes fields that end in linear.x and '
                                f'angular.z. Got {", ".join(names)}.') from error
        self._spec: SafetySpec = contract.safety
        self._braking = Braking(contract.safety.deceleration_mps2, contract.period_ns / 1e9)
        self._points = np.zeros((0, 2))
        self._seen_ns: int | None = None
        self._pose = (0.0, 0.0, 0.0)
        self._placed_ns: int | None = None
        self._moving, self._frozen = False, 0

    # -- what is known

    def see(self, taken_ns: int, ranges: np.ndarray, angle_min_rad: float, step_rad: float,
            range_low_m: float, range_high_m: float) -> None:
        """
        Take in one ``LaserScan``; one that is older than what was seen is left aside.

        :param taken_ns: when it was taken, on the clock that measures silence.
        :param ranges: ``(N,)`` in metres.
        """
        assert self._spec.scan is not None
        if self._seen_ns is not None and taken_ns < self._seen_ns:
            return
        if not 0.0 <= range_low_m <= range_high_m or len(ranges) > MAX_BEAMS:
            return  # nonsense, NaN too: as good as no scan
        x, y, yaw = self._spec.scan.mount
        ranges = np.asarray(ranges, dtype=np.float64)
        ok = np.isfinite(ranges) & (ranges >= range_low_m) & (ranges <= range_high_m)
        angles = yaw + angle_min_rad + step_rad * np.flatnonzero(ok)
        far = ranges[ok]
        if len(ranges) and np.isnan(ranges).all():
            return  # it sees nothing: not the same as nothing in the way
        points = np.stack([x + far * np.cos(angles), y + far * np.sin(angles)], axis=1)
        if not np.all(np.isfinite(points)):
            return
        # While the robot moves, two scans that saw something are never equal.
        if not np.array_equal(points, self._points):
            self._frozen = 0
        elif self._moving and len(points):
            self._frozen += 1
        self._points, self._seen_ns = points, taken_ns

    def place(self, taken_ns: int, x_m: float, y_m: float, yaw_rad: float) -> None:
        """Take in where the robot is, in the frame of the workspace."""
        if all(map(math.isfinite, (x_m, y_m, yaw_rad))):
            self._pose, self._placed_ns = (x_m, y_m, yaw_rad), taken_ns

    def leap(self, mono_ns: int) -> None:
        """Go on in another world, as after a reset of the simulator: what was seen is gone."""
        self._points, self._seen_ns, self._placed_ns = self._points[:0], mono_ns, None
        self._frozen = 0
        self._braking.forget()

    def sent(self, action: np.ndarray, mono_ns: int) -> None:
        """Take in what was sent to the robot, whoever wanted it."""
        self._braking.sent(float(action[self._forward]), mono_ns)

    # -- what follows from it

    def slow(self, action: np.ndarray, mono_ns: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """
        Return the action, slowed as far as needed, and why.

        :returns: ``(Da,)`` and of ``'blind'`` (no fresh scan or pose, or a frozen one),
            ``'obstacle'``, ``'workspace'`` those that counted.
        """
        self._braking.pass_time(mono_ns)
        speed, turn = float(action[self._forward]), float(action[self._turn])
        self._moving = bool(speed or turn)
        if self._unknown(mono_ns) or self._frozen >= FROZEN_SCANS:
            self._moving = False
            return self._with_speed(action, 0.0, 0.0), (('blind',) if speed or turn else ())
        reasons: tuple[str, ...] = ()
        slowed = speed
        if self._spec.scan is not None:
            slowed = self._settle(slowed, turn, self._free_m)
            reasons += ('obstacle',) if slowed != speed else ()
        if self._spec.workspace is not None:
            before, slowed = slowed, self._settle(slowed, turn, self._inside_m)
            reasons += ('workspace',) if slowed != before else ()
        return self._with_speed(action, slowed, turn), reasons

    def _unknown(self, mono_ns: int) -> bool:
        scan, box = self._spec.scan, self._spec.workspace
        return ((scan is not None and _old(self._seen_ns, mono_ns, scan.max_age_ns))
                or (box is not None and _old(self._placed_ns, mono_ns, box.max_age_ns)))

    def _with_speed(self, action: np.ndarray, speed: float, turn: float) -> np.ndarray:
        slowed = np.array(action, dtype=np.float64)
        slowed[self._forward], slowed[self._turn] = speed, turn
        return slowed

    def _settle(self, speed: float, turn: float,
                free: Callable[[float, float], float]) -> float:
        """Return the speed that leaves room to brake; slower at the same turn is another arc."""
        for _ in range(4):
            way = free(speed, turn) - self._spec.margin_m
            if self._braking.way_m(speed) <= way:
                return speed
            speed = math.copysign(self._braking.fastest_mps(way), speed)
        way = free(speed, turn) - self._spec.margin_m
        return speed if self._braking.way_m(speed) <= way else 0.0

    def _free_m(self, speed: float, turn: float) -> float:
        """Return the way along the arc until the circle touches a point; infinite if never."""
        if speed == 0.0 or not len(self._points):
            return math.inf
        radius = self._spec.radius_m
        x, y = self._points[:, 0] * math.copysign(1.0, speed), self._points[:, 1]
        if np.any((np.hypot(x, y) < radius) & (x > 0.0)):
            return 0.0
        ahead = np.hypot(x, y) >= radius
        x, y = x[ahead], y[ahead]
        curvature = turn / speed  # backwards the mirrored arc bends the other way
        if abs(curvature) < _STRAIGHT:
            hits = (np.abs(y) < radius) & (x > 0.0)
            ways = x[hits] - np.sqrt(radius ** 2 - y[hits] ** 2)
            return float(ways.min(initial=math.inf))
        arc = 1.0 / abs(curvature)
        y = y * math.copysign(1.0, curvature)  # now the arc's centre is at (0, +arc)
        far = np.hypot(x, y - arc)
        hits = np.abs(far - arc) < radius
        x, y, far = x[hits], y[hits], np.maximum(far[hits], 1e-9)
        along = np.arctan2(x, arc - y) % (2 * math.pi)
        early = np.arccos(np.clip((arc ** 2 + far ** 2 - radius ** 2) / (2 * arc * far), -1, 1))
        ways = (along - early) % (2 * math.pi) * arc
        return float(ways.min(initial=math.inf))

    def _inside_m(self, speed: float, turn: float) -> float:
        """Return the way along the arc until the centre leaves the workspace."""
        box = self._spec.workspace
        assert box is not None
        if speed == 0.0:
            return math.inf
        reach = self._braking.way_m(speed)
        way = np.linspace(0.0, reach + self._spec.margin_m, _EDGE_SAMPLES)
        x0, y0, yaw = self._pose
        bend = turn / abs(speed) * way / 2
        heading = yaw + bend + (math.pi if speed < 0.0 else 0.0)
        chord = way * np.sinc(bend / math.pi)
        at = np.stack([x0 + chord * np.cos(heading), y0 + chord * np.sin(heading)], axis=1)
        beyond = np.maximum(np.array(box.low_m) - at, at - np.array(box.high_m)).max(axis=1)
        # Outside already, only the way back is free.
        leaves = (beyond > 0.0) & (beyond > max(0.0, float(beyond[0])) - 1e-9)
        if beyond[0] > 0.0:
            leaves[0] = False
        return float(way[leaves].min(initial=math.inf))


def _old(at_ns: int | None, mono_ns: int, max_age_ns: int) -> bool:
    return at_ns is None or mono_ns - at_ns > max_age_ns
