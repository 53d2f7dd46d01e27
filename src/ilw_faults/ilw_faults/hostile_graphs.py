"""Graphs that nobody should run: each is valid ONNX of operators that ILW's own networks use."""

from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper, numpy_helper

from ilw_core.contract.file import Contract

KINDS = {name: getattr(TensorProto, name) for name in (
    'INT8', 'INT16', 'INT32', 'INT64', 'UINT8', 'UINT16', 'UINT32', 'UINT64')}


def model(nodes: list[NodeProto], contract: Contract, *tensors: TensorProto) -> bytes:
    """Return the bytes of a graph with ILW's input and output."""
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ['B', 1, size])
            for name, size in (('observation', contract.obs_dim), ('action', 2))]
    graph = helper.make_graph(nodes, 'g', ends[:1], ends[1:], tensors)
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                             ir_version=8).SerializeToString()
    return made


def array(name: str, values: Any, kind: Any = np.float32) -> TensorProto:
    """Return values as a weight."""
    return numpy_helper.from_array(np.asarray(values, kind), name)


def plus(contract: Contract, nodes: list[NodeProto], *tensors: TensorProto,
         last: str = '') -> bytes:
    """Return a graph that gives the mean of the observation twice, after some more nodes."""
    own = [helper.make_node('ReduceMean', ['observation'], ['mean'], axes=[2]),
           helper.make_node('Add', ['mean', 'pair'], ['sum']),
           helper.make_node('Add', ['sum', last], ['action']) if last else
           helper.make_node('Identity', ['sum'], ['action'])]
    return model([*nodes, *own], contract, array('pair', np.zeros((1, 1, 2))), *tensors)


def one() -> list[NodeProto]:
    """Return nodes that make the scalar ``one`` from the observation."""
    return [helper.make_node('ReduceMean', ['observation'], ['one'], axes=[0, 1, 2], keepdims=0)]


def back(name: str) -> list[NodeProto]:
    """Return nodes that make the float scalar ``last`` of a value."""
    return [helper.make_node('Cast', [name], [f'{name}_float'], to=TensorProto.FLOAT),
            helper.make_node('ReduceMax', [f'{name}_float'], ['last'], keepdims=0)]


def whole_division(contract: Contract, operator: str = 'Div',
                   kind: int = TensorProto.INT64) -> bytes:
    """A division by the observation as a whole number, which is zero more often than not."""
    nodes = [*one(), helper.make_node('Cast', ['one'], ['below'], to=kind),
             helper.make_node(operator, ['above', 'below'], ['whole']), *back('whole')]
    above = helper.make_tensor('above', kind, [1], [7])
    return plus(contract, nodes, above, last='last')


def zero_stride(contract: Contract) -> bytes:
    """A window that moves by nothing: a shape divided by zero, already where it is loaded."""
    nodes = [helper.make_node('Unsqueeze', ['observation', 'axis'], ['image']),
             helper.make_node('MaxPool', ['image'], ['pooled'], kernel_shape=[1, 1],
                              strides=[0, 0]), *back('pooled')]
    return plus(contract, nodes, array('axis', [1], np.int64), last='last')


def doubling(contract: Contract, times: int = 34) -> bytes:
    """A tensor that is put beside itself again and again."""
    nodes, name = [], 'observation'
    for i in range(times):
        nodes.append(helper.make_node('Concat', [name, name], [f'twice{i}'], axis=2))
        name = f'twice{i}'
    return plus(contract, [*nodes, *back(name)], last='last')


def outer_product(contract: Contract, size: int = 200_000) -> bytes:
    """A column times a row: 160 GB."""
    nodes = [*one(), helper.make_node('Mul', ['column', 'one'], ['tall']),
             helper.make_node('MatMul', ['tall', 'row'], ['huge']), *back('huge')]
    return plus(contract, nodes, array('column', np.ones((size, 1))),
                array('row', np.ones((1, size))), last='last')


def products(contract: Contract, times: int = 2000, size: int = 2000) -> bytes:
    """Products of large matrices that are made from a few numbers."""
    nodes = [*one(), helper.make_node('Mul', ['column', 'one'], ['tall']),
             helper.make_node('MatMul', ['tall', 'row'], ['power0'])]
    nodes += [helper.make_node('MatMul', [f'power{i}', 'power0'], [f'power{i + 1}'])
              for i in range(times)]
    return plus(contract, [*nodes, *back(f'power{times}')],
                array('column', np.full((size, 1), 1e-2)), array('row', np.full((1, size), 1e-2)),
                last='last')


def shaped(contract: Contract, operator: str) -> bytes:
    """A shape that follows from what the robot sees."""
    seen = [*one(), helper.make_node('Cast', ['one'], ['number'], to=TensorProto.INT64),
            helper.make_node('Reshape', ['number', 'single'], ['count'])]
    single = array('single', [1], np.int64)
    zero = array('zero', [0], np.int64)
    made = {
        'Reshape': helper.make_node('Reshape', ['observation', 'count'], ['odd']),
        'Slice': helper.make_node('Slice', ['observation', 'zero', 'count'], ['odd']),
        'TopK': helper.make_node('TopK', ['observation', 'count'], ['odd', 'where']),
        'Split': helper.make_node('Split', ['observation', 'count'], ['odd'], axis=1),
        'Unsqueeze': helper.make_node('Unsqueeze', ['observation', 'count'], ['odd']),
        'Squeeze': helper.make_node('Squeeze', ['observation', 'count'], ['odd']),
        'ReduceSum': helper.make_node('ReduceSum', ['observation', 'count'], ['odd']),
        'CumSum': helper.make_node('CumSum', ['observation', 'count'], ['odd']),
    }[operator]
    return plus(contract, [*seen, made, *back('odd')], single, zero, last='last')
