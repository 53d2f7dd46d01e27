"""A driver that learns to be taken for the demonstrator, and the reward that it learns from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from ilw_learner.algorithms.q_learning.q_learner import Judge, QLearner
from ilw_learner.algorithms.q_learning.q_values import DqnConfig
from ilw_learner.rewards.adversarial.discriminator import (
    Discriminator,
    DiscriminatorConfig,
    SeenSteps,
)
from ilw_learner.rewards.paid import PaidRobots
from ilw_learner.rewards.step_features import StepTensors
from ilw_learner.rollout.vec_env import VecEnv


@dataclass(frozen=True)
class AirlConfig:
    """How the two learn against each other."""

    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    recent_rounds: int = 40
    """Steps of all robots that the discriminator sees: older ones were of another driver"""
    batch: int = 256
    """Steps of each side in an update of the discriminator"""
    every: int = 1
    """Rounds of the driver between two updates of the discriminator"""
    capacity: int = 20_000
    """Transitions that the driver learns from: what older ones earned is no longer true"""


@dataclass(frozen=True)
class TwoSides:
    """What came out."""

    weights: Tensor
    """(F,) reward per unit of each feature"""
    driver: QLearner
    """With its averaged weights in the network"""
    told_apart: float
    """Share of steps whose side the discriminator told at the end; 0.5: it cannot"""


class _Recent:
    """The newest steps of all robots; it pays them, too."""

    def __init__(self, rounds: int) -> None:
        self._rounds: list[SeenSteps] = []
        self._most, self._next = rounds, 0
        self.pays: Callable[[StepTensors], Tensor] = lambda steps: torch.zeros(len(steps.arrived))

    def __call__(self, steps: StepTensors, choices: Tensor) -> Tensor:
        """Remember the steps; return what they earn."""
        seen = SeenSteps(StepTensors(steps.before.clone(), steps.after.clone(),
                                     steps.arrived.clone(), steps.collided.clone()),
                         choices.clone())
        self._rounds[self._next:self._next + 1] = [seen]
        self._next = (self._next + 1) % self._most
        return self.pays(steps)

    def draw(self, count: int, rng: torch.Generator) -> SeenSteps:
        """Return random steps out of a few random rounds."""
        picked = torch.randint(len(self._rounds), (8,), generator=rng).tolist()
        joined = _joined([self._rounds[k] for k in picked])
        return joined[torch.randint(len(joined), (count,), generator=rng)]


def set_against_each_other(
    config: AirlConfig, dqn: DqnConfig, robots: VecEnv, encode: Callable[[Tensor], Tensor],
    choices: int, features: Callable[[StepTensors], Tensor], costs: Sequence[int],
    shown: SeenSteps, *, seed: int, judge: Judge,
    on_round: Callable[[int], None] = lambda steps: None,
) -> TwoSides:
    """
    Let a driver and a discriminator learn in turn for ``dqn.steps``.

    :param dqn: of the driver; what soft Q-learning leaves no choice of is set.
    :param features: of N steps, (N, F); those numbered in ``costs`` never pay.
    :param shown: the demonstrations' steps.
    :param on_round: told the steps of all robots so far.
    """
    rng = torch.Generator().manual_seed(seed)
    recent = _Recent(config.recent_rounds)
    heat = config.discriminator.temperature
    driver = QLearner(
        replace(dqn, temperature=heat, n_step=1, action_gap=0.0, dueling=False, double=False,
                shaping=0.0, prioritised=False, capacity=config.capacity,
                warm_up=min(dqn.warm_up, config.capacity)),
        PaidRobots(robots, recent), encode, choices, device=torch.device('cpu'), seed=seed,
        judge=judge)
    other: Discriminator | None = None
    told = torch.full((), torch.nan)
    while driver.steps < dqn.steps:
        driver.advance()
        if driver.steps >= driver.config.warm_up and driver.rounds % config.every == 0:
            both = _joined((shown[torch.randint(len(shown), (config.batch,), generator=rng)],
                            recent.draw(config.batch, rng)))
            if other is None:
                other = Discriminator(config.discriminator, features, encode, costs, both, rng)
                recent.pays = other.pays
            chances = driver.dqn.log_chances(encode(both.steps.before))
            right = other.update(both, config.batch,
                                 chances.gather(1, both.choices.unsqueeze(1)).squeeze(1))
            told = right if told.isnan() else 0.99 * told + 0.01 * right
            if 2 * driver.steps >= dqn.steps:
                other.keep()
        on_round(driver.steps)
    assert other is not None, 'steps must be more than warm_up'
    with driver.dqn.averaged() as weights:
        kept = weights.clone()
    driver.dqn.network.flat.copy_(kept)
    return TwoSides(other.weights, driver, float(told))


def _joined(parts: Sequence[SeenSteps]) -> SeenSteps:
    steps = StepTensors(*(torch.cat([getattr(each.steps, name) for each in parts])
                          for name in ('before', 'after', 'arrived', 'collided')))
    return SeenSteps(steps, torch.cat([each.choices for each in parts]))
