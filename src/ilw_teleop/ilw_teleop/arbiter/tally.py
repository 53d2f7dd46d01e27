"""What the arbiter did, or in a dry run would have done, in numbers."""

from collections import Counter, deque
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Source
from ilw_teleop.arbiter.arbiter import Decision

LATENCIES = 10_000
"""A quarter of an hour at 10 Hz; of a longer run the newest count"""


@dataclass(frozen=True)
class FieldTally:
    """How large one field of the action was, and how far from what was asked for."""

    unit: str
    """Of every number"""
    mean: float
    """Of what was applied, without its sign"""
    max: float
    gap_mean: float
    """Of the difference between asked for and applied"""
    gap_max: float


@dataclass(frozen=True)
class TallySummary:
    """What the arbiter did; diagnostics show it under these names."""

    decisions: int
    driven: int
    """Decisions in which person or policy drove"""
    changed: int
    """Of those, how often something else was applied than was asked for"""
    drivers: dict[str, int]
    """Who drove (``none`` among them) -> decisions"""
    reasons: dict[str, int]
    """Why something else was applied -> decisions, the most frequent first"""
    fields: dict[str, FieldTally]
    """Field of the action -> its numbers over the driven decisions"""
    latency_p50_s: float | None
    """The policy's, of its newest ``LATENCIES`` actions; ``None``: it gave none"""
    latency_p99_s: float | None
    policy_silent: str
    """Why the policy gives no action; empty while it does"""


class Tally:
    """The decisions so far, and how long the policy thought for each action."""

    def __init__(self, contract: Contract) -> None:
        action = contract.action
        self._fields = list(zip(action.names, action.units, strict=True))
        self._asked = self._changed = self._decided = 0
        self._drivers: Counter[str] = Counter()
        self._reasons: Counter[str] = Counter()
        none = np.zeros(action.dim)
        self._largest, self._summed = none.copy(), none.copy()
        self._gap_largest, self._gap_summed = none.copy(), none.copy()
        self._latencies_s: deque[float] = deque(maxlen=LATENCIES)
        self._silent = ''

    def decided(self, decision: Decision) -> None:
        """Count one decision."""
        self._decided += 1
        self._drivers[decision.source.name.lower()] += 1
        self._reasons.update(decision.reasons)
        applied = np.abs(decision.applied)
        if decision.source not in (Source.PERSON, Source.POLICY):
            return
        self._asked += 1
        self._largest, self._summed = np.maximum(self._largest, applied), self._summed + applied
        gap = np.abs(np.asarray(decision.requested) - decision.applied)
        self._changed += bool(np.any(gap > 1e-6))
        self._gap_largest = np.maximum(self._gap_largest, gap)
        self._gap_summed = self._gap_summed + gap

    def thought(self, latency_s: float, reason: str) -> None:
        """Note how long the policy took for an action, or why it gave none."""
        self._silent = reason
        if not reason:
            self._latencies_s.append(latency_s)

    def summary(self) -> TallySummary:
        """Return the counts so far."""
        n = max(1, self._asked)
        latencies = np.percentile(self._latencies_s, [50, 99]) if self._latencies_s else None
        return TallySummary(
            decisions=self._decided, driven=self._asked, changed=self._changed,
            drivers=dict(self._drivers), reasons=dict(self._reasons.most_common()),
            fields={name: FieldTally(
                unit=unit, mean=round(float(self._summed[i] / n), 4),
                max=round(float(self._largest[i]), 4),
                gap_mean=round(float(self._gap_summed[i] / n), 4),
                gap_max=round(float(self._gap_largest[i]), 4),
            ) for i, (name, unit) in enumerate(self._fields)},
            latency_p50_s=None if latencies is None else round(float(latencies[0]), 6),
            latency_p99_s=None if latencies is None else round(float(latencies[1]), 6),
            policy_silent=self._silent)

    def lines(self) -> list[str]:
        """Return the summary for a person."""
        said = self.summary()
        drivers = ', '.join(f'{name} {n}' for name, n in said.drivers.items())
        found = [f'{said.decisions} decisions ({drivers or "none"}), {said.changed} of '
                 f'{said.driven} requests changed']
        reasons = ', '.join(f'{reason} {n}' for reason, n in said.reasons.items())
        found.append(f'why: {reasons or "nothing"}')
        found += [f'{name}: size {row.mean:g} (largest {row.max:g}) {row.unit}, '
                  f'changed by {row.gap_mean:g} (largest {row.gap_max:g})'
                  for name, row in said.fields.items()]
        if said.latency_p50_s is None or said.latency_p99_s is None:
            why = said.policy_silent or 'it is not there'
            found.append(f'the policy gave no action: {why}')
        else:
            found.append(f'the policy thought for {said.latency_p50_s * 1e3:.2f} ms (99 %: '
                         f'{said.latency_p99_s * 1e3:.2f} ms)')
        return found
