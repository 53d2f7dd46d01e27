"""A policy of LeRobot drives here: our runner makes of an observation what LeRobot itself does."""

import json
from pathlib import Path
import subprocess
import tempfile

import numpy as np
import onnx
import pytest

from ilw_core.align import Observation
from ilw_core.contract.file import parse_contract
from ilw_data.lerobot.environment import lerobot_python
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.runtime.chunk_executor import Execution
from ilw_learner.runtime.runner import PolicyRunner

pytestmark = pytest.mark.slow
PEER = Path(__file__).with_name('lerobot_peer.py')
CONTRACT = """
contract: {name}
version: 1
rate_hz: 10
observation:
  first: {{topic: js, type: sensor_msgs/msg/JointState, feature: joints, joints: [a, b, c]}}
  {between}
  {more}
action:
  command: {{topic: go, type: std_msgs/msg/Float64MultiArray}}
  fields:
    - {{name: x, field: 'data[0]', unit: rad, min: -9, max: 9, max_rate: 9, start: 0}}
    - {{name: y, field: 'data[1]', unit: rad, min: -9, max: 9, max_rate: 9, start: 0}}
  on_stale: hold
"""
HIDDEN = ('judge: {topic: judge, type: sensor_msgs/msg/JointState, feature: joints, joints: [h], '
          'hidden: true}')
SECOND = 'second: {topic: o, type: sensor_msgs/msg/JointState, feature: joints, joints: [d, e]}'
CAMERA = 'front: {topic: i, type: sensor_msgs/msg/Image, feature: image, size: [32, 32]}'
STATE, ENVIRONMENT = 'observation.state', 'observation.environment_state'
FRONT = 'observation.images.front'
KINDS = {'vectors': (SECOND, {STATE: [3], ENVIRONMENT: [2]}),
         'camera': (CAMERA, {STATE: [3], FRONT: [3, 32, 32]})}
"""LeRobot's ACT wants a camera or a vector of the environment beside its state"""


@pytest.fixture(scope='module', params=KINDS)
def trained(request, tmp_path_factory):
    """Return a pretrained policy's folder, what LeRobot makes of some inputs, and a contract."""
    folder, (more, sees) = tmp_path_factory.mktemp(request.param), KINDS[request.param]
    with tempfile.TemporaryDirectory() as kept:
        subprocess.run([str(lerobot_python(print)), '-I', str(PEER), kept, 'act',
                        str(folder / 'policy'), str(folder / 'asked.npz'),
                        json.dumps({**sees, 'action': [2]})], check=True)
    with np.load(folder / 'asked.npz') as found:
        asked = dict(found)
    contract = parse_contract(CONTRACT.format(name=request.param, between=HIDDEN, more=more))
    (folder / 'task.yaml').write_text(contract.text)
    return folder, asked, contract


def imported(typed, trained, out, *more):
    folder = trained[0]
    return typed('lerobot', 'policy', folder / 'policy', '--task', folder / 'task.yaml',
                 '--out', out, '--fps', '10', '--json', *more)


def test_our_runner_gives_the_chunks_that_lerobot_gives(trained, typed, tmp_path):
    code, out, err = imported(typed, trained, tmp_path / 'c')
    assert code == 0, err
    told = json.loads(out)
    assert told['difference'] < 1e-4 and told['compared'] >= 8
    _, asked, contract = trained
    checkpoint = load_checkpoint(tmp_path / 'c', contract)
    assert (checkpoint.history, checkpoint.horizon) == (1, 10)
    assert checkpoint.execution == Execution(execute=8)
    assert checkpoint.card['algorithm'] == 'lerobot act'
    graph = onnx.load_model_from_string(checkpoint.graph)
    assert {each.type.tensor_type.shape.dim[0].dim_param
            for each in (*graph.graph.input, *graph.graph.output)} == {'B'}  # any number at once
    runner = PolicyRunner(tmp_path / 'c', contract)  # tries the graph, as a node does
    values = np.full((len(asked['action']), contract.obs_dim), 77.0, np.float32)
    values[:, :3] = asked[STATE]  # the next is hidden: no policy sees it
    if ENVIRONMENT in asked:
        values[:, 4:] = asked[ENVIRONMENT]
    for number, wanted in enumerate(asked['action']):
        images = {} if FRONT not in asked else {
            'front': np.round(asked[FRONT][number].transpose(1, 2, 0) * 255).astype(np.uint8)}
        runner.observe(Observation(number, values[number], np.ones(contract.obs_dim, bool), 0,
                                   images=images))
        actions, why = runner.act()
        assert not why
        np.testing.assert_allclose(actions, wanted, rtol=1e-4, atol=1e-4)
    assert np.ptp(asked['action'], axis=0).min() > 1e-3  # what is seen matters, in every action


@pytest.mark.parametrize('trained', ['vectors'], indirect=True)
def test_a_lost_weight_is_no_random_one(trained, typed, tmp_path):
    folder = trained[0] / 'policy'
    weights = folder / 'model.safetensors'
    whole = weights.read_bytes()
    length = int.from_bytes(whole[:8], 'little')
    header = whole[8:8 + length].replace(b'"model.action_head.bias"', b'"model.action_heat.bias"')
    weights.write_bytes(whole[:8] + header + whole[8 + length:])
    try:
        code, out, err = imported(typed, trained, tmp_path / 'c')
    finally:
        weights.write_bytes(whole)
    assert (code, out) == (2, '') and 'model.action_head.bias' in err
    assert len(err.splitlines()) == 1 and not (tmp_path / 'c').exists()
