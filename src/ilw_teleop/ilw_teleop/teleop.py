"""What a person asks for with a joystick: actions and button events. No ROS, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from ilw_core.contract import Contract
from ilw_teleop.deadman import Deadman
from ilw_teleop.joy_mapping import StickMapping
from ilw_teleop.joystick import BUTTON_CONTROLS, Joystick

WALL_SILENCE_NS = 200_000_000  # four periods of a joystick's autorepeat


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
    Follows one joystick.

    :param timeout_ns: a joystick that is silent for longer has released everything.
    """

    def __init__(self, contract: Contract, joystick: Joystick, *, timeout_ns: int,
                 normal_ratio: float = 1.0) -> None:
        self._joystick = joystick
        self._mapping = StickMapping(contract.action, deadzone=joystick.deadzone,
                                     normal_ratio=normal_ratio)
        self._deadman = Deadman(timeout_ns)
        self._down: dict[str, bool] | None = None
        self._quiet = True
        self.invalid = 0
        """Messages without a usable stick position, since the start"""

    def on_sample(self, now_ns: int, axes: Sequence[float], buttons: Sequence[int]) -> Sample:
        """
        Take in one ``sensor_msgs/Joy``.

        Sticks that are missing or not finite release the deadman; missing buttons are not pressed.
        """
        down = {control: self._joystick.pressed(control, axes, buttons)
                for control in BUTTON_CONTROLS}
        # A button already down when the joystick appears is no press, save the emergency stop.
        before = self._down or dict.fromkeys(down, True) | {'estop': False}
        presses = tuple(c for c in BUTTON_CONTROLS if down[c] and not before[c])
        self._down = down
        sticks = [self._deflection(axes, control) for control in ('forward', 'turn')]
        usable = all(math.isfinite(value) for value in sticks)
        self.invalid += not usable
        self._deadman.sample(now_ns, down['deadman'] and usable)
        self._quiet = False
        active = self._deadman.may_move(now_ns)
        values = (self._mapping.action(sticks[0], sticks[1], turbo=down['turbo']) if active
                  else self._mapping.rest)
        return Sample(active, down['turbo'], values, active and down['override'], presses)

    def on_tick(self, now_ns: int, wall_silence_ns: int) -> Sample | None:
        """
        Return a release, once, when the joystick has gone quiet; otherwise nothing.

        :param wall_silence_ns: wall time since the last message. A simulated clock may leap over
            the timeout between two messages; silence has to last in both.
        """
        if self._quiet or self._deadman.fresh(now_ns) or wall_silence_ns < WALL_SILENCE_NS:
            return None
        self._quiet = True
        self._down = None
        return Sample(False, False, self._mapping.rest, False, ())

    def leap(self, now_ns: int) -> None:
        """Note that the simulated clock has leapt to ``now_ns``."""
        self._deadman.leap(now_ns)

    @property
    def quiet(self) -> bool:
        """Whether the joystick is silent, or was never heard."""
        return self._quiet

    def _deflection(self, axes: Sequence[float], control: str) -> float:
        index = self._joystick.axis(control)
        return float(axes[index]) if index < len(axes) else math.nan
