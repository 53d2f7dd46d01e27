"""One robot at a time in the batched simulator, as the environment that policies are scored in."""

from typing import Any

import gymnasium
import numpy as np

from ilw_core.contract.file import Contract
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.compiled import SPEED, TURN, YAW, X, Y
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.tasks.scene import Scene


class FastWorld(gymnasium.Env):
    """
    The worlds of ``IlwEnv.reset(seed=...)`` without its physics engine.

    Without ``path_length_m``, and with no shortest path: NaN.
    """

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        self._batch: BatchEnv
        self.scene: Scene

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None,
              ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of ``seed``."""
        assert seed is not None
        self.scene, = make_scenes(self.contract, [seed])
        self._batch = BatchEnv(self.contract, scenes=[self.scene], seed=seed)
        obs, _ = self._batch.reset()
        return obs[0].copy(), self._info('', False, 0)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Drive one tick."""
        _, reward, terminated, truncated, info = self._batch.step(np.asarray(action)[None])
        ended = bool(terminated[0]) or bool(truncated[0])
        success = bool(info['success'][0])
        reason = '' if not ended else 'goal' if success else (
            'timeout' if truncated[0] else 'collision')
        return (info['final_obs'][0].copy(), float(reward[0]), bool(terminated[0]),
                bool(truncated[0]), self._info(reason, success, int(info['step'][0])))

    @property
    def pose(self) -> tuple[float, float, float]:
        """True x, y [m] and heading [rad]."""
        return tuple(map(float, self._batch.arrays.state[0, [X, Y, YAW]]))  # type: ignore

    @property
    def speeds(self) -> tuple[float, float]:
        """True speed [m/s] and turn rate [rad/s]."""
        return tuple(map(float, self._batch.arrays.state[0, [SPEED, TURN]]))  # type: ignore

    def _info(self, reason: str, success: bool, step: int) -> dict[str, Any]:
        return {'valid': np.ones(self.contract.obs_dim, dtype=bool), 'success': success,
                'stop_reason': reason, 'time_s': step / self.contract.rate_hz,
                'path_length_m': 0.0, 'shortest_path_m': float('nan')}


def make_env(contract: Contract) -> FastWorld:
    """Return the environment of a contract: what ``env_spec`` names."""
    return FastWorld(contract)
