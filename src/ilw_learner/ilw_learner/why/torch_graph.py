"""The deployed graph in torch, node by node: the same numbers, and their gradient."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper
import torch
from torch import Tensor
from torch.nn import functional

from ilw_core.contract.schema import shown
from ilw_core.errors import GraphError
from ilw_learner.checkpoint.graph_values import INPUT, OUTPUT

Operator = Callable[..., Any]


class TorchGraph:
    """
    A graph as ILW exports it, for ``(B, To, Do)`` observations; float64 throughout.

    :raises GraphError: it has an operator that is not known here; attribution is then left out.
    """

    def __init__(self, model: bytes) -> None:
        graph = onnx.load_model_from_string(model).graph
        self._weights = {each.name: _tensor(each) for each in graph.initializer}
        self._nodes = [(node.op_type, list(node.input), node.output[0], {
            each.name: helper.get_attribute_value(each) for each in node.attribute})
            for node in graph.node]
        unknown = sorted({kind for kind, *_ in self._nodes} - {*_OPERATORS})
        if unknown:
            raise GraphError(f'The gradient of {shown(", ".join(unknown))} is not known here.')

    def __call__(self, obs: Tensor, images: Mapping[str, Tensor] | None = None) -> Tensor:
        """
        Return the output ``(B, Ta, Da)``, which autograd follows.

        :param images: entry -> ``(B, To, H, W, C)``, 0 to 255, and fractions of a step too.
        """
        values = {**self._weights, **(images or {}), INPUT: obs}
        for kind, inputs, output, attributes in self._nodes:
            values[output] = _OPERATORS[kind](
                *(values[name] if name else None for name in inputs), **attributes)
        return values[OUTPUT]


def _tensor(stored: onnx.TensorProto) -> Tensor:
    array = np.array(numpy_helper.to_array(stored))
    return torch.from_numpy(array.astype(np.float64) if array.dtype.kind == 'f' else array)


def _gemm(a: Tensor, b: Tensor, c: Tensor | None = None, alpha: float = 1.0, beta: float = 1.0,
          transA: int = 0, transB: int = 0) -> Tensor:  # noqa: N803 - names of the operator
    product = alpha * ((a.T if transA else a) @ (b.T if transB else b))
    return product if c is None else product + beta * c


def _slice(x: Tensor, starts: Tensor, ends: Tensor, axes: Tensor | None = None,
           steps: Tensor | None = None) -> Tensor:
    chosen = range(len(starts)) if axes is None else axes.tolist()
    pace = [1] * len(starts) if steps is None else steps.tolist()
    for axis, begin, end, step in zip(chosen, starts.tolist(), ends.tolist(), pace, strict=True):
        rows = range(x.shape[axis])[begin:end:step]
        x = x.index_select(axis, torch.tensor(list(rows), dtype=torch.int64))
    return x


def _gather(x: Tensor, indices: Tensor, axis: int = 0) -> Tensor:
    axis %= x.ndim
    rows = x.index_select(axis, indices.reshape(-1) % x.shape[axis])
    return rows.reshape([*x.shape[:axis], *indices.shape, *x.shape[axis + 1:]])


def _flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.reshape([int(np.prod(x.shape[:axis])), -1])


def _reshape(x: Tensor, shape: Tensor, allowzero: int = 0) -> Tensor:
    return x.reshape([x.shape[i] if size == 0 and not allowzero else size
                      for i, size in enumerate(shape.tolist())])


def _unsqueeze(x: Tensor, axes: Tensor) -> Tensor:
    for axis in sorted(axes.tolist()):
        x = x.unsqueeze(axis)
    return x


def _clip(x: Tensor, low: Tensor | None = None, high: Tensor | None = None) -> Tensor:
    return x.clamp(low, high) if low is not None or high is not None else x


def _all(combine: Callable[[Tensor, Tensor], Tensor]) -> Operator:
    def of(first: Tensor, *others: Tensor) -> Tensor:
        for each in others:
            first = combine(first, each)
        return first

    return of


def _cast(x: Tensor, to: int) -> Tensor:
    kind = np.dtype(helper.tensor_dtype_to_np_dtype(to)).kind
    return x.double() if kind == 'f' else x.bool() if kind == 'b' else x.long()


def _conv(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, kernel_shape: Sequence[int],
          strides: Sequence[int] = (1, 1), pads: Sequence[int] = (0, 0, 0, 0),
          dilations: Sequence[int] = (1, 1), group: int = 1, auto_pad: bytes = b'NOTSET',
          ) -> Tensor:
    if auto_pad != b'NOTSET' or len(kernel_shape) != 2:
        raise GraphError('The gradient of a convolution other than of images, padded by number, '
                         'is not known here.')
    top, left, bottom, right = pads
    return functional.conv2d(functional.pad(x, (left, right, top, bottom)), weight, bias,
                             tuple(strides), 0, tuple(dilations), group)


def _largest(x: Tensor, axes: Any = None, keepdims: int = 1) -> Tensor:
    chosen = axes.tolist() if isinstance(axes, Tensor) else axes
    return x.amax(tuple(range(x.ndim)) if chosen is None else tuple(chosen), bool(keepdims))


def _concat(*parts: Tensor, axis: int) -> Tensor:
    return torch.cat(parts, dim=axis)


def _transpose(x: Tensor, perm: Sequence[int]) -> Tensor:
    return x.permute(list(perm))


def _constant(value: onnx.TensorProto) -> Tensor:
    return _tensor(value)


_OPERATORS: dict[str, Operator] = {
    'Abs': torch.abs, 'Add': torch.add, 'Cast': _cast, 'Clip': _clip, 'Concat': _concat,
    'Constant': _constant, 'Conv': _conv, 'Cos': torch.cos, 'Div': torch.div,
    'Elu': functional.elu, 'Exp': torch.exp, 'Flatten': _flatten, 'Gather': _gather,
    'Gemm': _gemm, 'Identity': lambda x: x,
    'LeakyRelu': lambda x, alpha=0.01: functional.leaky_relu(x, alpha), 'Log': torch.log,
    'MatMul': torch.matmul, 'Max': _all(torch.maximum), 'Min': _all(torch.minimum),
    'Mul': torch.mul, 'Neg': torch.neg, 'Pow': torch.pow, 'Reciprocal': torch.reciprocal,
    'ReduceMax': _largest,
    'Relu': torch.relu, 'Reshape': _reshape, 'Shape': lambda x: torch.tensor(x.shape),
    'Sigmoid': torch.sigmoid, 'Sin': torch.sin, 'Slice': _slice,
    'Softmax': lambda x, axis=-1: torch.softmax(x, axis), 'Softplus': functional.softplus,
    'Sqrt': torch.sqrt, 'Sub': torch.sub, 'Tanh': torch.tanh, 'Transpose': _transpose,
    'Unsqueeze': _unsqueeze, 'Where': torch.where}
"""Of ONNX by name, for what ``bc``, ``dqn`` and ``dqfd`` export"""
