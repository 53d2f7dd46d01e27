"""A recovered reward: what a step earns, its file, what is refused, how it ranks."""

from dataclasses import replace
import json

import numpy as np
import pytest
import torch

from ilw_core.contract.file import parse_contract
from ilw_core.contract.yaml_data import parse_yaml, yaml_text
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import ContractError
from ilw_learner.rewards.drives import return_of
from ilw_learner.rewards.paid import PaidRobots, earned_in
from ilw_learner.rewards.ranking import rank_all, rank_pairs
from ilw_learner.rewards.reward_file import (
    PlaceRewards,
    RecoveredReward,
    load_reward,
    save_reward,
)
from ilw_learner.rewards.reward_picture import draw_reward
from ilw_learner.rewards.step_features import NEAR_M, features_of, measure, of_arrays
from ilw_learner.rewards.step_map import step_map
from ilw_learner.rollout.vec_env import Steps

WEIGHTS = {'goal': 1.0, 'collision': -0.5, 'step': -0.01}


@pytest.fixture
def of_places(maze):
    """A reward of the maze: 28 places of 0.2 m a side, of which one is disliked."""
    values = np.zeros((28, 28))
    values[3, 20] = -0.25
    places = PlaceRewards((0.0, 0.0), (0.2, 0.2), values)
    return RecoveredReward(maze, 'test', dict(WEIGHTS), places,
                           provenance={'episodes': ['a'], 'seed': 0})


@pytest.fixture
def ranked(clutter):
    """A reward of clutter of which one feature is not known and one follows from another."""
    return RecoveredReward(
        clutter, 'test', {'goal': 1.0, 'collision': -0.4, 'step': -0.004}, discount=0.99,
        intervals={'goal': (0.5, 2.0), 'step': (-0.005, -0.003), 'near': (-1.0, 1.0)})


def row(contract, **given):
    """Return an observation: the named numbers, else the middle of their bounds."""
    obs = 0.5 * (contract.obs_low + contract.obs_high)
    for name, value in given.items():
        hits = [k for k, each in enumerate(contract.obs_names) if each.endswith(name)]
        assert hits
        obs[hits] = value
    return obs.astype(np.float32)


def one_step(before, after, arrived=False, collided=False):
    return of_arrays(before[None], after[None], np.array([arrived]), np.array([collided]))


def features(contract, *step, **ends):
    names = list(features_of(contract))
    return dict(zip(names, measure(contract, names, one_step(*step, **ends))[0].tolist(),
                    strict=True))


def test_the_features_of_a_step_are_what_they_are_called(clutter):
    far = {name: 4.0 for name in clutter.obs_names if name.startswith('lidar.')}
    before = row(clutter, distance_m=3.0, **far)
    near = row(clutter, distance_m=2.8, turn_radps=-1.5, **(far | {'lidar.7_m': 0.2}))
    found = features(clutter, before, near)
    assert found == pytest.approx({
        'goal': 0.0, 'collision': 0.0, 'step': 1.0, 'progress_m': 0.2,
        'near': 1.0 - 0.2 / NEAR_M, 'turn_rad': 0.15})
    assert features(clutter, before, before)['near'] == 0.0
    assert features(clutter, before, near, arrived=True)['goal'] == 1.0
    assert features(clutter, before, near, collided=True)['collision'] == 1.0


def test_a_maze_knows_its_ends_and_its_steps_only(maze):
    assert list(features_of(maze)) == ['goal', 'collision', 'step']
    with pytest.raises(ContractError, match=r"may use goal, collision, step\. Got 'near'"):
        measure(maze, ['near'], one_step(row(maze), row(maze)))


def test_a_step_earns_its_features_and_the_place_it_leads_to(of_places, maze):
    here, there = row(maze, x_m=0.5, y_m=0.5), row(maze, x_m=0.61, y_m=4.19)
    assert of_places.of(one_step(here, there)).item() == pytest.approx(-0.26)
    assert of_places.of(one_step(there, here)).item() == pytest.approx(-0.01)
    assert of_places.of(one_step(here, here, arrived=True)).item() == pytest.approx(0.99)
    outside = row(maze, x_m=-3.0, y_m=99.0)  # counts as the place at the edge
    assert of_places.of(one_step(here, outside)).item() == pytest.approx(-0.01)


