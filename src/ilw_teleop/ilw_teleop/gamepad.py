"""Find, open and read a gamepad through evdev; survive its being unplugged. No ROS, no clock."""

from contextlib import suppress

import evdev
from evdev import ecodes, ff

from ilw_teleop.joystick import Joystick
from ilw_teleop.pad import EV_ABS, Pad

BTN_GAMEPAD = 0x130
"""Every gamepad has this button; keyboards and mice do not"""
RUMBLE_MS = 250
"""Felt at once, and over before it bothers the hand that drives"""
RUMBLE = 0xA000
"""Of 0xFFFF; cheap pads do not turn below half"""


class Gamepad:
    """
    One gamepad that may come and go.

    :param device: path as in ``/dev/input/event5``; empty takes the first that fits the layout.
    """

    def __init__(self, joystick: Joystick, *, device: str = '', deadzone: float = 0.0) -> None:
        self._joystick = joystick
        self._path = device
        self._deadzone = deadzone
        self._device: evdev.InputDevice | None = None
        self._effect: int | None = None
        """Of the rumble in the device's memory; ``None``: it cannot"""
        self._pad = Pad(joystick, {})  # refuses a layout without device codes at once
        self.name = ''
        """Of the device that is open; empty when none is"""

    def look(self) -> bool:
        """Open the gamepad if there is one and none is open; returns whether one was opened."""
        if self._device is not None:
            return False
        for path in [self._path] if self._path else sorted(evdev.list_devices()):
            with suppress(OSError):
                device = evdev.InputDevice(path)
                if self._path or self._fits(device):
                    self._take(device)
                    return True
                device.close()
        return False

    def read(self) -> tuple[list[float], list[int]] | None:
        """Return axes and buttons now; ``None`` when there is no gamepad."""
        if self._device is None:
            return None
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
        """Let go of the device."""
        if self._device is not None:
            with suppress(OSError):
                self._device.close()
        self._device, self._effect, self.name = None, None, ''

    def _fits(self, device: evdev.InputDevice) -> bool:
        name = device.name.lower()
        wanted = self._joystick.device_names
        return (any(part in name for part in wanted)
                and BTN_GAMEPAD in device.capabilities().get(ecodes.EV_KEY, []))

    def _take(self, device: evdev.InputDevice) -> None:
        ranges = {code: (info.min, info.max)
                  for code, info in device.capabilities().get(EV_ABS, [])}
        self._pad = Pad(self._joystick, ranges, deadzone=self._deadzone)
        self._device, self.name = device, device.name
        self._effect = _upload_rumble(device)
        self._reread()

    def _reread(self) -> None:
        device = self._device
        if device is not None:
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
