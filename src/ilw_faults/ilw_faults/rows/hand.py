"""Faults of the person's side: joystick, deadman, teleop node, emergency stop."""

from pathlib import Path
import signal
import time

from std_srvs.srv import Trigger

from ilw_faults.loop import DRIVE, LATENCY_S, Loop
from ilw_faults.row import Fault, Seen

STOP = 'stop action within two periods'


def _deadman_released(loop: Loop) -> Seen:
    loop.drive()
    loop.save_an_episode()
    bound = loop.two_periods_s + LATENCY_S
    held = {key: value for key, value in DRIVE.items() if key != 'deadman'}
    at = time.monotonic()
    loop.spy.hold(**held)
    return loop.stopped(loop.watch(at, bound_s=bound, watch_s=1.0))


def _joystick_unplugged(loop: Loop) -> Seen:
    loop.drive()
    loop.save_an_episode()
    bound = loop.two_periods_s + LATENCY_S
    at = time.monotonic()
    loop.spy.plugged = False
    stop = loop.watch(at, bound_s=bound)
    loop.spy.plugged = True
    loop.drive()
    return loop.stopped(stop, more=', then let go, and drove again')


def _emergency_stop(loop: Loop) -> Seen:
    loop.drive()
    loop.save_an_episode()
    at = time.monotonic()
    loop.spy.hold(**DRIVE, estop=1.0)
    time.sleep(0.5)
    refused = not loop.call(Trigger, 'arbiter/arm', Trigger.Request(), again=True).success
    return loop.stopped(
        loop.watch(at, bound_s=loop.two_periods_s), ok=refused,
        more='; arming refused' if refused else '; COULD BE ARMED')


def _teleop(fault: str, number: int) -> Fault:
    expected = f'{STOP}; drives again once let go of'

    def inject(folder: Path) -> Seen:
        with Loop(folder) as loop:
            loop.drive()
            loop.save_an_episode()
            bound = loop.two_periods_s + LATENCY_S
            at = loop.strike('teleop', number)
            stop = loop.watch(at, bound_s=bound)
            loop.bring_back('teleop', number)
            loop.drive()
            return loop.stopped(stop, more=', then let go, and drove again')

    return Fault(fault, expected, inject)


FAULTS = (
    Fault('deadman released', STOP, _deadman_released, nodes={}),
    Fault('joystick unplugged and back', f'{STOP}; drives again once let go of',
          _joystick_unplugged, nodes={}),
    Fault('emergency stop pressed while driving', 'stop action at once, latched, no arming',
          _emergency_stop, nodes={}),
    _teleop('teleop killed and restarted', signal.SIGKILL),
    _teleop('teleop hung (SIGSTOP) and back', signal.SIGSTOP),
)
