"""
What a checkpoint of a chunk policy has learned, for another training to begin with.

As ``bc_begin.py`` does it for a perceptron: whatever names a number, a camera, an action or a
place in a chunk is matched by that name, and a new input counts for nothing at first.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
import torch
from torch import Tensor

from ilw_core.contract.by_name import places
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.chunks.config import ChunkConfig
from ilw_learner.networks.carried_over import (
    NamedEnds,
    carried_spread,
    learned_names,
    only_called_alike,
    require_same_encoder,
    what_is_carried,
)
from ilw_learner.networks.encoders import SMALL
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer

_ALIKE = ('width', 'heads', 'encoder_layers', 'decoder_layers', 'hidden')
"""Values that both networks must have the same of"""
_MAY_DIFFER = ('seen.encoders.', 'style.', 'of_style.')
"""Beginnings of the names of what may have another size: cameras' channels, numbers of a style"""
_MAY_LACK = ('seen.numbers.', 'seen.of_image.', 'of_driven.', *_MAY_DIFFER)
"""The same of what only one of the networks may have"""
_CAMERAS = ('seen.encoders.', 'seen.of_image.')


class _Axis(NamedTuple):
    """What the numbers along one axis of a parameter are."""

    number: int
    names: Sequence[str]


class LearnedChunks:
    """
    What a checkpoint of an algorithm has learned, to begin with.

    :raises CheckpointError: it is of another algorithm, or not what that one writes.
    """

    def __init__(self, checkpoint: Checkpoint, algorithm: str) -> None:
        self._path, self._tasks = checkpoint.path, checkpoint.task_names
        if checkpoint.card.get('algorithm') != algorithm:
            raise CheckpointError(f'{self._path} must be a checkpoint of {algorithm} to begin '
                                  f'with. Got {shown(checkpoint.card.get("algorithm"))}.')
        self.contract = contract = checkpoint.seen
        try:
            self._values = {name: checkpoint.card['network'][name] for name in _ALIKE}
            self._encoder = checkpoint.card['network'].get('encoder', SMALL)
            near_m = float(checkpoint.card['network']['near_m'])
            self._weights = from_safetensors(checkpoint.weights())
            for prefix, dim in (('seen.inputs.', contract.obs_dim),
                                ('code.', contract.action.dim)):
                if any(self._weights[f'{prefix}{each}'].shape != (dim,)
                       for each in ('mean', 'scale')):
                    raise ValueError(prefix)
        except (LookupError, TypeError, ValueError, SafetensorError) as error:
            raise self._other_weights() from error
        inputs = Inputs(contract, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                        near_m=near_m)
        self._history, self._horizon = checkpoint.history, checkpoint.horizon
        self._inputs = inputs.names

    def give(self, policy: Any, contract: Contract, config: ChunkConfig) -> str:
        """
        Let a policy that is not trained yet begin with it; return what goes on, for a person.

        :param policy: ``ActPolicy`` or ``FlowPolicy``.
        :raises CheckpointError: their networks are not of one size, or see by other encoders.
        """
        for name, value in self._values.items():
            if value != getattr(config, name):
                raise CheckpointError(
                    f'what it begins with must have the same {", ".join(_ALIKE)}. Got {name} '
                    f'{shown(value)}, the training says {getattr(config, name)}: set it alike in '
                    f'config/train.')
        if _cameras(contract) and _cameras(self.contract):
            require_same_encoder(self._encoder, config.encoder)
        known = NamedEnds(self._inputs, ()).without(
            only_called_alike(contract, self.contract)).inputs
        own = _axes(contract, policy.seen.inputs.names, config.history, config.horizon)
        of = _axes(self.contract, known, self._history, self._horizon)
        learned = {_by_camera(name, self.contract): value
                   for name, value in self._weights.items()}
        with torch.no_grad():
            for name, value in policy.named_parameters():
                name = _by_camera(name, contract)
                self._carry(name, value, learned.get(name), own.get(name), of.get(name))
        self._set_spreads(policy, contract)
        return self._told(policy, contract, config)

    def _carry(self, name: str, value: Tensor, there: Tensor | None, own: _Axis | None,
               of: _Axis | None) -> None:
        """Copy into one parameter what another network has there, by the names along an axis."""
        if there is None:
            if not name.startswith(_MAY_LACK):
                raise self._other_weights()
            return
        if there.ndim == value.ndim and own is not None and of is not None:
            value, there = value.movedim(own.number, 0), there.movedim(of.number, 0)
            fits = (len(there), *value.shape[1:]) == (len(of.names), *there.shape[1:])
            at = torch.from_numpy(places(own.names, of.names))
        else:
            fits, at = there.shape == value.shape, torch.arange(len(value))
        if not fits:
            if not name.startswith(_MAY_DIFFER):
                raise self._other_weights()
            return
        value[at >= 0] = there[at[at >= 0]].to(value)
        if own is not None and own.number == 1 and name.endswith('.weight'):
            value[at < 0] = 0.0

    def _set_spreads(self, policy: Any, contract: Contract) -> None:
        for module, prefix, names, of in (
                (policy.seen.inputs, 'seen.inputs.', contract.obs_names,
                 learned_names(contract, self.contract)),
                (policy.code, 'code.', contract.action.names, self.contract.action.names)):
            spread = carried_spread(Normalizer(module.mean.numpy(), module.scale.numpy()),
                                    names, self._weights, prefix, of, acted=prefix == 'code.')
            module.mean.copy_(torch.from_numpy(spread.mean))
            module.scale.copy_(torch.from_numpy(spread.scale))

    def _told(self, policy: Any, contract: Contract, config: ChunkConfig) -> str:
        parts = [what_is_carried(contract.obs_names, learned_names(contract, self.contract),
                                 'observations')]
        made = self._inputs[self.contract.obs_dim:]
        if lost := sum(name not in policy.seen.inputs.names for name in made):
            parts.append(f'{lost} of {len(made)} inputs made of lengths end, so it begins a '
                         f'little worse: set near_m alike in config/train')
        cameras, had = _cameras(contract), _cameras(self.contract)
        if cameras or had:
            parts.append(what_is_carried(cameras, had, 'cameras'))
        parts.append(what_is_carried(_acts(contract), _acts(self.contract),
                                     'choices' if contract.action.discrete else 'actions'))
        if config.horizon != self._horizon:
            parts.append(f'{min(config.horizon, self._horizon)} of {config.horizon} places of a '
                         f'chunk go on')
        return f'Begins with {"+".join(self._tasks)}: {". ".join(parts)}.'

    def _other_weights(self) -> CheckpointError:
        return CheckpointError(f'{self._path} holds other weights than its algorithm has for its '
                               f'contract and values. Train it again.')


