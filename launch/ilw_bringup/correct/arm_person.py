"""A scripted person on the graph beside a policy of an arm; as ``scripted_person`` of a base."""

from typing import Any

import numpy as np

from ilw_bringup.correct.person_beside import PersonBeside
from ilw_bringup.session import Session
from ilw_core.contract.file import Contract
from ilw_core.storage.locate import config_file
from ilw_ros.convert import stamp_ns
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.arm_corrector import ArmCorrector
from ilw_sim.driver.asked import AskedPerson
from ilw_sim.driver.stick import Stick
from ilw_sim.nodes.expert_ears import ArmEars


class ScriptedArmPerson(PersonBeside):
    """
    Takes the stick where the policy does what an expert would not.

    :param checkpoint: the policy that drives; ``None``: demonstrate from the first tick on.
    :param seed: of reactions and style.
    :param asked: take the stick when the policy asks for help, and only then.
    """

    def __init__(self, session: Session, contract: Contract, checkpoint: str | None,
                 seed: int, *, asked: bool = False) -> None:
        self._corrector = None if checkpoint is None else ArmCorrector(
            contract.action.high - contract.action.low, np.random.default_rng(seed))
        self._arm_hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=seed,
                                 imperfection=0.0 if checkpoint else 1.0)
        super().__init__(session, contract, self._arm_hand, self._corrector,
                         AskedPerson(np.random.default_rng(seed)) if asked else None)
        ArmEars(session.subscribe, self._arm_hand.objects, self._on_tick)

    def _on_tick(self, stamp: Any, seen: dict[str, Any]) -> None:
        if not self._over:
            now_ns = stamp_ns(stamp)
            self._press(stamp, seen, holds=self._holds(
                now_ns, lambda: self._corrector is None or self._corrector.look(
                    now_ns, self._asked, self._arm_hand.wish(seen))))
