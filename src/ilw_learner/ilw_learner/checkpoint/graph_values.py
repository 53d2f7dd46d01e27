"""
Follow each value through an ONNX graph: its type, and whether it depends on the observation.

A whole number that is divided by zero ends the process: no error that anybody could catch. And
where a shape depends on what the robot sees, so do memory and time: no trial would show them. Nor
would it show how large a text gets, whose memory no bound counts: only numbers pass.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

from ilw_core.contract.schema import shown

INPUT, OUTPUT = 'observation', 'action'
"""What goes in and comes out, (1, To, Do) and (1, Ta, Da), float32; images are further inputs"""
FROZEN = 'frozen'
"""One more input of some: actions to go on from, (1, Ta, Da + 1), the last 1 where one counts"""
_FLOATS = frozenset((TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16,
                     TensorProto.BFLOAT16))
_NUMBERS = _FLOATS | {TensorProto.BOOL, TensorProto.INT8, TensorProto.INT16, TensorProto.INT32,
                      TensorProto.INT64, TensorProto.UINT8, TensorProto.UINT16,
                      TensorProto.UINT32, TensorProto.UINT64}
"""No texts, and nothing that is undefined: neither has a size that its shape tells"""
_DIVIDES = frozenset(('AveragePool', 'Div', 'GlobalAveragePool', 'Mean', 'Mod', 'Pow',
                      'Reciprocal', 'ReduceMean'))
_BOOLEAN = frozenset(('And', 'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Not',
                      'Or', 'Xor'))
_WHOLE = frozenset(('ArgMax', 'ArgMin', 'Shape'))
_INDEX_TOO = frozenset(('MaxPool', 'TopK'))
"""Their second output is where the first was found"""
_SHAPED = frozenset(('CumSum', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceSum', 'Reshape',
                     'Slice', 'Split', 'Squeeze', 'TopK', 'Unsqueeze'))
"""Inputs after the first say how large the output is, or along what it goes"""
_CONSTANTS = {'value_float': TensorProto.FLOAT, 'value_floats': TensorProto.FLOAT,
              'value_int': TensorProto.INT64, 'value_ints': TensorProto.INT64}

Refuse = Callable[[str, str], Exception]
"""(rule, what was got) -> the error to raise"""


@dataclass(frozen=True)
class _Value:
    kind: int
    """``TensorProto.DataType``"""
    seen: bool
    """Its numbers depend on the observation; its shape never does"""


def check_values(graph: GraphProto, refuse: Refuse) -> None:
    """
    Refuse a graph of other than numbers, or that divides whole ones, or of shapes that are seen.

    :raises Exception: what ``refuse`` makes of the rule and what was got.
    """
    known = {t.name: _Value(t.data_type, False) for t in graph.initializer}
    for given in graph.input:  # older graphs list their weights here, too
        kind = given.type.tensor_type.elem_type
        if given.name in known and known[given.name].kind != kind:
            raise refuse('made of values of one type', shown(given.name))
        known.setdefault(given.name, _Value(kind, True))
    for value in (*graph.value_info, *graph.output):
        _check_kind(value.type.tensor_type.elem_type, value.name, refuse)
    for name, value in known.items():
        _check_kind(value.kind, name, refuse)
        if kind == TensorProto.UINT8:  # an image, given each time
            known[given.name] = _Value(kind, True)
    if INPUT in known:  # given each time, whatever the file says it is
        known[INPUT] = _Value(known[INPUT].kind, True)
    if FROZEN in known:
        known[FROZEN] = _Value(known[FROZEN].kind, True)
    for node in graph.node:
        if len({attribute.name for attribute in node.attribute}) < len(node.attribute):
            raise refuse('made of nodes that say each thing once', shown(node.op_type))
        inputs = [known.get(name) for name in node.input if name]
        if None in inputs or not (inputs or node.op_type == 'Constant'):
            raise refuse('made of nodes that use what others before them gave',
                         shown(node.op_type))
        found = [value for value in inputs if value is not None]
        if node.op_type in _DIVIDES and not all(v.kind in _FLOATS for v in found):
            raise refuse('free of divisions of whole numbers', shown(node.op_type))
        rest = [known[name] for name in node.input[1:] if name]
        if node.op_type in _SHAPED and any(value.seen for value in rest):
            raise refuse('of shapes that do not depend on the observation', shown(node.op_type))
        seen = node.op_type != 'Shape' and any(value.seen for value in found)
        for name, kind in zip(node.output, _kinds(node, found), strict=False):
            if name in known:
                raise refuse('made of values that are computed once', shown(name))
            if name:
                _check_kind(kind, f'{node.op_type} {name}', refuse)
                known[name] = _Value(kind, seen)


def _check_kind(kind: int, name: str, refuse: Refuse) -> None:
    if kind not in _NUMBERS:
        what = TensorProto.DataType.Name(kind) if kind in TensorProto.DataType.values() else kind
        raise refuse('made of numbers only', f'{shown(name)} of {what}')


def _kinds(node: NodeProto, inputs: list[_Value]) -> Iterator[int]:
    """Yield the types of a node's outputs, more than there may be."""
    first = _first_kind(node, inputs)
    yield first
    if node.op_type in _INDEX_TOO:
        first = TensorProto.INT64
    yield from (first for _ in node.output)


def _first_kind(node: NodeProto, inputs: list[_Value]) -> int:
    if node.op_type in _BOOLEAN:
        return TensorProto.BOOL
    if node.op_type in _WHOLE:
        return TensorProto.INT64
    if node.op_type == 'Cast':
        return next((a.i for a in node.attribute if a.name == 'to'), TensorProto.UNDEFINED)
    if node.op_type == 'Constant':
        kinds = [_constant(attribute) for attribute in node.attribute]
        return kinds[0] if len(kinds) == 1 else TensorProto.UNDEFINED
    return inputs[1 if node.op_type == 'Where' and len(inputs) > 1 else 0].kind


def _constant(attribute: AttributeProto) -> int:
    if attribute.name == 'value':
        return int(attribute.t.data_type)
    return _CONSTANTS.get(attribute.name, TensorProto.UNDEFINED)