def _axes(contract: Contract, inputs: Sequence[str], history: int,
          horizon: int) -> dict[str, _Axis]:
    """Return the axis of each parameter whose numbers have names, by the parameter's name."""
    acts, ticks = _acts(contract), _Axis(1, tuple(map(str, range(horizon))))
    marked = _Axis(1, (*acts, 'whether one is there'))
    tokens = tuple(f'{kind}, {age} before' for kind in ('numbers', *_cameras(contract))
                   for age in reversed(range(history)))
    return {'seen.numbers.0.weight': _Axis(1, inputs), 'queries': ticks, 'places': ticks,
            'seen.places': _Axis(1, tokens if inputs else tokens[history:]),
            'out.weight': _Axis(0, acts), 'out.bias': _Axis(0, acts),
            'of_action.weight': _Axis(1, acts), 'style.of_action.weight': marked,
            'of_driven.weight': marked}


def _acts(contract: Contract) -> tuple[str, ...]:
    """Return what a network's numbers of an action are, (K,)."""
    return tuple(contract.action.discrete) or tuple(contract.action.names)


def _cameras(contract: Contract) -> tuple[str, ...]:
    return tuple(source.name for source in contract.images)


def _by_camera(name: str, contract: Contract) -> str:
    """Return a parameter's name with that of its camera in place of its number."""
    for prefix in _CAMERAS:
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition('.')
            cameras = _cameras(contract)
            if number.isdecimal() and int(number) < len(cameras):
                return f'{prefix}{cameras[int(number)]}.{rest}'
    return name
