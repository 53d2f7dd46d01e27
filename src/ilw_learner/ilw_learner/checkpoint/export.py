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
from ilw_learner.checkpoint.graph_values import FROZEN
from ilw_learner.networks.policy import Policy

_TOLERANCE = 1e-4
_SHOWN, _SHOWN_WITH_IMAGES = 64, 8
"""Observations on which graph and network must agree"""


def to_onnx(policy: Policy, contract: Contract, history: int) -> bytes:
    """
    Return the graph: ``observation`` (B, To, Do) in, ``action`` (B, Ta, Da) out, contract units.

    An image is one more input of its entry's name, (B, To, H, W, C) uint8. What the network does
    not look at is no input: from a contract of images alone there is no ``observation``.

    :raises GraphError: what ``act`` does cannot be deployed, or not as the contract wants it.
    :raises ValueError: the graph and the network disagree, so it must not be deployed.
    """
    example = zeros(contract, history)
    names = ['observation', *(source.name for source in contract.images)]
    if policy.frozen:
        example.append(torch.zeros(1, policy.horizon, contract.action.dim + 1))
        names.append(FROZEN)
    graph = traced(policy, example, names)
    _compare(graph, policy, contract, history)
    return graph


def zeros(contract: Contract, history: int) -> list[torch.Tensor]:
    """Return (1, To, Do) zeros, and for each image (1, To, H, W, C) uint8."""
    return [torch.zeros(1, history, contract.obs_dim),
            *(torch.zeros(1, history, *source.feature.shape, dtype=torch.uint8)
              for source in contract.images)]


def traced(module: torch.nn.Module, example: list[torch.Tensor], names: list[str]) -> bytes:
    """
    Return a module as a graph, any number at once: inputs of these names in, ``action`` out.

    :raises GraphError: what it does cannot be deployed.
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs a package more and 20 times as long for the same small graph.
        warnings.simplefilter('ignore', DeprecationWarning)
        # Norms ask how large their input is, which never changes.
        warnings.filterwarnings('ignore', category=torch.jit.TracerWarning,
                                module='torch.nn.functional')
        torch.onnx.export(
            module.eval(), tuple(example), buffer, dynamo=False, input_names=names,
            output_names=['action'],
            dynamic_axes={name: {0: 'B'} for name in (*names, 'action')})
    graph = buffer.getvalue()
    try:
        check_graph(graph, Path('policy.onnx'))
    except GraphError as error:
        raise GraphError(f'What act() does cannot be deployed: {error} Write it with other tensor '
                         f'operations (reshape instead of unflatten, say).') from error
    return graph


def _compare(graph: bytes, policy: Policy, contract: Contract, history: int) -> None:
    rng = np.random.default_rng(0)
    shown = _SHOWN_WITH_IMAGES if contract.images else _SHOWN
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (shown, history, contract.obs_dim)).astype(np.float32)
    further = {source.name: rng.integers(0, 256, (shown, history, *source.feature.shape),
                                        dtype=np.uint8) for source in contract.images}
    if policy.frozen:
        further[FROZEN] = _some_frozen(rng, policy, contract, shown)
    session = ort.InferenceSession(graph, providers=['CPUExecutionProvider'])
    asked = {each.name for each in session.get_inputs()}
    got = session.run(['action'], {name: values for name, values in (
        ('observation', obs), *further.items()) if name in asked})[0]
    with torch.no_grad():
        wanted = policy(*map(torch.as_tensor, (obs, *further.values()))).numpy()
    if wanted.shape != (shown, policy.horizon, contract.action.dim):
        raise GraphError(f'act() must return (B, Ta, Da), here ({shown}, {policy.horizon}, '
                         f'{contract.action.dim}) for {shown} observations. Got {wanted.shape}.')
    # A choice between two equal logits may fall either way; one is no sign of a fault.
    off = np.abs(got - wanted).max(axis=(1, 2)) > _TOLERANCE
    if off.mean() > (1.0 / shown if policy.discrete else 0.0):
        raise ValueError(f'The exported graph differs from the network by '
                         f'{np.abs(got - wanted).max():.2g}; nothing was saved.')


def _some_frozen(rng: np.random.Generator, policy: Policy, contract: Contract,
                 count: int) -> np.ndarray:
    """Return actions to go on from, ``(count, Ta, Da + 1)``, from none to all that may be."""
    action = contract.action
    values = rng.uniform(action.low, action.high, (count, policy.horizon, action.dim))
    held = np.arange(policy.horizon) < rng.integers(policy.frozen + 1, size=(count, 1))
    return np.concatenate([values, held[..., None]], axis=-1).astype(np.float32)
