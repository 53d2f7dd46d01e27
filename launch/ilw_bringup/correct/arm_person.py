"""A scripted person on the graph beside a policy of an arm; as ``scripted_person`` of a base."""

from typing import Any

import numpy as np
from sensor_msgs.msg import Joy

from ilw_bringup.session import Session
from ilw_core.contract.file import Contract
from ilw_core.storage.locate import config_file
from ilw_msgs.msg import ActionChunk, EpisodeEvent
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, REQUEST
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.arm_corrector import ArmCorrector
from ilw_sim.driver.stick import Stick
from ilw_sim.nodes.expert_ears import ArmEars


class ScriptedArmPerson:
    """
    Publishes ``joy`` while the session waits: at rest, or an expert's hand.

    :param checkpoint: the policy that drives; ``None``: demonstrate from the first tick on.
    :param seed: of reactions and style.
    """

    def __init__(self, session: Session, contract: Contract, checkpoint: str | None,
                 seed: int) -> None:
        self._contract, action = contract, contract.action
        self._corrector = None if checkpoint is None else ArmCorrector(
            action.high - action.low, np.random.default_rng(seed))
        self._hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=seed,
                             imperfection=0.0 if checkpoint else 1.0)
        self._asked, self._over = action.rest, True
        self._joy = session.publisher(Joy, 'joy', EVENT)
        ArmEars(session.subscribe, self._hand.objects, self._on_tick)
        session.subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        session.subscribe(ActionChunk, 'policy/action', self._on_action, REQUEST)

    def begin(self, seed: int) -> None:
        """An episode in the world of this seed is about to begin."""
        self._asked = self._contract.action.rest

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender != 'sim':
            return
        if event.kind == EpisodeEvent.KIND_RESET:
            self._hand.on_reset()
            if self._corrector is not None:
                self._corrector.begin()
            self._over = False
        elif event.kind == EpisodeEvent.KIND_STOP:
            self._hand.on_stop()
            self._over = True

    def _on_action(self, chunk: ActionChunk) -> None:
        if chunk.active and len(chunk.values) >= self._contract.action.dim:
            self._asked = np.array(chunk.values[:self._contract.action.dim])

    def _on_tick(self, stamp: Any, seen: dict[str, Any]) -> None:
        if self._over:
            return
        now_ns = stamp_ns(stamp)
        if self._corrector is None or self._corrector.look(
                now_ns, self._asked, self._hand.wish(seen)):
            pressed = self._hand.on_tick(now_ns, seen)
        else:
            pressed = [self._hand.idle(now_ns)]
        for axes, buttons in pressed:
            joy = Joy(axes=axes, buttons=buttons)
            joy.header.stamp = stamp
            self._joy.publish(joy)
