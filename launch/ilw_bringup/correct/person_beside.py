"""What every scripted person does beside a policy: hears of episodes and requests, presses."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from sensor_msgs.msg import Joy

from ilw_bringup.session import Session
from ilw_core.contract.file import Contract
from ilw_learner.asking.help_gate import asked
from ilw_msgs.msg import ActionChunk, EpisodeEvent, PolicyStatus
from ilw_ros.convert import stamp_ns
from ilw_ros.qos import EVENT, REQUEST
from ilw_sim.driver.asked import AskedPerson
from ilw_sim.driver.hand import Hand


class Watch(Protocol):
    """Decides when the person holds the stick."""

    def begin(self) -> None:
        """A new episode begins."""


class PersonBeside:
    """
    Publishes ``joy`` while the session waits: at rest, or an expert's hand.

    :param watch: ``None``: the person demonstrates from the first tick on.
    :param helper: takes the stick when the policy asks, whatever ``watch`` would do; ``None``: it
        does not ask.
    """

    def __init__(self, session: Session, contract: Contract, hand: Hand[Any],
                 watch: Watch | None, helper: AskedPerson | None = None) -> None:
        self._action, self._hand, self._watch = contract.action, hand, watch
        self._helper = helper
        if helper is not None:
            self._watch = helper
            session.subscribe(PolicyStatus, 'policy/status', self._on_status, EVENT)
        self._asked, self._over = contract.action.rest, True
        """What the policy asked for last, ``(Da,)``; no episode is being driven"""
        self._joy = session.publisher(Joy, 'joy', EVENT)
        session.subscribe(EpisodeEvent, 'episode/event', self._on_event, EVENT)
        session.subscribe(ActionChunk, 'policy/action', self._on_action, REQUEST)

    def begin(self, seed: int) -> None:
        """An episode in the world of this seed is about to begin."""
        self._asked = self._action.rest

    def _on_event(self, event: EpisodeEvent) -> None:
        if event.sender != 'sim':
            return
        if event.kind == EpisodeEvent.KIND_RESET:
            self._hand.on_reset()
            if self._watch is not None:
                self._watch.begin()
            self._over = False
        elif event.kind == EpisodeEvent.KIND_STOP:
            self._hand.on_stop()
            self._over = True

    def _on_status(self, status: PolicyStatus) -> None:
        assert self._helper is not None
        self._helper.hear(bool(asked(status.reason)))

    def _holds(self, now_ns: int, own: Callable[[], bool]) -> bool:
        """Tell whether the person drives a tick; ``own``: as its watch decides."""
        if self._watch is None:
            return True
        return own() if self._helper is None else self._helper.look(now_ns)

    def _on_action(self, chunk: ActionChunk) -> None:
        if chunk.active and len(chunk.values) >= self._action.dim:
            self._asked = np.array(chunk.values[:self._action.dim])

    def _press(self, stamp: Any, seen: Any, *, holds: bool) -> None:
        """Drive by what is seen of a tick, or let the stick rest."""
        now_ns = stamp_ns(stamp)
        for axes, buttons in (self._hand.on_tick(now_ns, seen) if holds
                              else [self._hand.idle(now_ns)]):
            joy = Joy(axes=axes, buttons=buttons)
            joy.header.stamp = stamp
            self._joy.publish(joy)
