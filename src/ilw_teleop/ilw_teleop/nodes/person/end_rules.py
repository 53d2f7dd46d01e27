"""End a take where the contract's rules say so: a mark, as a person's button makes one."""

from collections.abc import Callable
from dataclasses import replace
import time
from typing import Any

from rclpy.node import Node

from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import Contract
from ilw_core.contract.observed import making
from ilw_core.episode import Outcome
from ilw_core.policy_loop import PolicyLoop
from ilw_ros.observe import Observed

_TOLD_NS = 1_000_000_000
"""So long the recorder has to hear of it before it is told again"""


class EndRules:
    """
    Observes what the rules ask for while an attempt runs.

    :param running: tells whether one does.
    :param tell: hears how and when it ended.
    """

    def __init__(self, node: Node, contract: Contract, running: Callable[[], bool],
                 tell: Callable[[Outcome, int], None]) -> None:
        names = {name for rule in contract.rules for name in rule.names}
        seen = replace(contract, sources=making(contract.sources, names))
        self._watch, self._loop = RuleWatch(contract.rules, seen.obs_names), PolicyLoop(seen)
        self._running, self._tell = running, tell
        self._ran, self._told_ns = False, -_TOLD_NS
        self._observed = Observed(node, seen, self._on_message)

    def _on_message(self, name: str, stamp_ns: int, message: Any) -> None:
        self._loop.push(name, stamp_ns, message)
        while (seen := self._loop.poll()) is not None:
            running = self._running()
            if running != self._ran or self._loop.began_anew:
                self._watch.begin()
            self._ran = running
            outcome = self._watch.take(seen.tick_ns, seen.values, seen.valid)
            now_ns = time.monotonic_ns()
            if running and outcome is not Outcome.UNKNOWN and now_ns - self._told_ns >= _TOLD_NS:
                self._told_ns = now_ns
                self._tell(outcome, seen.tick_ns)
