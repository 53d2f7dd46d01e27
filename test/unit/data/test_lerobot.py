"""Data sets of LeRobot, without LeRobot: layouts, drafted contracts, messages, refusals."""

import json

import numpy as np
import pytest

from ilw_core.contract.file import load_contract, parse_contract
from ilw_core.errors import ContractError, EpisodeError, IlwError
from ilw_core.storage.episode_folder import read_episode
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_data.lerobot.draft import contract_text
from ilw_data.lerobot.environment import lerobot_python
from ilw_data.lerobot.importing import write_episode
from ilw_data.lerobot.layout import layout_of, read_notes, require_version_3
from ilw_data.lerobot.messages import Fitting

_STEPS = 12


def features(state=('a.pos', 'b.pos'), action=('a.pos', 'b.pos'), camera=(48, 64, 3), **more):
    """Return the features of a data set, as LeRobot tells them."""
    return {
        'observation.state': {'dtype': 'float32', 'shape': [2],
                              'names': list(state) if isinstance(state, tuple) else state},
        'action': {'dtype': 'float32', 'shape': [2], 'names': list(action)},
        'observation.images.front': {'dtype': 'video', 'shape': list(camera), 'names': None},
        'timestamp': {'dtype': 'float32', 'shape': [1], 'names': None}, **more}


def layout(**given):
    return layout_of({'fps': 10, 'robot_type': 'so100', 'features': features(**given)}, 'set')


def columns(rng, steps=_STEPS):
    found = {key: rng.normal(size=(steps, 2)).astype(np.float32)
             for key in ('observation.state', 'action')}
    found['observation.state'][3] = [-0.0, 1e-42]  # a bit that a comparison of numbers loses
    return {**found, 'episode_index': np.zeros(steps, int),
            'timestamp': np.arange(steps) / np.float32(10)}


@pytest.mark.parametrize(('given', 'names'), [
    (['x', 'y'], ('x', 'y')), ({'motors': ['x', 'y']}, ('x', 'y')),
    (None, ('state_0', 'state_1')), (['x', 'x'], ('state_0', 'state_1')),
    (['x'], ('state_0', 'state_1')), ({'axes': 'xy'}, ('state_0', 'state_1'))])
def test_names_are_found_however_a_data_set_gives_them(given, names):
    assert layout(state=given).observed[0].names == names


@pytest.mark.parametrize('shape', [(48, 64, 3), (3, 48, 64)])
def test_a_cameras_sides_are_found_in_either_order(shape):
    picture, = layout(camera=shape).pictures
    assert (picture.name, picture.height, picture.width) == ('front', 48, 64)


def test_a_data_set_without_action_or_observation_is_refused():
    with pytest.raises(IlwError, match=r'must hold a vector named action. It has: timestamp'):
        layout_of({'fps': 10, 'robot_type': '', 'features': {
            'timestamp': {'dtype': 'float32', 'shape': [1]}}}, 'set')
    with pytest.raises(IlwError, match='must hold something observed'):
        layout_of({'fps': 10, 'robot_type': '', 'features': {
            'action': {'dtype': 'float32', 'shape': [2], 'names': None}}}, 'set')


def test_a_drafted_contract_holds_names_that_a_contract_could_not_have():
    state, action = ['joint #1: "left"', "it's"], ['9 lives', '9-lives']
    odd = layout(state=state, action=action)
    rng = np.random.default_rng(0)
    text = contract_text(odd, columns(rng), 'my set/1', 3.0)
    contract = parse_contract(text)
    assert contract.name == 'lerobot_my_set_1' and contract.rate_hz == 10.0
    assert contract.obs_names == tuple(f'state.{name}.position' for name in state)
    assert contract.action.names == ('n_9_lives', 'n_9_lives_2')
    assert 'NOT KNOWN' in text and contract.action.holds.all()
    assert contract.images[0].feature.shape == (48, 64, 3)


def test_a_large_picture_is_drafted_smaller_and_limits_hold_all_that_was_seen():
    rng = np.random.default_rng(1)
    seen = columns(rng)
    contract = parse_contract(contract_text(layout(camera=(480, 640, 3)), seen, 'set', 3.0))
    assert contract.images[0].feature.shape == (96, 128, 3)
    action = contract.action
    assert (seen['action'] >= action.low).all() and (seen['action'] <= action.high).all()
    fastest = np.abs(np.diff(seen['action'], axis=0)).max(axis=0) * 10
    assert (action.max_rate >= fastest * 0.999).all() and (action.max_rate < fastest * 1.2).all()


