"""Sensors and clocks that stop, freeze, come late, or jump, while a policy drives."""

from array import array
from collections.abc import Callable
import time
from typing import Any

import cv2
import numpy as np

from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.nodes.relay import (
    Spoil,
    clock_shifted,
    frozen,
    nothing,
    shifted,
    swapped,
)
from ilw_faults.row import Fault, Seen

STOP = 'stop action within two periods'
CAMERA, JOINTS = 'front/image_raw/compressed', 'joint_states'
_CLOCK = {'with_policy': True, 'through_spy': ('/clock',)}
_HUNG_PERIODS = 8
"""Five equal pictures while it moves, and two periods"""
UNSEEN = {'silent', 'stale', 'observation', 'blind'}
"""A policy without a scan or pose has nothing to say, and the arbiter sees nothing"""


def _sensor(fault: str, expected: str, make: Callable[[], Spoil], *, periods: float,
            why: set[str], late_s: float = 0.0, topic: str = 'scan', says: str = '',
            while_it_moves: bool = False, **options: Any) -> Fault:
    """
    The robot must stop within so many periods (and one message latency).

    :param why: reasons of the arbiter, one of which must be given.
    :param says: what the policy must say meanwhile of why it does not act.
    :param while_it_moves: only a robot that moves can see it: periods of moving are counted.
    :param options: of ``Loop``.
    """
    def inject(loop: Loop) -> Seen:
        relay = loop.relay
        loop.arm()
        loop.save_an_episode()
        bound = periods * loop.contract.period_ns / 1e9 + LATENCY_S
        at, before, told = time.monotonic(), len(loop.spy.states), len(loop.spy.policy_says)
        relay.spoil, relay.late_s = make(), late_s

        def reasons() -> set[str]:
            return {r for s in loop.spy.states[before:] for r in s.reasons}

        def seen() -> bool:
            return bool(reasons() & why) and any(says in text for text in (
                loop.spy.policy_says[told:] or ['']))

        stop = loop.watch(at, bound_s=bound, watch_s=bound + 0.7,
                          seen=seen if while_it_moves else None)
        said = reasons()
        if says:
            loop.until(lambda: any(says in text for text in loop.spy.policy_says[told:]), 5.0,
                       f'the policy to say {says!r}')
        relay.spoil, relay.late_s = (lambda message: [message]), 0.0
        loop.until(loop.spy.moving, 10.0, 'the policy to drive again')
        return loop.stopped(stop, ok=bool(said & why),
                            more=f', reasons {sorted(said)}'
                                 f'{says and f", the policy says {says!r}"}, then drove again')

    return Fault(fault, expected, inject,
                 nodes={'with_policy': True, 'through_spy': (topic,), **options})


def _disorder(loop: Loop) -> Seen:
    relay = loop.relay
    loop.arm()
    loop.save_an_episode()
    relay.spoil = swapped()
    before = len(loop.spy.commands)
    time.sleep(2.0)
    loop.until(loop.spy.moving, 5.0, 'the policy to drive')
    dead = loop.fleet.dead()
    return loop.seen(f'{len(loop.spy.commands) - before} commands in 2 s, '
                    f'still driving, {len(dead)} nodes died', None, not dead)


def _clock_stops(loop: Loop) -> Seen:
    relay = loop.relay
    loop.arm()
    loop.save_an_episode()
    at = time.monotonic()
    relay.spoil = nothing
    stop = loop.watch(at, bound_s=1.2, watch_s=1.8)
    relay.spoil = lambda message: [message]
    loop.until(loop.spy.moving, 10.0, 'the policy to drive again')
    return loop.stopped(stop, more=', then drove again')


def _clock_jumps(fault: str, seconds: float) -> Fault:
    """Clock and stamps no longer agree: nobody may be trusted until they do."""
    expected = f'{STOP}; drives again when the clock is right again'

    def inject(loop: Loop) -> Seen:
        relay = loop.relay
        loop.until(lambda: loop.spy.clock_ns > 15_000_000_000, 20.0, 'the clock to be 15 s')
        loop.arm()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        at = time.monotonic()
        relay.spoil = clock_shifted(seconds)
        stop = loop.watch(at, bound_s=bound)
        relay.spoil = lambda message: [message]
        loop.until(loop.spy.moving, 15.0, 'the policy to drive again')
        dead = loop.fleet.dead()
        return loop.stopped(stop, ok=not dead,
                             more=f', then drove again, {len(dead)} nodes died')

    return Fault(fault, expected, inject, nodes=_CLOCK)


def _redrawn(change: Callable[[np.ndarray], np.ndarray]) -> Spoil:
    """Show something else in each picture; ``change``: (H, W, 3) uint8 to any size."""
    def spoil(message: Any) -> list[Any]:
        pixels = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        message.data = array('B', cv2.imencode('.png', change(pixels))[1].tobytes())
        return [message]

    return spoil


def _arm(fault: str, make: Callable[[], Spoil], says: str, *, periods: float = 2,
            late_s: float = 0.0, expected: str = STOP, topic: str = CAMERA,
            task: str = 'lift', **options: Any) -> Fault:
    return _sensor(f'arm: {fault}', f'{expected}, the policy says why; drives again afterwards',
                   make, periods=periods, why=UNSEEN - {'blind'}, late_s=late_s, topic=topic,
                   says=says, task=task, robot='sim_arm', **options)


FAULTS = (
    _sensor('lidar stops and comes back', f'{STOP}; drives again afterwards', lambda: nothing,
            periods=2, why=UNSEEN),
    _sensor('lidar freezes: the same data with new stamps',
            'blind after five equal scans and two periods; drives again afterwards', frozen,
            periods=8, why={'blind'}, while_it_moves=True),
    _sensor('lidar jumps back in time by 10 s', f'{STOP}; drives again afterwards',
            lambda: shifted(-10.0), periods=2, why=UNSEEN),
    _sensor('lidar arrives 0.5 s late', f'{STOP}; drives again afterwards',
            lambda: lambda message: [message], periods=2, why=UNSEEN, late_s=0.5),
    _sensor('odometry stops and comes back', f'{STOP}; drives again afterwards',
            lambda: nothing, periods=2, why=UNSEEN - {'blind'}, topic='odom'),
    Fault('lidar out of order', 'old scans are left aside, it drives on', _disorder,
          nodes={'with_policy': True, 'through_spy': ('scan',)}),
    Fault('clock stops and goes on', 'no age can be told any more: stop action within 1.2 s; '
          'drives again afterwards', _clock_stops, nodes=_CLOCK),
    _clock_jumps('clock jumps forward by 10 s', 10.0),
    _clock_jumps('clock jumps back by 10 s', -10.0),
    _arm('camera stops and comes back', lambda: nothing, 'missing: front'),
    _arm('camera hangs: the same picture with new stamps', frozen,
         'front (its pictures stay the same', periods=_HUNG_PERIODS,
         expected='stop action after five equal pictures and two periods',
         while_it_moves=True),
    _arm('camera goes black', lambda: _redrawn(np.zeros_like),
         'front (its pictures are black'),
    _arm('camera arrives 0.5 s late', lambda: lambda message: [message], 'missing: front',
         late_s=0.5),
    _arm('camera changes its size', lambda: _redrawn(
        lambda pixels: cv2.resize(pixels, (160, 120))), 'front (its pictures must stay as large'),
    _arm('joint states stop and come back', lambda: nothing, 'missing: ', topic=JOINTS,
         task='lift_state'),
)
