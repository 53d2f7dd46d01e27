"""An episode's world is found and driven again; what one thing does is told from the others."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from ilw_core.episode import Episode, Outcome
from ilw_core.scores.paired import tango
from ilw_learner.why.ablation import ablate
from ilw_learner.why.inputs import named_inputs
from ilw_learner.why.pictures_seen import (
    NamedPicture,
    heat_checked,
    in_squares,
    square_changes,
)
from ilw_learner.why.worlds import ask_all, find_worlds

FAR = np.full(36, 4.0)


@dataclass(frozen=True)
class Driven:
    obs: np.ndarray
    poses: np.ndarray
    expert: np.ndarray
    images: dict = field(default_factory=dict)


class Room:
    """A box ahead, at a distance that tells the seed; sector 0 alone sees it."""

    def __init__(self, contract):
        self._width = contract.obs_dim

    def see(self, seed, tick, do):
        obs = np.zeros(self._width, np.float32)
        obs[:36] = FAR
        if do.get('without') != 'box 1':
            obs[0] = 1.0 + 0.1 * seed - 0.01 * tick
        obs[37] = np.sin(do.get('goal_turn_rad', 0.0))
        return obs

    def reset(self, *, seed):
        return self.see(seed, 0, {}), {}

    def things(self):
        return {'box 1': np.array([[1.0, 0.0], [2.0, 0.0]]),
                'box 2': np.array([[9.0, 0.0], [9.5, 0.0]])}

    def changes(self, names):
        return [('goal to the left', {'goal_turn_rad': np.pi / 2}),
                ('goal to the right', {'goal_turn_rad': -np.pi / 2}),
                *((name, {'without': name}) for name in names)]

    def retrace(self, seed, actions, do=None):
        moved = np.concatenate([[0.0], np.cumsum(np.abs(actions).sum(axis=1) > 0.0)])
        obs = np.array([self.see(seed, tick, do or {}) for tick in moved])
        return Driven(obs, np.zeros((len(obs), 3)), np.stack([obs[:, 0], 0 * obs[:, 0]], axis=1))


def episode(contract, room, seed, *, lost=0):
    actions = np.full((5, 2), 0.1, np.float32)
    obs = room.retrace(seed, actions).obs
    obs[3:, 0] -= lost
    return Episode(f'of {seed}', obs, np.ones_like(obs, dtype=bool), actions, np.ones(5, bool),
                   np.arange(6) * contract.period_ns, Outcome.SUCCESS, 'goal', contract.hash)


def ask(obs):
    """Slow down for what is ahead, turn to the goal."""
    return np.stack([obs[:, -1, 0] / 8.0, obs[:, -1, 37]], axis=1)


def test_the_world_of_an_episode_is_found_and_one_that_lost_ticks_is_not_used(clutter):
    room = Room(clutter)
    recorded = [episode(clutter, room, 7), episode(clutter, room, 3, lost=1.0),
                episode(clutter, room, 5)]
    found = find_worlds(room, clutter, recorded, searched=10)
    assert [(each.seed, each.waited, each.episode.name) for each in found] == [
        (7, 0, 'of 7'), (5, 0, 'of 5')]
    assert all(each.off_ratio < 1e-6 for each in found)
    assert find_worlds(room, clutter, recorded, searched=4) == []
    assert len(find_worlds(room, clutter, recorded, searched=10, most=1)) == 1


def test_each_cause_does_what_it_does_and_nothing_else(clutter):
    room = Room(clutter)
    (world,) = find_worlds(room, clutter, [episode(clutter, room, 2)], searched=5)
    found = ask_all(room, world, ask, 1, most=1)
    answers = {each.cause: each for each in found.answers}
    assert [*answers] == ['goal to the left', 'goal to the right', 'box 1']
    assert found.left_out == ('box 2',)
    assert answers['box 1'].policy[:, 0] == pytest.approx((2.8 + 0.01 * np.arange(5)) / 8.0)
    assert np.abs(answers['box 1'].policy[:, 1]).max() == 0.0
    assert answers['box 1'].expert[0] == pytest.approx([2.8, 0.0])
    assert answers['box 1'].seen[0] == pytest.approx(2.82) and not answers['box 1'].seen[1:].any()
    assert answers['goal to the left'].policy[:, 1] == pytest.approx(np.ones(5))
    assert answers['goal to the right'].policy[:, 1] == pytest.approx(-np.ones(5))
    assert not answers['goal to the left'].expert.any()


class Gate:
    """One step; who sees the goal ahead (37 is 0) and goes, arrives."""

    def __init__(self, contract):
        self._contract = contract

    def reset(self, *, seed):
        self._obs = np.zeros(self._contract.obs_dim, np.float32)
        self._obs[39] = 0.1
        return self._obs, {'valid': np.ones(self._contract.obs_dim, bool)}

    def step(self, action):
        info = {'success': bool(action[0] > 0.2), 'stop_reason': 'goal', 'time_s': 1.0,
                'path_length_m': 1.0, 'shortest_path_m': 1.0}
        return self._obs, 0.0, True, False, info


class Goes:
    """A policy that goes where the goal is ahead, whatever its speed."""

    def reset(self):
        pass

    def observe(self, seen):
        self._go = abs(float(seen.values[37])) < 0.1

    def drive(self):
        return np.array([0.5 * self._go, 0.0]), ''


def test_success_is_lost_without_the_input_that_counts_and_without_that_alone(clutter):
    obs = np.full((30, clutter.obs_dim), 0.9, np.float32)
    inputs = named_inputs(clutter, obs[:, None])
    recorded = Episode('one', obs, np.ones_like(obs, dtype=bool), np.zeros((29, 2), np.float32),
                       np.ones(29, bool), np.arange(30), Outcome.SUCCESS, 'goal',
                       clutter.hash)
    found = ablate(Gate(clutter), clutter, Goes(), inputs, [recorded], range(20))
    lost = {(each.input, each.how): each.lost for each in found}
    assert lost == {**{(name, how): 0.0 for name in ('lidar', 'velocity')
                       for how in ('held', 'shuffled', 'blank')},
                    ('goal', 'held'): 0.0, ('goal', 'shuffled'): 1.0, ('goal', 'blank'): 1.0}
    (blank,) = (each for each in found if (each.input, each.how) == ('goal', 'blank'))
    assert (blank.n, blank.whole, blank.without) == (20, 20, 0)
    assert blank.lost95 == pytest.approx(tango(20, 0, 20)) and blank.lost95[0] > 0.5


class Lamp(Gate):
    """The same gate with a camera: who goes while the picture is bright, arrives."""

    def reset(self, *, seed):
        seen = np.zeros(self._contract.obs_dim, np.float32)
        self._obs = {'observation': seen, 'camera': np.full((16, 24, 3), 200, np.uint8)}
        return self._obs, {'valid': np.ones(len(seen), bool)}


class Looks(Goes):
    """A policy that goes where its picture is bright."""

    def observe(self, seen):
        self._go = seen.images['camera'].mean() > 100


def test_success_is_lost_where_the_picture_it_looks_at_is_shuffled_or_blank(cameras):
    contract = cameras.camera_contract()
    dark = np.zeros((1, 16, 24, 3), np.uint8)
    obs = np.zeros((1, contract.obs_dim), np.float32)
    recorded = Episode('dark', obs, np.ones_like(obs, dtype=bool), np.zeros((0, 2), np.float32),
                       np.ones(0, bool), np.zeros(1, np.int64), Outcome.SUCCESS, 'goal',
                       contract.hash, images={'camera': dark},
                       images_valid={'camera': np.ones(1, bool)})
    given = NamedPicture('camera', (16, 24, 3), dark[0])
    found = ablate(Lamp(contract), contract, Looks(), [given], [recorded], range(10))
    assert {each.how: each.lost for each in found} == {'held': 0.0, 'shuffled': 1.0, 'blank': 1.0}


def test_hidden_squares_find_the_place_that_a_policy_looks_at_and_mistaken_heat_fails(cameras):
    images = {'camera': np.full((1, 1, 24, 24, 3), 200, np.uint8)}

    class Looking:
        def __init__(self, images=None):
            self._images = images

        def at(self, images):
            return Looking(images)

        def __call__(self, obs):
            return self._images['camera'][:, 0, 4:6, 20:22].mean(axis=(1, 2, 3))[:, None] / 255.0

    given = NamedPicture('camera', (24, 24, 3), np.zeros((24, 24, 3), np.uint8))
    hidden = square_changes(Looking(), np.zeros((1, 3), np.float32), images, given)
    assert hidden.shape == (1, 12, 12) and hidden[0, 2, 10] == pytest.approx(-200 / 255)
    assert np.count_nonzero(hidden) == 1
    heat = np.zeros((1, 24, 24))
    heat[0, 4:6, 20:22] = 0.1
    right = heat_checked(in_squares(heat)[None], hidden[None], np.ones(1))
    wrong = heat_checked(in_squares(heat[:, :, ::-1])[None], hidden[None], np.ones(1))
    assert (right.pairs, right.same_place_ratio, wrong.same_place_ratio) == (1, 1.0, 0.0)
    assert right.rank_correlation > 0.99 > wrong.rank_correlation
