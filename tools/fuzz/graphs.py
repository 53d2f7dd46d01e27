"""
Graphs as programs: valid ONNX of the allowed operators, wired at random.

Types, constants and attributes are random, too. What passes its trial must run, or fail as an
answer, on whatever is observed; what does not must be refused, and nothing dies of it.
"""

from pathlib import Path
import random
from typing import Any

import numpy as np
from onnx import NodeProto, TensorProto, helper

from fuzz.target import Pieces, Target
from ilw_core.align import Observation
from ilw_core.contract.file import Contract, load_contract
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.folder import GRAPH, WEIGHTS, save_checkpoint
from ilw_learner.checkpoint.graph_check import OPERATORS
from ilw_learner.runtime.runner import PolicyRunner

_KINDS = (TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.FLOAT, TensorProto.INT64,
          TensorProto.INT32, TensorProto.DOUBLE, TensorProto.BOOL, TensorProto.UINT8,
          TensorProto.INT8, TensorProto.FLOAT16, TensorProto.UINT64, TensorProto.INT16,
          TensorProto.STRING)
_SHAPES = ((), (1,), (2,), (1, 1), (1, 1, 2), (3, 1), (1, 1, 1, 1), (0,), (2, 2), (4, 1, 1))
_NUMBERS = (0, 1, -1, 2, 3, 7, 127, 100, 2 ** 31 - 1, -2 ** 31)
_TWO = frozenset(('Add', 'And', 'Div', 'Equal', 'Gather', 'GatherElements', 'GatherND', 'Gemm',
                  'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'MatMul', 'Mod', 'Mul', 'Or',
                  'PRelu', 'Pow', 'Reshape', 'Squeeze', 'Sub', 'TopK', 'Unsqueeze', 'Xor', 'Max',
                  'Min', 'Sum', 'Mean', 'Concat', 'Conv', 'CumSum', 'ReduceSum', 'Split'))
_THREE = frozenset(('Clip', 'InstanceNormalization', 'LayerNormalization', 'Slice', 'Where'))
_CALM = ('Abs', 'Add', 'Cast', 'Clip', 'Concat', 'Identity', 'Max', 'Mul', 'Neg', 'ReduceMax',
         'Relu', 'Shape', 'Sub', 'Tanh', 'Where', 'ArgMax', 'Div', 'Gather', 'Unsqueeze',
         'Reshape')
"""Half of all nodes: else hardly a graph would be right from end to end"""
_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    'ArgMax': ('axis', 'keepdims'), 'ArgMin': ('axis', 'keepdims'), 'Concat': ('axis',),
    'Conv': ('strides', 'dilations', 'pads', 'group'), 'Flatten': ('axis',), 'Gather': ('axis',),
    'AveragePool': ('kernel_shape', 'strides', 'pads'), 'GatherElements': ('axis',),
    'MaxPool': ('kernel_shape', 'strides', 'pads', 'dilations'), 'Mod': ('fmod',),
    'ReduceMax': ('axes', 'keepdims'), 'ReduceMean': ('axes', 'keepdims'),
    'ReduceMin': ('axes', 'keepdims'), 'Softmax': ('axis',), 'Split': ('axis',), 'TopK': ('axis',),
    'Transpose': ('perm',), 'Gemm': ('transA', 'transB'), 'CumSum': ('reverse', 'exclusive')}


def targets(folder: Path) -> list[Target]:
    """Return the target; it writes checkpoints into an empty folder."""
    contract = load_contract(config_file('tasks', 'clutter'))
    rng = np.random.default_rng(0)
    shown = [rng.uniform(contract.obs_low, contract.obs_high) for _ in range(5)]
    shown += [np.full(contract.obs_dim, value) for value in (0.0, 1e9, -3e38, 1e-40)]

    def run(data: bytes) -> None:
        place = folder / 'program'
        save_checkpoint(place, contract, {'history': 1, 'horizon': 1}, {
            GRAPH: program(data, contract), WEIGHTS: b''})
        runner = PolicyRunner(place, contract)
        for values in shown:
            runner.observe(Observation(0, values.astype(np.float32),
                                       np.ones(contract.obs_dim, bool), 0))
            actions, why = runner.act()
            assert (actions is None and why) or np.isfinite(actions).all()

    seeds = tuple(random.Random(i).randbytes(20 + 15 * i) for i in range(12))
    return [Target('graph_programs', run, seeds, weight=0.02)]


