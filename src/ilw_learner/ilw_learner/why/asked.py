"""The deployed graph of a checkpoint, asked what it would do for many observations at once."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx

from ilw_core.contract.file import Contract
from ilw_core.errors import GraphError
from ilw_learner.checkpoint.folder import GRAPH, Checkpoint
from ilw_learner.checkpoint.graph_trial import image_shapes
from ilw_learner.checkpoint.graph_values import OUTPUT
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import graph_of

Ask = Callable[[np.ndarray], np.ndarray]
"""(N, To, Do) observations -> (N, Da) actions of this moment, contract units; or (N, K) scores"""
_BATCH, _BATCH_OF_IMAGES = 256, 32


class ManyAsked:
    """
    A graph that is asked about many observations at once: an ``Ask``.

    :param shape: of the observations that it computes together, (B, To, Do).
    :param images: what the rows that it is asked about see; see ``at``.
    """

    def __init__(self, graph: Graph, shape: tuple[int, ...],
                 images: Mapping[str, np.ndarray] | None = None) -> None:
        self._graph, self._shape, self._images = graph, shape, dict(images or {})

    def at(self, images: Mapping[str, np.ndarray]) -> 'ManyAsked':
        """
        Return the same with what its rows see beside their numbers.

        :param images: contract entry -> ``(M, To, H, W, C)`` uint8; row k sees image k modulo M.
        """
        return ManyAsked(self._graph, self._shape, images)

    def __call__(self, obs: np.ndarray) -> np.ndarray:
        """As ``Ask``."""
        parts, batch = [], self._shape[0]
        padded = np.zeros(self._shape, dtype=np.float32)
        for begin in range(0, len(obs), batch):
            part = obs[begin:begin + batch]
            padded[:len(part)] = part
            rows = begin + np.arange(batch)
            out = self._graph.batch(padded, {name: each[rows % len(each)] for name, each in
                                             self._images.items()})[:len(part)]
            parts.append(out.reshape(len(part), *out.shape[1:])[:, 0].copy())
        return np.concatenate(parts).astype(np.float64)


def asked(checkpoint: Checkpoint, contract: Contract) -> ManyAsked:
    """
    Return what asks the policy that a checkpoint deploys.

    :raises GraphError: its graph failed when it was tried, or takes one observation at a time.
    """
    graph_of(checkpoint)
    return _batched(checkpoint.graph, checkpoint, contract)


def asked_for_scores(checkpoint: Checkpoint, contract: Contract) -> ManyAsked | None:
    """
    Return what asks for the score of each choice, before the best is taken.

    :returns: ``None`` where the policy gives numbers, not choices.
    """
    scores = graph_of_scores(checkpoint.graph)
    return None if scores is None else _batched(scores, checkpoint, contract)


def graph_of_scores(model: bytes) -> bytes | None:
    """Return the graph whose output is what its last ``ArgMax`` chooses from, if it has one."""
    graph = onnx.load_model_from_string(model)
    choosing = [node for node in graph.graph.node if node.op_type == 'ArgMax']
    if not choosing:
        return None
    scores = choosing[-1].input[0]
    kept = [node for node in graph.graph.node
            if OUTPUT not in node.output and node != choosing[-1]]
    for node in kept:
        for names in (node.input, node.output):
            names[:] = [OUTPUT if name == scores else name for name in names]
    del graph.graph.node[:]
    graph.graph.node.extend(kept)
    output = graph.graph.output[0].type.tensor_type
    output.shape.Clear()
    return graph.SerializeToString()


def _batched(model: bytes, checkpoint: Checkpoint, contract: Contract) -> ManyAsked:
    batch = _BATCH_OF_IMAGES if contract.images else _BATCH
    shape = (batch, checkpoint.history, contract.obs_dim)
    rule = (f'{checkpoint.path / GRAPH} must take many observations at once, as what ILW exports '
            f'does. Export it with a free first dimension.')
    try:
        graph = Graph(model, shape, checkpoint.path / GRAPH, {
            name: (batch, *each[1:])
            for name, each in image_shapes(contract, checkpoint.history).items()})
    except GraphError as error:
        raise GraphError(rule) from error
    if graph.shape[0] != batch:
        raise GraphError(rule)
    return ManyAsked(graph, shape)
