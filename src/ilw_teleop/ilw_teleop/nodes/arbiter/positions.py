"""Bring to the arbiter the observed numbers that tell where fields are: joints, a tool."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from rclpy.node import Node

from ilw_core.contract.file import Contract
from ilw_ros.observe import Observed
from ilw_teleop.arbiter.arbiter import Arbiter


class Positions:
    """
    The subscriptions to what ``action.fields[].measured`` and ``safety.ranges[].of`` name.

    :param times: tells now, on the clock of the stamps and on the one that measures silence.
    """

    def __init__(self, node: Node, contract: Contract, arbiter: Arbiter,
                 times: Callable[[], tuple[int, int]]) -> None:
        self._sources = [source for source in contract.sources
                         if contract.measured & set(source.feature.names)]
        needs = {need for source in self._sources for need in source.feature.needs}
        self._arbiter, self._times, self._measured = arbiter, times, contract.action.measured
        self._tolerance_ns = {s.name: s.align.tolerance_ns for s in contract.sources}
        self._messages: dict[str, Any] = {}
        self._stamps: dict[str, int] = {}
        heard = tuple(s for s in contract.sources if s.name in needs)
        self._observed = Observed(node, replace(contract, sources=heard), self._on_message)

    def _on_message(self, name: str, stamp_ns: int, message: Any) -> None:
        self._messages[name], self._stamps[name] = message, stamp_ns
        now_ns, mono_ns = self._times()
        found: dict[str, float] = {}
        for source in self._sources:
            needs = source.feature.needs
            if all(need in self._messages and now_ns - self._stamps[need]
                   <= self._tolerance_ns[need] for need in needs):
                found.update(zip(source.feature.names,
                                 source.feature.encode(self._messages).tolist(), strict=True))
        if any(self._measured):
            self._arbiter.notice_positions(
                np.array([found.get(each, np.nan) for each in self._measured]), mono_ns)
        if self._arbiter.ranges is not None:
            for each, value in found.items():
                self._arbiter.ranges.see(each, value, mono_ns)
