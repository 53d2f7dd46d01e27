"""What a checkpoint of Q-learning has learned, for another training to begin with."""

from safetensors import SafetensorError
from safetensors.torch import load as from_safetensors
from torch import nn

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError
from ilw_learner.algorithms.q_learning.greedy_policy import GreedyPolicy
from ilw_learner.algorithms.q_learning.q_values import Dqn
from ilw_learner.checkpoint.folder import Checkpoint
from ilw_learner.networks.carried_over import (
    carried_spread,
    carry_over,
    learned_names,
    only_called_alike,
    perceptron_of,
    what_is_carried,
)
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer

ALGORITHMS = ('dqn', 'dqfd')


class LearnedValues:
    """
    What a checkpoint of ``dqn`` or ``dqfd`` has learned, to begin with.

    A choice goes on where the new contract has one of the same numbers of the same fields.

    :raises CheckpointError: it is of another algorithm, or not what these write.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        contract, card = checkpoint.seen, checkpoint.card
        if card.get('algorithm') not in ALGORITHMS:
            raise CheckpointError(f'{checkpoint.path} must be a checkpoint of dqn or dqfd to '
                                  f'begin with. Got {shown(card.get("algorithm"))}.')
        try:
            weights = from_safetensors(checkpoint.weights())
            net = perceptron_of({
                name.removeprefix('network.'): values for name, values in weights.items()
                if name.startswith('network.')})
            inputs = Inputs(
                contract, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                fourier=len(weights['inputs.octaves']), near_m=float(card['network']['near_m']))
            self._policy = GreedyPolicy(
                inputs, net, weights['table'].numpy(), dueling=bool(card['network']['dueling']),
                history=checkpoint.history)
            ends = self._policy.ends(contract.action.names)
            layers = [each for each in net if isinstance(each, nn.Linear)]
            if (layers[0].in_features, layers[-1].out_features) != (
                    len(ends.inputs), len(ends.outputs)):
                raise ValueError(f'{layers}')
            self._policy.load_state_dict(weights)
        except (LookupError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
            raise CheckpointError(f'{checkpoint.path} holds other weights than Q-learning has for '
                                  f'its contract and values. Train it again.') from error
        self._contract, self._weights, self._ends = contract, weights, ends
        self._name = str(checkpoint.path)

    def spread(self, fitted: Normalizer, contract: Contract) -> Normalizer:
        """Return the spread of observations to go on with."""
        return carried_spread(fitted, contract.obs_names, self._weights, 'inputs.',
                              learned_names(contract, self._contract))

    def give(self, dqn: Dqn, policy: GreedyPolicy, contract: Contract) -> str:
        """
        Let values that are not learned yet begin with it; returns what goes on, for a person.

        :param policy: made of the same network.
        :raises CheckpointError: hidden layers or ``dueling`` differ.
        """
        if policy.dueling != self._policy.dueling:
            raise CheckpointError(f'{self._name} was trained with dueling: '
                                  f'{str(self._policy.dueling).lower()}. Set it alike in '
                                  f'config/train to begin with it.')
        ends = policy.ends(contract.action.names)
        net = dqn.network.module()
        assert isinstance(net, nn.Sequential)
        carry_over(net, ends, self._policy.network.state_dict(),
                   self._ends.without(only_called_alike(contract, self._contract)))
        dqn.begin(net)
        return '. '.join([
            f'Begins with {self._contract.name}: ' + what_is_carried(
                contract.obs_names, learned_names(contract, self._contract), 'observations'),
            what_is_carried(ends.outputs, self._ends.outputs, 'choices')]) + '.'
