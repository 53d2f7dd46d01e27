"""The hand of an arm's expert: what is published of a tick comes in, stick and buttons go out."""

from collections.abc import Mapping
import math
from typing import Any
import zlib

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import Section
from ilw_sim.arm.command import ArmCommand
from ilw_sim.arm.description import frames_of
from ilw_sim.arm.kinematics import Kinematics
from ilw_sim.arm.model import arm_of
from ilw_sim.arm.tasks import ARM_TASKS
from ilw_sim.arm.tasks.view import Intent, View, view_of
from ilw_sim.arm.topics import JOINTS
from ilw_sim.driver.hand import Hand, Pressed
from ilw_sim.driver.stick import Stick

_SLOWER_RATIO = 0.15
"""So much slower than full speed is the slowest style"""
_ERR_CHANCE = 0.004
"""Per tick: a short wrong push begins, as a person's"""
_ERR_TICKS = (2, 5)
_ERR_MPS = 0.1
_OPEN_M = 0.04
"""Where the expert wants the fingers that are to be open; a robot goes as far as it can"""


class ArmHand(Hand[Mapping[str, Any]]):
    """
    An expert of an arm with a joystick in its hands.

    It presses what the contract's ``teleop`` says moves a field.

    :param seed: together with the world it decides style and mistakes: the same world, the same.
    :param imperfection: 0 drives as well as it can; 1 varies and errs as a person would.
    :param records: start a recording before each episode, and drive only what is recorded.
    :raises IlwError: it is to record, and the layout has no button for that.
    """

    def __init__(self, contract: Contract, stick: Stick, *, seed: int, imperfection: float,
                 records: bool = False) -> None:
        super().__init__(stick, records=records)
        options = Section(contract.scene, f'{contract.name}.scene')
        task = ARM_TASKS[options.text('task', choices=tuple(ARM_TASKS))](options)
        arm = self._arm = arm_of(contract)
        self._contract, self._command = contract, ArmCommand(contract.action, arm)
        self._finger, self.objects = next(iter(arm.fingers), ''), task.objects
        self._kinematics = Kinematics(
            frames_of(arm), arm.base, arm.tool, tuple(arm.joints[i] for i in self._on_sticks()),
        ) if self._command.by_joints else None
        self._expert = task.expert(_OPEN_M)
        self._seed, self._imperfection = seed, imperfection
        self._rng: np.random.Generator | None = None
        self._ratio, self._err = 1.0, (0, np.zeros(3))

    def on_reset(self) -> None:
        """A new episode begins, with a style of its own."""
        super().on_reset()
        self._rng = None

    def there(self, stamp_ns: int, seen: Mapping[str, Any]) -> bool:
        """Tell whether everything is a place."""
        return all(math.isfinite(part) for place, yaw in self._view(seen).objects.values()
                   for part in (*place, yaw))

    def drive(self, seen: Mapping[str, Any]) -> Pressed:
        """Return what to press for the messages of a tick, by topic."""
        view = self._view(seen)
        if self._rng is None:
            self._rng = self._begin(view)
        twist, close = self._erring(self._expert.drive(view))
        speeds = self._joint_speeds(seen[JOINTS], twist) if self._kinematics else np.zeros(0)
        pushes = self._command.pushes(twist, speeds, close=close)
        return self._stick.press(self._controls(pushes))

    def wish(self, seen: Mapping[str, Any]) -> np.ndarray:
        """
        Return what the expert itself would command at a tick, ``(Da,)`` in contract units.

        NaN for joints that are told where to be: another place may be as good.
        """
        intent, action = self._expert.drive(self._view(seen)), self._contract.action
        twist = np.array([*intent.linear_mps, 0.0, 0.0, intent.turn_radps])
        speeds = self._joint_speeds(seen[JOINTS], twist) if self._kinematics else np.zeros(
            len(self._arm.joints))
        pushes = self._command.pushes(twist, speeds, close=intent.close)
        wish = np.where(pushes > 0.0, pushes * action.high, -pushes * action.low)
        wish[[field for _, field in self._command.by_joints]] = np.nan
        return wish

    def _view(self, seen: Mapping[str, Any]) -> View:
        return view_of(seen, self._finger, self.objects)

    def _begin(self, view: View) -> np.random.Generator:
        places = np.concatenate([place for place, _ in view.objects.values()])
        rng = np.random.default_rng([self._seed, zlib.crc32(places.tobytes())])
        self._ratio = 1.0 - _SLOWER_RATIO * self._imperfection * rng.random()
        self._err = (0, np.zeros(3))
        return rng

    def _erring(self, wish: Intent) -> tuple[np.ndarray, bool]:
        """Return twist ``(6,)`` and whether to close, with this driver's style and mistakes."""
        assert self._rng is not None
        twist = np.array([*wish.linear_mps, 0.0, 0.0, wish.turn_radps]) * self._ratio
        ticks, wrong = self._err
        if not ticks and self._rng.random() < _ERR_CHANCE * self._imperfection:
            ticks = int(self._rng.integers(*_ERR_TICKS))
            wrong = self._rng.uniform(-_ERR_MPS, _ERR_MPS, 3)
            wrong[2] = abs(wrong[2])  # never down: what it would hit stays hit
        if ticks:
            twist[:3] = wrong
        self._err = (max(0, ticks - 1), wrong)
        return twist, wish.close

    def _on_sticks(self) -> list[int]:
        """Return the arm's joints that the sticks move in the mode they begin in."""
        first = next(iter(self._contract.stick.modes.values()))
        fields = [moved.field for moved in first.values()]
        return [joint for joint, field in self._command.by_joints if field in fields]

    def _joint_speeds(self, joints: Any, twist: np.ndarray) -> np.ndarray:
        """Return the speeds of the arm's joints ``(J,)`` for a twist ``(6,)`` of the tool."""
        assert self._kinematics is not None
        speeds = np.zeros(len(self._arm.joints))
        at_rad = dict(zip(joints.name, map(float, joints.position), strict=True))
        speeds[self._on_sticks()] = self._kinematics.speeds(at_rad, twist)
        return speeds

    def _controls(self, pushes: np.ndarray) -> dict[str, float]:
        """Return which controls of the contract's stick, moved how far, push its fields so."""
        stick = self._contract.stick
        controls = {name: moved.sign * float(pushes[moved.field])
                    for name, moved in next(iter(stick.modes.values())).items()}
        for name, moved in stick.buttons.items():
            controls[name] = float(pushes[moved.field] * moved.sign > 0.0)
        return controls
