"""A graph that takes images is tried with them, and refused where it wants something else."""

from pathlib import Path
import subprocess
import sys

import numpy as np
from onnx import TensorProto, helper
import pytest

from ilw_core.align import Observation
from ilw_core.errors import GraphError
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.checkpoint.graph_trial import try_graph
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import PolicyRunner

SHAPE = (1, 1, 16, 24, 3)


def graph(contract, nodes, weights=(), kind=TensorProto.UINT8, more=(), name='camera'):
    """Return a graph of the camera and, where there is one, of the observation."""
    given = [helper.make_tensor_value_info(name, kind, ['B', *SHAPE[1:]]), *more]
    if contract.obs_dim:
        given.append(helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                                   ['B', 1, contract.obs_dim]))
    made = helper.make_graph(nodes, 'g', given, [helper.make_tensor_value_info(
        'action', TensorProto.FLOAT, ['B', 1, 2])], list(weights))
    return helper.make_model(made, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8).SerializeToString()


def brightness(**more):
    """Return nodes that drive by the mean of the first two channels."""
    return [helper.make_node('Cast', ['camera'], ['pixels'], to=TensorProto.FLOAT),
            helper.make_node('ReduceMean', ['pixels'], ['mean'], axes=[2, 3], keepdims=0),
            helper.make_node('Gather', ['mean', 'pair'], ['action'], axis=2)]


PAIR = helper.make_tensor('pair', TensorProto.INT64, [2], [0, 1])


@pytest.mark.parametrize('odometry', [True, False])
def test_a_graph_acts_by_the_pixels_it_is_given(cameras, tmp_path, odometry):
    contract = cameras.camera_contract(odometry=odometry)
    made = save_checkpoint(tmp_path / 'one', contract, {'history': 1, 'horizon': 1}, {
        'policy.onnx': graph(contract, brightness(), [PAIR]), 'weights.safetensors': b''})
    runner = PolicyRunner(made.path, contract)
    nothing = np.zeros(contract.obs_dim, np.float32)
    for level in (0, 7, 255):
        runner.observe(Observation(0, nothing, np.ones(len(nothing), bool), 0,
                                   {'camera': np.full(SHAPE[2:], level, np.uint8)}))
        assert runner.act()[0].tolist() == [[level, level]]


@pytest.mark.parametrize(('changes', 'said'), [
    ({'kind': TensorProto.FLOAT}, 'no network for this contract'),
    ({'more': [helper.make_tensor_value_info('rear', TensorProto.UINT8, ['B', *SHAPE[1:]])]},
     'no network for this contract'),
    ({'name': 'rear'}, 'use what others before them gave'),
])
def test_a_graph_of_other_images_than_the_contracts_is_refused(cameras, changes, said):
    contract = cameras.camera_contract()
    with pytest.raises(GraphError, match=said):
        try_graph(graph(contract, brightness(), [PAIR], **changes), contract, 1, 1,
                  Path('policy.onnx'))


def test_a_shape_that_depends_on_a_pixel_is_refused_even_where_the_image_has_a_default(cameras):
    contract = cameras.camera_contract(odometry=False)
    nodes = [helper.make_node('Cast', ['camera'], ['whole'], to=TensorProto.INT64),
             helper.make_node('Reshape', ['pair', 'whole'], ['action'])]
    default = helper.make_tensor('camera', TensorProto.UINT8, [1], [1])
    with pytest.raises(GraphError, match='do not depend on the observation'):
        Graph(graph(contract, nodes, [PAIR, default]), (1, 1, 0), images={'camera': SHAPE})


def test_a_graph_that_is_not_finite_for_some_pixels_is_refused(cameras):
    contract = cameras.camera_contract()
    nodes = [*brightness()[:2], helper.make_node('Gather', ['mean', 'pair'], ['two'], axis=2),
             helper.make_node('Reciprocal', ['two'], ['action'])]  # black: one by zero
    with pytest.raises(GraphError, match='not finite'):
        try_graph(graph(contract, nodes, [PAIR]), contract, 1, 1, Path('policy.onnx'))


def test_a_robot_without_a_camera_loads_no_opencv():
    done = subprocess.run([sys.executable, '-c', (
        'import sys\n'
        'import ilw_core.features.plausible, ilw_core.align, ilw_learner.runtime.runner\n'
        'from ilw_core.contract.file import named_contract\n'
        'named_contract("clutter")\n'
        'sys.exit("cv2" in sys.modules)')], check=False)
    assert done.returncode == 0
