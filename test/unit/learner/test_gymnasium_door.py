"""What a Gymnasium environment must be to be learned in, and what is said of others."""

import sys

import gymnasium
from gymnasium import spaces
import numpy as np
import pytest
from safetensors.numpy import load_file
import torch

from ilw_core.errors import IlwError, NotFiniteError
from ilw_learner import cli
from ilw_learner.rollout.gym_env import MAX_STATES, make_gymnasium, names_gymnasium

CONFIG = """algorithm: dqn
hidden: 16
layers: 1
steps: 600
warm_up: 100
capacity: 600
batch: 32
n_step: 1
train_every: 1
learning_rate: 0.005
gamma: 0.5
target_every: 20
candidates: 3
eval_episodes: 3
exploration_ratio: 0.5
average: 0.0
final_rate_ratio: 1.0
epsilon_end: 0.05
"""


class Steady(gymnasium.Env):
    """Eight steps; each takes a reward of 1 for the last action there is."""

    def __init__(self, start=0, observed=None, acted=None, nan_obs_at=0, nan_reward_at=0,
                 value=np.nan, width=2):
        self.action_space = acted or spaces.Discrete(3, start=start)
        self.observation_space = observed or spaces.Box(-np.inf, np.inf, (2,))
        self._nan_obs_at, self._nan_reward_at = nan_obs_at, nan_reward_at
        self._value, self._width, self._steps = value, width, 0

    def _seen(self):
        if isinstance(self.observation_space, spaces.Discrete):
            return int(self.observation_space.start) + self._at % int(self.observation_space.n)
        seen = np.full(self._width, self._at / 8.0)
        if self._nan_obs_at and self._steps >= self._nan_obs_at:
            seen[-1] = self._value
        return seen

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._at = 0
        return self._seen(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self._at += 1
        self._steps += 1
        best = action == self.action_space.start + self.action_space.n - 1
        reward = self._value if self._steps == self._nan_reward_at else float(best)
        return self._seen(), reward, False, self._at >= 8, {}


@pytest.fixture
def train(run, tmp_path):
    """Return a function that trains in an environment: (exit code, standard output, error)."""
    (tmp_path / 'small.yaml').write_text(CONFIG)

    def call(env_id, *more):
        return run(cli.train, '--algo', tmp_path / 'small.yaml', '--env', env_id,
                   '--out', tmp_path / 'run', *more)

    return call


@pytest.fixture
def register():
    """Return a function that registers an environment and gives its id."""
    made = []

    def call(**options):
        env_id = f'ilw_test/Made{len(made)}-v0'
        gymnasium.register(env_id, entry_point=Steady, kwargs=options, disable_env_checker=True)
        made.append(env_id)
        return env_id

    yield call
    for env_id in made:
        gymnasium.registry.pop(env_id)


@pytest.mark.parametrize('start', [-3, -1, 0, 1, 7])
def test_the_first_action_may_be_any_number(train, register, start, tmp_path):
    code, out, _ = train(register(start=start))
    assert code == 0
    assert 'mean return 8.0' in out
    assert f'"first_action": {start}' in (tmp_path / 'run/training.json').read_text()


@pytest.mark.parametrize(('options', 'named'), [
    ({'observed': spaces.Dict({'a': spaces.Box(-1, 1, (2,)), 'b': spaces.Discrete(3)})}, 'Dict'),
    ({'observed': spaces.Tuple((spaces.Box(-1, 1, (2,)), spaces.Discrete(3)))}, 'Tuple'),
    ({'observed': spaces.Box(0, 255, (24, 24, 3), np.uint8)}, 'Box'),
    ({'observed': spaces.Box(0, 255, (84, 84), np.uint8)}, 'Box'),
    ({'observed': spaces.Box(0.0, 1.0, (3, 8, 8))}, 'Box'),
    ({'observed': spaces.MultiDiscrete([2, 2])}, 'MultiDiscrete'),
    ({'observed': spaces.MultiBinary(4)}, 'MultiBinary'),
    ({'observed': spaces.Text(5)}, 'Text'),
    ({'observed': spaces.Discrete(MAX_STATES + 1)}, 'Discrete'),
    ({'acted': spaces.MultiDiscrete([2, 2])}, 'MultiDiscrete'),
    ({'acted': spaces.Box(-1, 1, (1,))}, 'Box'),
    ({'acted': spaces.MultiBinary(2)}, 'MultiBinary'),
    ({'acted': spaces.Dict({'a': spaces.Discrete(2)})}, 'Dict'),
    ({'acted': spaces.Tuple((spaces.Discrete(2), spaces.Discrete(2)))}, 'Tuple'),
])
def test_other_spaces_are_refused_in_one_line_that_says_what_is_learned(
        train, register, options, named, tmp_path):
    code, out, error = train(register(**options))
    assert code == 2 and out == ''
    (line,) = error.strip().splitlines()
    assert f'Got {named}' in line and 'Discrete' in line and 'Register it' in line
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize(('observed', 'value', 'seen'), [
    (spaces.Discrete(4), 0, [1, 0, 0, 0]), (spaces.Discrete(3, start=5), 5, [1, 0, 0]),
    (spaces.Discrete(2, start=-1), -1, [1, 0])])
def test_the_network_sees_a_state_as_one_number_each(register, observed, value, seen):
    robots = make_gymnasium(register(observed=observed))
    assert robots.reset(0).tolist() == [seen]
    assert robots.step(torch.tensor([0])).after.tolist() == [seen[-1:] + seen[:-1]]


@pytest.mark.parametrize(('env_id', 'found'), [
    ('CartPole-v1', True), ('CartPole', True), ('ilw/Maze-v0', True),
    ('gymnasium.envs.toy_text:FrozenLake-v1', True), ('some_module:space/Name-v3', True),
    ('ilw_sim.env:make_env', False), ('no_such_module:make_env', False),
    ('ilw_sim.env:no_such_function', False)])
def test_an_id_of_gymnasium_is_told_from_a_function(env_id, found):
    assert names_gymnasium(env_id) is found


@pytest.mark.parametrize('name', ['Own-v0', 'odd/Own-v2', 'Own'])
def test_module_and_id_is_what_gymnasium_means_by_it(train, tmp_path, monkeypatch, name):
    (tmp_path / 'own_envs.py').write_text(
        'import gymnasium\n'
        'from test_gymnasium_door import Steady\n'
        f'gymnasium.register({name!r}, entry_point=Steady, disable_env_checker=True)\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, 'test_gymnasium_door', sys.modules[__name__])
    monkeypatch.delitem(sys.modules, 'own_envs', raising=False)
    try:
        code, out, _ = train(f'own_envs:{name}')
    finally:
        gymnasium.registry.pop(name)
    assert code == 0 and 'mean return 8.0' in out


@pytest.mark.parametrize('env_id', [
    'NoSuch-v0', 'CartPole-v99', 'no_such_module:Name-v0', 'gymnasium:NoSuch-v0', 'no/Such-v1'])
def test_an_environment_that_is_not_there_is_said_in_one_line(train, env_id):
    code, out, error = train(env_id)
    assert code == 2 and out == ''
    assert f'Gymnasium has no environment {env_id!r}' in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize('option', [
    ('--task', 'maze'), ('--demos', 'demos/maze'), ('--plant', 'small_base'),
    ('--profile', 'turtlebot'), ('--max-demos', '3'), ('--eval-seed', '1'),
    ('--simulator', 'a:b'), ('--allow-other-contract',), ('--sign-key', 'key')])
def test_options_about_a_contract_are_refused(train, option):
    code, _, error = train('CartPole-v1', *option)
    assert code == 2
    assert error.startswith(f'error: {option[0]}: only for tasks with a contract. CartPole-v1 is')


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('step', [1, 5, 8])
def test_an_observation_that_is_not_finite_stops_with_its_place(
        train, register, value, step, tmp_path):
    code, _, error = train(register(nan_obs_at=step, value=value))
    assert code == 2
    assert f'observation[1] is {value} at step {step} of an episode, {step} in all' in error
    assert not list((tmp_path / 'run').glob('*.safetensors'))


def test_an_observation_beyond_what_a_network_can_hold_stops_too(train, register):
    code, _, error = train(register(nan_obs_at=3, value=1e39))
    assert code == 2 and 'observation[1] is inf at step 3' in error


def test_an_observation_of_another_size_than_said_stops_too(train, register):
    code, _, error = train(register(width=3))
    assert code == 2 and 'must have the 2 numbers of its observation_space. Got 3' in error


@pytest.mark.parametrize(('step', 'value'), [(2, np.nan), (90, np.inf), (101, np.nan)])
def test_a_reward_that_is_not_finite_stops_with_its_place(train, register, step, value):
    code, _, error = train(register(nan_reward_at=step, value=value))
    assert code == 2
    at = (step - 1) % 8 + 1
    assert f'the reward is {value} at step {at} of an episode, {step} in all' in error


@pytest.mark.parametrize('what', ['nan_obs_at', 'nan_reward_at'])
def test_the_best_policy_until_then_is_kept(train, register, what, tmp_path):
    code, _, error = train(register(**{what: 450}))
    assert code == 2 and 'at step 2 of an episode, 450 in all' in error
    assert f'The best policy until then is kept: {tmp_path / "run"}' in error
    weights = load_file(tmp_path / 'run/weights.safetensors')
    assert len(weights) == 4 and all(np.isfinite(each).all() for each in weights.values())
    assert (tmp_path / 'run/training.json').exists()


def test_weights_that_are_not_finite_stop_with_the_update_and_are_never_saved(
        train, register, monkeypatch, tmp_path):
    from ilw_learner.algorithms.q_learning.q_values import Dqn

    update = Dqn.update

    def spoil(self, *args):
        error = update(self, *args)
        if self.updates == 300:
            self.network.flat[3] = torch.nan
        return error

    monkeypatch.setattr(Dqn, 'update', spoil)
    code, _, error = train(register())
    assert code == 2
    assert 'Weights are NaN or infinite at update' in error and 'is kept' in error
    for name in ('weights', 'resume'):
        kept = load_file(tmp_path / f'run/{name}.safetensors')
        assert all(np.isfinite(v).all() for k, v in kept.items() if k not in ('numbers', 'loop'))


def test_an_environment_that_shows_the_past_is_learned_in(train, register, tmp_path):
    (tmp_path / 'small.yaml').write_text(CONFIG + 'history: 3\n')
    code, out, _ = train(register())
    assert code == 0 and 'mean return 8.0' in out
    assert load_file(tmp_path / 'run/weights.safetensors')['0.weight'].shape == (16, 6)


def test_both_errors_are_ones_that_a_person_can_mend():
    assert issubclass(NotFiniteError, IlwError)
