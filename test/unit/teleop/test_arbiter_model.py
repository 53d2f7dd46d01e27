"""
The arbiter in its loop on hardware on hardware, held to a small model of what they may do.

Two clocks: the stamps' clock may jump, the steady one only goes forward. Between any two rules the
loop is polled every 10 ms, as the node does, unless the arbiter itself hangs.
"""

from dataclasses import replace
import math

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
import numpy as np

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import SafetySpec
from ilw_core.episode import Source
from ilw_core.storage.locate import config_file
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.loop import HUNG_NS, ArbiterLoop
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import load_profile

P = 100_000_000
POLL = 10_000_000
T0 = 1_000_000_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
PLAIN = replace(CLUTTER, safety=SafetySpec(clamp_ratio=0.1, clamps_in_a_row=10))
SMOOTH = replace(PLAIN, action=replace(
    PLAIN.action, max_acceleration=np.array([4.0, 20.0]), max_jerk=np.array([40.0, 200.0])))
CONTRACTS = {'looks ahead': CLUTTER, 'plain': PLAIN, 'smooth': SMOOTH}
PROFILE = load_profile(config_file('robots', 'sim_diff_drive'))
STOP = [0.0, 0.0]
BRAKES = {'obstacle', 'blind', 'workspace', 'wheels'}
"""With one of these reasons a value may fall, never rise, faster than the rate limit"""

whole = st.tuples(st.floats(-0.6, 0.8), st.floats(-2.0, 2.0)).map(list)
wild = st.floats(-2.0, 2.0) | st.sampled_from([math.nan, math.inf, -math.inf, 1e300])
values = whole | st.lists(wild, max_size=6)


