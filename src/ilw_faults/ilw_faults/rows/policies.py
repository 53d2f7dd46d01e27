"""A policy that misbehaves on the wire, and rivals. The wrong actions are published by the spy."""

from array import array
from collections.abc import Callable
from contextlib import suppress
import math
from pathlib import Path
import threading
import time
from typing import Any

from ilw_core.errors import IlwError
from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen
from ilw_msgs.msg import ActionChunk
from ilw_ros.convert import message_class, time_msg
from ilw_ros.qos import REQUEST

STOP = 'stop action within two periods'
Spoil = Callable[[ActionChunk], None]


class Impostor:
    """
    A policy of the spy's making: ahead and to the left at the contract's rate, until spoilt.
    """

    def __init__(self, loop: Loop) -> None:
        self.spoil: Spoil = lambda chunk: None
        self.silent = False
        self._loop, self._step = loop, 0
        self._pub = loop.spy.node.create_publisher(ActionChunk, 'policy/action', REQUEST)
        loop.spy.every(loop.contract.period_ns / 1e9, self._on_tick)

    def _on_tick(self) -> None:
        states, contract = self._loop.spy.states, self._loop.contract
        if self.silent or not states:
            return
        chunk = ActionChunk(source=ActionChunk.SOURCE_POLICY, active=True, horizon=1,
                            contract_hash=contract.hash, names=list(contract.action.names),
                            period=contract.period_ns / 1e9, values=[0.3, 1.0])
        chunk.header.stamp = chunk.observation_stamp = time_msg(self._loop.now_ns())
        self.spoil(chunk)
        self._pub.publish(chunk)


def _values(*values: float) -> Spoil:
    made = array('d', values)  # of a list, the message would look at each value every time

    def spoil(chunk: ActionChunk) -> None:
        chunk.values = made
    return spoil


def _late(seconds: float, *, all_of_it: bool) -> Spoil:
    def spoil(chunk: ActionChunk) -> None:
        stamp = chunk.header.stamp.sec * 10 ** 9 + chunk.header.stamp.nanosec
        old = time_msg(max(1, stamp - round(seconds * 1e9)))
        chunk.observation_stamp = old
        if all_of_it:
            chunk.header.stamp = old
    return spoil


def _contract(chunk: ActionChunk) -> None:
    chunk.contract_hash = '0' * 64


def _spoilt(fault: str, spoil: Spoil, reason: str) -> Fault:
    expected = f'{STOP}, refused as {reason!r}'

    def inject(loop: Loop) -> Seen:
        impostor = Impostor(loop)
        loop.arm()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        at, before = time.monotonic(), len(loop.spy.states)
        impostor.spoil = spoil
        stop = loop.watch(at, bound_s=bound, watch_s=1.2)

        def said() -> set[str]:
            return {r for state in loop.spy.states[before:] for r in state.reasons}

        with suppress(IlwError):  # eight megabytes take their time; it stands meanwhile
            loop.until(lambda: reason in said(), 5.0, 'the reason')
        return loop.stopped(stop, more=f', reasons {sorted(said())}', ok=reason in said())

    return Fault(fault, expected, inject, nodes={})


def _wild(loop: Loop) -> Seen:
    impostor = Impostor(loop)
    loop.arm()
    loop.save_an_episode()
    at = time.monotonic()
    impostor.spoil = _values(50.0, -80.0)
    in_a_row = loop.contract.safety.clamps_in_a_row
    bound = (in_a_row + 2) * loop.contract.period_ns / 1e9
    time.sleep(bound + 0.3)
    latched = loop.spy.states[-1].estopped
    return loop.stopped(loop.watch(at, bound_s=bound, watch_s=bound + 0.5),
                         ok=latched, more=', latched' if latched else ', NOT LATCHED')


def _two_policies(loop: Loop) -> Seen:
    loop.arm()
    loop.save_an_episode()
    at = time.monotonic()
    impostor = Impostor(loop)
    time.sleep(1.5)
    told = any('policies' in text for when, text in loop.spy.errors if when >= at)
    disarmed = not loop.spy.states[-1].armed
    impostor.silent = True
    return loop.stopped(loop.watch(at, bound_s=1.0, watch_s=1.6),
                         ok=told and disarmed,
                         more=f', error shown: {told}, disarmed: {disarmed}')


def _rival(loop: Loop) -> Seen:
    loop.arm()
    loop.save_an_episode()
    action = loop.contract.action
    at = time.monotonic()
    topic, kind = next(iter(action.topics.items()))
    rival: Any = loop.spy.node.create_publisher(message_class(kind), topic, 1)
    time.sleep(1.5)
    told = any('command the robot' in text for when, text in loop.spy.errors if when >= at)
    disarmed = not loop.spy.states[-1].armed
    row = loop.stopped(loop.watch(at, bound_s=0.5, watch_s=1.6),
                        ok=told and disarmed,
                        more=f', error shown: {told}, disarmed: {disarmed}')
    loop.spy.node.destroy_publisher(rival)
    return row


def _starved(folder: Path) -> Seen:
    """Every node runs for 25 of every 100 ms only: stopped and continued by turns."""
    import os
    import signal

    with Loop(folder, with_policy=True) as loop:
        loop.arm()
        loop.save_an_episode()
        ending = threading.Event()
        pids = [loop.fleet.pid(name) for name in loop.specs]

        def starve() -> None:
            while not ending.is_set():
                for pid in pids:
                    os.kill(pid, signal.SIGSTOP)
                time.sleep(0.075)
                for pid in pids:
                    os.kill(pid, signal.SIGCONT)
                time.sleep(0.025)

        thread = threading.Thread(target=starve, daemon=True)
        before = len(loop.spy.commands)
        thread.start()
        time.sleep(5.0)
        ending.set()
        thread.join()
        commands = len(loop.spy.commands) - before
        loop.until(loop.spy.moving, 10.0, 'the policy to drive again')
        dead = loop.fleet.dead()
        return loop.seen(f'{commands} commands in 5 s of hunger, {len(dead)} '
                        'nodes died, then drove on', None, not dead)


FAULTS = (
    _spoilt('action is NaN', _values(math.nan, 0.0), 'nonfinite'),
    _spoilt('action is infinite', _values(0.3, math.inf), 'nonfinite'),
    _spoilt('action too short', _values(0.3), 'length'),
    _spoilt('action oversized (a million values)', _values(*([0.3] * 1_000_000)), 'length'),
    _spoilt('policy of another contract', _contract, 'contract'),
    _spoilt('inference slower than the period: actions 0.25 s old', _late(0.25, all_of_it=True),
            'stale'),
    _spoilt('actions from an observation 0.5 s old', _late(0.5, all_of_it=False), 'observation'),
    Fault('policy far out of range, again and again', 'clipped, then emergency stop', _wild,
          nodes={}),
    Fault('two policies at once', 'within 1 s: stop action, disarmed, an error in diagnostics',
          _two_policies, nodes={'with_policy': True}),
    Fault('a second publisher on the command topic',
          'within 0.5 s: stop action, disarmed, an error in diagnostics', _rival,
          nodes={'with_policy': True}),
    Fault('every node starved to a quarter of a core',
          'no command outside limits, nothing dies, and it drives on afterwards', _starved),
)
