"""The one loop that decides when the arbiter decides."""

from ilw_teleop.arbiter.arbiter import Arbiter, Decision
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.sim_pace import SimPace
from ilw_teleop.arbiter.stamps import LEAP_NS

CLOCK_STOPPED_NS = 1_000_000_000
"""A clock that stands still for longer in wall time has stopped: no age can be told any more"""

RESTS_NS = 100_000_000
"""Not polled for so long at most, even while nothing can move"""

_CLOCK_STEP_NS = 10_000_000
"""A simulated clock tells time in steps as long as this; a poll just before one comes in vain"""

ASLEEP_NS = 10_000_000_000
"""Nobody waits for an answer to a simulated clock that has stood still for longer in wall time"""

HUNG_NS = 1_500_000_000
"""Not polled for longer, the arbiter itself hung: the policy must be armed anew"""


class ArbiterLoop:
    """
    Is told whatever happens, and polled often; gives what is to be sent to the robot, if anything.

    Every time comes in as in ``Arbiter``, and ``wall_ns`` on the steady clock of this machine.

    :param grace_ns: wall time that must have gone by since the last request. Zero on hardware; a
        simulated clock may run ahead of the request of its tick.
    :param leap_grace_ns: the same after a leap of the clock, as at a reset: whoever drives first
        looks at the new world, and how long that takes must not change the run.
    :param simulated: time comes from a simulator; before its first tick there is none.
    """

    def __init__(self, arbiter: Arbiter, grace_ns: int = 0, leap_grace_ns: int = 0, *,
                 simulated: bool = False) -> None:
        self._arbiter, self._simulated = arbiter, simulated
        self._grace_ns = grace_ns
        self._leap_grace_ns = leap_grace_ns
        self._leapt_ns: int | None = None
        self._heard_ns: int | None = None
        self._ticked_ns = -2 * CLOCK_STOPPED_NS if simulated else None
        self._began = False
        """The simulated clock has moved once"""
        self._polled_ns: int | None = None
        self._pace = SimPace()

    # -- what can happen

    def request(self, request: Request, now_ns: int, mono_ns: int, wall_ns: int, *,
                waits: bool = False) -> Decision | None:
        """
        Take in a request of a person or a policy.

        :param waits: the clock may stand until its tick is answered. What was asked at a tick
            before is no answer: each tick would follow from one, and who fell behind once, as
            while starting, would be as late for ever, or too late to drive at all.
        """
        counts = self.hears(wall_ns, active=request.active)
        due = counts and self._arbiter.offer(request, now_ns, mono_ns)
        behind = due and waits and request.active and self._arbiter.is_behind(request, now_ns)
        return self._turn(now_ns, mono_ns, due=due and not behind)

    def switched(self, now_ns: int, mono_ns: int) -> Decision | None:
        """Go on after a switch of the arbiter was pressed, or somebody else was seen to drive."""
        return self._turn(now_ns, mono_ns, due=True)

    def rivals(self, commanders: int, *, several_policies: bool) -> bool:
        """Take in how many others drive; tells whether that is new, and a decision with it."""
        before = self._arbiter.rivals
        self._arbiter.notice_rivals(commanders, several_policies=several_policies)
        return bool(self._arbiter.rivals and not before)

    def clock(self, jump_ns: int, now_ns: int, mono_ns: int, wall_ns: int, *,
              waits: bool = False) -> Decision | None:
        """
        Take in that the clock of the stamps went on, or was set, by so much.

        A simulated clock that goes back begins another world: nobody drives there yet. A robot
        whose wall clock is set goes on as before: who drives, and since when, its steady clock
        tells.

        :param waits: the clock may stand until its tick is answered. The next action of a chunk is
            no answer yet: who sent it may have a better one.
        """
        if self._simulated:
            self.tick(wall_ns)
            if jump_ns < 0:
                self._arbiter.forget()
            if abs(jump_ns) >= LEAP_NS:
                for guard in self._arbiter.guards:
                    guard.leap(mono_ns)
        if jump_ns >= LEAP_NS:
            self.leap(wall_ns)
        return self._turn(now_ns, mono_ns, due=not waits and self._arbiter.chunk_due(now_ns))

    def poll(self, now_ns: int, mono_ns: int, wall_ns: int, *,
             waits: bool = False) -> Decision | None:
        """Look at the clocks; ``waits`` as for ``clock``."""
        if self._polled_ns is not None and wall_ns - self._polled_ns > HUNG_NS:
            self._arbiter.disarm()
        self._polled_ns = wall_ns
        due = self._silence(now_ns, mono_ns, wall_ns, waits=waits)
        return self._turn(now_ns, mono_ns, due=due)

    def end(self, now_ns: int, mono_ns: int) -> Decision | None:
        """Stop the robot for good, as an emergency stop does."""
        self._arbiter.estop('the arbiter ends')
        return self._turn(now_ns, mono_ns, due=True)

    def _turn(self, now_ns: int, mono_ns: int, *, due: bool) -> Decision | None:
        """Decide if a decision is due: the only place where the arbiter is made to."""
        return self._arbiter.decide(now_ns, mono_ns) if due else None

    # -- patience

    def tick(self, wall_ns: int) -> None:
        """Note that the simulated clock has moved; never called on hardware."""
        self._ticked_ns, self._began = wall_ns, True

    def leap(self, wall_ns: int) -> None:
        """Note that the simulated clock has leapt."""
        self._leapt_ns = wall_ns

    def hears(self, wall_ns: int, *, active: bool) -> bool:
        """Note a request; returns whether it counts: while the clock stands still, none does."""
        if active:
            self._heard_ns, self._leapt_ns = wall_ns, None
        return not self.clock_stopped(wall_ns)

    def _silence(self, now_ns: int, mono_ns: int, wall_ns: int, *, waits: bool) -> bool:
        """Tell whether a decision is due though nobody asks for one."""
        if now_ns == 0:  # the simulated clock has not started
            return False
        if self.clock_stopped(wall_ns):
            if self._arbiter.driven:
                self._arbiter.forget()
                return True
            return False
        if self._arbiter.chunk_due(now_ns):
            heard_ns = self._heard_ns or 0
            return not waits or wall_ns - max(heard_ns, self._ticked_ns or 0) >= self._grace_ns
        if not self._arbiter.due(now_ns, mono_ns):
            return False
        waited = [(self._heard_ns, self._grace_ns), (self._leapt_ns, self._leap_grace_ns)]
        if any(since is not None and wall_ns - since < grace for since, grace in waited):
            return False
        self._leapt_ns = None
        return True

    def rest_ns(self, mono_ns: int, wall_ns: int, *, paced: bool) -> int:
        """
        Return the wall time in which no poll is needed, since nobody drives and none is due.

        :param paced: time runs by the wall clock, at whatever speed; else it may wait for us.
        :returns: 0 while somebody drives, or where it cannot be told.
        """
        if self._arbiter.driven or self._leapt_ns is not None:
            return 0
        if not paced:  # whoever waits for an answer gets it as soon as can be
            asleep = (self._began and self._ticked_ns is not None
                      and wall_ns - self._ticked_ns > ASLEEP_NS)
            return RESTS_NS if asleep else 0
        left_ns = self._arbiter.idle_left_ns(mono_ns)
        if self._ticked_ns is not None:
            pace = self._pace.measure(mono_ns, wall_ns)
            if left_ns == 0 or pace is None or pace <= 0.1:
                return 0
            return min(round(left_ns / pace), RESTS_NS) + _CLOCK_STEP_NS
        return min(left_ns, RESTS_NS)

    def clock_stopped(self, wall_ns: int) -> bool:
        """Tell whether the simulated clock stands still."""
        return self._ticked_ns is not None and wall_ns - self._ticked_ns > CLOCK_STOPPED_NS
