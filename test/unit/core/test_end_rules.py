"""An attempt that ends by a rule over observed values: in words, one tick after the other."""


import gymnasium
import numpy as np
import pytest

from ilw_core.contract.end_rules import RuleWatch
from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.contract.observed import making
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_data.episode.judge import judged
from ilw_learner.data.demonstrations import task_rewards
from ilw_learner.rollout.rule_ends import RuleEnds

P = 100_000_000
TEXT = """
contract: ruled
version: 1
rate_hz: 10
observation:
  base: {topic: odom, type: nav_msgs/msg/Odometry, feature: body_twist}
action:
  command: {topic: cmd_vel, type: geometry_msgs/msg/Twist}
  fields: [{name: linear.x, unit: m/s, min: -1.0, max: 1.0, max_rate: 5.0}]
  on_stale: stop
reward: {step: -0.5, success: 3.0, failure: -7.0}
termination:
  success:
    when: {base.forward_mps: {above: 0.2, below: 0.8}, base.turn_radps: {below: 0.1}}
    for_s: 0.3
  failure: {when: {base.forward_mps: {above: 0.7}}}
"""
RULED = parse_contract(TEXT)
SUCCESS, FAILURE, ON = Outcome.SUCCESS, Outcome.FAILURE, Outcome.UNKNOWN


def followed(rows, valid=None):
    watch = RuleWatch(RULED.rules, RULED.obs_names)
    masks = [[True, True]] * len(rows) if valid is None else valid
    return [watch.take(i * P, np.array(row), np.array(mask))
            for i, (row, mask) in enumerate(zip(rows, masks, strict=True))]


def test_it_must_be_so_for_long_enough_without_a_break():
    assert followed([(0.5, 0.0)] * 4) == [ON, ON, ON, SUCCESS]
    assert followed([(0.5, 0.0)] * 3 + [(0.5, 0.2)] + [(0.5, 0.0)] * 3) == [ON] * 7


def test_bounds_are_not_part_of_where_it_must_be():
    assert followed([(0.2, 0.0)] * 6) == [ON] * 6
    assert followed([(0.5, 0.1)] * 6) == [ON] * 6
    assert followed([(0.7, 0.0)] * 4)[-1] is SUCCESS
    assert followed([(0.70001, 0.0)]) == [FAILURE]  # what fails does not succeed


def test_what_is_not_seen_speaks_for_no_rule():
    masks = [[True, True], [True, True], [True, False], [True, True], [True, True], [True, True]]
    assert followed([(0.5, 0.0)] * 6, masks) == [ON] * 6
    assert followed([(0.9, 0.0)], [[False, True]]) == [ON]
    assert followed([(0.9, 0.0)], [[True, False]]) == [FAILURE]


def test_of_a_list_of_rules_any_ends_it():
    both = TEXT.replace('failure: {when: {base.forward_mps: {above: 0.7}}}', '''failure:
    - {when: {base.forward_mps: {above: 0.7}}, for_s: 0.1}
    - {when: {base.turn_radps: {below: -0.5}}}''')
    contract = parse_contract(both)
    assert len(contract.rules) == 3
    watch = RuleWatch(contract.rules, contract.obs_names)
    rows = [(0.9, 0.0), (0.1, 0.0), (0.1, -0.6), (0.9, 0.0), (0.9, 0.0)]
    ends = [watch.take(i * P, np.array(row), np.ones(2, bool)) for i, row in enumerate(rows)]
    assert ends == [ON, ON, FAILURE, ON, FAILURE]
    with pytest.raises(ContractError, match=r'termination.failure\[1\].for_s'):
        parse_contract(both.replace('{below: -0.5}}', '{below: -0.5}}, for_s: -1'))


def test_a_new_attempt_begins_anew():
    watch = RuleWatch(RULED.rules, RULED.obs_names)
    whole = np.array([True, True])
    for tick in range(3):
        watch.take(tick * P, np.array([0.5, 0.0]), whole)
    watch.begin()
    assert watch.take(3 * P, np.array([0.5, 0.0]), whole) is ON


