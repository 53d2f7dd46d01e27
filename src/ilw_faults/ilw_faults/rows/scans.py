"""Scans that come in time and show nothing, while a person drives: the robot stands."""

from array import array
from collections.abc import Callable
import math
import time
from typing import Any

import numpy as np
from sensor_msgs.msg import LaserScan

from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen

STAND = 'stop action within two periods, blind; drives again afterwards'
AHEAD = 'no driving ahead within two periods, {reason}; drives again afterwards'
_AHEAD_RAD = 1.0
"""Half of what is spoilt where only a part is"""

_STANDS_MPS = 1e-6
"""Between two decisions of one instant the limits let a nanometre per second through"""
_QUICK = ('no beams', 'all 0', '-inf ahead', 'NaN ahead')

Change = Callable[[LaserScan], None]


def _fill(value: float, *, ahead: bool = False) -> Change:
    """Let every beam, or those that look ahead, say a value."""
    def change(scan: LaserScan) -> None:
        ranges = np.array(scan.ranges, dtype=np.float32)
        angles = scan.angle_min + scan.angle_increment * np.arange(len(ranges))
        off = np.abs((angles + math.pi) % (2.0 * math.pi) - math.pi)
        ranges[off <= (_AHEAD_RAD if ahead else math.pi)] = value
        scan.ranges = array('f', ranges.tobytes())

    return change


def _few(part: float) -> Change:
    """Leave the first part of the beams."""
    def change(scan: LaserScan) -> None:
        scan.ranges = scan.ranges[:max(1, int(part * len(scan.ranges)))]

    return change


def _millimetres(scan: LaserScan) -> None:
    scan.ranges = array('f', (1000.0 * np.array(scan.ranges, dtype=np.float32)).tobytes())


def _says(**fields: float) -> Change:
    """Let the driver say something else of itself."""
    def change(scan: LaserScan) -> None:
        for name, value in fields.items():
            setattr(scan, name, value)

    return change


def _one_known(scan: LaserScan) -> None:
    ranges = np.full(len(scan.ranges), math.nan, dtype=np.float32)
    ranges[len(ranges) // 2] = 2.0
    scan.ranges = array('f', ranges.tobytes())


def _spoil(change: Change) -> Callable[[Any], list[Any]]:
    def spoil(scan: LaserScan) -> list[Any]:
        change(scan)
        return [scan]

    return spoil


def _scan(fault: str, change: Change, reason: str = 'blind') -> Fault:
    """The robot must not drive ahead within two periods, and the arbiter must give the reason."""
    def inject(loop: Loop) -> Seen:
        # A policy would not even ask: it knows nothing of such a scan.
        relay = loop.relay
        loop.drive()
        bound = loop.two_periods_s + LATENCY_S
        at, before = time.monotonic(), len(loop.spy.states)
        relay.spoil = _spoil(change)
        time.sleep(bound + 0.7)
        late = [c for c in list(loop.spy.commands) if c.at_s > at and np.any(
            np.abs(c.values if reason == 'blind' else c.values[:1]) > _STANDS_MPS)]
        reaction = late[-1].at_s - at if late else 0.0
        bound += loop.late_s(at)
        said = sorted({r for s in loop.spy.states[before:] for r in s.reasons})
        relay.spoil = lambda message: [message]
        loop.until(lambda: loop.spy.commands[-1].values[0] > 0.0 or 'obstacle' in
                   loop.spy.states[-1].reasons, 15.0, 'the person to drive again')
        dead = loop.fleet.dead()
        return loop.seen(
            f'last drove after {1000 * reaction:.0f} ms (bound {1000 * bound:.0f}), reasons '
            f'{said}, then drove again', reaction,
            reaction <= bound and reason in said and not dead)

    expected = STAND if reason == 'blind' else AHEAD.format(reason=reason)
    # Of those that differ little, the quick run takes one each.
    return Fault(f'scan without evidence: {fault}', expected, inject, slow=fault not in _QUICK,
                 nodes={'record': False, 'through_spy': ('scan',)})


FAULTS = (
    _scan('no beams', lambda scan: setattr(scan, 'ranges', array('f'))),
    _scan('all 0', _fill(0.0)),
    _scan('all -inf', _fill(-math.inf)),
    _scan('all NaN', _fill(math.nan)),
    _scan('all NaN but one', _one_known),
    _scan('nearer than range_min', _fill(0.05)),
    _scan('one beam', _few(0.0)),
    _scan('a quarter of the beams', _few(0.25)),
    _scan('in millimetres', _millimetres),
    _scan('range_max 0.2', _says(range_max=0.2)),
    _scan('range_min 1, after one of 0.1', _says(range_min=1.0)),
    _scan('increment 0', _says(angle_increment=0.0)),
    _scan('angle_min 1e30', _says(angle_min=1e30)),
    _scan('angles in degrees', _says(angle_min=0.0, angle_max=350.0, angle_increment=10.0)),
    _scan('-inf ahead', _fill(-math.inf, ahead=True), 'near'),
    _scan('0.05 m ahead', _fill(0.05, ahead=True), 'near'),
    _scan('NaN ahead', _fill(math.nan, ahead=True), 'unseen'),
    _scan('0 ahead', _fill(0.0, ahead=True), 'unseen'),
)
