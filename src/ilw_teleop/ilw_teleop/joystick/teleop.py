"""What a person asks for with a joystick: actions and button events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError
from ilw_teleop.arbiter.senders import Senders
from ilw_teleop.joystick.deadman import Deadman
from ilw_teleop.joystick.fit import advice, doubtful, fitting, resting, the_one, why_not
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, Joystick, known_joysticks
from ilw_teleop.joystick.mapping import StickMapping
from ilw_teleop.joystick.pad_watch import PadWatch
from ilw_teleop.joystick.rhythm import ONLY_CHANGES, SILENCE_NS, JoyRhythm

WALL_SILENCE_NS = SILENCE_NS
SIMULATED_WALL_NS = 1_000_000_000  # the same for ``another_wall_ns`` in a simulation
SEVERAL = ('Two nodes send joystick messages on this topic: which pad is the person\'s cannot be '
           'told. End one of them. Only the emergency stop works.')


@dataclass(frozen=True)
class Sample:
    """What one joystick message means."""

    active: bool
    """The deadman is held: the person drives"""
    turbo: bool
    values: np.ndarray
    """(Da,) float64; what a stick at rest asks for when not active"""
    override: bool
    """What the lidar sees is not to slow the person"""
    presses: tuple[str, ...]
    """Controls whose button went down with this message"""


class Teleop:
    """
    Follows one joystick, and whichever comes in its place.

    Of a pad that does not fit the layout nothing counts but the emergency stop: where the layout
    has it, and where layouts that do fit have it.

    :param joystick: the layout; ``None``: a known one that fits, if all that do mean the same.
    :param timeout_ns: a joystick that is silent for longer has released everything; what comes
        then is another one.
    :param another_wall_ns: so much wall time must a silence last, too, before what comes is
        another one; in a simulation on a busy machine messages wait.
    :param known: layouts by name; ``None``: those in ``config/joysticks``.
    """

    def __init__(self, contract: Contract, joystick: Joystick | None, *, timeout_ns: int,
                 normal_ratio: float = 1.0, another_wall_ns: int = WALL_SILENCE_NS,
                 known: Mapping[str, Joystick] | None = None) -> None:
        self._action, self._normal_ratio = contract.action, normal_ratio
        self._stick = contract.stick
        self._given, self._another_wall_ns = known, another_wall_ns
        self._auto, self._joystick = joystick is None, joystick
        self._watch: PadWatch | None = None
        self._mapping = StickMapping(contract.action, contract.stick, deadzone=0.0)
        self._applied: np.ndarray | None = None
        self._mode_down = True
        self._lacks = ''
        if joystick is not None:
            self._follow(joystick)
            if self._lacks:
                raise ContractError(self._lacks)
        self._deadman, self._senders = Deadman(timeout_ns), Senders(leaps=True)
        self._rhythm, self._heard_ns = JoyRhythm(), 0
        self._down: dict[str, bool] | None = None
        self._quiet = True
        self.why = ''
        """Why the pad that is heard does not fit, and what to do, in words; empty when it does"""
        self.invalid = 0
        """Messages that no pad of this layout sends, since the start"""

    def on_sample(self, now_ns: int, axes: Sequence[float], buttons: Sequence[int], *,
                  wall_silence_ns: int | None = None, number: int | None = None,
                  mono_ns: int | None = None) -> Sample:
        """
        Take in one ``sensor_msgs/Joy``; one without axes and buttons says that it was unplugged.

        :param wall_silence_ns: wall time since the message before, as for ``on_tick``; ``None``:
            ``now_ns`` is the only clock.
        :param number: of the message, counted by its sender; ``None``: the middleware counts none.
        :param mono_ns: steady clock; ``None``: ``now_ns`` is the only clock.
        """
        mono_ns = now_ns if mono_ns is None else mono_ns
        if self._senders.take(number, mono_ns):
            self._forget()  # one pad's rest says nothing of another
        several = self._senders.several(mono_ns)
        if len(axes) == len(buttons) == 0:
            self._deadman.sample(now_ns, False)
            self._rhythm.forget()
            return self._leave(why=SEVERAL if several else '')
        self._rhythm.take(mono_ns - self._heard_ns, axes, buttons)
        self._heard_ns = mono_ns
        silent = wall_silence_ns is None or wall_silence_ns >= self._another_wall_ns
        if silent and not self._deadman.fresh(now_ns):
            self._forget()
        if self._auto and (self._joystick is None or why_not(self._joystick, axes, buttons)):
            self._choose(axes, buttons)
        joystick, watch = self._joystick, self._watch
        self._quiet = False
        if watch is not None and watch.take(now_ns, axes, buttons):
            self._down = None
        if joystick is None or watch is None or not watch.fits or several or self._lacks:
            return self._refuse(now_ns, axes, buttons, several=several)
        self.why = ''
        down = {control: joystick.pressed(control, axes, buttons) and watch.counts(control)
                for control in BUTTON_CONTROLS}
        # A button already down when the joystick appears is no press, save the emergency stop.
        presses = self._presses(down)
        self._deadman.sample(now_ns, down['deadman'] and watch.released)
        active = self._deadman.may_move(now_ns)
        self._switch_mode(joystick, axes, buttons)
        values = self._mapping.rest
        if active:
            moved = {name: joystick.deflection(name, axes, buttons) for name in self._stick.names}
            values = self._mapping.action(moved, turbo=down['turbo'], now_ns=now_ns,
                                          applied=self._applied)
        else:
            self._mapping.release()
        return Sample(active, down['turbo'], values, active and down['override'], presses)

    def on_tick(self, now_ns: int, wall_silence_ns: int) -> Sample | None:
        """
        Return a release, once, when the joystick has gone quiet; otherwise nothing.

        :param wall_silence_ns: wall time since the last message. A simulated clock may leap over
            the timeout between two messages; silence has to last in both.
        """
        if self._quiet or self._deadman.fresh(now_ns) or wall_silence_ns < WALL_SILENCE_NS:
            return None
        return self._leave(another=wall_silence_ns >= self._another_wall_ns)

    def notice_applied(self, values: Sequence[float]) -> None:
        """Take in what the robot was told, ``(Da,)``: what holds its place moves on from there."""
        self._applied = np.asarray(values, dtype=np.float64)

    @property
    def mode(self) -> str:
        """Which of the contract's modes the sticks are in; empty where there is one."""
        return self._mapping.mode

    def leap(self, now_ns: int) -> None:
        """Note that the simulated clock has leapt to ``now_ns``."""
        self._deadman.leap(now_ns)

    @property
    def quiet(self) -> bool:
        """Whether the joystick is silent, or was never heard."""
        return self._quiet

    @property
    def hint(self) -> str:
        """Why a pad that fits does not drive now, and what to do; empty when it may."""
        if self._rhythm.only_changes:
            return ONLY_CHANGES
        if self._quiet:
            return 'the joystick is silent'
        waits = 'the joystick is heard; let go of all of it once, then it drives'
        return waits if self.waits else ''

    @property
    def waits(self) -> bool:
        """Whether the deadman counts only once everything was let go of."""
        return self._watch is not None and not self._watch.released

    def _refuse(self, now_ns: int, axes: Sequence[float], buttons: Sequence[int], *,
                several: bool) -> Sample:
        """Let nothing count but the emergency stop, of every layout that the pad may be of."""
        joystick = self._joystick
        self.invalid += joystick is None or bool(why_not(joystick, axes, buttons))
        names = fitting(self._known, axes, buttons)
        stops = [self._known[name] for name in names]
        if joystick is not None:
            stops.append(joystick)
        estop = any(one.pressed('estop', axes, buttons) for one in stops or self._known.values())
        if self._watch is not None and self._watch.numbers_fit:
            names = resting(self._known, axes, buttons)  # only a rest speaks for another one
        others = [name for name in names
                  if joystick is None or self._known[name].meaning() != joystick.meaning()
                  or why_not(joystick, axes, buttons)]
        rhythm = f' {ONLY_CHANGES}' if self._rhythm.only_changes else ''
        self.why = SEVERAL if several else f'{self._complaint(others)}{rhythm}'
        self._deadman.sample(now_ns, False)
        presses = self._presses(dict.fromkeys(BUTTON_CONTROLS, True) | {'estop': estop})
        return Sample(False, False, self._mapping.rest, False,
                      tuple(control for control in presses if control == 'estop'))

    def _switch_mode(self, joystick: Joystick, axes: Sequence[float],
                     buttons: Sequence[int]) -> None:
        button = self._stick.mode_button
        down = bool(button) and joystick.deflection(button, axes, buttons) > 0.0
        if down and not self._mode_down:
            self._mapping.next_mode()
        self._mode_down = down

    def _complaint(self, names: Sequence[str]) -> str:
        if self._lacks:
            return f'{self._lacks} Only the emergency stop works.'
        if self._watch is None:
            several = (f'Several layouts fit this pad and differ: {", ".join(names)}. Let go of '
                       'all of it; if that is not enough, choose with --joystick NAME.')
            return f'{several if names else advice(names)} Only the emergency stop works.'
        if self._watch.asleep:
            return (f'The joystick is heard, but not known to be of the layout. {self._watch.why} '
                    'Until then only the emergency stop works.')
        who = self._joystick.name if self._joystick is not None else ''
        do = f'{advice(names)} ' if names or not self._watch.numbers_fit else ''
        return (f'This pad does not fit the layout {who or "that was given"}: {self._watch.why} '
                f'{do}Only the emergency stop works.')

    def _presses(self, down: dict[str, bool]) -> tuple[str, ...]:
        before = self._down or dict.fromkeys(down, True) | {'estop': False}
        self._down = down
        return tuple(c for c in BUTTON_CONTROLS if down[c] and not before[c])

    def _follow(self, joystick: Joystick) -> None:
        self._joystick = joystick
        self._watch = PadWatch(joystick, doubtful=doubtful(joystick, self._known))
        self._lacks = joystick.lacks(self._stick)
        self._mapping = StickMapping(self._action, self._stick, deadzone=joystick.deadzone,
                                     normal_ratio=self._normal_ratio)
        self._mode_down = True  # a button already down when the pad appears is no press

    def _choose(self, axes: Sequence[float], buttons: Sequence[int]) -> None:
        found = the_one(self._known, fitting(self._known, axes, buttons)) or the_one(
            self._known, resting(self._known, axes, buttons))
        self._joystick = self._watch = None
        self._lacks = ''
        if found is not None:
            self._follow(found)

    @property
    def _known(self) -> Mapping[str, Joystick]:
        return known_joysticks() if self._given is None else self._given

    def _leave(self, *, another: bool = True, why: str = '') -> Sample:
        self._quiet, self._down, self.why = True, None, why
        if another:
            self._forget()
        return Sample(False, False, self._mapping.rest, False, ())

    def _forget(self) -> None:
        self._down = None
        if self._watch is not None:
            self._watch.forget()
        if self._auto:
            self._joystick = self._watch = None
