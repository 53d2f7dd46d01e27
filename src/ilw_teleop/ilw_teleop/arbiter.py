"""
Decide what the robot does: emergency stop, then the person, then the policy. No ROS, no clock.

Every time comes in twice: ``now_ns`` on the clock of the stamps, ``mono_ns`` on the clock that
measures silence (steady on hardware, the simulated clock in simulation).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
import math

import numpy as np

from ilw_core.contract import Contract
from ilw_core.limits import limit


class Source(IntEnum):
    """Who drives. The numbers are those of ``ilw_msgs/ArbiterState``."""

    NONE = 0
    PERSON = 1
    POLICY = 2
    ESTOP = 3


@dataclass(frozen=True)
class Request:
    """What a person or a policy asks for."""

    source: int
    stamp_ns: int
    """When the first action is meant to be applied"""
    active: bool
    contract_hash: str
    names: Sequence[str]
    """(Da,) action names"""
    period_s: float
    """Between consecutive actions"""
    horizon: int
    """H"""
    values: Sequence[float]
    """(H * Da,) row major"""
    episode: str = ''


@dataclass(frozen=True)
class Decision:
    """What is sent to the robot, and why."""

    stamp_ns: int
    source: Source
    requested: tuple[float, ...]
    """(Da,) empty if nobody asked"""
    applied: np.ndarray
    """(Da,) float64"""
    reasons: tuple[str, ...]
    """Why they differ; empty when they do not"""
    episode: str
    armed: bool
    estopped: bool


@dataclass
class _Held:
    """The newest request of one source."""

    request: Request
    arrived_ns: int
    problem: str
    """Why it was refused on arrival; empty when it was not"""
    period_ns: int


class Arbiter:
    """
    Knows the newest request of each source and the action applied last.

    :param max_age_ns: a single action older than this on arrival is stale, and a source that is
        silent for this long has gone; ``None``: two periods of the contract.
    :param person_hold_ns: a person who vanished with the deadman held keeps the policy out for
        this long.
    """

    def __init__(self, contract: Contract, *, max_age_ns: int | None = None,
                 person_hold_ns: int = 1_000_000_000, armed: bool = False) -> None:
        self._action = contract.action
        self._names = list(contract.action.names)
        self._hash = contract.hash
        self._period_ns = contract.period_ns
        self._max_age_ns = max_age_ns or 2 * contract.period_ns
        self._person_hold_ns = person_hold_ns
        self._held: dict[Source, _Held] = {}
        stop = contract.action.stop
        rest = np.zeros(contract.action.dim) if stop is None else stop
        self._applied = np.clip(rest, contract.action.low, contract.action.high)
        self._decided_ns: int | None = None
        self._last_source = Source.NONE
        self._last_index = 0
        self.armed = armed
        self.estopped = False
        self.refused: dict[str, int] = {}
        """Reason -> requests refused on arrival, since the start"""

    # -- switches

    def arm(self) -> bool:
        """Let the policy drive; returns False while the emergency stop is latched."""
        self.armed = not self.estopped
        return self.armed

    def disarm(self) -> None:
        """Keep the policy from driving."""
        self.armed = False

    def estop(self) -> None:
        """Latch the emergency stop; the policy must be armed again after the reset."""
        self.estopped, self.armed = True, False

    def reset(self) -> None:
        """Release the emergency stop. What was asked before does not come back."""
        self.estopped = False
        self._held.clear()

    # -- requests in, decisions out

    def offer(self, request: Request, now_ns: int, mono_ns: int) -> bool:
        """
        Take in a request.

        :returns: whether to decide now: it is from who drives, or from who takes or gives over.
        """
        self._notice_jump(mono_ns)
        if request.source not in (Source.PERSON, Source.POLICY):
            self._count('contract')
            return False
        source = Source(request.source)
        drove = self._claimant(mono_ns)
        problem = self._check(request, now_ns) if request.active else ''
        if problem:
            self._count(problem)
        period_ns = round(request.period_s * 1e9) if not problem and request.active else 0
        self._held[source] = _Held(request, mono_ns, problem, period_ns)
        drives = self._claimant(mono_ns)
        if drives is source or drove is not drives:
            return True
        # Nobody drives: one decision per period is enough, whoever reports in.
        idle_ns = self._period_ns // 2
        lately = self._decided_ns is not None and mono_ns - self._decided_ns <= idle_ns
        return drives is None and not lately

    def decide(self, now_ns: int, mono_ns: int) -> Decision:
        """Return what the robot does from now on."""
        self._notice_jump(mono_ns)
        stop = self._applied if self._action.stop is None else self._action.stop
        claimant = self._claimant(mono_ns)
        held = None if claimant is None else self._held[claimant]
        source, requested, wanted, reasons = Source.NONE, (), stop, ()
        if held is None:
            reasons = ('silent',)
        else:
            row, problem = self._row(held, now_ns, mono_ns)
            requested = () if row is None else tuple(row)
            if claimant is Source.POLICY and not self.armed:
                reasons = ('disarmed',)
            elif problem:
                reasons = (problem,)
            else:
                source, wanted = claimant, np.asarray(row)
                self._last_index = self._index(held, now_ns)
        if self.estopped:
            # No ramp: whoever hits the stop wants it now.
            source, applied, reasons = Source.ESTOP, np.array(stop, dtype=float), ('estop',)
        else:
            applied, limited = self._limit(wanted, stop, mono_ns)
            reasons += limited
        self._applied, self._decided_ns, self._last_source = applied, mono_ns, source
        episode = '' if held is None else held.request.episode
        return Decision(now_ns, source, requested, applied.copy(), reasons, episode,
                        self.armed, self.estopped)

    def due(self, now_ns: int, mono_ns: int) -> bool:
        """Tell whether a decision is due without a request: silence, or nobody there."""
        if self._decided_ns is None or mono_ns < self._decided_ns - self._period_ns:
            return True
        since_ns = mono_ns - self._decided_ns
        if self._last_source not in (Source.PERSON, Source.POLICY):
            return since_ns >= self._period_ns
        held = self._held.get(self._last_source)
        gone = held is None or self._row(held, now_ns, mono_ns)[1] != ''
        return gone or since_ns >= 1.5 * self._period_ns

    def chunk_due(self, now_ns: int) -> bool:
        """Tell whether the next action of the chunk being driven has come up."""
        held = self._held.get(self._last_source)
        if held is None or held.request.horizon < 2 or not held.period_ns:
            return False
        index = self._index(held, now_ns)
        return self._last_index < index < held.request.horizon

    def forget(self) -> None:
        """Drop every request, as after a jump back of the clock; switches stay."""
        self._held.clear()
        self._decided_ns = None
        self._last_source = Source.NONE

    # -- inside

    def _notice_jump(self, mono_ns: int) -> None:
        if self._decided_ns is not None and mono_ns < self._decided_ns - self._period_ns:
            self.forget()

    def _count(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1

    def _claimant(self, mono_ns: int) -> Source | None:
        person = self._held.get(Source.PERSON)
        if person is not None and person.request.active:
            if mono_ns - person.arrived_ns <= max(self._person_hold_ns, self._max_age_ns):
                return Source.PERSON
            del self._held[Source.PERSON]
        policy = self._held.get(Source.POLICY)
        return Source.POLICY if policy is not None and policy.request.active else None

    def _check(self, request: Request, now_ns: int) -> str:
        """Return why a request is refused, or nothing."""
        if request.contract_hash != self._hash or list(request.names) != self._names:
            return 'contract'
        horizon = request.horizon
        if horizon < 1 or len(request.values) != horizon * self._action.dim:
            return 'length'
        if not (math.isfinite(request.period_s) and 1e-4 <= request.period_s <= 1e4):
            return 'nonfinite'
        if not all(map(math.isfinite, request.values)):
            return 'nonfinite'
        age_ns = now_ns - request.stamp_ns
        last_ns = (horizon - 1) * round(request.period_s * 1e9)
        if age_ns >= last_ns + self._max_age_ns or age_ns < -self._max_age_ns:
            return 'stale' if horizon == 1 else 'expired'
        return ''

    def _index(self, held: _Held, now_ns: int) -> int:
        return max(0, (now_ns - held.request.stamp_ns) // held.period_ns)

    def _row(self, held: _Held, now_ns: int, mono_ns: int) -> tuple[Sequence[float] | None, str]:
        """Return the action due now, if there is one to show, and why it may not be applied."""
        dim, horizon = self._action.dim, held.request.horizon
        if held.problem:
            if mono_ns - held.arrived_ns >= self._max_age_ns:
                return None, 'silent'
            whole = held.problem not in ('length', 'contract')
            return (held.request.values[:dim] if whole else None), held.problem
        last_ns = (horizon - 1) * held.period_ns
        if mono_ns - held.arrived_ns >= last_ns + self._max_age_ns:
            return None, 'silent'
        index = 0 if horizon == 1 else self._index(held, now_ns)
        if horizon > 1 and now_ns - held.request.stamp_ns >= last_ns + self._max_age_ns:
            return None, 'expired'
        index = min(index, horizon - 1)
        return held.request.values[index * dim:(index + 1) * dim], ''

    def _limit(self, wanted: np.ndarray, stop: np.ndarray,
               mono_ns: int) -> tuple[np.ndarray, tuple[str, ...]]:
        since_ns = self._period_ns
        if self._decided_ns is not None:
            since_ns = max(0, mono_ns - self._decided_ns)
        previous = self._applied
        if since_ns > 2 * self._period_ns:
            # Without commands the robot has been stopping by itself: go on from there.
            previous, _ = limit(self._action, stop, previous, (since_ns - self._period_ns) / 1e9)
            since_ns = self._period_ns
        return limit(self._action, wanted, previous, since_ns / 1e9)
