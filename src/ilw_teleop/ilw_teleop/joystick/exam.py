"""Does each control of a layout do what it says on this pad?"""

from collections.abc import Iterable

from ilw_teleop.joystick.fit import Device
from ilw_teleop.joystick.layout import AXIS_CONTROLS, BUTTON_CONTROLS, Joystick
from ilw_teleop.joystick.lesson import ASKED
from ilw_teleop.joystick.pad import Pad


class Exam:
    """
    Asks for one control after the other; fed with the events of a device.

    :param joystick: the layout; it must fit the device.
    """

    def __init__(self, joystick: Joystick, facts: Device) -> None:
        self._joystick = joystick
        self._pad = Pad(joystick, facts.axes)
        self._pad.set_state(facts.values, [])
        self._left = list(ASKED)
        self._seen: set[str] = set()
        """Controls that were active since all was at rest"""
        self.results: dict[str, str] = {}
        """Control -> ``ok``, or what happened instead"""

    @property
    def done(self) -> bool:
        """Whether nothing more is to be asked."""
        return not self._left

    @property
    def prompt(self) -> str:
        """What to press now."""
        return '' if self.done else ASKED[self._left[0]]

    @property
    def passed(self) -> bool:
        """Whether every control was asked for and did what it should."""
        return self.done and set(self.results.values()) == {'ok'}

    @property
    def active(self) -> list[str]:
        """Which controls are held now."""
        joystick, axes, buttons = self._joystick, self._pad.axes, self._pad.buttons
        sticks = [c for c in AXIS_CONTROLS if abs(axes[joystick.axis(c)]) > 0.5]
        return sticks + [c for c in BUTTON_CONTROLS if joystick.pressed(c, axes, buttons)]

    def set_keys(self, keys: Iterable[int]) -> None:
        """Take over which keys are down."""
        self._pad.set_state({}, keys)

    def on_event(self, kind: int, code: int, value: int) -> bool:
        """
        Take in one event.

        :returns: whether the state must be read anew because the kernel dropped events.
        """
        lost = self._pad.on_event(kind, code, value)
        active = self.active
        for control in active:
            back = control in AXIS_CONTROLS and self._pad.axes[self._joystick.axis(control)] < 0.0
            self._seen.add(f'{control}, backwards' if back else control)
        if self._seen and not active and not self.done:
            control, seen = self._left.pop(0), sorted(self._seen)
            self.results[control] = 'ok' if seen == [control] else f'was {" and ".join(seen)}'
            self._seen = set()
        return lost

    def skip(self) -> None:
        """Go on to the next control: nothing was seen of this one."""
        if not self.done:
            self.results[self._left.pop(0)] = 'nothing was seen'
