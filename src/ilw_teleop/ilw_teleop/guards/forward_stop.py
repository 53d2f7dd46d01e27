"""
Slow down for what the lidar sees, or does not, and for the edge of the workspace.

The robot is a circle that drives along the arc its command describes; it may be as fast as it can
brake in front of the first thing on that arc, and of the first place where something may be. A
circle that turns in place hits nothing.
"""

from collections.abc import Callable
import math

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.contract.safety import SafetySpec
from ilw_core.features.lidar import (
    DISTANCE,
    ScanGeometry,
    read_beams,
    why_another,
    why_no_evidence,
    why_no_geometry,
)
from ilw_teleop.guards.braking import Braking
from ilw_teleop.guards.survey import Survey, survey

_EDGE_SAMPLES = 24
FROZEN_SCANS = 5
"""So many equal scans in a row while the robot moves come from a sensor that hangs"""
_MEMORY_NS = 10_000_000_000
ANOTHER_NS = 3_000_000_000
"""A lidar that is another one for so long, while the robot stands, is the one there is now"""
_SLOWER = (1.0, 0.99, 0.99, 0.99)
"""Of the speed that the last arc leaves room for: a slower one may be shorter by a hair"""


class ForwardStop:
    """
    Knows what was seen last.

    :raises ContractError: the contract's action is no planar twist.
    """

    overridable = True

    def __init__(self, contract: Contract) -> None:
        self._forward, self._turn = twist_fields(contract.action, 'Looking ahead')
        self._spec: SafetySpec = contract.safety
        ages = [spec.max_age_ns for spec in (self._spec.scan, self._spec.workspace) if spec]
        remembered_ns = min(max(ages), _MEMORY_NS)
        self._braking = Braking(contract.safety.deceleration_mps2, contract.period_ns / 1e9,
                                remembered_ns)
        fastest = float(np.max(np.abs([contract.action.low, contract.action.high]), axis=0)[
            self._forward])
        self._reach_m = (fastest ** 2 / (2.0 * contract.safety.deceleration_mps2)
                         + fastest * (2 * contract.period_ns + remembered_ns) / 1e9
                         + contract.safety.margin_m)
        """So far it may go until it stands, from where the oldest scan that counts was taken"""
        self._lidar = contract.lidar
        self._survey: Survey | None = None
        self._met = np.zeros(0)
        """(L,) what was measured last [m]; NaN where nothing was"""
        self._geometry: ScanGeometry | None = None
        self._another: tuple[ScanGeometry, int] | None = None
        """Scans that contradict those before: of what geometry, and since when"""
        self._no_evidence = ''
        """Why the newest scan shows nothing; empty where it does"""
        self._seen_ns: int | None = None
        self._pose = (0.0, 0.0, 0.0)
        self._placed_ns: int | None = None
        self._moving, self._frozen = False, 0
        self.why: dict[str, str] = {}
        """Reason of the last decision -> what was found and what to do, a sentence"""

    # -- what is known

    def see(self, taken_ns: int, ranges: np.ndarray, angle_min_rad: float, step_rad: float,
            range_low_m: float, range_high_m: float, angle_max_rad: float | None = None) -> None:
        """
        Take in one ``LaserScan``; one that is older than what was seen is left aside.

        One that is no evidence (``lidar.py``) leaves the robot blind.

        :param taken_ns: when it was taken, on the clock that measures silence.
        :param ranges: ``(N,)`` in metres.
        """
        assert self._spec.scan is not None
        if self._seen_ns is not None and taken_ns < self._seen_ns:
            return
        self._seen_ns = taken_ns
        ranges = np.asarray(ranges, dtype=np.float64)
        geometry = ScanGeometry(len(ranges), angle_min_rad, step_rad, range_low_m, range_high_m,
                                angle_max_rad)
        kinds = None
        why = why_no_geometry(geometry, self._lidar)
        if not why:
            kinds = read_beams(ranges, geometry, self._lidar)
            why = (why_no_evidence(ranges, geometry, self._lidar, kinds)
                   or self._contradicts(geometry, taken_ns))
        self._no_evidence = why
        if why or kinds is None:
            return
        found = survey(ranges, kinds, geometry, self._lidar, self._spec.scan.mount,
                       self._spec.radius_m, self._reach_m)
        met = np.where(kinds == DISTANCE, ranges, np.nan)
        # While the robot moves, two scans that saw something are never equal.
        if not _same(met, self._met):
            self._frozen = 0
        elif self._moving:
            self._frozen += 1
        self._survey, self._met = found, met

    def _contradicts(self, geometry: ScanGeometry, taken_ns: int) -> str:
        """Return how a scan contradicts those before it, until it has done so for long."""
        why = why_another(self._geometry, geometry) if self._geometry is not None else ''
        if not why:
            self._geometry, self._another = geometry, None
            return ''
        if self._another is None or why_another(self._another[0], geometry):
            self._another = geometry, taken_ns
        elif taken_ns - self._another[1] >= ANOTHER_NS:
            self._geometry, self._another, why = geometry, None, ''
        return why

    def place(self, taken_ns: int, x_m: float, y_m: float, yaw_rad: float) -> None:
        """Take in where the robot is, in the frame of the workspace."""
        if all(map(math.isfinite, (x_m, y_m, yaw_rad))):
            self._pose, self._placed_ns = (x_m, y_m, yaw_rad), taken_ns

    def leap(self, mono_ns: int) -> None:
        """Go on in another world, as after a reset of the simulator: what was seen is gone."""
        scan = self._spec.scan
        if scan is not None and _old(self._seen_ns, mono_ns, scan.max_age_ns):
            self._survey = self._seen_ns = None  # of the world before, or of a time to come
        self._placed_ns, self._frozen = None, 0
        self._braking.forget()

    def sent(self, action: np.ndarray, mono_ns: int) -> None:
        """Take in what was sent to the robot, whoever wanted it."""
        self._braking.sent(float(action[self._forward]), mono_ns)

    # -- what follows from it

    def slow(self, action: np.ndarray, mono_ns: int) -> tuple[np.ndarray, tuple[str, ...]]:
        """
        Return the action, slowed as far as needed, and why.

        :returns: ``(Da,)`` and of ``'blind'`` (no fresh scan that is evidence, or pose),
            ``'obstacle'``, ``'near'`` (something too near to be measured), ``'unseen'`` (nobody
            looks where it drives), ``'workspace'`` those that counted.
        """
        self._braking.pass_time(mono_ns)
        speed, turn = float(action[self._forward]), float(action[self._turn])
        self._moving, self.why = bool(speed or turn), {}
        if blind := self._blind(mono_ns):
            self._moving = False
            if not (speed or turn):
                return self._with_speed(action, 0.0, 0.0), ()
            self.why['blind'] = blind
            return self._with_speed(action, 0.0, 0.0), ('blind',)
        slowed, limits = speed, []
        if self._survey is not None:
            limits += [('obstacle', self._survey.way_to_things, self._seen_ns),
                       ('near', self._survey.way_to_near, self._seen_ns),
                       ('unseen', self._survey.way_to_unseen, self._seen_ns)]
        if self._spec.workspace is not None:
            limits.append(('workspace', self._inside_m, self._placed_ns))
        reasons: tuple[str, ...] = ()
        for reason, free, known_ns in limits:
            gone = self._braking.gone_m(mono_ns if known_ns is None else known_ns)
            before, slowed = slowed, self._settle(slowed, turn, free, gone)
            if slowed != before:
                reasons += (reason,)
                self.why[reason] = f'{_WHY[reason]} ({before:g} m/s asked, {slowed:.2g} left)'
        return self._with_speed(action, slowed, turn), reasons

    def _blind(self, mono_ns: int) -> str:
        """Return why nothing is known of what is around, a sentence; empty where it is."""
        scan, box = self._spec.scan, self._spec.workspace
        if scan is not None:
            if self._seen_ns is None:
                return f'{scan.topic}: no scan has come. Start the lidar, or look at the network.'
            if _old(self._seen_ns, mono_ns, scan.max_age_ns):
                return (f'{scan.topic}: a scan must come every {scan.max_age_ns / 1e6:g} ms. The '
                        f'newest is older. Look at the lidar and the network.')
            if self._no_evidence or self._survey is None:
                return f'{scan.topic}: {self._no_evidence}'
            if self._frozen >= FROZEN_SCANS:
                return (f'{scan.topic}: {self._frozen} scans were equal while the robot moved. Is '
                        f'the lidar turning? Restart its driver.')
        if box is not None and _old(self._placed_ns, mono_ns, box.max_age_ns):
            return (f'{box.topic}: a pose must come every {box.max_age_ns / 1e6:g} ms. The newest '
                    f'is older. Look at the odometry and the network.')
        return ''

    def _with_speed(self, action: np.ndarray, speed: float, turn: float) -> np.ndarray:
        slowed = np.array(action, dtype=np.float64)
        slowed[self._forward], slowed[self._turn] = speed, turn
        return slowed

    def _settle(self, speed: float, turn: float,
                free: Callable[[float, float, float], float], gone_m: float) -> float:
        """
        Return the speed that leaves room to brake; slower at the same turn is another arc.

        Where four slower arcs are too short as well, the robot stands.

        :param gone_m: how far the robot has gone since what is known was measured.
        """
        margin = self._spec.margin_m + gone_m
        for ratio in _SLOWER:
            needed = self._braking.way_m(speed)
            way = free(speed, turn, needed + margin) - margin
            if needed <= way:
                return speed
            speed = math.copysign(ratio * self._braking.fastest_mps(way), speed)
        needed = self._braking.way_m(speed)
        return speed if needed <= free(speed, turn, needed + margin) - margin else 0.0

    def _inside_m(self, speed: float, turn: float, reach_m: float) -> float:
        """Return the way along the arc until the centre leaves the workspace."""
        box = self._spec.workspace
        assert box is not None
        if speed == 0.0:
            return math.inf
        way = np.linspace(0.0, reach_m, _EDGE_SAMPLES)
        x0, y0, yaw = self._pose
        bend = turn / abs(speed) * way / 2
        heading = yaw + bend + (math.pi if speed < 0.0 else 0.0)
        chord = way * np.sinc(bend / math.pi)
        at = np.stack([x0 + chord * np.cos(heading), y0 + chord * np.sin(heading)], axis=1)
        beyond = np.concatenate([np.array(box.low_m) - at, at - np.array(box.high_m)], axis=1)
        # Over an edge already, only the way back is free.
        leaves = beyond > np.where(beyond[0] > 0.0, beyond[0] - 1e-9, 0.0)  # (S, 4)
        leaves[0] = False
        free = math.inf
        for edge in np.flatnonzero(leaves.any(axis=0)):
            k = int(np.argmax(leaves[:, edge]))
            inside, outside = max(0.0, -beyond[k - 1, edge]), beyond[k, edge]
            free = min(free, way[k - 1] + (way[k] - way[k - 1]) * inside / (inside + outside))
        return free


_WHY = {
    'obstacle': 'Something is in the way',
    'near': 'Something in the way is nearer than the lidar measures. Move the robot or it by hand',
    'unseen': 'No beam looks, or measures anything, where the robot would drive. If "no return" '
              'is 0, NaN or beyond range_max, or the lidar does not look all round, say so in '
              'the robot profile (lidar.no_return, lidar.sees_rad)',
    'workspace': 'The workspace ends here'}


def _old(at_ns: int | None, mono_ns: int, max_age_ns: int) -> bool:
    """Tell whether a reading is; what comes from a time to come is of another clock."""
    return at_ns is None or not 0 <= mono_ns - at_ns <= max_age_ns


def _same(met: np.ndarray, before: np.ndarray) -> bool:
    """Tell whether two scans measured the same: in all beams that both know, and in most."""
    if len(met) != len(before):
        return False
    both = np.isfinite(met) & np.isfinite(before)
    most = max(np.count_nonzero(np.isfinite(met)), 1)
    return bool(2 * np.count_nonzero(both) >= most and np.array_equal(met[both], before[both]))
