"""Which policies of LeRobot a contract takes, and which are refused before LeRobot is asked."""

import json

import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.errors import IlwError
from ilw_data.lerobot.pretrained import read_pretrained
from ilw_learner.checkpoint.from_lerobot import fit

STATE, ENVIRONMENT = 'observation.state', 'observation.environment_state'
FRONT = 'observation.images.front'
NORMALIZER = {'registry_name': 'normalizer_processor', 'state_file': 'before.safetensors'}
CONTRACT = """
contract: own
version: 1
rate_hz: {rate}
observation:
  first: {{topic: js, type: sensor_msgs/msg/JointState, feature: joints, joints: [{joints}]}}
  judge: {{topic: g, type: sensor_msgs/msg/JointState, feature: joints, joints: [h], hidden: true}}
  second: {{topic: o, type: sensor_msgs/msg/JointState, feature: joints, joints: [d, e]}}
  {camera}: {{topic: i, type: sensor_msgs/msg/Image, feature: image, size: [{width}, 24]}}
action:
  command: {{topic: go, type: std_msgs/msg/Float64MultiArray}}
  fields:
    - {{name: x, field: 'data[0]', unit: rad, min: -9, max: 9, max_rate: 9, start: 0}}
  on_stale: hold
"""


def contract(rate=10, joints='a, b, c', camera='front', width=32):
    return parse_contract(CONTRACT.format(rate=rate, joints=joints, camera=camera, width=width))


def write(folder, *, config=None, inputs=None, before=(), after=(), training=None):
    """Write what describes a policy; of its weights only that they are there."""
    seen = {STATE: [3], ENVIRONMENT: [2], FRONT: [3, 24, 32]} if inputs is None else inputs
    folder.mkdir(exist_ok=True)
    files = {
        'config.json': {
            'type': 'act', 'chunk_size': 10, 'n_action_steps': 4,
            'input_features': {key: {'type': 'any', 'shape': each} for key, each in seen.items()},
            'output_features': {'action': {'type': 'ACTION', 'shape': [1]}}, **(config or {})},
        'policy_preprocessor.json': {'steps': [*before, NORMALIZER]},
        'policy_postprocessor.json': {'steps': [*after, {
            'registry_name': 'unnormalizer_processor'}]},
        **({} if training is None else {'train_config.json': training})}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    for name in ('model.safetensors', 'before.safetensors'):
        (folder / name).write_bytes(b'')
    return folder


def test_each_feature_is_told_which_numbers_it_is_and_hidden_ones_are_nobodys(tmp_path):
    vectors, cameras = fit(read_pretrained(write(tmp_path / 'p')), contract(), 10.0)
    assert vectors == {STATE: [0, 1, 2], ENVIRONMENT: [4, 5]}  # 3 is hidden
    assert cameras == {FRONT: 'front'}


def test_a_policy_that_renames_what_it_sees_is_told_the_names_of_the_data_set(tmp_path):
    rename = {'registry_name': 'rename_observations_processor',
              'config': {'rename_map': {'observation.images.front': 'observation.images.camera1'}}}
    policy = read_pretrained(write(tmp_path / 'p', before=[rename], inputs={
        STATE: [3], ENVIRONMENT: [2], 'observation.images.camera1': [3, 24, 32]}))
    assert fit(policy, contract(), 10.0)[1] == {FRONT: 'front'}


@pytest.mark.parametrize(('given', 'why'), [
    ({'rate': 20}, r'rate_hz must be the fps .* was trained at, 10. Got 20'),
    ({'joints': 'a, b'}, r'must observe 5 numbers .*3 of observation.state, 2 of .* Got 4'),
    ({'joints': 'a, b, c, d2'}, r'must observe 5 numbers .* Got 6'),
    ({'camera': 'side'}, r'must be front \(32 x 24\) .* Got side \(32 x 24\)'),
    ({'width': 64}, r'must be front \(32 x 24\) .* Got front \(64 x 24\)')])
def test_a_contract_that_does_not_fit_is_refused(tmp_path, given, why):
    policy = read_pretrained(write(tmp_path / 'p'))
    with pytest.raises(IlwError, match=why):
        fit(policy, contract(**given), 10.0)


@pytest.mark.parametrize(('given', 'why'), [
    ({'inputs': {STATE: [2], ENVIRONMENT: [3], FRONT: [3, 24, 32]}},
     'what follows its first 2 numbers as another entry .* Got first across'),
    ({'inputs': {STATE: [3], ENVIRONMENT: [2]}}, r'must be none .* Got front'),
    ({'config': {'output_features': {'action': {'shape': [2]}}}}, r'must command 2 .* Got 1: x')])
def test_a_policy_that_sees_or_gives_other_numbers_is_refused(tmp_path, given, why):
    policy = read_pretrained(write(tmp_path / 'p', **given))
    with pytest.raises(IlwError, match=why):
        fit(policy, contract(), 10.0)