def test_another_measure_changes_no_ratio(of_places, maze):
    step = one_step(row(maze), row(maze, x_m=0.61, y_m=4.19))
    doubled = of_places.times(2.0)
    assert doubled.of(step).item() == pytest.approx(2.0 * of_places.of(step).item())
    assert doubled.weights['goal'] == 2.0 and of_places.weights['goal'] == 1.0


def test_a_reward_is_read_back_as_it_was_written(of_places, maze, tmp_path):
    saved = save_reward(tmp_path / 'runs' / 'reward.yaml', of_places)
    found = load_reward(tmp_path / 'runs' / 'reward.yaml', maze)
    assert (found.weights, found.method, found.hash) == (WEIGHTS, 'test', saved.hash)
    assert found.provenance == of_places.provenance
    assert found.contract.hash == maze.hash and len(found.hash) == 64
    np.testing.assert_array_equal(found.places.values, of_places.places.values)
    assert (found.places.origin, found.places.size) == ((0.0, 0.0), (0.2, 0.2))
    draw_reward(found, tmp_path / 'reward.png')
    draw_reward(replace(found, places=None), tmp_path / 'weights.png')
    for name in ('reward.png', 'weights.png'):
        assert (tmp_path / name).read_bytes().startswith(b'\x89PNG')


def test_a_reward_without_places_is_read_back_too(clutter, tmp_path):
    saved = save_reward(tmp_path / 'r.yaml', RecoveredReward(clutter, 'test', {'near': -0.125}))
    assert saved.weights == {'near': -0.125} and saved.places is None
    assert (saved.discount, saved.intervals, saved.unknown, saved.taken) == (1.0, {}, (), ())


def test_what_is_not_known_of_a_reward_is_read_back_and_said(typed, ranked, tmp_path):
    saved = save_reward(tmp_path / 'r.yaml', ranked)
    assert saved.intervals == ranked.intervals and saved.discount == 0.99
    assert (saved.unknown, saved.taken) == (('near',), ('collision',))
    assert saved.times(2.0).intervals['goal'] == (1.0, 4.0)
    draw_reward(saved, tmp_path / 'weights.png')
    code, out, _ = typed('reward', 'show', tmp_path / 'r.yaml')
    assert code == 0
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith('  ')}
    assert lines['goal'].endswith('+1.00000  (95 %: +0.50000 to +2.00000)')
    assert 'do not know how much worse' in lines['collision']
    assert lines['near'].split() == ['near', 'do', 'not', 'know']
    code, out, _ = typed('reward', 'show', tmp_path / 'r.yaml', '--json')
    shown = json.loads(out)
    assert shown['unknown'] == ['near'] and shown['intervals']['near'] == [-1.0, 1.0]


def test_a_reward_of_another_contract_is_refused(of_places, clutter, tmp_path):
    save_reward(tmp_path / 'r.yaml', of_places)
    with pytest.raises(ContractError, match=r'is a reward for the contract maze .* but clutter'):
        load_reward(tmp_path / 'r.yaml', clutter)


def test_a_changed_weight_is_noticed(of_places, tmp_path):
    path = tmp_path / 'r.yaml'
    save_reward(path, of_places)
    path.write_text(path.read_text().replace('goal: 1.0', 'goal: 9.0'))
    with pytest.raises(ContractError, match='its hash differs'):
        load_reward(path)


