"""What a checkpoint of behaviour cloning has learned, for another training to begin with."""

from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
import torch
from torch import Tensor, nn

from ilw_core.contract.family import TASK_ENTRY, task_values
from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError
from ilw_learner.algorithms.cloned_policy import BcConfig, BehaviourCloning, cloning_sizes
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.networks.carried_over import (
    carried_spread,
    carry_over,
    learned_names,
    only_called_alike,
    perceptron_of,
    require_same_encoder,
    what_is_carried,
)
from ilw_learner.networks.encoders import SMALL
from ilw_learner.networks.fused_mlp import FusedMlp
from ilw_learner.networks.normalizer import Normalizer


class Learned:
    """
    What a checkpoint of ``bc`` has learned, to begin with.

    :raises CheckpointError: it is of another algorithm, or not what ``bc`` writes.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        contract, card = checkpoint.seen, checkpoint.card
        if card.get('algorithm') != 'bc':
            raise CheckpointError(f'{checkpoint.path} must be a checkpoint of bc to begin with. '
                                  f'Got {shown(card.get("algorithm"))}.')
        try:
            self._weights = from_safetensors(checkpoint.weights())
            net = perceptron_of({
                name.removeprefix('net.'): values for name, values in self._weights.items()
                if name.startswith('net.')})
            layers = [each for each in net if isinstance(each, nn.Linear)]
            if card['network']['layers'] != len(layers) - 1:
                raise ValueError(f'{len(layers)} layers')
            config = BcConfig(
                hidden=card['network']['hidden'], layers=len(layers) - 1,
                fourier=len(self._weights['inputs.octaves']), history=checkpoint.history,
                horizon=checkpoint.horizon, near_m=float(card['network']['near_m']),
                without=str(card['network'].get('without', '')),
                shift_px=int(card['network'].get('shift_px', 0)),
                hint=float(card['network'].get('hint', 0.0)),
                encoder=str(card['network'].get('encoder', SMALL)))
            self._policy = BehaviourCloning(
                contract, config, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                Normalizer.of_bounds(contract.action.low, contract.action.high), nn.Identity())
            self._policy.net = net
            encoded = sum(int(each.width) for each in self._policy.encoders)
            sizes = cloning_sizes(contract, config, self._policy.inputs, encoded)
            given = [layers[0].in_features, *(each.out_features for each in layers)]
            if given != sizes:
                raise ValueError(f'{given} units, not {sizes}')
            self._policy.load_state_dict(self._weights)
        except (LookupError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f'{checkpoint.path} holds other weights than bc has for its '
                                  f'contract and values. Train it again.') from error
        self.contract, self._tasks = contract, checkpoint.task_names

    def spread(self, fitted: Normalizer, contract: Contract) -> Normalizer:
        """Return the spread of observations to go on with."""
        return carried_spread(fitted, contract.obs_names, self._weights, 'inputs.',
                              learned_names(contract, self.contract))

    def action_spread(self, fitted: Normalizer, contract: Contract) -> Normalizer:
        """Return the spread of actions to go on with."""
        return carried_spread(fitted, contract.action.names, self._weights, 'act_',
                              self.contract.action.names, acted=True)

    def give(self, policy: BehaviourCloning, network: FusedMlp, contract: Contract) -> None:
        """
        Let a policy that is not trained yet, and its network, begin with it.

        :raises CheckpointError: another encoder made its numbers of images.
        """
        if policy.cameras and self._policy.cameras:
            require_same_encoder(self._policy.config.encoder, policy.config.encoder)
        net = network.module()
        carry_over(net, policy.ends, self._state(contract), self._policy.ends.without(
            only_called_alike(contract, self.contract)))
        network.take(net)
        known = dict(zip(self._policy.cameras, self._policy.encoders, strict=True))
        for camera, encoder in zip(policy.cameras, policy.encoders, strict=True):
            if camera in known:  # convolutions fit images of any size of as many channels
                own = {name: values for name, values in known[camera].state_dict().items()
                       if name in dict(encoder.named_parameters())
                       and values.shape == encoder.get_parameter(name).shape}
                encoder.load_state_dict(own, strict=False)

    def _state(self, contract: Contract) -> dict[str, Tensor]:
        """
        Return the state of the net that was learned.

        Where it was told its task and the new one is not, it is told once for all: by the first
        layer's bias, of the task of that name; of another one, as between all of them.
        """
        state = dict(self._policy.net.state_dict())
        if not self._forgets_tasks(contract) or contract.name not in self._tasks:
            return state
        inputs, names = self._policy.inputs, self.contract.obs_names[-len(self._tasks):]
        told = torch.from_numpy(task_values(contract.name, self._tasks))
        told = (told - inputs.mean[-len(names):]) / inputs.scale[-len(names):]
        for name, value in zip(names, told, strict=True):
            columns = [at for at, end in enumerate(self._policy.ends.inputs)
                       if end.rpartition(', ')[0] == name]  # one of each observation it sees
            state['0.bias'] = state['0.bias'] + state['0.weight'][:, columns].sum(1) * value
        return state

    def _forgets_tasks(self, contract: Contract) -> bool:
        """Tell whether it learned several tasks, and a contract is of one."""
        return len(self._tasks) > 1 and all(
            source.name != TASK_ENTRY for source in contract.sources)

    def told(self, policy: BehaviourCloning, contract: Contract) -> str:
        """Return what of it goes on in a policy, for a person."""
        parts = [what_is_carried(contract.obs_names, learned_names(contract, self.contract),
                                 'observations')]
        made = self._policy.inputs.names[self.contract.obs_dim:]
        if lost := sum(name not in policy.inputs.names for name in made):
            parts.append(f'{lost} of {len(made)} inputs made of lengths end, so it begins a '
                         f'little worse: set fourier and near_m alike in config/train')
        if policy.cameras or self._policy.cameras:
            parts.append(what_is_carried(policy.cameras, self._policy.cameras, 'cameras'))
        if self._forgets_tasks(contract):
            parts.append(f'it begins as it does {contract.name}' if contract.name in self._tasks
                         else 'it begins between its tasks')
        kind = 'choices' if policy.discrete else 'actions'
        parts.append(what_is_carried(policy.gives, self._policy.gives, kind))
        return f'Begins with {"+".join(self._tasks)}: {". ".join(parts)}.'
