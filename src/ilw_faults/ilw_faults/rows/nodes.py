"""Nodes killed, hung and restarted: policy, simulator, arbiter. Teleop is in ``hand.py``."""

from pathlib import Path
import signal
import time

from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen

STOP = 'stop action within two periods'


def _policy_killed(fault: str, number: int) -> Fault:
    expected = f'{STOP}; back, it is disarmed; armed again, it drives'

    def inject(folder: Path) -> Seen:
        with Loop(folder, with_policy=True) as loop:
            loop.arm()
            loop.save_an_episode()
            bound = loop.two_periods_s + LATENCY_S
            at = loop.strike('policy', number)
            stop = loop.watch(at, bound_s=bound)
            loop.until(loop.fleet.dead, 20.0, 'the end of the policy')  # it may dump its core
            before = len(loop.spy.states)
            loop.fleet.restart_dead()
            loop.until(lambda: any(s.requested for s in loop.spy.states[before:]), 20.0,
                       'the policy to ask again')
            time.sleep(0.5)
            after = loop.spy.states[before:]
            disarmed = not loop.spy.moving() and not after[-1].armed
            loop.arm()
            return loop.stopped(stop, ok=disarmed,
                                more=(', back disarmed' if disarmed else ', BACK AND DRIVING')
                                + ', armed again it drove')

    return Fault(fault, expected, inject)


def _policy_hung(folder: Path) -> Seen:
    with Loop(folder, with_policy=True) as loop:
        loop.arm()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        at = loop.strike('policy', signal.SIGSTOP)
        stop = loop.watch(at, bound_s=bound)
        loop.bring_back('policy', signal.SIGSTOP)
        loop.until(loop.spy.moving, 15.0, 'the policy to drive again')
        return loop.stopped(stop, more=', then drove again')


def _simulator(fault: str, number: int) -> Fault:
    expected = 'the clock stands still: stop action within 1.2 s; back, the loop goes on'

    def inject(folder: Path) -> Seen:
        with Loop(folder) as loop:
            loop.drive()
            loop.save_an_episode()
            at = loop.strike('sim', number)
            stop = loop.watch(at, bound_s=1.2)
            loop.bring_back('sim', number)
            loop.drive()
            return loop.stopped(stop, more=', then drove again')

    return Fault(fault, expected, inject)


def _arbiter(fault: str, number: int) -> Fault:
    timeout_s, braking_s = 0.5, 0.6
    expected = (f'the robot stops by itself: its command time-out ({timeout_s} s) and '
                'its brakes; back, the policy is disarmed')

    def inject(folder: Path) -> Seen:
        with Loop(folder, with_policy=True) as loop:
            loop.arm()
            loop.save_an_episode()
            at = loop.strike('arbiter', number)
            bound = timeout_s + braking_s
            time.sleep(bound + 0.7)
            last = max((t for t, v, w in loop.spy.speeds if abs(v) > 0.02 or abs(w) > 0.1),
                       default=at)
            stood = loop.spy.speeds and loop.spy.speeds[-1][0] - last > 0.3
            reaction = max(0.0, last - at)
            before = len(loop.spy.states)
            loop.bring_back('arbiter', number)
            loop.until(lambda: len(loop.spy.states) > before + 10, 10.0, 'the arbiter')
            disarmed = not loop.spy.states[-1].armed
            afterwards = 'disarmed' if disarmed else 'STILL ARMED'
            text = (f'the robot stood after {1000 * reaction:.0f} ms (bound '
                    f'{1000 * bound:.0f}), {afterwards} afterwards')
            return loop.seen(text, reaction,
                            bool(stood) and reaction <= bound and disarmed)

    return Fault(fault, expected, inject)


FAULTS = (
    _policy_killed('policy killed and restarted', signal.SIGKILL),
    _policy_killed('policy dies while driving (SIGSEGV)', signal.SIGSEGV),
    Fault('policy hung (SIGSTOP) and back', f'{STOP}; back, it drives on', _policy_hung),
    _simulator('simulator killed and restarted', signal.SIGKILL),
    _simulator('simulator hung (SIGSTOP) and back', signal.SIGSTOP),
    _arbiter('arbiter killed and restarted', signal.SIGKILL),
    _arbiter('arbiter hung (SIGSTOP) and back', signal.SIGSTOP),
)
