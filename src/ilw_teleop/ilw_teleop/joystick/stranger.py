"""A gamepad that does not fit the layout: its emergency stop is read, nothing else."""

from contextlib import suppress

import evdev

from ilw_teleop.joystick.fit import Device
from ilw_teleop.joystick.layout import Joystick
from ilw_teleop.joystick.pad import EV_ABS, EV_KEY


class Stranger:
    """
    One such device, open.

    :param why: what does not fit, and which layouts do, in words.
    :param stops: what is the emergency stop on it, as ``emergency_stop`` says.
    """

    def __init__(self, device: evdev.InputDevice, facts: Device, why: str,
                 stops: set[tuple[int, int, float]]) -> None:
        self._device, self._facts, self._stops = device, facts, stops
        self.why = why
        self.gone = False
        """It was unplugged"""
        self._down: set[tuple[int, int, float]] = set()
        with suppress(OSError):
            for code in device.active_keys():
                self._note(EV_KEY, code, 1.0)

    def same(self, facts: Device) -> bool:
        """Tell whether a device is still this one, wherever its axes are."""
        return not self.gone and (facts.text, facts.axes, facts.keys) == (
            self._facts.text, self._facts.axes, self._facts.keys)

    def emergency(self) -> bool:
        """Tell whether the emergency stop is held, or was pressed since the last call."""
        pressed = bool(self._down)
        try:
            for event in self._device.read():
                value = self._value(event.type, event.code, event.value)
                self._note(event.type, event.code, value)
                pressed |= bool(self._down)
        except BlockingIOError:
            pass  # nothing happened
        except OSError:
            self.gone = True  # unplugged
            self._down.clear()
        return pressed

    def close(self) -> None:
        """Let go of it."""
        with suppress(OSError):
            self._device.close()

    def _value(self, kind: int, code: int, value: int) -> float:
        low, high = self._facts.axes.get(code, (0, 0))
        if kind != EV_ABS or high <= low:
            return float(value)
        return 1.0 - 2.0 * (value - low) / (high - low)

    def _note(self, kind: int, code: int, value: float) -> None:
        for stop in self._stops:
            if stop[:2] == (kind, code):
                (self._down.add if value * stop[2] > 0.5 else self._down.discard)(stop)


def emergency_stop(joystick: Joystick) -> list[tuple[int, int, float]]:
    """Return (EV_KEY or EV_ABS, code, sign) of a layout's emergency stop; none without codes."""
    name = joystick.mapping.get('estop', '')
    if not name or joystick.axis_codes is None or joystick.button_codes is None:
        return []
    if name[0] in '+-':
        code, sign = joystick.axis_codes.get(name[1:]), 1.0 if name[0] == '+' else -1.0
        return [] if code is None else [(EV_ABS, code, sign)]
    code = joystick.button_codes.get(name)
    return [] if code is None else [(EV_KEY, code, 1.0)]


def describe(device: evdev.InputDevice) -> Device:
    """
    Return what a device says of itself, and where its axes are.

    :raises OSError: it was unplugged just now.
    """
    able, info = device.capabilities(), getattr(device, 'info', None)
    axes = {code: (about.min, about.max) for code, about in able.get(EV_ABS, [])}
    return Device(
        name=device.name, axes=axes, keys=frozenset(able.get(EV_KEY, [])),
        bus=getattr(info, 'bustype', 0), vendor=getattr(info, 'vendor', 0),
        product=getattr(info, 'product', 0),
        values={code: device.absinfo(code).value for code in axes},
        path=str(getattr(device, 'path', '')))
