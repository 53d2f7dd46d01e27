"""Where a policy's own way leads: roll it out from a pose in a copy of the simulated world."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import CLEAR, LEFT, ODOM_X, RIGHT, SPEED, STEP, TURN, VEER_TICKS, X
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.physics.diff_drive import Pose
from ilw_sim.physics.robot import robot_of

Act = Callable[[np.ndarray], np.ndarray | None]
"""(Do,) observation -> (Da,) action in contract units, or None for none"""


@dataclass(frozen=True)
class Way:
    """Where a rollout led."""

    fails: bool
    """It collided"""
    arrives: bool
    """It reached the goal"""
    end: Pose


class Foresight:
    """
    A copy of the world of one seed, without noise: what it shows is the policy's doing.

    :raises ContractError: the contract observes something that is not simulated in batches.
    """

    def __init__(self, contract: Contract, seed: int) -> None:
        self._contract = contract
        self._env = BatchEnv(contract, scenes=make_scenes(contract, [seed]), noise=False)
        drive = robot_of(contract)
        self._half_track_m, self._wheel_m = 0.5 * drive.track_m, drive.wheel_radius_m

    def roll_out(self, pose: Pose, twist: tuple[float, float], command: np.ndarray, act: Act,
                 seconds: float) -> Way:
        """
        Drive on as the policy would.

        :param pose: true x, y [m], yaw [rad]; ``twist``: speed [m/s] and turn rate [rad/s].
        :param command: (Da,) what it asks for at this tick; from the next on ``act`` says it.
        """
        robots = self._env.arrays
        self._env.reset()
        state = robots.state[0]
        state[X:X + 3] = state[ODOM_X:ODOM_X + 3] = pose
        turning = twist[1] * self._half_track_m
        state[LEFT] = (twist[0] - turning) / self._wheel_m
        state[RIGHT] = (twist[0] + turning) / self._wheel_m
        state[SPEED], state[TURN], state[CLEAR] = *twist, 0.0
        robots.counts[0, STEP] = robots.counts[0, VEER_TICKS] = 0
        robots.previous[0] = command
        for _ in range(round(seconds * self._contract.rate_hz)):
            place = tuple(map(float, state[X:X + 3]))
            _, _, terminated, _, info = self._env.step(self._wanted(command))
            if terminated[0]:  # the robot has begun another episode
                return Way(not info['success'][0], bool(info['success'][0]), place)
            wanted = act(info['final_obs'][0].copy())
            command = self._contract.action.rest if wanted is None else wanted
        return Way(False, False, tuple(map(float, state[X:X + 3])))

    def _wanted(self, command: np.ndarray) -> np.ndarray:
        action = self._contract.action
        return action.nearest(command[None]) if action.discrete else command[None]
