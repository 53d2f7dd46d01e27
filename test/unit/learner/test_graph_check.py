"""What a hostile policy.onnx could do is refused before anything runs it."""

import hashlib

import numpy as np
from onnx import TensorProto, helper, numpy_helper
import pytest

from ilw_core.align import Observation
from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.checkpoint.graph_check import check_graph
from ilw_learner.runtime.runner import PolicyRunner


def model(nodes, contract, *tensors):
    graph = helper.make_graph(
        nodes, 'g',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                       ['B', 1, contract.obs_dim])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', 1, 2])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8)


def runner(folder, contract, made):
    raw = made if isinstance(made, bytes) else made.SerializeToString()
    save_checkpoint(folder / 'c', contract, {'history': 1, 'horizon': 1}, {
        'policy.onnx': raw, 'weights.safetensors': b''})
    return PolicyRunner(folder / 'c', contract)


def mean_plus(contract, *more, tensors=()):
    """Return a graph that gives the mean of the observation twice, after some more nodes."""
    pair = numpy_helper.from_array(np.zeros((1, 1, 2), np.float32), 'pair')
    return model([*more, helper.make_node('ReduceMean', ['observation'], ['mean'], axes=[2]),
                  helper.make_node('Add', ['mean', 'pair'], ['action'])], contract, pair, *tensors)


def test_plain_arithmetic_runs(tmp_path, clutter):
    drives = runner(tmp_path, clutter, mean_plus(clutter))
    drives.observe(Observation(0, np.ones(clutter.obs_dim, np.float32),
                               np.ones(clutter.obs_dim, bool), 0))
    assert drives.act()[0].tolist() == [[1.0, 1.0]]


@pytest.mark.parametrize('operator', ['Loop', 'If', 'Scan', 'ConstantOfShape', 'Expand', 'Tile',
                                      'Range', 'NonZero', 'Resize'])
def test_an_operator_that_is_more_than_arithmetic_is_refused(tmp_path, clutter, operator):
    extra = helper.make_node(operator, ['observation'], ['x'])
    with pytest.raises(CheckpointError, match='arithmetic'):
        runner(tmp_path, clutter, mean_plus(clutter, extra))


def test_weights_in_another_file_are_refused(tmp_path, clutter):
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[1],
                         data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key='location', value='../../../../etc/passwd')
    with pytest.raises(CheckpointError, match='another file'):
        runner(tmp_path, clutter, mean_plus(clutter, tensors=[tensor]))


def test_a_tensor_larger_than_its_bytes_is_refused_before_memory_is_taken(tmp_path, clutter):
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[2 ** 40], raw_data=b'1234')
    with pytest.raises(CheckpointError, match='as large as it says'):
        runner(tmp_path, clutter, mean_plus(clutter, tensors=[tensor]))


def test_a_product_that_takes_all_memory_is_refused(tmp_path, clutter):
    column = numpy_helper.from_array(np.ones((200_000, 1), np.float32), 'column')
    row = numpy_helper.from_array(np.ones((1, 200_000), np.float32), 'row')
    nodes = [helper.make_node('ReduceMean', ['observation'], ['one'], axes=[0, 1, 2], keepdims=0),
             helper.make_node('Mul', ['column', 'one'], ['tall']),
             helper.make_node('MatMul', ['tall', 'row'], ['huge']),   # 160 GB
             helper.make_node('ReduceMax', ['huge'], ['top'], keepdims=0)]
    made = mean_plus(clutter, *nodes, tensors=[column, row])
    made.graph.node[-1].input[1] = 'top'
    with pytest.raises(CheckpointError, match='no network for this contract'):
        runner(tmp_path, clutter, made)


def test_bytes_that_are_no_graph_are_refused(tmp_path, clutter):
    for number, raw in enumerate((b'\xff' * 40, hashlib.sha256(b'').digest() * 9, b'')):
        if raw:  # nothing at all is an empty graph, which gives no action
            with pytest.raises(CheckpointError, match='must be an ONNX graph'):
                check_graph(raw, tmp_path)
        with pytest.raises(CheckpointError):
            runner(tmp_path / f'{number}', clutter, raw)