def test_named_choices_are_refused(tmp_path, maze):
    with pytest.raises(IlwError, match=r'must be continuous .* Got named choices'):
        fit(read_pretrained(write(tmp_path / 'p')), maze, maze.rate_hz)


def test_the_rate_is_that_of_the_data_set_where_that_is_here(tmp_path):
    data = tmp_path / 'set'
    (data / 'meta').mkdir(parents=True)
    folder = write(tmp_path / 'p', training={'dataset': {'root': str(data)}})
    with pytest.raises(IlwError, match=r'does not tell the rate .* --fps NUMBER'):
        fit(read_pretrained(folder), contract(), None)
    (data / 'meta' / 'info.json').write_text('{"fps": 10}')
    policy = read_pretrained(folder)
    assert policy.fps == 10.0 and fit(policy, contract(), None)
    for other in (contract(rate=20), contract()):
        with pytest.raises(IlwError, match='rate_hz must be the fps'):
            fit(policy, other, 20.0)
    for training in ([], {'dataset': None}, {'dataset': {'root': 3}}):
        assert read_pretrained(write(tmp_path / 'p', training=training)).fps is None


def test_how_lerobot_drives_its_chunks_is_kept(tmp_path):
    policy = read_pretrained(write(tmp_path / 'p'))
    assert (policy.chunk, policy.driven, policy.ensemble) == (10, 4, None)
    policy = read_pretrained(write(tmp_path / 'p', config={'temporal_ensemble_coeff': 0.01}))
    assert policy.ensemble == 0.01


@pytest.mark.parametrize(('given', 'why'), [
    ({'config': {'type': 'diffusion'}}, "type must be one of act. Got 'diffusion'"),
    ({'config': {'chunk_size': 0}}, 'chunk_size must be a whole number'),
    ({'config': {'n_action_steps': 11}}, 'n_action_steps must be a whole number .* at most 10'),
    ({'config': {'input_features': []}}, 'input_features must be a mapping'),
    ({'inputs': {'observation.effort': [3]}}, 'must be a vector observation.state or'),
    ({'inputs': {FRONT: [1, 24, 32]}}, r'a picture .* Got \[1, 24, 32\]'),
    ({'inputs': {STATE: []}}, 'shape must be a list of sides'),
    # LeRobot would import what these name and call it, or read what lies elsewhere.
    ({'before': [{'class': 'subprocess.Popen'}]}, 'registry_name is required'),
    ({'before': [{'registry_name': 'device_processor', 'class': 'subprocess.Popen'}]},
     'class must be left out'),
    ({'after': [{'registry_name': 'tokenizer_processor'}]}, 'must be one of unnormalizer'),
    ({'before': [{'registry_name': 'normalizer_processor', 'state_file': '../x'}]},
     'state_file must be a file beside it'),
    ({'before': [{'registry_name': 'normalizer_processor', 'state_file': 'lost'}]},
     'state_file must be a file beside it')])
def test_a_policy_that_is_none_of_act_or_names_other_code_is_one_line_and_exit_code_2(
        tmp_path, typed, given, why):
    folder = write(tmp_path / 'p', **given)
    with pytest.raises(IlwError, match=why):
        read_pretrained(folder)
    code, out, err = typed('lerobot', 'policy', folder, '--task', 'lift', '--out', tmp_path / 'c')
    assert (code, out, len(err.splitlines())) == (2, '', 1) and not (tmp_path / 'c').exists()


def test_a_folder_without_weights_or_processors_says_what_to_do(tmp_path):
    folder = write(tmp_path / 'p')
    (folder / 'policy_preprocessor.json').write_text('{')
    with pytest.raises(IlwError, match='must be JSON'):
        read_pretrained(folder)
    (folder / 'policy_preprocessor.json').unlink()
    with pytest.raises(IlwError, match=r'since 0\.4\. Got none\. Convert .*migrate_policy_'):
        read_pretrained(folder)
    (folder / 'model.safetensors').unlink()
    with pytest.raises(IlwError, match=r'must be a policy of LeRobot: a folder with config\.json'):
        read_pretrained(folder)


def test_a_contract_that_does_not_fit_needs_no_lerobot_to_be_refused(tmp_path, typed, monkeypatch):
    monkeypatch.setenv('ILW_ROOT', str(tmp_path))  # where no library could be set up
    folder = write(tmp_path / 'p')
    (tmp_path / 'task.yaml').write_text(contract(rate=20).text)
    code, out, err = typed('lerobot', 'policy', folder, '--task', tmp_path / 'task.yaml',
                           '--out', tmp_path / 'c', '--fps', '10')
    assert (code, out) == (2, '') and 'rate_hz must be the fps' in err
    assert len(err.splitlines()) == 1