def program(data: bytes, contract: Contract) -> bytes:
    """Return the graph that some bytes stand for; it ends in an action of the right shape."""
    pieces = Pieces(data, most=400)
    constants = [_constant(pieces, i) for i in range(1 + pieces.byte() % 5)]
    names, nodes = ['observation', *(c.name for c in constants)], []
    for i in range(1 + pieces.byte() % 9):
        node = _node(pieces, names, i)
        nodes.append(node)
        names += [name for name in node.output if name]
    nodes += [helper.make_node('Cast', [names[-1]], ['plain'], to=TensorProto.FLOAT),
              helper.make_node('ReduceMax', ['plain'], ['last'], keepdims=0),
              helper.make_node('Clip', ['last', 'least', 'most'], ['bounded']),
              helper.make_node('Add', ['pair', 'bounded'], ['action'])]
    constants += [helper.make_tensor('pair', TensorProto.FLOAT, [1, 1, 2], [0.0, 0.0]),
                  helper.make_tensor('least', TensorProto.FLOAT, [], [-1.0]),
                  helper.make_tensor('most', TensorProto.FLOAT, [], [1.0])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (
        ('observation', ['B', 1, contract.obs_dim]), ('action', None))]
    graph = helper.make_graph(nodes, 'program', ends[:1], ends[1:], constants)
    made: bytes = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)],
                                    ir_version=8).SerializeToString()
    return made


def _constant(pieces: Pieces, number: int) -> TensorProto:
    kind = _KINDS[pieces.byte() % len(_KINDS)]
    shape = _SHAPES[pieces.byte() % len(_SHAPES)]
    numbers = [_NUMBERS[pieces.byte() % len(_NUMBERS)] for _ in range(int(np.prod(shape)))]
    if kind == TensorProto.STRING:
        texts = [b'0' * min(abs(each), 100_000) for each in numbers]
        return helper.make_tensor(f'c{number}', kind, shape, texts)
    what = helper.tensor_dtype_to_np_dtype(kind)
    with np.errstate(over='ignore'):  # infinity is a number, too
        values = np.array(numbers, np.int64).astype(what)
    return helper.make_tensor(f'c{number}', kind, shape, values.tobytes(), raw=True)


def _node(pieces: Pieces, names: list[str], number: int) -> NodeProto:
    every = sorted(OPERATORS)
    byte = pieces.byte()
    operator = (_CALM[byte % len(_CALM)] if pieces.byte() < 128 else every[byte % len(every)])
    count = 3 if operator in _THREE else 2 if operator in _TWO else 1
    inputs = [names[-1 - pieces.byte() % len(names)] for _ in range(count)]
    attributes: dict[str, Any] = {}
    if operator == 'Cast':
        attributes['to'] = _KINDS[pieces.byte() % len(_KINDS)]
    if operator == 'Constant':
        value = _NUMBERS[pieces.byte() % len(_NUMBERS)]
        inputs, attributes = [], {'value_int': value} if value != 7 else {'value_string': '7'}
    for name in _ATTRIBUTES.get(operator, ()):
        if pieces.byte() < 100:
            numbers = [_NUMBERS[pieces.byte() % len(_NUMBERS)] for _ in range(2)]
            attributes[name] = numbers if name in (
                'strides', 'dilations', 'pads', 'kernel_shape', 'axes', 'perm') else numbers[0]
    outputs = [f'v{number}', f'w{number}'][:2 if operator in ('TopK', 'Split') else 1]
    return helper.make_node(operator, inputs, outputs, **attributes)
