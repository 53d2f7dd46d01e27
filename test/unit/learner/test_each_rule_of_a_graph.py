"""Each rule of ``graph_check`` alone, with a graph that breaks nothing else."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper
import pytest

from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint.graph_check import check_graph


def graph(*tensors, nodes=()):
    made = helper.make_graph(
        [*nodes, helper.make_node('Identity', ['observation'], ['action'])], 'g',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, ['B', 1, 2])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', 1, 2])], list(tensors))
    return helper.make_model(made, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)


def refused(made, word, path):
    with pytest.raises(CheckpointError, match=word):
        check_graph(made.SerializeToString(), path)


def raw(count, size, kind=TensorProto.FLOAT):
    return TensorProto(name='w', data_type=kind, dims=[count], raw_data=bytes(size))


@pytest.mark.parametrize(('kind', 'width'), [
    (TensorProto.FLOAT, 4), (TensorProto.DOUBLE, 8), (TensorProto.INT8, 1),
    (TensorProto.FLOAT16, 2), (TensorProto.INT64, 8)])
def test_raw_weights_hold_as_many_numbers_as_fit_and_no_more(tmp_path, kind, width):
    check_graph(graph(raw(1000, 1000 * width, kind)).SerializeToString(), tmp_path)
    # The record around the bytes takes a few itself: a hundred numbers more are surely too many.
    refused(graph(raw(1100, 1000 * width, kind)), 'as large as it says', tmp_path)
    refused(graph(raw(1000 * width + 100, 1000 * width, kind)), 'as large as it says', tmp_path)


def test_a_negative_size_is_no_size(tmp_path):
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[-1, -4], raw_data=bytes(16))
    refused(graph(tensor), 'as large as it says', tmp_path)


def test_a_place_elsewhere_is_refused_though_the_weights_are_said_to_be_inside(tmp_path):
    tensor = raw(4, 16)
    tensor.external_data.add(key='location', value='other.bin')
    assert tensor.data_location != TensorProto.EXTERNAL
    refused(graph(tensor), 'another file', tmp_path)


def test_weights_elsewhere_are_refused_though_no_place_is_named(tmp_path):
    tensor = TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[0],
                         data_location=TensorProto.EXTERNAL)
    refused(graph(tensor), 'another file', tmp_path)


def with_attribute(**fields):
    node = helper.make_node('Constant', [], ['c'],
                            value=numpy_helper.from_array(np.zeros(2, np.float32)))
    attribute = node.attribute.add(name='more')
    for name, value in fields.items():
        if isinstance(value, list):
            getattr(attribute, name).extend(value)
        else:
            getattr(attribute, name).CopyFrom(value)
    return graph(nodes=[node])


def far():
    return TensorProto(name='w', data_type=TensorProto.FLOAT, dims=[0],
                       data_location=TensorProto.EXTERNAL)


@pytest.mark.parametrize(('fields', 'word'), [
    ({'tensors': [far()]}, 'another file'), ({'tensors': [raw(1000, 4)]}, 'as large as it says'),
    ({'tensors': [raw(1, 4), far()]}, 'another file'), ({'t': far()}, 'another file'),
    ({'graphs': [graph().graph]}, 'graphs inside'), ({'g': graph().graph}, 'graphs inside')])
def test_what_hides_in_an_attribute_is_found(tmp_path, fields, word):
    refused(with_attribute(**fields), word, tmp_path)


@pytest.mark.parametrize('junk', [b'', b'\xff' * 40, b'\x08'])
def test_bytes_that_are_no_graph_are_refused_by_the_check_itself(tmp_path, junk):
    if junk:
        with pytest.raises(CheckpointError):
            check_graph(junk, tmp_path)
