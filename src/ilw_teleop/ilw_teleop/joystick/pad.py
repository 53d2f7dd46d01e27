"""From events of a Linux input device to axes and buttons as in ``Joy``. Opens no device."""

from collections.abc import Iterable, Mapping
import math

from ilw_core.errors import IlwError
from ilw_teleop.joystick.layout import Joystick
from ilw_teleop.joystick.mapping import past_deadzone

EV_SYN, EV_KEY, EV_ABS = 0, 1, 3
SYN_DROPPED = 3


class Pad:
    """
    The state of one gamepad.

    :param ranges: EV_ABS code -> (minimum, maximum), as the device reports them.
    :raises IlwError: the layout has no device codes.
    """

    def __init__(self, joystick: Joystick, ranges: Mapping[int, tuple[int, int]], *,
                 deadzone: float = 0.0) -> None:
        if joystick.axis_codes is None or joystick.button_codes is None:
            raise IlwError('This joystick layout has no evdev codes. Use the ROS package `joy`, '
                           'or add an evdev section.')
        self._ranges = dict(ranges)
        self._deadzone = deadzone
        self._axis_of = {code: joystick.axes[n] for n, code in joystick.axis_codes.items()}
        self._button_of = {code: joystick.buttons[n] for n, code in joystick.button_codes.items()}
        self.axes, self.buttons = joystick.at_rest()
        for code in set(self._axis_of) - set(self._ranges):
            self.axes[self._axis_of[code]] = math.nan  # where it is nobody knows, so it is no rest

    def set_state(self, absolute: Mapping[int, int], keys: Iterable[int]) -> None:
        """Take over the whole state: raw axis values by code, and the codes of all keys down."""
        down = set(keys)
        for code, value in absolute.items():
            self.on_event(EV_ABS, code, value)
        for code in self._button_of:
            self.on_event(EV_KEY, code, int(code in down))

    def on_event(self, kind: int, code: int, value: int) -> bool:
        """
        Take in one event.

        :returns: whether the state must be read anew because the kernel dropped events.
        """
        if kind == EV_ABS and code in self._axis_of:
            self.axes[self._axis_of[code]] = self._deflection(code, value)
        elif kind == EV_KEY and code in self._button_of and value in (0, 1):  # 2 is a repeat
            self.buttons[self._button_of[code]] = value
        return kind == EV_SYN and code == SYN_DROPPED

    def _deflection(self, code: int, value: int) -> float:
        low, high = self._ranges.get(code, (-1, 1))
        if high <= low:
            return 0.0
        # Linux counts right and back up, Joy left and forward.
        return past_deadzone(1.0 - 2.0 * (value - low) / (high - low), self._deadzone)
