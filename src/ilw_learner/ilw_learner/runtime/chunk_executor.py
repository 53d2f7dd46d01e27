"""Decide which action of which chunk is due, how chunks are joined, and when the next is begun."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, fields
import math
from typing import Any

import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError

JOINS = ('replace', 'ensemble', 'prefix')
"""
How a chunk is joined to what is left of the last: it counts alone; its actions are averaged with
those that earlier chunks have for the same tick (temporal ensemble, T. Zhao et al. 2023, section
IV.B); it goes on from the actions that are driven while it is computed (K. Black et al.,
"Real-time execution of action chunking flow policies", 2025)
"""
_DELAYS = 5
"""Newest inferences, of which the slowest says how long the next may take"""


@dataclass(frozen=True)
class Execution:
    """How the chunks of a policy are driven; its checkpoint says it, as its training did."""

    execute: int = 1
    """Actions of a chunk that are over when the next counts, if computing it takes no longer"""
    join: str = 'replace'
    """One of ``JOINS``"""
    decay: float = 0.01
    """Of ``ensemble``: a chunk weighs exp(-decay) times what the one begun before it does"""
    frozen: int = 0
    """Of ``prefix``: most actions that the network can be told to go on from"""

    def __post_init__(self) -> None:
        if self.join not in JOINS:
            raise ValueError(f'join must be one of {", ".join(JOINS)}. Got {shown(self.join)}.')
        if self.execute < 1 or self.frozen < 0 or not 0.0 <= self.decay < math.inf:
            raise ValueError('execute must be at least 1, decay and frozen at least 0.')
        if self.join == 'prefix' and not self.frozen:
            raise ValueError('join: prefix needs a network that can go on from actions: frozen '
                             'must be at least 1.')


def execution_of(card: Mapping[str, Any], where: str) -> Execution:
    """
    Return how the policy of a card is driven; one that says nothing is asked at every tick.

    :param where: the card's file, for the error's text.
    :raises CheckpointError: it says what this version does not know.
    """
    said = card.get('execution', {})
    try:
        kinds = {each.name: type(each.default) for each in fields(Execution)}
        if not isinstance(said, dict) or any(
                type(value) is not kinds.get(key) for key, value in said.items()):
            raise ValueError(f'execution must map some of {", ".join(kinds)} to values.')
        return Execution(**said)
    except ValueError as error:
        raise CheckpointError(f'{where}: {error} Got {shown(said)}.') from error


@dataclass(frozen=True)
class Plan:
    """Actions at the contract's rate."""

    begin_ns: int
    """Tick of the first action, and of the observation that they follow from"""
    actions: np.ndarray
    """(R, Da) contract units"""


@dataclass(frozen=True, eq=False)
class Begun:
    """A chunk that is being computed."""

    tick_ns: int
    """Of its observation"""
    frozen: np.ndarray
    """(d, Da) what is driven from that tick on meanwhile; of ``prefix`` only"""


class ChunkExecutor:
    """
    Knows the chunk that is driven; chunks and ticks come in, the actions that are due come out.

    What computes chunks, beside or between the ticks, is others' business: ``begin`` says from
    which observation, ``take`` brings the answer.

    :param period_ns: between two ticks, and between two actions.
    """

    def __init__(self, execution: Execution, period_ns: int) -> None:
        self.execution, self._period_ns = execution, period_ns
        self._delays: deque[int] = deque(maxlen=_DELAYS)
        self.reset()

    def reset(self) -> None:
        """Drive nothing of what there is, as at the start of an episode."""
        self._plan: Plan | None = None
        self._begun: Begun | None = None
        self._chunks: deque[Plan] = deque()

    def delay(self, latency_s: float) -> int:
        """
        Return after how many ticks an answer counts.

        What takes up to half a period is waited for at its own tick; only what is slower counts
        from a later one.
        """
        periods = latency_s * 1e9 / self._period_ns
        return 0 if periods <= 0.5 else math.ceil(periods)

    def due(self, tick_ns: int) -> bool:
        """
        Tell whether the next chunk is to be begun from this tick's observation.

        It is begun as much earlier as the slowest of the last answers took: what is driven is no
        older than on a fast computer, as far as one inference at a time allows.
        """
        if self._begun is not None:
            return False
        plan = self.plan(tick_ns)
        after = max(1, self.execution.execute - self._expected_delay())
        return plan is None or tick_ns - plan.begin_ns >= after * self._period_ns

    def begin(self, tick_ns: int) -> Begun:
        """Note that a chunk is computed from this tick's observation."""
        plan, count = self.plan(tick_ns), min(self._expected_delay(), self.execution.frozen)
        if self.execution.join != 'prefix' or plan is None:
            count = 0
        at = 0 if plan is None else self._index(plan, tick_ns)
        driven = np.empty((0, 0)) if plan is None else plan.actions[at:at + count]
        self._begun = Begun(tick_ns, driven)
        return self._begun

    def take(self, begun: Begun, actions: np.ndarray | None, latency_s: float) -> None:
        """
        Join the chunk that was begun; one begun before a ``reset`` is left.

        :param actions: ``(Ta, Da)``; ``None``: there are none. Nothing is driven then: who cannot
            see does not go on blindly.
        :param latency_s: how long it took.
        """
        if begun is not self._begun:
            return
        self._begun = None
        if actions is None:
            self.reset()
            return
        self._delays.append(self.delay(latency_s))
        chunk = Plan(begun.tick_ns, np.array(actions, dtype=np.float64))
        if len(begun.frozen):
            chunk.actions[:len(begun.frozen)] = begun.frozen
        self._plan = self._averaged(chunk) if self.execution.join == 'ensemble' else chunk

    def plan(self, tick_ns: int) -> Plan | None:
        """Return what is driven; ``None`` where it has no action for this tick."""
        plan = self._plan
        if plan is None or not 0 <= self._index(plan, tick_ns) < len(plan.actions):
            return None
        return plan

    def left(self, tick_ns: int) -> np.ndarray:
        """Return the actions that are left from a tick on, ``(R, Da)``; none: ``(0, 0)``."""
        plan = self.plan(tick_ns)
        return np.empty((0, 0)) if plan is None else plan.actions[self._index(plan, tick_ns):]

    def _expected_delay(self) -> int:
        return max(self._delays, default=0)

    def _index(self, plan: Plan, tick_ns: int) -> int:
        return round((tick_ns - plan.begin_ns) / self._period_ns)

    def _averaged(self, chunk: Plan) -> Plan:
        """Return a chunk averaged with those before it, of which the oldest weighs most."""
        self._chunks.append(chunk)
        while self._index(self._chunks[0], chunk.begin_ns) >= len(self._chunks[0].actions):
            self._chunks.popleft()
        total, weight = np.zeros_like(chunk.actions), np.zeros((len(chunk.actions), 1))
        for number, each in enumerate(self._chunks):
            rest = each.actions[self._index(each, chunk.begin_ns):]
            share = math.exp(-self.execution.decay * number)
            total[:len(rest)] += share * rest
            weight[:len(rest)] += share
        return Plan(chunk.begin_ns, total / weight)
