"""When a robot is blind, held to a plain list of what it was shown: random lives of a lidar."""

from dataclasses import dataclass, replace
import math

import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.contract.safety import WorkspaceSpec
from ilw_core.storage.locate import config_file
from ilw_teleop.guards.forward_stop import ForwardStop

P = 100_000_000
T0 = 1_000_000_000_000
MAX_AGE = 250_000_000
BOX_AGE = 330_000_000
CLUTTER = load_contract(config_file('tasks', 'clutter'))
LIDARS = {'mine': 360, 'another': 180, 'third': 90}
DEAD = np.zeros(360)
LIVES = 80


def content(kind, number):
    """Return ranges: each number other ones, 3 to 4 m; some of them only half known."""
    beams = LIDARS[kind]
    ranges = 3.0 + 0.01 * number + 0.001 * (np.arange(beams) % 7)
    if number == 7:  # everything is free
        return np.full(beams, math.inf)
    if number >= 20:  # as 20 is less, but only in this part of the beams
        ranges = 3.0 + 0.01 * (number % 10) + 0.001 * (np.arange(beams) % 7)
        ranges[(np.arange(beams) % 10) >= number // 10] = math.inf
    return ranges


@dataclass
class Life:
    """All that happened, and what follows from it; nothing is forgotten but at a leap."""

    scan: bool
    box: bool
    seen: int | None = None
    problem: str = ''
    geometry: str = ''
    stranger: tuple[str, int] | None = None
    last: np.ndarray | None = None
    equal: int = 0
    moving: bool = False
    placed: int | None = None

    def see(self, at, kind, ranges):
        if self.seen is not None and at < self.seen:
            return
        self.seen = at
        if kind == 'dead':
            self.problem = 'sees nothing'
            return
        self.problem = ''
        if self.geometry and kind != self.geometry:
            if self.stranger is None or self.stranger[0] != kind:
                self.stranger = kind, at
            if at - self.stranger[1] < 3 * 10**9:
                self.problem = 'go on as it began'
                return
        self.geometry, self.stranger = kind, None
        if not self._equals(ranges):
            self.equal = 0
        elif self.moving:
            self.equal += 1
        self.last = ranges

    def _equals(self, ranges):
        if self.last is None or len(self.last) != len(ranges):
            return False
        shared = measured = 0
        for now, before in zip(ranges, self.last, strict=True):
            measured += math.isfinite(now)
            if math.isfinite(now) and math.isfinite(before):
                shared += 1
                if now != before:
                    return False
        return measured > 0 and shared >= measured / 2

    def leap(self, at):
        if self.seen is None or at < self.seen or at > self.seen + MAX_AGE:
            self.seen = None
        self.placed, self.equal = None, 0

    def blind(self, at):
        """Return what is said of it; empty where it sees."""
        if self.scan:
            if self.seen is None:
                return 'no scan has come. Start'
            if at < self.seen or at > self.seen + MAX_AGE:
                return 'must come every 250 ms'
            if self.problem:
                return self.problem
            if self.equal >= 5:
                return f'{self.equal} scans were equal'
        if self.box and (self.placed is None or not 0 <= at - self.placed <= BOX_AGE):
            return 'a pose must come every 330 ms'
        return ''


def live(seed, scan, box):
    """Live some seconds of a lidar; return what was said."""
    rng, life = np.random.default_rng(seed), Life(scan, box)
    looks = replace(CLUTTER.safety.scan, max_age_ns=MAX_AGE) if scan else None
    safety = replace(CLUTTER.safety, scan=looks, workspace=WorkspaceSpec(
        'odom', (-9.0, -9.0), (9.0, 9.0), BOX_AGE) if box else None)
    action = replace(CLUTTER.action, low=-CLUTTER.action.high)
    ahead = ForwardStop(replace(CLUTTER, safety=safety, action=action))
    now, said = T0, []
    kind, number = 'mine', 0
    calm = rng.random() < 0.5  # the same lidar for long: equal scans, strangers that stay
    for _ in range(90):
        now += int(rng.choice([P, P // 2, P // 10, 3 * P, 0], p=[0.6, 0.15, 0.15, 0.05, 0.05]))
        if rng.random() < (0.03 if calm else 0.15):
            kind = str(rng.choice(['mine', 'mine', 'another', 'third', 'dead']))
        if rng.random() < (0.08 if calm else 0.5):
            number = int(rng.choice([0, 1, 2, 7, 40, 50, 60, 90, 91]))
        if scan and rng.random() < 0.85:
            at = now - int(rng.choice([0, P // 2, P, MAX_AGE, -P, -1],
                                     p=[0.58, 0.2, 0.1, 0.07, 0.03, 0.02]))
            ranges = DEAD if kind == 'dead' else content(kind, number)
            ahead.see(at, ranges, 0.0, 2 * math.pi / len(ranges), 0.05, 10.0)
            life.see(at, kind, ranges)
        if box and rng.random() < 0.6:
            at = now - int(rng.choice([0, P, BOX_AGE, BOX_AGE + 1, -1]))
            if rng.random() < 0.15:
                values = [0.0, 0.0, 0.0]
                values[rng.integers(3)] = rng.choice([math.nan, math.inf])
                ahead.place(at, *values)
            else:
                ahead.place(at, 0.1, 0.2, 0.3)
                life.placed = at
        if rng.random() < 0.02:
            now += int(rng.choice([-20 * P, 0, 40 * P]))
            ahead.leap(now)
            life.leap(now)
        if rng.random() < 0.15:
            continue  # nobody asks
        edge = life.seen is not None and rng.random() < 0.1
        asked_at = max(now, life.seen + MAX_AGE + int(rng.integers(0, 2))) if edge else now
        v, w = rng.choice([(0.1, 0.0), (0.0, 0.2), (-0.1, 0.0), (0.0, -0.2), (0.1, 0.1), (0, 0)],
                          p=[0.4, 0.2, 0.1, 0.1, 0.1, 0.1])
        expected = life.blind(asked_at)
        action, reasons = ahead.slow(np.array([v, w]), asked_at)
        if edge:
            now = asked_at
        life.moving = bool((v or w) and not expected)
        if not expected:
            assert (action.tolist(), reasons, ahead.why) == ([v, w], (), {}), seed
        else:
            assert action.tolist() == [0.0, 0.0]
            assert reasons == (('blind',) if v or w else ()), seed
            assert list(ahead.why) == list(reasons)
            if reasons:
                assert expected in ahead.why['blind'], seed
                assert ahead.why['blind'].startswith('odom: ' if 'pose' in expected else 'scan: ')
        said.append(expected)
    return said


@pytest.mark.long
@pytest.mark.parametrize(('scan', 'box'), [(True, False), (True, True), (False, True)])
def test_a_robot_is_blind_when_and_only_when_a_list_of_what_it_was_shown_says_so(scan, box):
    said = [each for seed in range(LIVES) for each in live(seed, scan, box)]
    counts = {word: sum(word in each for each in said) for word in (
        'no scan', 'must come every 250', 'sees nothing', 'go on as', '5 scans')}
    assert min(counts.values()) >= 20 or not scan, counts
    assert said.count('') > 0.1 * len(said)
    assert not box or sum('a pose' in each for each in said) > 100


def test_a_lidar_that_is_another_for_three_seconds_is_the_one_there_is():
    """To the nanosecond, and counted anew by each of its own scans and by any third lidar."""
    for late, blind in ((-1, True), (0, False), (1, False)):
        ahead = ForwardStop(CLUTTER)
        for at, kind in ((0, 'mine'), (P, 'third'), (2 * P, 'another'), (15 * P, 'another'),
                         (2 * P + 3 * 10**9 + late, 'another')):
            ranges = content(kind, 1)
            ahead.see(T0 + at, ranges, 0.0, 2 * math.pi / len(ranges), 0.05, 10.0)
        assert (ahead.slow(np.array([0.1, 0.0]), T0 + at)[1] == ('blind',)) is blind
