"""Faults of the person's side: joystick, deadman, teleop node, emergency stop."""

from pathlib import Path
import signal
import time

from std_srvs.srv import Trigger

from ilw_bringup.faults.loop import DRIVE, Loop
from ilw_bringup.faults.row import Fault, Row

STOP = 'stop action within two periods'


def _deadman_released(folder: Path) -> Row:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        bound = loop.two_periods_s + loop.latency_s()
        held = {key: value for key, value in DRIVE.items() if key != 'deadman'}
        at = time.monotonic()
        loop.spy.hold(**held)
        return loop.stop_row('deadman released', STOP, at, bound_s=bound, watch_s=1.0)


def _joystick_unplugged(folder: Path) -> Row:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        bound = loop.two_periods_s + loop.latency_s()
        at = time.monotonic()
        loop.spy.plugged = False
        time.sleep(1.5)
        stopped = loop.spy.stopped_at(at)
        reaction = None if stopped is None else stopped - at
        loop.spy.plugged = True
        loop.until(loop.spy.moving, 5.0, 'the person to drive again')
        return loop.row(
            'joystick unplugged and back', f'{STOP}; drives again afterwards',
            f'stop action after {1000 * (reaction or 99):.0f} ms (bound {1000 * bound:.0f}), '
            'then drove again', reaction, reaction is not None and reaction <= bound)


def _emergency_stop(folder: Path) -> Row:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        at = time.monotonic()
        loop.spy.hold(**DRIVE, estop=1.0)
        time.sleep(0.5)
        refused = not loop.call(Trigger, 'arbiter/arm', Trigger.Request()).success
        return loop.stop_row(
            'emergency stop pressed while driving', 'stop action at once, latched, no arming',
            at, bound_s=loop.two_periods_s, watch_s=1.5, ok=refused,
            more='; arming refused' if refused else '; COULD BE ARMED')


def _teleop(fault: str, number: int, *, again: bool) -> Fault:
    expected = STOP + ('; drives again afterwards' if again else '')

    def inject(folder: Path) -> Row:
        with Loop(folder) as loop:
            loop.drive()
            loop.save_an_episode()
            bound = loop.two_periods_s + loop.latency_s()
            at = loop.strike('teleop', number)
            time.sleep(1.5)
            stopped = loop.spy.stopped_at(at)
            reaction = None if stopped is None else stopped - at
            text = ('never stopped' if reaction is None else
                    f'stop action after {1000 * reaction:.0f} ms (bound {1000 * bound:.0f})')
            if again:
                if number == signal.SIGKILL:
                    loop.fleet.restart_dead()
                else:
                    loop.strike('teleop', signal.SIGCONT)
                loop.until(loop.spy.moving, 10.0, 'the person to drive again')
                text += ', then drove again'
            return loop.row(fault, expected, text, reaction,
                            reaction is not None and reaction <= bound)

    return Fault(fault, expected, inject)


FAULTS = (
    Fault('deadman released', STOP, _deadman_released),
    Fault('joystick unplugged and back', STOP, _joystick_unplugged),
    Fault('emergency stop pressed while driving', 'stop action at once, latched',
          _emergency_stop),
    _teleop('teleop killed and restarted', signal.SIGKILL, again=True),
    _teleop('teleop hung (SIGSTOP) and back', signal.SIGSTOP, again=True),
)