@pytest.mark.parametrize(('change', 'says'), [
    ({'schema': 'ilw.reward/2'}, 'schema must be'),
    ({'weights': {'goal': 1.0, 'nonsense': 1.0}}, "unknown key 'nonsense'"),
    ({'weights': {'goal': 'much'}}, 'weights.goal must be a number'),
    ({'weights': {}}, 'weights must have at least one of goal'),
    ({'places': {'origin_m': [0, 0], 'size_m': [0.2, 0.0], 'values': [[1.0]]}}, 'size_m'),
    ({'places': {'origin_m': [0, 0], 'size_m': [0.2, 0.2], 'values': [[1.0], []]}}, 'values'),
    ({'places': {'origin_m': [0, 0], 'size_m': [0.2, 0.2], 'values': [[1e12]]}}, 'values'),
    ({'discount': 1.5}, 'discount'),
    ({'intervals': {'goal': [2.0, 1.0]}}, 'the lower number first'),
    ({'intervals': {'nonsense': [0.0, 1.0]}}, "unknown key 'nonsense'"),
    ({'contract_hash': 'f' * 64}, 'contract_hash and task must be those'),
    ({'provenance': ['a']}, 'provenance must be a mapping'),
    ({'more': 1}, "unknown key 'more'")])
def test_a_file_that_is_no_reward_is_refused(of_places, tmp_path, change, says):
    from ilw_learner.rewards import reward_file

    path = tmp_path / 'r.yaml'
    save_reward(path, of_places)
    data = parse_yaml(path.read_text(), 'r') | change
    data.pop('hash')
    data['hash'] = reward_file._digest(data)
    path.write_text(yaml_text(data))
    with pytest.raises(ContractError, match=says):
        load_reward(path)


def test_what_is_no_file_of_a_reward_is_said_in_a_line(tmp_path):
    (tmp_path / 'r.yaml').write_text('[1, 2]')
    with pytest.raises(ContractError, match='must be a mapping'):
        load_reward(tmp_path / 'r.yaml')
    says = r'cannot be read as a reward: .*\. Make one: \./ilw reward recover'
    with pytest.raises(ContractError, match=says):
        load_reward(tmp_path / 'none.yaml')


def test_places_of_a_contract_without_a_pose_are_refused(clutter, tmp_path):
    reward = RecoveredReward(clutter, 'test', {'goal': 1.0},
                             PlaceRewards((0.0, 0.0), (1.0, 1.0), np.ones((2, 2))))
    with pytest.raises(ContractError, match='needs one pose2d'):
        save_reward(tmp_path / 'r.yaml', reward)


def test_the_map_of_steps_pays_for_each_as_driving_it_would(clutter, maze):
    reward = RecoveredReward(clutter, 'test', {'goal': 1.0, 'step': -0.01, 'progress_m': 2.0,
                                               'near': -9.0, 'turn_rad': -9.0})
    seen = step_map(reward, points=9)  # a metre apart; a step at 0.5 m/s is 5 cm
    np.testing.assert_allclose(seen.along_m, np.arange(-4.0, 5.0))
    ahead, behind, left = (seen.earned[row, column] for row, column in ((6, 4), (2, 4), (4, 6)))
    assert ahead == pytest.approx(-0.01 + 2.0 * 0.05, abs=1e-5)
    assert behind == pytest.approx(-0.01 - 2.0 * 0.05, abs=1e-5)
    assert left == pytest.approx(-0.01 + 2.0 * (2.0 - np.hypot(0.05, 2.0)), abs=1e-5)
    assert seen.earned[4, 4] == pytest.approx(1.0 - 0.01 - 2.0 * 0.05, abs=1e-5)  # it is there
    assert step_map(RecoveredReward(maze, 'test', {'goal': 1.0})) is None


class TwoRobots:
    """Drive one metre per step; the second arrives in its second step."""

    count = 2

    def __init__(self, contract):
        self._obs = torch.from_numpy(np.stack([row(contract)] * 2))
        self._step = 0

    def reset(self, seed):
        return self._obs

    def step(self, choices):
        self._step += 1
        self._obs += 0.0  # in place, as the simulator does
        self._obs[:, 0] = self._step
        arrived = torch.tensor([False, self._step == 2])
        after = self._obs.clone()
        self._obs[:, 0] = torch.where(arrived, 0.0, self._obs[:, 0])
        return Steps(self._obs, torch.full((2,), 77.0), arrived, torch.zeros(2, dtype=bool), after,
                     arrived)


def paid_robots(robots, reward):
    return PaidRobots(robots, lambda steps, choices: reward.of(steps))


