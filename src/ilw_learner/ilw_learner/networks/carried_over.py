"""
What one perceptron has learned becomes where another begins, matched by name.

The plain form of transfer, as J. Yosinski, J. Clune, Y. Bengio, H. Lipson, "How transferable are
features in deep neural networks?", NeurIPS 2014: weights are copied and learn on. Differences:
inputs and outputs are matched by their names instead of a new layer at one end, and a new input
counts for nothing at first, so that the new network does what the old one did.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.by_name import places, same_observed
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError
from ilw_learner.networks.normalizer import Normalizer

_STILL = 0.1
"""A learned scale of less than so much of what is measured now is of what hardly changed"""


@dataclass(frozen=True)
class NamedEnds:
    """What the inputs and outputs of a perceptron are, by name, in their order."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def without(self, names: Collection[str]) -> 'NamedEnds':
        """Return the same, but what is, or is made of, some observed numbers has no name."""
        return NamedEnds(tuple(
            '' if name.rpartition(', ')[0].rpartition(' of ')[2] in names else name
            for name in self.inputs), self.outputs)


def only_called_alike(contract: Contract, learned: Contract) -> set[str]:
    """Return names of numbers that both contracts observe, of things that are not the same."""
    return {name for name, place in zip(contract.obs_names, same_observed(contract, learned),
                                        strict=True) if place < 0}


def learned_names(contract: Contract, learned: Contract) -> tuple[str, ...]:
    """Return the learned (Do,) names; empty where a contract means something else by one."""
    other = only_called_alike(contract, learned)
    return tuple('' if name in other else name for name in learned.obs_names)


def perceptron_of(learned: Mapping[str, Tensor]) -> nn.Sequential:
    """
    Return linear layers with ReLU between them, as large as their learned parameters.

    What is built is never larger than what was read, whatever else a file says.

    :raises KeyError: a layer between others is missing.
    """
    blocks: list[nn.Module] = []
    for place in range(0, len(learned), 2):  # a weight and a bias of each, a ReLU after it
        outputs, inputs = learned[f'{place}.weight'].shape
        blocks += [nn.utils.skip_init(nn.Linear, inputs, outputs), nn.ReLU()]
    return nn.Sequential(*blocks[:-1])


def carry_over(net: nn.Sequential, ends: NamedEnds, learned: Mapping[str, Tensor],
               of: NamedEnds) -> None:
    """
    Let a perceptron begin with what another has learned; outputs that are new stay as they are.

    :param learned: the other's state.
    :param of: its ends.
    :raises CheckpointError: their hidden layers differ.
    """
    state = net.state_dict()
    weights = [name for name in state if name.endswith('weight')]
    hidden = [[len(values[name]) for name in values if name.endswith('weight')][:-1]
              for values in (state, learned)]
    if hidden[0] != hidden[1]:
        raise CheckpointError(
            f'what it begins with must have the same hidden layers. Got {hidden[1]} units, the '
            f'training says {hidden[0]}: set hidden and layers alike in config/train.')
    columns = torch.from_numpy(places(ends.inputs, of.inputs))
    rows = torch.from_numpy(places(ends.outputs, of.outputs))
    with torch.no_grad():
        for name, values in state.items():
            layer = learned[name]
            if name == weights[0]:
                layer = layer[:, columns.clamp(min=0)] * (columns >= 0)
            if name.rpartition('.')[0] == weights[-1].rpartition('.')[0]:
                known = rows >= 0
                values[known] = layer[rows[known]]
            else:
                values.copy_(layer)


def carried_spread(fitted: Normalizer, names: Sequence[str], learned: Mapping[str, Tensor],
                   prefix: str, of: Sequence[str], *, acted: bool = False) -> Normalizer:
    """
    Return a spread whose numbers are the learned ones wherever names match.

    The learned weights are in units of them: with others, they would mean something else. An
    action that hardly changed there, and does here, has learned nothing yet: it stays where it
    was, and gets the new scale to move by.

    :param prefix: of ``mean`` and ``scale`` in ``learned``; ``names`` and ``of``: (D,) each.
    :param acted: whether it is of actions.
    """
    mean, scale = fitted.mean.copy(), fitted.scale.copy()
    for i, at in enumerate(places(names, of)):
        if at >= 0:
            mean[i], before = learned[f'{prefix}mean'][at], learned[f'{prefix}scale'][at]
            scale[i] = scale[i] if acted and before < _STILL * scale[i] else before
    return Normalizer(mean.astype(np.float32), scale.astype(np.float32))


def what_is_carried(names: Sequence[str], of: Sequence[str], what: str) -> str:
    """Return which names go on, begin, and end, a sentence part."""
    new = [name for name in names if name not in of]
    left = [name for name in of if name and name not in names]
    parts = [f'{len(names) - len(new)} of {len(names)} {what} go on']
    parts += [f'new: {", ".join(new)}'] if new else []
    parts += [f'no longer there: {", ".join(left)}'] if left else []
    return '; '.join(parts)


def require_same_encoder(learned: str, wanted: str) -> None:
    """:raises CheckpointError: numbers made of images would mean something else."""
    if learned != wanted:
        raise CheckpointError(f'what it begins with must see by the same encoder. It has '
                              f'{shown(learned)}, the training says {shown(wanted)}: set encoder '
                              f'alike in config/train.')
