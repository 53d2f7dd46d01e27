"""Follow ``Joy`` messages: is it the layout's pad, at rest, let go of?"""

from collections.abc import Sequence

from ilw_teleop.joystick.fit import REST_BAND, SEEN_AT_REST, why_not
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, Joystick

CENTRED = 0.1
"""A trigger that stays so near to the middle is a stick, ratio of full deflection"""
CENTRED_NS = 2_000_000_000
"""A finger does not hold a trigger in the middle for so long"""
HOME_NS = 500_000_000
"""What stays so long at a trigger's rest is one, wherever a finger holds it then"""
UNSEEN_NS = 1_000_000_000
"""A trigger is pressed and let go of in less; one that moved and was never at rest is none"""
DEFLECTED_NS = 3_000_000_000
"""Without the deadman, nobody holds a stick for so long: it is a trigger, or it is broken"""


class PadWatch:
    """
    Knows what was seen of one pad since it came; a pad that comes instead is another one.

    A pad whose numbers differ is refused at once. One whose numbers fit may still be another: it
    must be seen at rest, as the layout says, before anything counts, and let go of before the
    deadman does.

    :param doubtful: other layouts have the same numbers: a trigger that reads 0, as those do that
        were never moved, is then no rest.
    """

    def __init__(self, joystick: Joystick, *, doubtful: bool) -> None:
        self._joystick, self._doubtful = joystick, doubtful
        self._numbers: tuple[int, int] | None = None
        self.forget()

    def forget(self) -> None:
        """Take whatever comes next for another pad."""
        self._rested = self.released = False
        self._moved: set[str] = set()
        self._seen_at_rest: set[str] = set()
        self._centred_ns: dict[str, int] = {}
        self._unseen_ns: dict[str, int] = {}
        self._deflected_ns: int | None = None
        self._home_ns: dict[str, int] = {}
        self._home: set[str] = set()
        """Triggers that stayed at their rest: a finger may hold them anywhere now"""
        self._foreign: dict[str, str] = {}
        """Axes that are no trigger, as far as was seen -> why, a sentence"""
        self.asleep: list[str] = []
        """Triggers that read 0 because they were not moved yet; all else is at rest"""
        self.numbers_fit = False
        """Whether the newest message may be of the layout, wherever its axes are"""
        self.why = 'It was not heard yet.'
        """Why it is not the layout's pad, a sentence; empty while it is"""

    @property
    def fits(self) -> bool:
        """Whether nothing speaks against this pad, and it was seen at rest."""
        return not self.why

    def counts(self, control: str) -> bool:
        """Tell whether a control may count: half an axis only if it was seen at rest, or stops."""
        name = self._joystick.mapping[control]
        return control == 'estop' or name[0] not in '+-' or name[1:] in self._seen_at_rest

    def take(self, now_ns: int, axes: Sequence[float], buttons: Sequence[int]) -> bool:
        """
        Take in one message.

        :param now_ns: only differences count; a clock that leaps begins the waiting anew.
        :returns: whether it is of another pad than the message before.
        """
        numbers = (len(axes), len(buttons))
        another = numbers != self._numbers
        if another:
            self._numbers = numbers
            self.forget()
        self.why = why_not(self._joystick, axes, buttons)
        self.numbers_fit = not self.why
        if self.why:
            self._rested = self.released = False
            self._seen_at_rest.clear()
            self.asleep = []
            return another
        self._look_at_axes(now_ns, axes)
        self._look_for_rest(now_ns, axes, buttons)
        return another

    def _look_at_axes(self, now_ns: int, axes: Sequence[float]) -> None:
        for name, index in self._joystick.axes.items():
            value, rest = axes[index], self._joystick.rest.get(name, 0.0)
            if value != 0.0:
                self._moved.add(name)
            if abs(value - rest) <= SEEN_AT_REST:
                self._seen_at_rest.add(name)
            trigger = rest != 0.0 and name in self._moved
            if _lasts(self._home_ns, name, trigger and abs(value - rest) <= SEEN_AT_REST,
                      now_ns, HOME_NS):
                self._home.add(name)
                self._foreign.pop(name, None)
            if _lasts(self._centred_ns, name, trigger and abs(value) <= CENTRED,
                      now_ns, CENTRED_NS) and name not in self._home:
                self._foreign[name] = (f'Its axis {index} ({name}) stays in the middle, in the '
                                       f'layout it rests at {rest:g}. If it is that, let go of '
                                       'it for a second.')
            if _lasts(self._unseen_ns, name, trigger and name not in self._seen_at_rest,
                      now_ns, UNSEEN_NS):
                self._rested = self.released = False

    def _look_for_rest(self, now_ns: int, axes: Sequence[float], buttons: Sequence[int]) -> None:
        restless = self._restless(axes)
        pressed = any(self._joystick.pressed(c, axes, buttons) for c in BUTTON_CONTROLS)
        if not restless:
            self._rested, self._deflected_ns = True, None
            self.released |= not pressed
        elif self._joystick.pressed('deadman', axes, buttons) and self.released:
            self._deflected_ns = None
        elif self._deflected_ns is None or now_ns < self._deflected_ns:
            self._deflected_ns = now_ns
        elif now_ns - self._deflected_ns > DEFLECTED_NS:
            self._rested = self.released = False
        if self._foreign:
            self._rested = self.released = False
            self.why = next(iter(self._foreign.values()))
        elif not self._rested:
            self.why = restless

    def _restless(self, axes: Sequence[float]) -> str:
        """
        Return which axis is not at rest, and what to do; empty when all are.

        A trigger that was never moved reads 0 in ROS's `joy`, and so does the stick of another pad
        of the same numbers: where there is one, that is no rest, but easily proven.
        """
        self.asleep = []
        for name, index in self._joystick.axes.items():
            value, rest = axes[index], self._joystick.rest.get(name, 0.0)
            if rest != 0.0 and value == 0.0 and name not in self._moved:
                if self._doubtful:
                    self.asleep.append(name)
            elif abs(value - rest) > (REST_BAND if rest == 0.0 or self._rested else SEEN_AT_REST):
                self.asleep = []
                return (f'Its axis {index} ({name}) is at {value:.2f}, in the layout it rests '
                        f'at {rest:g}. Let go of it.')
        if self.asleep:
            which = 'both triggers' if len(self.asleep) == 2 else 'the trigger'
            return f'Press and release {which} once ({", ".join(self.asleep)}).'
        return ''


def _lasts(since_ns: dict[str, int], name: str, holds: bool, now_ns: int, limit_ns: int) -> bool:
    """Tell whether something has held for longer than it may; a clock that jumped back: no."""
    if not holds or now_ns < since_ns.setdefault(name, now_ns):
        since_ns.pop(name, None)
        return False
    return now_ns - since_ns[name] > limit_ns
