"""
Decide what the robot does: emergency stop, then the person, then the policy.

Every time comes in twice: ``now_ns`` on the clock of the stamps, ``mono_ns`` on the clock that
measures silence (steady on hardware, the simulated clock in simulation).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Source
from ilw_core.limits import Limiter, limit
from ilw_teleop.arbiter.request import Request, refusal
from ilw_teleop.arbiter.robot_profile import RobotProfile
from ilw_teleop.guards.forward_stop import ForwardStop
from ilw_teleop.guards.guard import Guard
from ilw_teleop.guards.range_stop import RangeStop

_OF_AGE = ('', 'stale', 'expired', 'observation')
"""Why a request is refused whose times are in order"""


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
    :param profile: limits of the machine, beside the contract's.
    :param dry_run: nothing reaches the robot, so a policy need not be armed to show what it would
        do.
    :raises ContractError: contract and profile cannot both be kept.
    """

    def __init__(self, contract: Contract, *, max_age_ns: int | None = None,
                 person_hold_ns: int = 1_000_000_000, armed: bool = False,
                 profile: RobotProfile | None = None, dry_run: bool = False) -> None:
        self._contract, self._profile, self._dry_run = contract, profile, dry_run
        self._action = profile.tighten(contract.action) if profile else contract.action
        self._period_ns = contract.period_ns
        self._max_age_ns = max_age_ns or 2 * contract.period_ns
        self._person_hold_ns = person_hold_ns
        self._held: dict[Source, _Held] = {}
        self._limiter = Limiter(self._action, self._action.begin)
        self._positions: tuple[np.ndarray, int] | None = None
        self._go_on_from_there = False
        safety = contract.safety
        slack = safety.clamp_ratio * (self._action.high - self._action.low)
        self._wild_below, self._wild_above = self._action.low - slack, self._action.high + slack
        self.lidar = profile.lidar if profile else contract.lidar
        """What is declared of the robot's lidar"""
        seen = contract.declaring(self.lidar)
        self.ahead = ForwardStop(seen) if safety.scan or safety.workspace else None
        """Takes in what the robot sees; ``None`` where the contract does not look ahead"""
        self.ranges = (RangeStop(safety.ranges, self._period_ns) if safety.ranges
                       else None)
        """Takes in what is kept in a range; ``None`` where there is nothing to keep"""
        self.guards = tuple[Guard, ...](filter(None, (self.ahead, self.ranges)))
        """Asked in this order before a command goes out"""
        self._wild = 0
        self.rivals = ''
        """Who else drives, a sentence; empty when nobody does"""
        self.unready: tuple[str, ...] = ()
        """What is wrong with the robot, a sentence each; see ``preflight.py``"""
        self.disarmed_why = ''
        """Why nobody is armed any more, a sentence; empty unless it was not a person who did it"""
        self.estop_why = ''
        """Why the emergency stop is latched; empty while it is not"""
        self._decided_ns: int | None = None
        self._last_source = Source.NONE
        self._last_index = 0
        self.armed = armed
        self.estopped = False
        self.refused: dict[str, int] = {}
        """Reason -> requests refused on arrival, since the start"""

    # -- switches

    def arm(self) -> str:
        """Let the policy drive; returns why not, or nothing."""
        if self.estopped:
            return f'The emergency stop is latched ({self.estop_why}): reset it first.'
        if self.rivals:
            return f'{self.rivals} End it first.'
        if self.unready:
            return ' '.join(self.unready)
        self.armed, self.disarmed_why = True, ''
        return ''

    def disarm(self) -> str:
        """Keep the policy from driving."""
        self.armed, self.disarmed_why = False, ''
        return ''

    def estop(self, why: str = 'a person asked for it') -> str:
        """Latch the emergency stop; the policy must be armed again after the reset."""
        self.estopped, self.armed, self.estop_why = True, False, why
        return ''

    def reset(self) -> str:
        """Release the emergency stop. What was asked before does not come back."""
        self.estopped, self.estop_why, self._wild = False, '', 0
        self._go_on_from_there = True
        self._held.clear()
        return ''

    def notice_rivals(self, commanders: int, *, several_policies: bool = False) -> None:
        """Take in how many others publish commands: with one, or two policies, none drives."""
        self.rivals = ''
        if commanders:
            self.rivals = f'{commanders} other node(s) command the robot, which obeys them, too.'
        elif several_policies:
            self.rivals = 'Several policies want to drive at once.'
        if self.rivals:
            self.armed = False

    def notice_restart(self) -> str:
        """Take in that another process is the policy now: nobody armed that one. Returns why."""
        if self.armed:
            self.armed, self.disarmed_why = False, 'The policy was restarted: arm it again.'
            return self.disarmed_why
        return ''

    def notice_unready(self, problems: Sequence[str], *, against: bool = False) -> None:
        """
        Take in what a look at the robot found: with anything, a policy cannot be armed.

        :param against: it moves against its commands, so one that drives is disarmed, too.
        """
        self.unready = tuple(problems)
        if against:
            self.armed = False

    def notice_positions(self, values: np.ndarray, mono_ns: int) -> None:
        """
        Take in where the robot is.

        :param values: ``(Da,)``; NaN of a field that the contract does not measure.
        """
        self._positions = values, mono_ns

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
        problem = ''
        if request.active:
            problem = refusal(request, self._contract, self._max_age_ns, now_ns)
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
        unknown = self._find_positions(mono_ns)
        stop = self._action.halted(self._limiter.applied)
        claimant = self._claimant(mono_ns)
        held = None if claimant is None else self._held[claimant]
        source, requested, wanted, reasons = Source.NONE, (), stop, ()
        if held is None:
            reasons = ('silent',)
        else:
            row, problem = self._row(held, now_ns, mono_ns)
            requested = () if row is None else tuple(row)
            if claimant is Source.POLICY and not (self.armed or self._dry_run):
                reasons = ('rival',) if self.rivals else ('disarmed',)
            elif problem or unknown:
                # Whoever moves on from a place that nobody knows asks for no number.
                reasons = ('unmeasured' if unknown and problem in ('', 'nonfinite') else problem,)
            else:
                source, wanted = claimant, np.asarray(row)
                self._last_index = self._index(held, now_ns)
                self._count_wild(claimant, wanted)
        if self.estopped:
            # No ramp: whoever hits the stop wants it now.
            source, reasons = Source.ESTOP, ('estop',)
            self._limiter.jump(stop)
        elif source is Source.NONE:
            reasons += self._halt(stop, mono_ns)
        else:
            override = source is Source.PERSON and held is not None and held.request.override
            reasons += self._drive(wanted, stop, mono_ns, override=override)
        for guard in self.guards:
            guard.sent(self._limiter.applied, mono_ns)
        self._decided_ns, self._last_source = mono_ns, source
        episode = '' if held is None else held.request.episode
        return Decision(now_ns, source, requested, self._limiter.applied.copy(), reasons, episode,
                        self.armed, self.estopped)

    def due(self, now_ns: int, mono_ns: int) -> bool:
        """Tell whether a decision is due without a request: silence, or nobody there."""
        if self._decided_ns is None or mono_ns < self._decided_ns - self._period_ns:
            return True
        since_ns = mono_ns - self._decided_ns
        if not self.driven:
            return since_ns >= self._period_ns
        held = self._held.get(self._last_source)
        gone = held is None or self._row(held, now_ns, mono_ns)[1] != ''
        return gone or since_ns >= 1.5 * self._period_ns

    def is_behind(self, request: Request, now_ns: int) -> bool:
        """
        Tell whether a tick has come after the last one that a held request has an action for.

        Of one that was refused for more than its age nothing is told: its numbers may be any.
        """
        held = next((each for each in self._held.values() if each.request is request), None)
        return (held is not None and held.problem in _OF_AGE
                and now_ns - request.stamp_ns - request.last_ns >= self._period_ns)

    def idle_left_ns(self, mono_ns: int) -> int:
        """Return how long the next decision has time while nobody drives; 0: it may be due."""
        if self.driven or self._decided_ns is None:
            return 0
        return min(self._period_ns, max(0, self._decided_ns + self._period_ns - mono_ns))

    @property
    def driven(self) -> bool:
        """Whether a person or a policy drove at the last decision."""
        return self._last_source in (Source.PERSON, Source.POLICY)

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

    def _find_positions(self, mono_ns: int) -> bool:
        """Begin where the robot is; returns whether that is not known of any field yet."""
        applied = self._limiter.applied
        if not (self._go_on_from_there or np.isnan(applied).any()):
            return False
        if self._positions is not None:
            there, at_ns = self._positions
            if 0 <= mono_ns - at_ns <= self._max_age_ns:
                known = np.where(np.isnan(there), applied, there)
                self._limiter.jump(np.clip(known, self._action.low, self._action.high))
        self._go_on_from_there = False
        return bool(np.isnan(self._limiter.applied).any())

    def _index(self, held: _Held, now_ns: int) -> int:
        return max(0, (now_ns - held.request.stamp_ns) // held.period_ns)

    def _row(self, held: _Held, now_ns: int, mono_ns: int) -> tuple[Sequence[float] | None, str]:
        """Return the action due now, if there is one to show, and why it may not be applied."""
        if not held.request.active:
            return None, 'silent'
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

    def _count_wild(self, source: Source, wanted: np.ndarray) -> None:
        """Trip the emergency stop when request after request is far out of range."""
        wild = ((wanted < self._wild_below) | (wanted > self._wild_above)).any()
        self._wild = self._wild + 1 if wild else 0
        if self._wild >= self._contract.safety.clamps_in_a_row:
            self.estop(f'{self._wild} requests of the {source.name.lower()} in a row were far out '
                       f'of range')

    def _elapsed_s(self, mono_ns: int) -> float:
        since_ns = self._period_ns
        if self._decided_ns is not None:
            since_ns = max(0, mono_ns - self._decided_ns)
        return since_ns / 1e9

    def _halt(self, stop: np.ndarray, mono_ns: int) -> tuple[str, ...]:
        """Nobody drives: go to the stop action, at once unless the contract says how fast."""
        step = self._action.stop_rate * max(self._elapsed_s(mono_ns), 1e-9) + 1e-9
        before = self._limiter.applied
        slower, reasons = self._guarded(np.clip(stop, before - step, before + step), mono_ns)
        self._limiter.jump(slower)
        late = ((slower != stop) & ~np.isnan(stop)).any()
        return (*(('rate',) if late else ()), *reasons)

    def _drive(self, wanted: np.ndarray, stop: np.ndarray, mono_ns: int, *,
               override: bool) -> tuple[str, ...]:
        """Somebody drives: as asked, within every limit and away from what is in the way."""
        elapsed_s, period_s = self._elapsed_s(mono_ns), self._period_ns / 1e9
        if elapsed_s > 2 * period_s:
            # Without commands the robot has been stopping by itself: go on from there.
            stopping, _ = limit(self._action, stop, self._limiter.applied, elapsed_s - period_s)
            self._limiter.jump(stopping)
            elapsed_s = period_s
        applied, reasons = self._limiter.towards(wanted, elapsed_s)
        safe = applied
        if self._profile is not None:
            safe, more = self._profile.saturate(safe, self._action)
            reasons += more
        safe, more = self._guarded(safe, mono_ns, override=override)
        reasons += more
        if safe is not applied and (safe != applied).any():
            self._limiter.jump(safe)
        return reasons

    def _guarded(self, action: np.ndarray, mono_ns: int, *,
                 override: bool = False) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return the action after every guard, and why it is slower."""
        reasons: tuple[str, ...] = ()
        for guard in self.guards:
            if not (override and guard.overridable):
                action, more = guard.slow(action, mono_ns)
                reasons += more
        return action, reasons
