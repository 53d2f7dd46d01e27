"""An environment that also ends where the contract's rules say so."""

from typing import Any

import gymnasium
import numpy as np

from ilw_core.contract.end_rules import RuleWatch, reward_key
from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome
from ilw_learner.checkpoint.graph_values import INPUT


class RuleEnds(gymnasium.Wrapper[Any, Any, Any, Any]):
    """
    Adds ``termination.success`` and ``.failure`` to an environment of this contract.

    The environment's own ends go first.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], contract: Contract) -> None:
        super().__init__(env)
        self._contract = contract
        self._watch = RuleWatch(contract.rules, contract.obs_names)
        self._tick = 0

    def reset(self, **options: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(**options)
        self._watch.begin()
        self._tick = 0
        self._take(observation, info)
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Drive one tick."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._tick += 1
        outcome = self._take(observation, info)
        if outcome is not Outcome.UNKNOWN and not (terminated or truncated):
            reward += self._contract.reward[reward_key(outcome)]
            info = info | {'success': outcome is Outcome.SUCCESS, 'stop_reason': 'rule'}
            return observation, reward, True, False, info
        return observation, reward, terminated, truncated, info

    def _take(self, observation: Any, info: dict[str, Any]) -> Outcome:
        if isinstance(observation, dict):  # the vector, and images beside it
            observation = observation[INPUT]
        valid = np.asarray(info.get('valid', np.isfinite(observation)), dtype=bool)
        return self._watch.take(self._tick * self._contract.period_ns, observation, valid)
