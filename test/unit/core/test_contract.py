"""What is wrong with a contract is said in one line that names file, key and reason."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from ilw_core.contract.file import load_contract, named_contract, parse_contract
from ilw_core.errors import ContractError


def test_the_shipped_contracts_load(contract):
    assert contract.obs_dim == len(contract.obs_names) == len(contract.obs_low)
    assert np.all(contract.obs_low < contract.obs_high)
    assert set(contract.action.topics) <= set(contract.topics)


def test_layout_and_comments_do_not_change_the_hash(clutter):
    assert parse_contract('# a comment\n' + clutter.text).hash == clutter.hash
    assert parse_contract(clutter.text.replace('rate_hz: 10', 'rate_hz: 20')).hash != clutter.hash


@pytest.mark.parametrize(('old', 'new', 'words'), [
    ('rate_hz', 'rate_hertz', ['rate_hz', 'required']),
    ('timeout_s: 40', 'timeout: 40', ['termination', 'timeout', 'timeout_s']),
    ('feature: body_twist', 'feature: body_twits', ['velocity.feature', 'body_twits']),
    ('sectors: 36', 'sectors: many', ['lidar.sectors', 'whole number', 'many']),
    ('pose_from: velocity', 'pose_from: speed', ['goal', 'speed', 'velocity']),
    ('max: 0.5', 'max: -0.5', ['fields[0].max', 'greater than min']),
    ('topic: scan', 'topic: /scan', ['lidar.topic', 'relative']),
    ('version: 1', 'version: 2', ['version', '2']),
    ('on_stale: stop', 'on_stale: coast', ['on_stale', 'coast']),
    ('rate_hz: 10 ', 'rate_hz: .nan ', ['rate_hz', 'finite']),
])
def test_a_typo_is_named_with_its_key(clutter, old, new, words):
    assert old in clutter.text
    with pytest.raises(ContractError) as error:
        parse_contract(clutter.text.replace(old, new), 'my.yaml')
    assert 'my.yaml' in str(error.value)
    assert '\n' not in str(error.value)
    for word in words:
        assert word in str(error.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / 'none.yaml', tmp_path):
        with pytest.raises(ContractError, match='cannot be read'):
            load_contract(path)


@pytest.mark.long
@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_contract_or_a_contract_error(text):
    with pytest.raises(ContractError):
        parse_contract(text)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_contract_never_crashes(data):
    text = (Path(__file__).parents[3] / 'config/tasks/maze.yaml').read_text()
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start, min(len(text), start + 30)))
    try:
        parse_contract(text[:start] + data.draw(st.text(max_size=8)) + text[end:])
    except ContractError:
        return


def test_before_anybody_drives_fields_that_hold_are_where_measured():
    arm = named_contract('reach_joints')
    seen = np.full(arm.obs_dim, np.nan)
    assert np.array_equal(arm.begin_at(seen), arm.action.rest), 'where nothing is known'
    joint = next(k for k, name in enumerate(arm.action.measured) if name)
    seen[arm.obs_names.index(arm.action.measured[joint])] = 0.123
    assert arm.begin_at(seen)[joint] == 0.123
    assert np.array_equal(np.delete(arm.begin_at(seen), joint), np.delete(arm.action.rest, joint))


def test_the_nearest_discrete_action_is_measured_in_parts_of_the_range(maze):
    names = list(maze.action.discrete)
    found = maze.action.nearest([[0.39, 0.1], [0.0, 0.0], [0.15, 0.9], [0.2, -1.2]])
    assert [names[i] for i in found] == ['forward', 'stop', 'left', 'right']