def test_robots_are_paid_by_the_recovered_reward_alone(maze):
    robots = paid_robots(TwoRobots(maze), RecoveredReward(maze, 'test', dict(WEIGHTS)))
    robots.reset(0)
    paid = [robots.step(torch.zeros(2, dtype=torch.int64)).reward.tolist() for _ in range(3)]
    assert paid == [pytest.approx(each) for each in ([-0.01, -0.01], [-0.01, 0.99], [-0.01] * 2)]


def test_progress_is_counted_within_an_episode(clutter):
    class Approaching(TwoRobots):
        def __init__(self, contract):
            super().__init__(contract)
            self._at = contract.obs_names.index('goal.distance_m')
            self._obs[:, self._at] = 5.0

        def step(self, choices):
            self._step += 1
            self._obs[:, self._at] = 5.0 - self._step
            ended = torch.tensor([False, self._step == 2])
            after = self._obs.clone()
            self._obs[:, self._at] = torch.where(ended, 9.0, self._obs[:, self._at])
            return Steps(self._obs, torch.zeros(2), ended, ended & False, after, ended)

    robots = paid_robots(Approaching(clutter), RecoveredReward(clutter, 'test',
                                                               {'progress_m': 1.0}))
    robots.reset(0)
    paid = [robots.step(torch.zeros(2, dtype=torch.int64)).reward.tolist() for _ in range(3)]
    assert paid == [[1.0, 1.0], [1.0, 1.0], [1.0, 7.0]]  # the other begins at 9, is at 2


def recorded(contract, obs, outcome=Outcome.SUCCESS, stop_reason='goal', seen=None):
    steps = len(obs) - 1
    valid = np.ones(obs.shape, dtype=bool)
    if seen is not None:
        valid[~seen] = False
    return Episode('e', obs, valid, np.zeros((steps, contract.action.dim), np.float32),
                   np.ones(steps, dtype=bool), np.arange(steps + 1) * contract.period_ns, outcome,
                   stop_reason, contract.hash)


def test_a_recorded_episode_earns_what_robots_would(clutter):
    obs = np.stack([row(clutter, distance_m=d, forward_mps=0.0, turn_radps=0.0)
                    for d in (3.0, 2.5, 2.25)])
    reward = RecoveredReward(clutter, 'test', {'goal': 1.0, 'step': -0.1, 'progress_m': 2.0})
    episode = recorded(clutter, obs)
    np.testing.assert_allclose(earned_in(episode, reward), [0.9, 1.4], atol=1e-6)
    assert return_of(episode, reward) == pytest.approx(2.3)
    hit = recorded(clutter, obs, Outcome.FAILURE, 'collision')
    ends = RecoveredReward(clutter, 'test', {'goal': 1.0, 'collision': -4.0})
    assert return_of(hit, ends) == -4.0
    blind = recorded(clutter, obs, seen=np.array([True, True, False]))
    assert return_of(blind, reward) == pytest.approx(0.9)


def test_later_steps_count_less_and_the_first_is_that_of_the_first_command_to_move(clutter):
    obs = np.stack([row(clutter, distance_m=3.0)] * 6)
    halved = RecoveredReward(clutter, 'test', {'step': -1.0}, discount=0.5)
    stood = recorded(clutter, obs)
    assert return_of(stood, halved) == pytest.approx(-1.9375)  # never moved: all five count
    for first, earned in ((0, -1.9375), (2, -1.75), (3, -1.5)):
        stood.actions[:] = 0.0
        stood.actions[first:, 0] = 0.5
        assert return_of(stood, halved) == pytest.approx(earned)


def test_a_ranking_counts_pairs_and_halves_ties():
    report = rank_all(np.array([3.0, 2.0]), np.array([2.0, 1.0, 0.0]), np.random.default_rng(0))
    assert report.pairs == 6 and report.ratio == pytest.approx(5.5 / 6)
    assert report.low <= report.ratio <= report.high
    paired = rank_pairs(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.random.default_rng(0))
    assert (paired.above, paired.ratio) == (1, 0.5)
    halved = report.times(0.5)
    assert (halved.good_return, halved.worse_return, halved.ratio) == (1.25, 0.5, report.ratio)
    assert (paired.low, paired.high) == (0.0, 1.0)
    with pytest.raises(ValueError, match='both kinds'):
        rank_all(np.ones(2), np.empty(0), np.random.default_rng(0))
    with pytest.raises(ValueError, match='as many'):
        rank_pairs(np.ones(2), np.ones(3), np.random.default_rng(0))


