"""A thousand takeovers at random moments of simulated drives: who drives, and how fast."""

from dataclasses import replace
import math

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import SafetySpec
from ilw_core.episode import Source
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import BatchEnv
from ilw_sim.batch.worlds import make_scenes
from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.loop import ArbiterLoop
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.robot_profile import load_profile

TAKEOVERS = 1000
SLICES = 10
"""Of a tick: when somebody presses or lets go"""
CLUTTER = load_contract(config_file('tasks', 'clutter'))
PLAIN = replace(CLUTTER, safety=SafetySpec(clamp_ratio=0.5, clamps_in_a_row=10))
CONTRACTS = {'guarded': CLUTTER, 'plain': PLAIN}
BRAKES = {'obstacle', 'blind', 'near', 'wheels'}
"""With one of these a value may fall, never rise, faster than ``max_rate``"""


class Drive:
    """A policy and a person who want anything at all, and switch at any moment."""

    def __init__(self, contract, seed):
        self.contract, self.rng = contract, np.random.default_rng(seed)
        scenes = make_scenes(contract, range(20))
        self.robot = BatchEnv(contract, robots=1, scenes=scenes, seed=seed)
        self.obs, _ = self.robot.reset()
        self.arbiter = Arbiter(contract, armed=True, profile=load_profile(config_file(
            'robots', 'sim_diff_drive')))
        self.loop = ArbiterLoop(self.arbiter)
        self.now, self.last, self.held = 10**12, None, False
        self.takeovers, self.fast, self.wrong, self.changes = 0, [], [], 0
        self.before = Source.NONE

    def tick(self):
        """Let the policy ask; the person may press or let go in one of its slices."""
        contract = self.contract
        if self.arbiter.ahead is not None:
            self.arbiter.ahead.see(self.now, self.obs[0, :36], 0.0, math.tau / 36, 0.05, 10.0)
        switch = int(self.rng.integers(SLICES)) if self.rng.random() < 0.15 else -1
        self._ask(Source.POLICY, active=True)
        for part in range(SLICES):
            if part == switch:
                self.held = not self.held
            if part == switch or (self.held and part == 0):
                self._ask(Source.PERSON, active=self.held)
            self.now += contract.period_ns // SLICES
            self._judge(self.loop.poll(self.now, self.now, self.now))
        self.obs, *_ = self.robot.step(self.last.applied[None])

    def _ask(self, source, *, active):
        action = self.contract.action
        values = self.rng.uniform(action.low, action.high).tolist() if active else []
        self._judge(self.loop.request(Request(
            source, self.now, active, self.contract.hash, action.names, 0.1, 1, values),
            self.now, self.now, self.now))

    def _judge(self, decision):
        if decision is None:
            return
        wanted = Source.PERSON if self.held else Source.POLICY
        if decision.source is not wanted:
            self.wrong.append((self.now, decision.source, decision.reasons))
        if self.last is not None:
            elapsed_s = (decision.stamp_ns - self.last.stamp_ns) / 1e9
            change = np.abs(decision.applied - self.last.applied)
            fast = change > self.contract.action.max_rate * elapsed_s + 1e-6
            rising = np.abs(decision.applied) > np.abs(self.last.applied) + 1e-6
            braked = bool(BRAKES & set(decision.reasons))
            self.changes += bool(change.any())
            if np.any(fast & rising) or (np.any(fast) and not braked):
                self.fast.append((self.now, change, decision.reasons))
            self.takeovers += (self.last.source, decision.source) == (
                Source.POLICY, Source.PERSON)
        self.last = decision


@pytest.mark.long
@pytest.mark.parametrize('kind', sorted(CONTRACTS))
def test_none_of_a_thousand_takeovers_changes_the_command_faster_than_the_contract(kind):
    drive = Drive(CONTRACTS[kind], seed=1)
    while drive.takeovers < TAKEOVERS // len(CONTRACTS):
        drive.tick()
    assert drive.changes > drive.takeovers, 'the command does change'
    assert drive.fast == []
    assert drive.wrong == [], 'who holds the stick drives, in every step'