def test_a_step_from_one_episode_into_the_next_is_no_rate():
    rng = np.random.default_rng(2)
    seen = columns(rng)
    seen['action'][:] = 0.0
    seen['action'][6:] = 5.0
    seen['episode_index'] = np.repeat([0, 1], 6)
    contract = parse_contract(contract_text(layout(), seen, 'set', 3.0))
    assert (contract.action.max_rate < 1.0).all()


def test_units_and_stops_of_a_known_action_are_kept():
    origin = load_contract(config_file('tasks', 'lift')).action
    known = layout_of({'fps': 10, 'robot_type': '', 'features': {
        **features(), 'action': {'dtype': 'float32', 'shape': [5], 'names': list(origin.names)}}},
        'set')
    seen = {**columns(np.random.default_rng(3)), 'action': np.zeros((_STEPS, 5), np.float32)}
    action = parse_contract(contract_text(known, seen, 'set', 3.0, origin)).action
    assert action.units == origin.units and action.names == origin.names
    for name in ('low', 'high', 'max_rate', 'stop'):
        np.testing.assert_array_equal(getattr(action, name), getattr(origin, name))


@pytest.mark.parametrize('kind', ['CompressedImage', 'Image'])
def test_numbers_and_pictures_come_out_of_the_bag_to_the_bit(tmp_path, kind):
    rng = np.random.default_rng(4)
    seen, found = columns(rng), layout()
    text = contract_text(found, seen, 'set', 3.0).replace('CompressedImage', kind)
    contract = parse_contract(text)
    pictures = rng.integers(0, 256, (_STEPS, 48, 64, 3), dtype=np.uint8)
    about = {'begin_ns': 5_000_000_000, 'outcome': 'success', 'stop_reason': 'goal',
             'lerobot': {'episode': 0}}
    write_episode(tmp_path / 'one', contract, Fitting(contract, found, drafted=True), seen,
                  'action', {'observation.images.front': pictures}, about)
    episode = load_episode(read_episode(tmp_path / 'one'), contract)
    assert episode.actions.tobytes() == seen['action'].tobytes()
    assert episode.obs[:-1].tobytes() == seen['observation.state'].tobytes()
    np.testing.assert_array_equal(episode.images['front'][:-1], pictures)
    np.testing.assert_array_equal(episode.obs[-1], episode.obs[-2])  # LeRobot keeps none there
    assert episode.stamps_ns[0] == 5_000_000_000 and np.ptp(episode.stamps_ns) == _STEPS * 10**8
    assert (episode.outcome.name, episode.stop_reason) == ('SUCCESS', 'goal')


_OWN = """
contract: own
version: 1
rate_hz: 10
observation:
  b: {{topic: js, type: sensor_msgs/msg/JointState, feature: joints, joints: [{second}]}}
  a: {{topic: js, type: sensor_msgs/msg/JointState, feature: joints, joints: [a.pos]}}
  {more}
action:
  command: {{topic: go, type: std_msgs/msg/Float64MultiArray}}
  fields:
    - {{name: b.pos, field: 'data[1]', unit: rad, min: -9, max: 9, max_rate: 9, start: 0}}
    - {{name: a.pos, field: 'data[0]', unit: rad, min: -9, max: 9, max_rate: 9, start: 0}}
  on_stale: hold
"""


def own(second='b.pos', more=''):
    return parse_contract(_OWN.format(second=second, more=more))


def test_a_given_contract_takes_numbers_by_name_in_its_own_order(tmp_path):
    seen, contract, found = columns(np.random.default_rng(5)), own(), layout()
    write_episode(tmp_path / 'one', contract, Fitting(contract, found, drafted=False), seen,
                  'action', {}, {'begin_ns': 1_000_000_000, 'outcome': 'unknown',
                                 'stop_reason': '', 'lerobot': {'episode': 0}})
    source = read_episode(tmp_path / 'one')
    episode = load_episode(source, contract)
    np.testing.assert_array_equal(episode.obs[:-1], seen['observation.state'][:, ::-1])
    np.testing.assert_array_equal(episode.actions, seen['action'][:, ::-1])
    assert source.foreign  # nobody here judged it, so it is trained from


