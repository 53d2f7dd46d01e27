"""Find, open and read a gamepad through evdev; survive its being unplugged."""

from collections.abc import Mapping
from contextlib import suppress

import evdev
from evdev import ecodes, ff

from ilw_teleop.joystick.fit import (
    Device,
    advice,
    best_device,
    fitting_device,
    let_go,
    why_not_device,
)
from ilw_teleop.joystick.layout import Joystick, known_joysticks
from ilw_teleop.joystick.pad import EV_ABS, Pad
from ilw_teleop.joystick.stranger import Stranger, describe, emergency_stop

RUMBLE_MS = 250
"""Felt at once, and over before it bothers the hand that drives"""
RUMBLE = 0xA000
"""Of 0xFFFF; cheap pads do not turn below half"""


class Gamepad:
    """
    One gamepad that may come and go; one that does not fit the layout is no gamepad.

    Of those that do not fit, only the emergency stop is read: where the layout has it, and where
    layouts that do fit have it.

    :param joystick: the layout; ``None``: whichever known one fits the device best.
    :param device: path as in ``/dev/input/event5``; empty takes the first that fits the layout.
    :param known: layouts by name; ``None``: those in ``config/joysticks``.
    """

    def __init__(self, joystick: Joystick | None, *, device: str = '', deadzone: float = 0.0,
                 known: Mapping[str, Joystick] | None = None) -> None:
        self._joystick = joystick
        self._known = known_joysticks() if known is None else known
        self._path = device
        self._deadzone = deadzone
        self._device: evdev.InputDevice | None = None
        self._effect: int | None = None
        """Of the rumble in the device's memory; ``None``: it cannot"""
        self._strangers: dict[str, Stranger] = {}
        """Those that do not fit, by path"""
        self._pad: Pad | None = None
        if joystick is not None:
            self._pad = Pad(joystick, {})  # refuses a layout without device codes at once
        self.name = ''
        """Of the device that is open; empty when none is"""
        self.layout = ''
        """Of the device that is open"""

    @property
    def refused(self) -> list[str]:
        """Why the devices that are there do not fit, and which layouts do, in words."""
        return [one.why for one in self._strangers.values()]

    def look(self) -> bool:
        """Open the gamepad if there is one and none is open; returns whether one was opened."""
        if self._device is not None:
            return False
        paths = [self._path] if self._path else sorted(evdev.list_devices())
        for path in set(self._strangers) - set(paths):
            self._strangers.pop(path).close()
        for path in paths:
            with suppress(OSError):
                if self._consider(path):
                    return True
        return False

    def read(self) -> tuple[list[float], list[int]] | None:
        """Return axes and buttons now; ``None`` when there is no gamepad."""
        if self._device is None or self._pad is None:
            return self._emergency()
        try:
            lost = [self._pad.on_event(e.type, e.code, e.value) for e in self._device.read()]
            if any(lost):
                self._reread()
        except BlockingIOError:
            pass  # nothing happened
        except OSError:
            self.close()  # unplugged
            return None
        return self._pad.axes, self._pad.buttons

    def rumble(self) -> None:
        """Shake once, if the gamepad can."""
        if self._device is not None and self._effect is not None:
            with suppress(OSError):  # unplugged just now: the next read finds out
                self._device.write(ecodes.EV_FF, self._effect, 1)

    def close(self) -> None:
        """Let go of every device."""
        if self._device is not None:
            with suppress(OSError):
                self._device.close()
        for stranger in self._strangers.values():
            stranger.close()
        self._strangers.clear()
        self._device, self._effect, self.name, self.layout = None, None, '', ''

    def _consider(self, path: str) -> bool:
        """Open a device; returns whether it is the gamepad."""
        device = evdev.InputDevice(path)
        facts = describe(device)
        layout, why = self._judge(facts)
        if layout is not None:
            stranger = self._strangers.pop(path, None)
            if stranger is not None:
                stranger.close()
            self._take(device, layout, facts)
            return True
        if not facts.is_pad:
            device.close()
        elif path in self._strangers and self._strangers[path].same(facts):
            self._strangers[path].why = why
            device.close()
        else:
            if path in self._strangers:
                self._strangers[path].close()
            self._strangers[path] = Stranger(device, facts, why, self._stops(facts))
        return False

    def _judge(self, facts: Device) -> tuple[Joystick | None, str]:
        """Return the layout to read a device with, or nothing and why."""
        released = let_go(facts)
        names = fitting_device(self._known, released)
        if self._joystick is None:
            best = best_device(self._known, facts)
            several = f'Several layouts fit: {", ".join(names)}. Choose with --joystick NAME.'
            held = why_not_device(self._known[names[0]], facts) if names else ''
            return best, f'{facts.text}: {held or (several if names else advice(names))}'
        by_name = not self._path
        why = why_not_device(self._joystick, facts, by_name=by_name)
        if not why:
            return self._joystick, ''
        if not why_not_device(self._joystick, released, by_name=by_name):
            return None, f'{facts.text} is not at rest. {why}'
        return None, (f'{facts.text} does not fit the layout {self._joystick.name}. {why} '
                      f'{advice(names)}')

    def _stops(self, facts: Device) -> set[tuple[int, int, float]]:
        """Return what is the emergency stop on a device that does not fit."""
        layouts = [self._known[name] for name in fitting_device(self._known, facts)]
        if self._joystick is not None:
            layouts.append(self._joystick)
        return {stop for one in layouts or self._known.values() for stop in emergency_stop(one)}

    def _emergency(self) -> tuple[list[float], list[int]] | None:
        """Return the emergency stop alone, while a device that does not fit holds it."""
        pressed = [one.emergency() for one in list(self._strangers.values())]
        for path in [path for path, one in self._strangers.items() if one.gone]:
            self._strangers.pop(path).close()
        if not any(pressed):
            return None
        layout = self._joystick or next(iter(self._known.values()))
        axes, buttons = layout.at_rest()
        layout.press('estop', axes, buttons)
        return axes, buttons

    def _take(self, device: evdev.InputDevice, layout: Joystick, facts: Device) -> None:
        self._pad = Pad(layout, facts.axes, deadzone=self._deadzone)
        self._device, self.name, self.layout = device, device.name, layout.name
        self._effect = _upload_rumble(device)
        for stranger in self._strangers.values():
            stranger.close()
        self._strangers.clear()
        self._reread()

    def _reread(self) -> None:
        device = self._device
        if device is not None and self._pad is not None:
            axes = device.capabilities().get(EV_ABS, [])
            self._pad.set_state({code: device.absinfo(code).value for code, _ in axes},
                                device.active_keys())


def _upload_rumble(device: evdev.InputDevice) -> int | None:
    """
    Return the number under which a device knows our rumble; ``None`` if it cannot.

    A device that we may only read, or that is full of effects, does not take one.
    """
    if ecodes.FF_RUMBLE not in device.capabilities().get(ecodes.EV_FF, []):
        return None
    kind = ff.EffectType(ff_rumble_effect=ff.Rumble(strong_magnitude=RUMBLE,
                                                    weak_magnitude=RUMBLE))
    effect = ff.Effect(ecodes.FF_RUMBLE, -1, 0, ff.Trigger(0, 0), ff.Replay(RUMBLE_MS, 0), kind)
    with suppress(OSError):
        return device.upload_effect(effect)
    return None