def episode(rows, outcome=Outcome.UNKNOWN):
    obs = np.array(rows, dtype=np.float32)
    steps = len(rows) - 1
    return Episode('e', obs, np.ones_like(obs, bool), np.zeros((steps, 1), np.float32),
                   np.ones(steps, bool), np.arange(steps + 1) * P, outcome, '', RULED.hash,
                   np.ones(steps, np.float32))


def test_a_recording_that_nobody_judged_ends_where_the_rule_says():
    rows = [(0.1, 0.0)] * 2 + [(0.5, 0.0)] * 8
    made = judged(episode(rows), RULED)
    assert (made.outcome, made.stop_reason, len(made.actions)) == (SUCCESS, 'rule', 5)
    assert len(made.person_rewards) == 5
    assert task_rewards(made, RULED).tolist() == [0.5, 0.5, 0.5, 0.5, 3.5]
    lost = judged(episode([(0.1, 0.0), (0.9, 0.0), (0.1, 0.0)]), RULED)
    assert (lost.outcome, len(lost.actions)) == (FAILURE, 1)
    assert task_rewards(lost, RULED).tolist() == [-6.5]


def test_one_that_was_judged_or_that_no_rule_ends_stays():
    rows = [(0.5, 0.0)] * 8
    person = episode(rows, Outcome.FAILURE)
    assert judged(person, RULED) is person
    goes_on = episode([(0.1, 0.0)] * 8)
    assert judged(goes_on, RULED) is goes_on


class Speeds(gymnasium.Env):
    """Gives speeds one after the other."""

    def __init__(self, rows, ends=99):
        self.rows, self.ends = rows, ends

    def reset(self, *, seed=None, options=None):
        self.at = 0
        return np.array(self.rows[0]), {}

    def step(self, action):
        self.at += 1
        done = self.at == self.ends
        return np.array(self.rows[self.at]), 0.25, done, False, {
            'success': False, 'stop_reason': 'collision' if done else ''}


def drive(env):
    env.reset()
    for step in range(1, 9):
        _, reward, terminated, _, info = env.step(0)
        if terminated:
            return step, reward, info['success'], info['stop_reason']
    return None


def test_an_environment_ends_by_the_rule_and_its_own_ends_go_first():
    rows = [(0.5, 0.0)] * 9
    assert drive(RuleEnds(Speeds(rows), RULED)) == (3, 3.25, True, 'rule')
    assert drive(RuleEnds(Speeds(rows, ends=3), RULED)) == (3, 0.25, False, 'collision')
    assert drive(RuleEnds(Speeds([(0.1, 0.0)] * 9), RULED)) is None
    env = RuleEnds(Speeds(rows), RULED)
    assert drive(env) == drive(env)  # each episode for itself


@pytest.mark.parametrize(('old', 'new', 'said'), [
    ('base.forward_mps: {above: 0.7}', 'tool.z_m: {above: 0.7}', 'an observed number'),
    ('base.forward_mps: {above: 0.7}', 'base.forward_mps: {}', 'above: NUMBER'),
    ('base.forward_mps: {above: 0.7}', '', 'at least one observed number'),
    ('{above: 0.2, below: 0.8}', '{above: 0.8, below: 0.2}', 'less than'),
    ('{above: 0.2, below: 0.8}', '{over: 0.8}', 'above: NUMBER'),
    ('for_s: 0.3', 'for_s: -1', 'finite number'), ('for_s: 0.3', 'during_s: 1', 'unknown key')])
def test_a_mistake_is_named(old, new, said):
    assert old in TEXT
    with pytest.raises(ContractError, match=said) as caught:
        parse_contract(TEXT.replace(old, new))
    assert str(caught.value).startswith('contract.termination.')


def test_the_rules_are_part_of_what_is_learnt():
    assert parse_contract(TEXT.replace('for_s: 0.3', 'for_s: 0.4')).hash != RULED.hash


def test_entries_are_found_through_those_that_others_are_made_from():
    contract = load_contract(config_file('tasks', 'pick_place_state'))
    names = [source.name for source in making(contract.sources, ['goal.x_m'])]
    assert names == ['tool', 'cube', 'goal']  # the mark from the cube, the cube from the tool
    assert [s.name for s in making(contract.sources, ['height.value_m'])] == ['height']
    assert making(contract.sources, []) == ()