def test_a_contract_that_reads_other_numbers_is_refused_and_leaves_nothing(tmp_path):
    contract, found = own(more='c: {topic: js, type: sensor_msgs/msg/JointState, '
                               'feature: joints, joints: [a.pos], read: [velocity]}'), layout()
    with pytest.raises(EpisodeError, match='cannot be told by the contract own to the bit'):
        write_episode(tmp_path / 'one', contract, Fitting(contract, found, drafted=False),
                      columns(np.random.default_rng(6)), 'action', {},
                      {'begin_ns': 1, 'outcome': 'unknown', 'stop_reason': '',
                       'lerobot': {'episode': 7}})
    assert not (tmp_path / 'one').exists()


def test_a_contract_that_names_what_is_not_there_is_refused():
    with pytest.raises(ContractError, match=r'observes b.elbow.position, which .* It has: a.pos'):
        Fitting(own(second='elbow'), layout(), drafted=False)
    with pytest.raises(ContractError, match=r'feature: lidar_sectors. cannot be made of numbers'):
        Fitting(load_contract(config_file('tasks', 'clutter')), layout(), drafted=False)
    with pytest.raises(ContractError, match='observes the camera side'):
        Fitting(own(more='side: {topic: i, type: sensor_msgs/msg/Image, feature: image, '
                         'size: [8, 8]}'), layout(), drafted=False)
    with pytest.raises(ContractError, match=r'commands b.pos, which .* It has: a.pos, other'):
        Fitting(own(), layout(action=['a.pos', 'other']), drafted=False)


@pytest.mark.parametrize(('info', 'why'), [
    (None, 'Got no meta/info.json'), ('{', 'cannot be read'), ('[]', 'cannot be read'),
    ('{"codebase_version": "v2.1"}', 'of version v3. Got v2.1. Convert it'),
    ('{"codebase_version": "v4.0"}', 'of version v3. Got v4.0')])
def test_what_is_no_data_set_of_version_3_is_refused_before_anything_is_set_up(
        tmp_path, typed, monkeypatch, info, why):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'set' / 'meta').mkdir(parents=True)
    if info is not None:
        (tmp_path / 'set' / 'meta' / 'info.json').write_text(info)
    with pytest.raises(IlwError):
        require_version_3(tmp_path / 'set')
    code, out, err = typed('lerobot', 'import', tmp_path / 'set')
    assert (code, out) == (2, '') and why in err and len(err.splitlines()) == 1


def test_notes_of_others_are_left_alone(tmp_path):
    (tmp_path / 'meta').mkdir()
    assert read_notes(tmp_path) == {}
    for text in ('[]', '{"schema": "ilw.lerobot/9", "episodes": []}', '{"schema": 3}'):
        (tmp_path / 'meta' / 'ilw.json').write_text(text)
        assert read_notes(tmp_path) == {}
    (tmp_path / 'meta' / 'ilw.json').write_text(json.dumps(
        {'schema': 'ilw.lerobot/1', 'episodes': [], 'contract_text': ''}))
    assert read_notes(tmp_path)['episodes'] == []


@pytest.mark.long
def test_without_a_network_one_line_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / 'requirements').mkdir()
    digest = '0' * 64
    (tmp_path / 'requirements' / 'lock-lerobot.txt').write_text(
        f'lerobot==0.4.4 --hash=sha256:{digest}\n')
    monkeypatch.setenv('ILW_ROOT', str(tmp_path))
    monkeypatch.setenv('PIP_CONFIG_FILE', '/dev/null')
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.setenv('PIP_FIND_LINKS', str(tmp_path))
    said = []
    with pytest.raises(IlwError, match=r'was not set up: its packages .* Connect') as refused:
        lerobot_python(said.append)
    assert len(said) == 1 and 'MB to download' in said[0] and '\n' not in str(refused.value)


def test_outside_a_checkout_one_line_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv('ILW_ROOT', str(tmp_path))
    with pytest.raises(IlwError, match='is set up in a checkout'):
        lerobot_python(print)
