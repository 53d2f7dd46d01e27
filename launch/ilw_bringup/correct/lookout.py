"""See where a policy's own way leads, and decide whether a scripted person holds the stick."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.rollout.evaluate import acting
from ilw_learner.runtime.runner import PolicyRunner
from ilw_sim.batch.foresight import Foresight
from ilw_sim.driver.corrector import Corrector
from ilw_sim.physics.diff_drive import Pose

LOOKAHEAD_S = 2.0
"""So far ahead it sees whether the policy's own way fails"""
LOOK_NS = 200_000_000
"""It looks ahead so often: a hand that is late is worth less than a look that is old"""

Cost = Callable[[Pose], float | None]
"""Pose -> cost of the way from there to the goal; ``None``: not known yet"""


class Lookout:
    """
    The eyes of a scripted person beside a policy.

    :param checkpoint: of the policy that drives.
    :param rng: draws the reaction times.
    """

    def __init__(self, contract: Contract, checkpoint: str | Path,
                 rng: np.random.Generator) -> None:
        self._contract = contract
        self._runner = PolicyRunner(checkpoint, contract)
        self._corrector = Corrector(rng)
        self._foresight: Foresight | None = None
        self._looked_ns: int | None = None

    @property
    def holds(self) -> bool:
        """Whether the person drives."""
        return self._corrector.holds

    def enter(self, seed: int) -> None:
        """The next episode is in the world of this seed."""
        self._foresight = Foresight(self._contract, seed)

    def begin(self) -> None:
        """An episode begins: the policy drives."""
        self._corrector.begin()
        self._looked_ns = None

    def look(self, now_ns: int, pose: Pose, twist: tuple[float, float], command: np.ndarray,
             cost: Cost) -> bool:
        """
        Look, if it is time; returns whether the person drives from here on.

        :param twist: speed [m/s] and turn rate [rad/s].
        :param command: (Da,) what the policy asks for at this tick.
        """
        early = self._looked_ns is not None and 0 <= now_ns - self._looked_ns < LOOK_NS
        if early or self._corrector.must_hold(now_ns):
            return self.holds
        here = cost(pose)
        if here is None or self._foresight is None:
            return self.holds
        self._looked_ns = now_ns
        self._runner.reset()
        act, seen = acting(self._runner), np.ones(self._contract.obs_dim, dtype=bool)
        way = self._foresight.roll_out(pose, twist, command, lambda obs: act(obs, seen),
                                       LOOKAHEAD_S)
        ahead = 0.0 if way.arrives else cost(way.end)
        return self._corrector.look(now_ns, fails=way.fails, cost=here,
                                    cost_ahead=here if ahead is None else ahead)
