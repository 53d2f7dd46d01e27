"""A trained network as an ONNX graph that needs no torch, checked against it number by number."""

import io
from pathlib import Path
import warnings

import numpy as np
import onnxruntime as ort
import torch

from ilw_core.contract.file import Contract
from ilw_core.errors import GraphError
from ilw_learner.checkpoint.graph_check import check_graph
from ilw_learner.networks.policy import Policy

_TOLERANCE = 1e-4


def to_onnx(policy: Policy, contract: Contract, history: int) -> bytes:
    """
    Return the graph: ``observation`` (B, To, Do) in, ``action`` (B, Ta, Da) out, contract units.

    :raises GraphError: what ``act`` does cannot be deployed, or not as the contract wants it.
    :raises ValueError: the graph and the network disagree, so it must not be deployed.
    """
    example = torch.zeros(1, history, contract.obs_dim)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs a package more and 20 times as long for the same small graph.
        warnings.simplefilter('ignore', DeprecationWarning)
        torch.onnx.export(
            policy.eval(), (example,), buffer, dynamo=False, input_names=['observation'],
            output_names=['action'],
            dynamic_axes={'observation': {0: 'B'}, 'action': {0: 'B'}})
    graph = buffer.getvalue()
    try:
        check_graph(graph, Path('policy.onnx'))
    except GraphError as error:
        raise GraphError(f'What act() does cannot be deployed: {error} Write it with other tensor '
                         f'operations (reshape instead of unflatten, say).') from error
    _compare(graph, policy, contract, history)
    return graph


def _compare(graph: bytes, policy: Policy, contract: Contract, history: int) -> None:
    rng = np.random.default_rng(0)
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (64, history, contract.obs_dim)).astype(np.float32)
    session = ort.InferenceSession(graph, providers=['CPUExecutionProvider'])
    got = session.run(['action'], {'observation': obs})[0]
    with torch.no_grad():
        wanted = policy(torch.as_tensor(obs)).numpy()
    if wanted.shape != (64, policy.horizon, contract.action.dim):
        raise GraphError(f'act() must return (B, Ta, Da), here (64, {policy.horizon}, '
                         f'{contract.action.dim}) for 64 observations. Got {wanted.shape}.')
    # A choice between two equal logits may fall either way; one in 64 is no sign of a fault.
    off = np.abs(got - wanted).max(axis=(1, 2)) > _TOLERANCE
    if off.mean() > (1.0 / 64.0 if policy.discrete else 0.0):
        raise ValueError(f'The exported graph differs from the network by '
                         f'{np.abs(got - wanted).max():.2g}; nothing was saved.')
