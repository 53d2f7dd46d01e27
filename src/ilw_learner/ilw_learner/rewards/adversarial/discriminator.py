"""
Tell a demonstrator's steps from a driver's by a reward, a potential and the driver's own chances.

J. Fu, K. Luo, S. Levine, "Learning Robust Rewards with Adversarial Inverse Reinforcement
Learning", ICLR 2018 (AIRL), equation 4: ``f = g(s, a, s') + gamma h(s') - h(s)``, and a step is
the demonstrator's with the chance ``exp(f) / (exp(f) + pi(a | s))``.

Differences from the paper: g is linear in named features, so that it is a reward as a person
reads it, of the step instead of the state; f counts in parts of a temperature; h of an episode's
end is 0, so that what an end is worth is in g; features that are costs never pay; and g is
averaged over the second half of the training, as the two sides circle around each other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ilw_learner.rewards.step_features import StepTensors

_SMALLEST = 1e-3
"""Of a feature's root mean square: one that never was is not scaled up"""


@dataclass(frozen=True)
class SeenSteps:
    """N steps, and which choices were made in them."""

    steps: StepTensors
    choices: Tensor
    """(N,) int64"""

    def __getitem__(self, rows: Tensor) -> 'SeenSteps':
        steps = self.steps
        return SeenSteps(StepTensors(steps.before[rows], steps.after[rows], steps.arrived[rows],
                                     steps.collided[rows]), self.choices[rows])

    def __len__(self) -> int:
        return len(self.choices)


@dataclass(frozen=True)
class DiscriminatorConfig:
    """How it learns."""

    hidden: int = 64
    """Units of each of the two layers of h"""
    rate: float = 0.001
    """Learning rate of h"""
    weight_rate: float = 0.003
    """Learning rate of g, whose features have a root mean square of 1"""
    decay: float = 0.001
    """Of the weights of g and h, in parts of the learning rate: who is told apart without error
    has infinite ones"""
    gamma: float = 0.99
    temperature: float = 0.1
    """Reward per nat"""


class Discriminator:
    """
    What is learned of g and h.

    :param features: of N steps, (N, F).
    :param encode: (N, Do) observations to what h sees, (N, I).
    :param costs: features that never pay.
    :param first: steps of both kinds, by which the features are scaled.
    """

    def __init__(self, config: DiscriminatorConfig, features: Callable[[StepTensors], Tensor],
                 encode: Callable[[Tensor], Tensor], costs: Sequence[int], first: SeenSteps,
                 rng: torch.Generator) -> None:
        self._config, self._features, self._encode = config, features, encode
        measured = features(first.steps)
        self._scale = measured.square().mean(dim=0).sqrt().clamp(min=_SMALLEST)
        self._costs = list(costs)
        self._found = nn.Parameter(torch.zeros(measured.shape[1]))
        self._average, self._averaged = torch.zeros(measured.shape[1]), 0
        width, hidden = encode(first.steps.before[:1]).shape[1], config.hidden
        self._potential = nn.Sequential(nn.Linear(width, hidden), nn.Tanh(),
                                        nn.Linear(hidden, hidden), nn.Tanh(),
                                        nn.Linear(hidden, 1))
        with torch.no_grad():
            for layer in self._potential:
                if isinstance(layer, nn.Linear):
                    layer.weight.normal_(0.0, layer.in_features ** -0.5, generator=rng)
                    layer.bias.zero_()
            self._potential[-1].weight.zero_()
        self._optimiser = torch.optim.AdamW([
            {'params': [self._found], 'lr': config.weight_rate},
            {'params': self._potential.parameters(), 'lr': config.rate}],
            weight_decay=config.decay)

    @property
    def weights(self) -> Tensor:
        """Return the averaged weights of g, (F,): reward per unit of a feature."""
        found = self._average if self._averaged else self._found.detach()
        return found / self._scale

    def keep(self) -> None:
        """Count the present weights in the average."""
        self._averaged += 1
        self._average += (self._found.detach() - self._average) / self._averaged

    def pays(self, steps: StepTensors) -> Tensor:
        """Return f of each step, (N,): what the driver earns."""
        with torch.no_grad():
            return self._f(steps)

    def update(self, both: SeenSteps, shown: int, log_chances: Tensor) -> Tensor:
        """
        Make one step of its optimiser; return how many it tells right, (), beforehand.

        :param both: the first ``shown`` of them are the demonstrator's, the others driven.
        :param log_chances: (N,) of their choices, by the driver as it is.
        """
        logits = self._f(both.steps) / self._config.temperature - log_chances
        is_shown = torch.arange(len(logits)) < shown
        loss = nn.functional.binary_cross_entropy_with_logits(logits, is_shown.float())
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()
        with torch.no_grad():
            self._found[self._costs] = self._found[self._costs].clamp(max=0.0)
        return ((logits > 0.0) == is_shown).float().mean()

    def _f(self, steps: StepTensors) -> Tensor:
        h = self._potential(torch.cat([self._encode(steps.before),
                                       self._encode(steps.after)])).squeeze(1)
        before, after = h.tensor_split(2)
        goes_on = ~(steps.arrived | steps.collided)
        earned: Tensor = self._features(steps) / self._scale @ self._found
        return earned + self._config.gamma * goes_on * after - before
