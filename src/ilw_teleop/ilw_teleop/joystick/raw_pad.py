"""What is pressed on a Linux device of which no layout is known yet."""

from collections.abc import Iterable
import math

from ilw_teleop.joystick.fit import ABS_MISC, Device
from ilw_teleop.joystick.pad import EV_ABS, EV_KEY, EV_SYN, SYN_DROPPED

BTN_JOYSTICK = 0x120
HATS = range(0x10, 0x18)
"""EV_ABS codes of d-pads"""


class RawPad:
    """Axes and keys of one device by their codes; sticks count as ``Joy`` has them."""

    def __init__(self, facts: Device) -> None:
        self.facts = facts
        self.deflection = {code: facts.deflection(code) for code in axis_order(facts)}
        """EV_ABS code -> where the axis is, in [-1, 1]; NaN where not told"""
        self.down: set[int] = set()
        """EV_KEY codes"""

    def set_keys(self, keys: Iterable[int]) -> None:
        """Take over which keys are down."""
        self.down = set(keys)

    def on_event(self, kind: int, code: int, value: int) -> bool:
        """
        Take in one event.

        :returns: whether the state must be read anew because the kernel dropped events.
        """
        if kind == EV_ABS and code in self.deflection:
            low, high = self.facts.axes[code]
            self.deflection[code] = 1.0 - 2.0 * (value - low) / (high - low) if high > low else \
                math.nan
        elif kind == EV_KEY and value in (0, 1):  # 2 is a repeat
            (self.down.add if value else self.down.discard)(code)
        return kind == EV_SYN and code == SYN_DROPPED


def axis_order(facts: Device) -> list[int]:
    """Return the EV_ABS codes in the order of ``Joy.axes`` of the package ``joy``: hats last."""
    return sorted((code for code in facts.axes if code < ABS_MISC),
                  key=lambda code: (code in HATS, code))


def key_order(facts: Device) -> list[int]:
    """Return the EV_KEY codes in the order of ``Joy.buttons`` of the package ``joy``."""
    return sorted(facts.keys, key=lambda code: (code < BTN_JOYSTICK, code))