def test_the_interval_of_a_ranking_holds_the_truth():
    rng, held = np.random.default_rng(0), 0
    for _ in range(60):  # normal returns half a spread apart: 63.8 % of pairs
        report = rank_all(rng.normal(0.5, 1.0, 30), rng.normal(0.0, 1.0, 30), rng)
        held += report.low <= 0.638 <= report.high
    assert held >= 51


def test_a_contract_that_learned_other_things_is_another(maze, of_places, tmp_path):
    save_reward(tmp_path / 'r.yaml', of_places)
    softer = parse_contract(maze.text.replace('deceleration_mps2: 2.0', 'deceleration_mps2: 1.5'))
    assert load_reward(tmp_path / 'r.yaml', softer).contract.hash == softer.hash
    wider = parse_contract(maze.text.replace('goal_radius_m: 0.4', 'goal_radius_m: 0.6'))
    with pytest.raises(ContractError, match='is in use'):
        load_reward(tmp_path / 'r.yaml', wider)


def test_the_commands_show_a_reward_and_refuse_what_is_none(typed, of_places, tmp_path):
    path = tmp_path / 'r.yaml'
    save_reward(path, of_places)
    code, out, _ = typed('reward', 'show', path, '--plot', tmp_path / 'r.png')
    assert code == 0 and 'goal       +1.00000' in out and '28 x 28, from -0.25 to 0' in out
    assert (tmp_path / 'r.png').read_bytes().startswith(b'\x89PNG')
    code, out, _ = typed('reward', 'show', path, '--json')
    assert json.loads(out)['weights'] == WEIGHTS
    code, out, _ = typed('reward', 'show', tmp_path / 'none.yaml')
    assert code == 2


def test_two_folders_of_recordings_are_ranked(typed, of_places, bags, tmp_path):
    path = tmp_path / 'r.yaml'
    save_reward(path, replace(of_places, places=None))
    for folder in ('good', 'worse', 'empty'):
        (tmp_path / folder).mkdir()
    for number in range(3):
        bags.write(tmp_path / 'good' / f'{number}', ticks=20,
                   meta={'outcome': 'success', 'stop_reason': 'goal'})
        bags.write(tmp_path / 'worse' / f'{number}', ticks=20,
                   meta={'outcome': 'failure', 'stop_reason': 'collision'})
    code, out, _ = typed('reward', 'rank', path, tmp_path / 'good', tmp_path / 'worse', '--json')
    assert code == 0
    found = json.loads(out)
    assert (found['above'], found['pairs'], found['low']) == (9, 9, 1.0)
    assert found['good_return'] - found['worse_return'] == pytest.approx(1.5)
    assert typed('reward', 'rank', path, tmp_path / 'worse', tmp_path / 'good')[0] == 1
    code, _, err = typed('reward', 'rank', path, tmp_path / 'good', tmp_path / 'empty')
    assert code == 2 and 'holds no episode' in err


def test_what_cannot_be_recovered_is_said_in_a_line(typed, bags, tmp_path):
    (tmp_path / 'demos').mkdir()
    bags.write(tmp_path / 'demos' / '0', ticks=20,
               meta={'outcome': 'success', 'stop_reason': 'goal'})
    for task, words, says in (('clutter', ['--method', 'places'], 'needs one pose2d'),
                              ('maze', ['--method', 'airl'], 'two demonstrations at least'),
                              ('maze', ['--method', 'airl', '--steps', '5'], 'x>=50000'),
                              ('maze', [], 'two demonstrations at least')):
        code, _, err = typed('reward', 'recover', tmp_path / 'demos', '--task', task, '--out',
                             tmp_path / 'r.yaml', *words)
        assert code == 2 and says in err and not (tmp_path / 'r.yaml').exists()
