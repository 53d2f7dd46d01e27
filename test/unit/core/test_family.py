"""Which contracts one policy can serve: alike in what it sees, commands, and when."""

import numpy as np
import pytest
import yaml

from ilw_core.contract.family import (
    require_family,
    task_values,
    why_not_one_family,
    with_task_entry,
)
from ilw_core.contract.file import named_contract, parse_contract
from ilw_core.errors import ContractError

FAMILY = ('clutter', 'clutter_hard', 'corridor', 'dock', 'follow_wall', 'track')


def changed(contract, change, name='other'):
    data = yaml.safe_load(contract.text)
    data['contract'] = name
    change(data)
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def test_the_drawn_tasks_are_one_family():
    require_family([named_contract(name) for name in FAMILY])


@pytest.mark.parametrize('name', ['maze', 'office', 'turtlebot3'])
def test_the_other_tasks_are_not_of_it(name, clutter):
    with pytest.raises(ContractError, match=f'One policy cannot serve clutter and {name}: '):
        require_family([clutter, named_contract(name)])


@pytest.mark.parametrize('change', [
    lambda data: data.update(reward={'goal': 5.0}),
    lambda data: data.update(termination={'goal_radius_m': 0.1, 'timeout_s': 9, 'failure': {
        'when': {'lidar.0_m': {'below': 0.2}}}}),
    lambda data: data.update(scene={}),
    lambda data: data['safety'].update(deceleration_mps2=1.0),
    lambda data: data['observation'].update(lidar=dict(reversed(
        data['observation']['lidar'].items()))),
])
def test_reward_end_scene_and_guards_are_the_tasks_own(clutter, change):
    assert why_not_one_family(clutter, changed(clutter, change)) == ''


@pytest.mark.parametrize(('change', 'why'), [
    (lambda data: data.update(rate_hz=20), 'clutter has 10 ticks a second, other 20'),
    (lambda data: data['observation']['lidar'].update(range_max_m=5.0), 'observation.lidar of'),
    (lambda data: data['observation']['lidar'].update(sectors=18), 'observation.lidar of'),
    (lambda data: data['observation']['lidar']['align'].update(tolerance_ms=100),
     'observation.lidar of'),
    (lambda data: data['observation'].pop('goal'), 'observation.goal of'),
    (lambda data: data.update(observation=dict(reversed(data['observation'].items()))),
     'in another order'),
    (lambda data: data['action']['fields'][0].update(max=0.6), 'action.fields of'),
    (lambda data: data['action']['fields'].reverse(), 'action.fields of'),
    (lambda data: data['action']['command'].update(topic='other_vel'), 'action.command of'),
    (lambda data: data['action'].update(discrete={'stop': [0, 0], 'go': [0.4, 0]}),
     'action.discrete of'),
])
def test_what_is_observed_commanded_and_when_must_be_alike(clutter, change, why):
    other = changed(clutter, change)
    assert why in why_not_one_family(clutter, other)
    assert why_not_one_family(other, clutter)


def test_two_tasks_of_one_name_are_refused(clutter):
    with pytest.raises(ContractError, match='names of their own'):
        require_family([clutter, changed(clutter, lambda data: None, name='clutter')])


def test_a_network_of_several_tasks_sees_which_one_it_is_to_do(clutter):
    seen = with_task_entry(clutter, ('clutter', 'wall_m'))
    assert seen.obs_names == (*clutter.obs_names, 'task[clutter]', 'task[wall_m]')
    assert (seen.hash, seen.text) == (clutter.hash, clutter.text)
    assert seen.obs_low[-2:].tolist() == [0.0, 0.0]
    assert seen.obs_high[-2:].tolist() == [1.0, 1.0]
    assert np.array_equal(seen.obs_low[:-2], clutter.obs_low)
    assert task_values('wall_m', ('clutter', 'wall_m')).tolist() == [0.0, 1.0]
    assert task_values('clutter', ('clutter', 'wall_m')).dtype == np.float32


def test_an_entry_of_that_name_is_refused(clutter):
    def rename(data):
        data['observation']['task'] = data['observation'].pop('lidar')

    with pytest.raises(ContractError, match='an entry called task'):
        with_task_entry(changed(clutter, rename), ('a', 'b'))
