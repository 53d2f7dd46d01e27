"""
Look into an ONNX graph before anything runs it.

A checkpoint is data, but a graph is close to a program: it can loop for ever, take any amount of
memory, or read files. What ILW's networks are made of is known and can do none of this. What this
cannot tell, how long it takes and how much, ``graph_trial.py`` tries.
"""

import math
from pathlib import Path

from google.protobuf.message import DecodeError
import onnx
from onnx import TensorProto, helper

from ilw_core.contract.schema import shown
from ilw_core.errors import GraphError
from ilw_learner.checkpoint.graph_values import check_values

MAX_GRAPH_BYTES = 500_000_000
MAX_PARTS = 20_000
"""Nodes, and as many weights"""
MAX_MEMORY_BYTES = 1_000_000_000
"""What onnxruntime may take for weights and values of all graphs of a process"""
OPERATORS = frozenset((
    'Abs', 'Acos', 'Add', 'And', 'ArgMax', 'ArgMin', 'Asin', 'Atan', 'AveragePool',
    'BatchNormalization', 'Cast', 'Ceil', 'Clip', 'Concat', 'Constant', 'Conv', 'Cos',
    'CumSum', 'Div', 'Elu', 'Equal', 'Erf', 'Exp', 'Flatten', 'Floor', 'Gather',
    'GatherElements', 'GatherND', 'Gelu', 'Gemm', 'GlobalAveragePool', 'GlobalMaxPool',
    'Greater', 'GreaterOrEqual', 'HardSigmoid', 'HardSwish', 'Identity',
    'InstanceNormalization', 'LayerNormalization', 'LeakyRelu', 'Less', 'LessOrEqual', 'Log',
    'LogSoftmax', 'MatMul', 'Max', 'MaxPool', 'Mean', 'Min', 'Mod', 'Mul', 'Neg', 'Not', 'Or',
    'PRelu', 'Pow', 'Reciprocal', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceSum', 'Relu',
    'Reshape', 'Round', 'Shape', 'Sigmoid', 'Sign', 'Sin', 'Slice', 'Softmax', 'Softplus',
    'Split', 'Sqrt', 'Squeeze', 'Sub', 'Sum', 'Tan', 'Tanh', 'TopK', 'Transpose', 'Unsqueeze',
    'Where', 'Xor'))
"""Arithmetic and shapes. Missing on purpose: loops and branches, and what makes a tensor as large
as a value says (``ConstantOfShape``, ``Expand``, ``Range``, ``Tile``, ...)"""


def check_graph(model: bytes, path: Path) -> None:
    """
    Refuse what no policy of ILW contains.

    :param path: where it came from, for the error's text.
    :raises GraphError: it is no graph, or one that could do more than arithmetic.
    """
    if len(model) > MAX_GRAPH_BYTES:
        raise _refusal(path, f'at most {MAX_GRAPH_BYTES} bytes', f'{len(model)}')
    try:
        graph = onnx.load_model_from_string(model)
    except (DecodeError, ValueError) as error:
        raise _refusal(path, 'an ONNX graph', 'other bytes') from error
    if graph.functions or graph.training_info or graph.graph.sparse_initializer:
        raise _refusal(path, 'one plain graph', 'functions, training or sparse tensors')
    parts = max(len(graph.graph.node), len(graph.graph.initializer), len(graph.graph.input))
    if parts > MAX_PARTS:
        raise _refusal(path, f'of at most {MAX_PARTS} nodes and as many weights', f'{parts}')
    for node in graph.graph.node:
        if node.domain not in ('', 'ai.onnx') or node.op_type not in OPERATORS:
            raise _refusal(path, 'made of arithmetic and shapes only',
                           shown(f'{node.domain} {node.op_type}'.strip()))
        for attribute in node.attribute:
            if attribute.HasField('g') or attribute.graphs:
                raise _refusal(path, 'without graphs inside', shown(node.op_type))
            if attribute.HasField('sparse_tensor') or attribute.sparse_tensors:
                raise _refusal(path, 'without sparse tensors', shown(node.op_type))
            own = (attribute.t,) if attribute.HasField('t') else ()
            for tensor in (*own, *attribute.tensors):
                _check_tensor(tensor, path)
    for tensor in graph.graph.initializer:
        _check_tensor(tensor, path)
    check_values(graph.graph, lambda rule, got: _refusal(path, rule, got))


def _check_tensor(tensor: TensorProto, path: Path) -> None:
    """Refuse a tensor that lies in another file, or says to be larger than what is there."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
        raise _refusal(path, 'with its weights inside', f'{shown(tensor.name)} in another file')
    there, count = tensor.ByteSize(), math.prod(tensor.dims)
    if any(size < 0 for size in tensor.dims) or count * _least_bytes(tensor) > there:
        raise _refusal(path, 'as large as it says', f'{shown(list(tensor.dims))} in {there} bytes')


def _least_bytes(tensor: TensorProto) -> int:
    """Return the bytes that a number of a tensor takes in the file, at least."""
    if not tensor.raw_data:
        return 1  # small whole numbers are packed
    try:
        return helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
    except (KeyError, TypeError, ValueError):
        return 1


def _refusal(path: Path, rule: str, got: str) -> GraphError:
    return GraphError(f'{path} is no network for this contract: it must be {rule}. '
                           f'Got {got}. Only graphs as ILW exports them run.')