class ArbiterMachine(RuleBasedStateMachine):
    """Whatever happens, in whatever order."""

    @initialize(kind=st.sampled_from(sorted(CONTRACTS)), profile=st.booleans())
    def begin(self, kind, profile):
        self.contract = contract = CONTRACTS[kind]
        self.action = contract.action
        self.arbiter = Arbiter(contract, profile=PROFILE if profile else None)
        self.loop = ArbiterLoop(self.arbiter)
        self.now = self.mono = T0
        self.applied, self.decided, self.rate = np.zeros(2), T0, np.zeros(2)
        self.good = {}
        """Source -> until when (steady clock) its newest request may drive"""
        self.person_until = -1
        """So long a person who asked keeps the policy out"""
        self.armed = self.estopped = False
        self.polled = None
        self._poll()
        self.a_switch_is_pressed(name='arm')

    # -- what can happen

    @rule(ms=st.integers(0, 40) | st.integers(0, 1500))
    def time_goes_by(self, ms):
        until = self.mono + ms * 1_000_000
        while self.mono + POLL <= until:
            self.now, self.mono = self.now + POLL, self.mono + POLL
            self._poll()
        self.now, self.mono = self.now + until - self.mono, until

    @rule(ms=st.integers(0, 4000), looks=st.booleans())
    def the_arbiter_hangs(self, ms, looks):
        self.now, self.mono = self.now + ms * 1_000_000, self.mono + ms * 1_000_000
        if looks:  # else what waited in its queues comes first
            self._poll()

    @rule(seconds=st.sampled_from([-100.0, -1.0, -0.05, 0.05, 1.0, 100.0]))
    def the_clock_of_the_stamps_is_set(self, seconds):
        self.now += round(seconds * 1e9)
        self._judge(self.loop.clock(round(seconds * 1e9), self.now, self.mono, self.mono))

    @rule(source=st.sampled_from([1, 2]), asks=st.lists(whole, min_size=1, max_size=6),
          far=st.sampled_from([4.0, 4.0, 0.5, 0.2]),
          period_ms=st.sampled_from([50, 100, 100, 190]))
    def somebody_drives(self, source, asks, far, period_ms):
        for asked in asks:
            self.the_lidar_sees(far=far, age=0, odd=0.0)
            self._ask(Request(source, self.now, True, self.contract.hash, self.action.names, 0.1,
                              1, asked), good_until=self.mono + 2 * P)
            self.time_goes_by(ms=period_ms)

    @rule(source=st.sampled_from([1, 1, 2, 2, 0, 3, 99]), asked=values,
          age=st.sampled_from([0, 0, 0, 10, 199, 200, 5000, -500]),
          seen=st.sampled_from([None, 0, 300, 400, 9000]),
          active=st.sampled_from([True, True, True, False]),
          period_s=st.sampled_from([0.1, 0.1, 0.05, 0.0, -1.0, math.nan, 1e300]),
          horizon=st.sampled_from([1, 1, 1, 2, 3, 0]), right=st.sampled_from([True] * 5 + [False]),
          override=st.booleans())
    def somebody_asks(self, source, asked, age, seen, active, period_s, horizon, right, override):
        stamp = self.now - age * 1_000_000
        observed = 0 if seen is None else stamp - seen * 1_000_000
        request = Request(source, stamp, active, self.contract.hash if right else 'other',
                          self.action.names, period_s, horizon, asked, '', observed, override)
        whole = right and horizon >= 1 and len(asked) == 2 * horizon and all(
            map(math.isfinite, asked)) and math.isfinite(period_s) and 1e-4 <= period_s <= 1e4
        last = (horizon - 1) * round(period_s * 1e9) if whole else 0
        fresh = -2 * P <= age * 1_000_000 < last + 2 * P
        drives = active and whole and fresh and (
            not observed or self.now - observed < last + 4 * P)
        self._ask(request, good_until=self.mono + last + 2 * P if drives else -1)

    def _ask(self, request, good_until):
        if request.source in (1, 2):
            self.good[request.source] = good_until
        if request.source == 1:
            self.person_until = self.mono + 1_000_000_000 if request.active else -1
        self._judge(self.loop.request(request, self.now, self.mono, self.mono))

    @rule()
    def a_policy_is_made_ready(self):
        self.the_graph_is_looked_at(others=0, several=False)
        self.a_switch_is_pressed(name='reset')
        self.a_switch_is_pressed(name='arm')
        assert self.armed

    @rule(name=st.sampled_from(['arm', 'disarm', 'estop', 'reset']))
    def a_switch_is_pressed(self, name):
        why = getattr(self.arbiter, name)()
        if name == 'arm':
            assert bool(why) is (self.estopped or bool(self.arbiter.rivals))
            self.armed = self.armed or not why
        elif name == 'reset':
            self.estopped, self.good, self.person_until = False, {}, -1
        else:
            self.armed, self.estopped = False, self.estopped or name == 'estop'
        self._judge(self.loop.switched(self.now, self.mono))

    @rule(others=st.integers(0, 1), several=st.booleans())
    def the_graph_is_looked_at(self, others, several):
        new = self.loop.rivals(others, several_policies=several)
        self.armed = self.armed and not (others or several)
        if new:
            self._judge(self.loop.switched(self.now, self.mono))

    @rule(far=st.floats(0.05, 4.0), age=st.sampled_from([0, 0, 0, 150, 5000]),
          odd=st.sampled_from([0.0, 0.0, math.nan, math.inf]))
    def the_lidar_sees(self, far, age, odd):
        if self.arbiter.ahead is not None:
            ranges = np.full(36, far)
            ranges[::7] += odd
            self.arbiter.ahead.see(self.mono - age * 1_000_000, ranges, -math.pi,
                                   math.pi / 18, 0.05, 10.0)

    # -- what must hold

    def _poll(self):
        if self.polled is not None and self.mono - self.polled > HUNG_NS:
            self.armed = False
        self.polled = self.mono
        self._judge(self.loop.poll(self.now, self.mono, self.mono))

    def _judge(self, decision):
        if decision is None:
            return
        applied, action = decision.applied, self.action
        assert np.all(np.isfinite(applied))
        assert np.all((applied >= action.low) & (applied <= action.high))
        assert decision.armed is self.armed or decision.estopped
        assert decision.estopped >= self.estopped
        self.estopped = decision.estopped  # it may trip by itself; only a reset releases it
        self.armed = self.armed and not self.estopped
        elapsed_s = (self.mono - self.decided) / 1e9
        if decision.source in (Source.PERSON, Source.POLICY):
            assert not self.estopped
            assert self.mono < self.good.get(int(decision.source), -1)
            if decision.source is Source.POLICY:
                assert self.armed and self.mono > self.person_until
            change = np.abs(applied - self.applied)
            fast = change > action.max_rate * elapsed_s + 1e-6
            rising = np.abs(applied) > np.abs(self.applied) + 1e-6
            assert not np.any(fast & rising)
            assert not np.any(fast) or BRAKES & set(decision.reasons)
        else:
            assert applied.tolist() == STOP  # at once: the contract gives no stop_rate
        self.applied, self.decided = applied, self.mono

    @invariant()
    def nobody_drives_for_longer_than_two_periods_and_a_poll(self):
        if not hasattr(self, 'arbiter'):
            return
        last = max(self.good.values(), default=-1)
        if self.mono >= last + 2 * POLL and self.mono - self.polled <= POLL:
            assert self.applied.tolist() == STOP


TestArbiterMachine = ArbiterMachine.TestCase
TestArbiterMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
