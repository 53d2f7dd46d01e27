"""What a step straight ahead earns, by where the goal lies: a map of a reward without places."""

from dataclasses import dataclass

import numpy as np

from ilw_core.contract.planar_twist import FORWARD, field_index
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_features import goal_columns, of_arrays

REACH_M = 4.0
"""Of the map, to each side"""


@dataclass(frozen=True)
class StepMap:
    """The robot is in the middle and looks along x; nothing is near."""

    along_m: np.ndarray
    """(N,) how far ahead the goal is, and as well how far to the left"""
    earned: np.ndarray
    """(N, N) by how far ahead, then by how far to the left the goal is"""
    speed_mps: float


def step_map(reward: RecoveredReward, points: int = 81) -> StepMap | None:
    """Return it for a step at full speed; ``None``: there is no goal to see, or no base."""
    contract = reward.contract
    columns, forward = goal_columns(contract), field_index(contract.action, FORWARD)
    if columns is None or forward is None:
        return None
    speed_mps = float(contract.action.high[forward])
    along = np.linspace(-REACH_M, REACH_M, points)
    ahead_m, left_m = (each.ravel() for each in np.meshgrid(along, along, indexing='ij'))
    # All else as if nothing were there: the lidar's largest ranges, and no turn.
    still = np.where(contract.obs_low < 0.0, 0.0, contract.obs_high)
    before, after = (np.tile(still, (points * points, 1)).astype(np.float32) for _ in range(2))
    for obs, x in ((before, ahead_m), (after, ahead_m - speed_mps / contract.rate_hz)):
        distance_m = np.hypot(x, left_m)
        bearing = np.arctan2(left_m, x)
        obs[:, columns] = np.stack([distance_m, np.sin(bearing), np.cos(bearing)], axis=1)
    arrived = after[:, columns[0]] <= contract.goal_radius_m
    earned = reward.of(of_arrays(before, after, arrived, np.zeros_like(arrived))).numpy()
    return StepMap(along, earned.reshape(points, points), speed_mps)
