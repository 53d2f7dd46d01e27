"""What two contracts have in common, and whether a policy of one can drive the other's task."""

import pytest
import yaml

from ilw_core.contract.by_name import places, same_observed, why_it_cannot_drive
from ilw_core.contract.file import parse_contract


def changed(contract, change):
    data = yaml.safe_load(contract.text)
    data['contract'] = 'changed'
    change(data)
    return parse_contract(yaml.safe_dump(data, sort_keys=False))


def test_places_are_by_name():
    assert places(['a', 'b', 'c'], ['c', 'a']).tolist() == [1, -1, 0]


def test_the_same_numbers_are_found_in_another_order(clutter):
    other = changed(clutter, lambda data: data.update(
        observation=dict(reversed(data['observation'].items()))))
    found = same_observed(clutter, other)
    assert [other.obs_names[i] for i in found] == list(clutter.obs_names)
    assert found.tolist() != list(range(clutter.obs_dim))


def test_a_slice_of_a_lidar_with_other_slices_is_another_thing(clutter):
    other = changed(clutter, lambda data: data['observation']['lidar'].update(sectors=18))
    found = same_observed(clutter, other)
    assert (found[:36] == -1).all() and found[36:].tolist() == [18, 19, 20, 21, 22]


def test_an_entry_read_in_another_way_is_another_thing(clutter):
    other = changed(clutter, lambda data: data['observation'].update(lidar={
        'topic': 'odom', 'type': 'nav_msgs/msg/Odometry', 'feature': 'body_twist'}))
    assert (same_observed(clutter, other)[:36] == -1).all()


def test_another_range_is_no_other_thing(clutter):
    other = changed(clutter, lambda data: data['observation']['goal'].update(distance_max_m=20.0))
    assert (same_observed(clutter, other) >= 0).all()


@pytest.mark.parametrize(('change', 'why'), [
    (lambda data: None, ''),
    (lambda data: data.update(rate_hz=20), '10 ticks a second'),
    (lambda data: data['action']['fields'].reverse(), ''),
    (lambda data: data['action']['fields'][0].update(max=0.2), ''),
    (lambda data: (data.pop('safety'), data['action']['fields'].append(
        {'name': 'twist.linear.y', 'unit': 'm/s', 'min': -1.0, 'max': 1.0, 'max_rate': 1.0})),
     'does not command twist.linear.y'),
    (lambda data: data['observation']['lidar'].update(sectors=18),
     'changed does not observe lidar.0_m and 35 more')])
def test_it_says_why_a_policy_cannot_drive_another_task(clutter, change, why):
    told = why_it_cannot_drive(clutter, changed(clutter, change))
    assert why in told and bool(told) == bool(why)