def test_a_graph_that_fails_at_work_gives_a_reason_and_no_action(tmp_path, clutter):
    """An index that follows from the observation, and is inside only of the first ones."""
    table = numpy_helper.from_array(np.zeros((2, 2), np.float32), 'table')
    hundred = numpy_helper.from_array(np.array(100.0, np.float32), 'hundred')
    nodes = [helper.make_node('ReduceMax', ['observation'], ['most'], axes=[2], keepdims=0),
             helper.make_node('Div', ['most', 'hundred'], ['small']),
             helper.make_node('Cast', ['small'], ['index'], to=TensorProto.INT64),
             helper.make_node('Gather', ['table', 'index'], ['action'])]
    drives = runner(tmp_path, clutter, model(nodes, clutter, table, hundred))
    drives.observe(Observation(0, np.full(clutter.obs_dim, 500.0, np.float32),
                               np.ones(clutter.obs_dim, bool), 0))
    actions, why = drives.act()
    assert actions is None
    assert 'failed' in why


def texts(name):
    return helper.make_tensor(name, TensorProto.STRING, [1], [b'0' * 1000])


@pytest.mark.parametrize('kind', [TensorProto.STRING, TensorProto.UNDEFINED,
                                  TensorProto.COMPLEX64, TensorProto.FLOAT8E4M3FN, 99])
def test_a_value_that_is_no_number_is_refused_wherever_it_comes_from(tmp_path, clutter, kind):
    """The size of a text may follow from the observation, and no bound of memory counts it."""
    made = [mean_plus(clutter, helper.make_node('Cast', ['observation'], ['x'], to=kind)),
            mean_plus(clutter, tensors=[TensorProto(name='w', data_type=kind, dims=[0])]),
            mean_plus(clutter, helper.make_node(
                'Constant', [], ['x'], value=TensorProto(name='w', data_type=kind, dims=[0])))]
    for place in ('input', 'output', 'value_info'):
        made.append(mean_plus(clutter))
        getattr(made[-1].graph, place).append(helper.make_tensor_value_info('y', kind, [1]))
    for graph in made:
        with pytest.raises(CheckpointError, match='made of numbers only'):
            check_graph(graph.SerializeToString(), tmp_path)


@pytest.mark.parametrize('given', [{'value_string': 'a'}, {'value_strings': ['a', 'b']},
                                   {'value': texts('t')}, {},
                                   {'value_int': 1, 'value_float': 1.0}])
def test_a_constant_that_is_no_number_is_refused(tmp_path, clutter, given):
    made = mean_plus(clutter, helper.make_node('Constant', [], ['x'], **given))
    with pytest.raises(CheckpointError, match='made of numbers only'):
        check_graph(made.SerializeToString(), tmp_path)


def test_a_graph_that_would_grow_by_texts_at_one_observation_is_refused(tmp_path, clutter):
    nodes = [helper.make_node('Slice', ['observation', 'begin', 'end', 'axis'], ['first']),
             helper.make_node('Greater', ['first', 'limit'], ['when']),
             helper.make_node('Where', ['when', 'long', 'short'], ['text']),
             helper.make_node('Gather', ['text', 'often'], ['all'], axis=2),
             helper.make_node('Gather', ['all', 'begin'], ['one'], axis=2),
             helper.make_node('Cast', ['one'], ['number'], to=TensorProto.FLOAT)]
    made = mean_plus(clutter, *nodes, tensors=[
        numpy_helper.from_array(np.array(values), name) for name, values in (
            ('begin', [0]), ('end', [1]), ('axis', [2]), ('limit', np.float32(0.5)),
            ('often', [0] * 6000))] + [
        helper.make_tensor(name, TensorProto.STRING, [1, 1, 1], [b'0' * size])
        for name, size in (('long', 1_000_000), ('short', 1))])
    with pytest.raises(CheckpointError, match='made of numbers only'):
        runner(tmp_path, clutter, made)


def test_an_attribute_that_is_given_twice_is_refused(tmp_path, clutter):
    node = helper.make_node('Cast', ['observation'], ['x'], to=TensorProto.FLOAT)
    node.attribute.append(helper.make_attribute('to', TensorProto.STRING))
    with pytest.raises(CheckpointError, match='each thing once'):
        check_graph(mean_plus(clutter, node).SerializeToString(), tmp_path)
