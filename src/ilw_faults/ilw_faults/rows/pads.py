"""Gamepads that are not the layout's: the robot stands, and only the emergency stop works."""

from collections.abc import Callable
import time

from std_srvs.srv import Trigger

from ilw_core.storage.locate import config_file
from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen
from ilw_teleop.joystick.layout import Joystick, load_joystick

Message = tuple[list[float], list[int]]

PRESS_S = 0.12
"""So long a button is held, and let go of: two messages"""
HEARD_S = 3.0
"""Diagnostics come once a second, and two more when the machine is busy"""


def _pad(name: str) -> Joystick:
    return load_joystick(config_file('joysticks', name))


def _foreign(fault: str, layout: str) -> Fault:
    """Let the pad of another layout come while a policy drives, and press all that it has."""
    def inject(loop: Loop) -> Seen:
        loop.drive()
        loop.spy.hold()
        loop.arm()
        loop.save_an_episode()
        return _pressed(loop, _pad(layout), time.monotonic())

    return Fault(fault, 'no button does anything but the emergency stop, which works; layouts '
                 'that fit are named', inject, nodes={'with_policy': True})


def _instead(fault: str, layout: str) -> Fault:
    """Unplug the pad that drives and plug in another, its buttons held the same way."""
    expected = 'stop action within two periods; then only the emergency stop works'

    def inject(loop: Loop) -> Seen:
        loop.drive()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        other, at = _pad(layout), time.monotonic()
        loop.spy.plugged = False
        loop.spy.message = _held(other, 'deadman', 'turbo', forward=1.0)
        time.sleep(0.1)  # sooner than the first would count as silent
        loop.spy.plugged = True
        stop = loop.watch(at, bound_s=bound)
        pressed = _pressed(loop, other, at)
        loop.call(Trigger, 'arbiter/reset', Trigger.Request(), again=True)
        loop.spy.message = None
        loop.drive()
        return loop.stopped(stop, more=f'; {pressed.observed}, then drove with the first',
                            ok=pressed.ok)

    return Fault(fault, expected, inject, nodes={})


def _pressed(loop: Loop, pad: Joystick, since_s: float) -> Seen:
    """Press every button of a pad but the emergency stop, then that; judge what came of it."""
    spy, before = loop.spy, len(loop.spy.states)
    begun = len(spy.marks)
    stops = {one.buttons[one.mapping['estop']] for one in (pad, _pad('xbox'))}
    for index in range(len(pad.at_rest()[1])):
        if index not in stops:
            spy.message = _button(pad, index, 1)
            time.sleep(PRESS_S)
            spy.message = _button(pad, index, 0)
            time.sleep(PRESS_S)
    states = list(spy.states)[before:]
    did = [what for what, happened in (
        ('DROVE', any(s.source == s.SOURCE_PERSON for s in states[2:])),
        ('RESET OR STOPPED', any(s.estopped for s in states)),
        ('DISARMED', bool(states) and states[0].armed and not states[-1].armed),
        ('ARMED', bool(states) and not states[0].armed and states[-1].armed),
        ('MARKED', len(spy.marks) > begun)) if happened]
    at = time.monotonic()
    spy.message = _held(pad, 'estop')
    stopped = _until(lambda: bool(spy.states) and spy.states[-1].estopped, 1.0)
    reaction = time.monotonic() - at
    named = [text for when, text in list(spy.errors)
             if when >= since_s and pad.name in text and 'joystick test' in text]
    named = named or _until(lambda: any(
        when >= since_s and pad.name in text for when, text in list(spy.errors)), HEARD_S)
    text = (f'{"; ".join(did) or "no button did anything"}; emergency stop '
            + (f'after {1000 * reaction:.0f} ms' if stopped else 'FAILED')
            + ('; said which layout fits' if named else '; NOBODY SAID WHICH LAYOUT FITS'))
    return loop.seen(text, reaction if stopped else None, bool(stopped and named and not did))


def _until(done: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done() and time.monotonic() < deadline:
        time.sleep(0.005)
    return done()


def _held(pad: Joystick, *controls: str, forward: float = 0.0) -> Message:
    axes, buttons = pad.at_rest()
    axes[pad.axis('forward')] = forward
    for control in controls:
        pad.press(control, axes, buttons)
    return axes, buttons


def _button(pad: Joystick, index: int, state: int) -> Message:
    """Return a message with this button, and every stick on its side, as a wild hand holds it."""
    axes, buttons = pad.at_rest()
    buttons[index] = state
    return [-1.0 if state else value for value in axes], buttons


FAULTS = (
    _foreign('an Xbox pad over Bluetooth, read with the layout of a wired one', 'xbox_bluetooth'),
    _foreign('a pad in DirectInput mode, read with the layout of an Xbox pad', 'f710_d'),
    _instead('pad unplugged while driving, one of another kind comes instead', 'ps4'),
)
