"""Does a policy look? One that follows its pictures loses its success without them, one that
follows a habit does not, and is called so."""

from dataclasses import asdict
import json

import gymnasium
import numpy as np
import pytest

from ilw_core.contract.file import parse_contract
from ilw_learner.rollout.evaluate import evaluate
from ilw_learner.rollout.looks import BLINDS, Blind, Looks, judge_looks

CONTRACT = parse_contract('''
contract: look
version: 1
rate_hz: 10
observation:
  eye: {topic: eye, type: sensor_msgs/msg/CompressedImage, feature: image, size: [8, 8]}
  speed: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/TwistStamped}
  fields: [{name: twist.angular.z, unit: rad/s, min: -1.0, max: 1.0, max_rate: 20.0}]
  on_stale: stop
''')


class TurnToTheLight(gymnasium.Env):
    """Six ticks; the half that is bright changes by the world; one has to turn to it each time."""

    def reset(self, *, seed=None, options=None):
        rng = np.random.default_rng(seed)
        self.left, self.tick, self.good = rng.random(7) < 0.5, 0, True
        return self._seen(), {}

    def step(self, action):
        self.good &= bool((action[0] > 0) == self.left[self.tick])
        self.tick += 1
        done = self.tick == 6
        return self._seen(), 0.0, done, False, {
            'success': done and self.good, 'stop_reason': 'goal', 'time_s': 0.6,
            'path_length_m': 0.0, 'shortest_path_m': 0.0}

    def _seen(self):
        eye = np.zeros((8, 8, 3), np.uint8)
        eye[:, :4 if self.left[self.tick] else 8] = 200
        return {'observation': np.zeros(2, np.float32), 'eye': eye}


class Follows:
    """Turns to where its picture is bright, or always to one side."""

    def __init__(self, looks):
        self.looks = looks

    def reset(self):
        self.seen = None

    def observe(self, observation):
        self.seen = observation.images['eye']

    def drive(self):
        left = self.seen[:, 7].max() == 0 if self.looks else True
        return np.array([1.0 if left else -1.0]), ''


class AlwaysGood(TurnToTheLight):
    """A world in which habit suffices."""

    def step(self, action):
        found = super().step(action)
        found[4]['success'] = found[2]
        return found


def test_a_policy_that_follows_its_pictures_fails_without_each_of_them():
    env, runner = TurnToTheLight(), Follows(True)
    runs = evaluate(env, CONTRACT, runner, range(40))
    looks = judge_looks(env, CONTRACT, runner, runs)
    assert looks.success == 40 and set(looks.blind) == set(BLINDS)
    assert all(count <= 6 for count in looks.blind.values())  # a chance of 1 in 64 each
    assert looks.looks and looks.lines()[0].endswith('It looks.')


def test_a_policy_that_does_as_well_without_pictures_is_said_not_to_look():
    env, runner = AlwaysGood(), Follows(False)
    looks = judge_looks(env, CONTRACT, runner, evaluate(env, CONTRACT, runner, range(20)))
    assert looks.blind == dict.fromkeys(BLINDS, 20)
    assert not looks.looks and 'does NOT look' in looks.lines()[0]


def test_of_a_policy_that_never_succeeds_nothing_is_claimed():
    looks = Looks(0, 20, dict.fromkeys(BLINDS, 0))
    assert not looks.looks and 'nothing tells' in looks.lines()[0]


@pytest.mark.parametrize(('how', 'expected'), [
    ('black', [0, 0, 0]), ('frozen', [5, 5, 5]), ('swapped', [1, 2, 2])])
def test_what_each_blind_shows(how, expected):
    blind = Blind(how)
    for episode in ([1, 2], [5, 6, 7]):
        blind.begin()
        shown = [int(blind({'eye': np.array([pixel])})['eye'][0]) for pixel in episode]
    assert shown == expected


def test_a_swap_shows_what_was_seen_not_what_was_shown():
    blind = Blind('swapped')
    for pixel, expected in ((1, 1), (2, 1), (3, 2), (4, 3)):
        blind.begin()
        assert int(blind({'eye': np.array([pixel])})['eye'][0]) == expected


def test_what_is_shown_to_programs_is_read_back():
    told = Looks(4, 5, dict.fromkeys(BLINDS, 1))
    assert Looks.from_json(json.loads(json.dumps(asdict(told) | {'looks': told.looks}))) == told
