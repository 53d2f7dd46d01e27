"""
What the arbiter needs to know to keep a robot from harm: the ``safety`` part of a contract.

It is not part of the contract's hash: a policy learns nothing from it, and an operator may tune it
without training anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.planar_twist import ASIDE, FORWARD, TURN, field_index
from ilw_core.contract.schema import LARGEST, Section


@dataclass(frozen=True)
class ScanSpec:
    """The lidar that looks ahead."""

    topic: str
    """``sensor_msgs/msg/LaserScan``"""
    mount: tuple[float, float, float]
    """x [m], y [m], yaw [rad] in the robot's frame"""
    max_age_ns: int
    """A robot whose newest scan is older is blind"""


@dataclass(frozen=True)
class WorkspaceSpec:
    """The box that the robot's centre may not leave, in the frame of an odometry topic."""

    topic: str
    """``nav_msgs/msg/Odometry``"""
    low_m: tuple[float, float]
    """x, y"""
    high_m: tuple[float, float]
    """x, y"""
    max_age_ns: int
    """A robot whose newest pose is older is lost"""


@dataclass(frozen=True)
class RangeSpec:
    """An observed number that may not leave a range, and the speed that moves it."""

    field: int
    """Of the action: its speed, per second"""
    of: str
    """The observed number"""
    low: float
    high: float
    deceleration: float
    """Per second squared: it surely brakes as hard as this"""
    max_age_ns: int
    """Without it for longer nobody knows where the speed leads: it is held at zero"""


@dataclass(frozen=True)
class SafetySpec:
    """See ``docs/explanation/safety.md``."""

    clamp_ratio: float
    """A request beyond the range by more than this part of it counts as wild"""
    clamps_in_a_row: int
    """So many wild requests in a row trip the emergency stop"""
    radius_m: float = 0.0
    """Of the circle around the robot's centre that holds all of it"""
    margin_m: float = 0.0
    """Free space that is left in front of an obstacle"""
    deceleration_mps2: float = 0.0
    """The robot surely brakes as hard as this"""
    scan: ScanSpec | None = None
    workspace: WorkspaceSpec | None = None
    ranges: tuple[RangeSpec, ...] = ()


def read_safety(section: Section, action: ActionSpec, observed: Sequence[str],
                period_ns: int) -> SafetySpec:
    """
    Check the ``safety`` section; an empty one gives the defaults.

    :param action: looking ahead takes a planar twist.
    :param observed: (Do,) names of the observed numbers.
    """
    clamps = section.section('clamps', required=False)
    ratio = clamps.number('beyond_ratio', 0.1, low=0.0, high=10.0)
    in_a_row = clamps.integer('in_a_row', 10, low=1, high=10_000)
    clamps.done()
    ranges = _ranges(section, action, observed, period_ns)
    if not section.has('scan') and not section.has('workspace'):
        section.done()
        return SafetySpec(ratio, in_a_row, ranges=ranges)
    paths = list(action.paths)
    if field_index(action, FORWARD) is None or field_index(action, TURN) is None:
        raise section.error('scan', f'left out where the action is no planar twist (one field '
                            f'that ends in {FORWARD}, one in {TURN})', paths)
    others = [path for path in paths if path.endswith(ASIDE)]
    if others:
        raise section.error('scan', f'left out where the action moves the robot by {others[0]}, '
                            'too: nobody looks there', paths)
    deceleration = section.number('deceleration_mps2', low=0.01, high=1000.0)
    footprint = section.section('footprint')
    radius = footprint.number('radius_m', low=0.001, high=100.0)
    margin = footprint.number('margin_m', 0.02, low=0.0, high=100.0)
    footprint.done()
    scan, box = _scan(section, period_ns), _workspace(section, period_ns)
    section.done()
    return SafetySpec(ratio, in_a_row, radius, margin, deceleration, scan, box, ranges)


def _ranges(section: Section, action: ActionSpec, observed: Sequence[str],
            period_ns: int) -> tuple[RangeSpec, ...]:
    listed = section.take('ranges', [])
    if not isinstance(listed, list):
        raise section.error('ranges', 'a list', listed)
    found = []
    for i, item in enumerate(listed):
        entry = Section(item, f'{section.where}.ranges[{i}]')
        field = entry.text('field', choices=action.names)
        of = entry.observed('of', observed)
        place = action.names.index(field)
        if action.stop[place] != 0.0:
            raise entry.error('field', 'a speed, which stops at zero; where a position may go is '
                              'said by min and max of its field', field)
        low = entry.number('min', low=-LARGEST, high=LARGEST)
        high = entry.number('max', low=-LARGEST, high=LARGEST)
        if low >= high:
            raise entry.error('max', f'greater than min ({low:g})', high)
        deceleration = entry.number('deceleration', low=1e-6, high=LARGEST)
        found.append(RangeSpec(place, of, low, high, deceleration, _age_ns(entry, period_ns)))
        entry.done()
    return tuple(found)


def _age_ns(section: Section, period_ns: int) -> int:
    # Two periods: one late message is normal, two mean that the sensor is gone.
    return round(section.number('max_age_ms', 2 * period_ns / 1e6, low=1.0, high=1e6)
                 * 1e6)


def _scan(section: Section, period_ns: int) -> ScanSpec | None:
    if not section.has('scan'):
        return None
    scan = section.section('scan')
    topic = scan.topic()
    x, y, yaw = scan.numbers('mount', 3) if scan.has('mount') else (0.0, 0.0, 0.0)
    age_ns = _age_ns(scan, period_ns)
    scan.done()
    return ScanSpec(topic, (x, y, yaw), age_ns)


def _workspace(section: Section, period_ns: int) -> WorkspaceSpec | None:
    if not section.has('workspace'):
        return None
    box = section.section('workspace')
    topic = box.topic()
    (x_low, x_high), (y_low, y_high) = box.numbers('x_m', 2), box.numbers('y_m', 2)
    for key, low, high in (('x_m', x_low, x_high), ('y_m', y_low, y_high)):
        if low >= high:
            raise box.error(key, 'two numbers, the smaller first', [low, high])
    age_ns = _age_ns(box, period_ns)
    box.done()
    return WorkspaceSpec(topic, (x_low, y_low), (x_high, y_high), age_ns)
