"""How an arm that is not perfect answers: late, sluggish, by other gains, and with noise."""

from collections import deque
from collections.abc import Callable, Mapping
from types import SimpleNamespace as Plain
from typing import Protocol

import numpy as np

from ilw_core.arm_plant import ArmPlant, noisy_joints, noisy_pose
from ilw_core.base.plant import PlantProfile
from ilw_core.contract.action import ActionSpec
from ilw_sim.arm.topics import JOINTS
from ilw_sim.physics.actuation import lag_factors


class ArmAnswer(Protocol):
    """One arm during one episode."""

    def answer(self, action: np.ndarray) -> np.ndarray:
        """
        Return what is done of the commands of a tick, ``(L, Da)``: at each look of the servo.

        :param action: ``(Da,)`` commanded as the tick begins.
        """

    def motors(self, speeds: np.ndarray) -> np.ndarray:
        """Return the speeds that joints have in a physics step for those asked of them, (J,)."""

    def measure(self, readings: Mapping[str, Plain]) -> dict[str, Plain]:
        """Return what its sensors say of a tick whose true messages these are, by topic."""


Answers = Callable[[int], ArmAnswer]
"""Seed of an episode -> the arm in it"""


class PlantArm:
    """
    An arm of a plant.

    :param looks: looks of the servo in a tick; ``look_s`` from one to the next.
    :param joints: how many joints the arm has, before those of fingers in its messages.
    """

    def __init__(self, plant: ArmPlant, action: ActionSpec, looks: int, look_s: float,
                 joints: int, rng: np.random.Generator) -> None:
        self._plant, self._rng, self._joints = plant, rng, joints
        self._looks, delay = looks, round(plant.delay_s / look_s)
        self._scale = np.where(action.holds, 1.0, plant.gain)
        self._value = action.rest * self._scale
        self._under_way = deque([self._value] * delay)
        self._decay, mean = lag_factors(plant.lag_s, look_s)
        self._left = np.where(action.holds, self._decay, mean)

    def answer(self, action: np.ndarray) -> np.ndarray:
        """As ``ArmAnswer.answer``: of velocities the mean until the next look."""
        rows = []
        for _ in range(self._looks):
            self._under_way.append(action * self._scale)
            target = self._under_way.popleft()
            gap = self._value - target
            rows.append(target + gap * self._left)
            self._value = target + gap * self._decay
        return np.array(rows)

    def motors(self, speeds: np.ndarray) -> np.ndarray:
        """As ``ArmAnswer.motors``: the plant says all with the command."""
        return speeds

    def measure(self, readings: Mapping[str, Plain]) -> dict[str, Plain]:
        """As ``ArmAnswer.measure``."""
        found, normal = dict(readings), self._rng.standard_normal
        for topic, message in readings.items():
            if topic == JOINTS:
                found[topic] = noisy_joints(
                    message, self._plant.joint_noise_rad * normal(self._joints))
            elif hasattr(getattr(message, 'pose', None), 'position'):
                found[topic] = noisy_pose(message, self._plant.place_noise_m * normal(3))
        return found


def answers_of(profile: PlantProfile, action: ActionSpec, looks: int, look_s: float,
               joints: int) -> Answers:
    """Return arms drawn from a profile, one for each episode."""
    def draw(seed: int) -> ArmAnswer:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
        return PlantArm(profile.draw(rng), action, looks, look_s, joints, rng)

    return draw
