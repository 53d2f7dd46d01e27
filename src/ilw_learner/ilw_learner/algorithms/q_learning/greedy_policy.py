"""What Q-learning deploys: the best choice for what is observed."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ilw_learner.algorithms.q_learning.q_values import duel
from ilw_learner.networks.carried_over import NamedEnds
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.policy import Policy


class GreedyPolicy(Policy):
    """
    The best choice for each observation, as deployed.

    :param table: ``(K, Da)`` what each choice means, contract units.
    """

    def __init__(self, inputs: Inputs, network: nn.Module, table: np.ndarray, *,
                 dueling: bool, history: int = 1) -> None:
        super().__init__()
        self.history = history
        self.inputs, self.network, self.discrete = inputs, network, len(table)
        self.register_buffer('table', torch.as_tensor(np.asarray(table, dtype=np.float32)))
        self.register_buffer('duel', duel(len(table)) if dueling else torch.eye(len(table)))
        self.dueling = dueling

    def ends(self, fields: Sequence[str]) -> NamedEnds:
        """Return what goes into ``network`` and comes out of it; ``fields``: (Da,) names."""
        seen = tuple(f'{name}, {age} before' for age in range(self.history - 1, -1, -1)
                     for name in self.inputs.names)
        choices = tuple(', '.join(f'{name} {value:.4g}' for name, value in zip(
            fields, choice, strict=True)) for choice in self.table.tolist())
        return NamedEnds(seen, ('value',) * self.dueling + choices)

    def act(self, obs: Tensor) -> Tensor:
        """Return ``(B, 1, Da)`` for ``(B, To, Do)`` observations in contract units."""
        values = self.network(self.inputs(obs).flatten(1)) @ self.duel
        return self.table[values.argmax(dim=-1)].unsqueeze(1)
