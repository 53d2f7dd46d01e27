"""What the trainings of chunk policies share."""

from collections.abc import Callable

import numpy as np
from torch import nn

from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_learner.chunks.begin import LearnedChunks
from ilw_learner.chunks.config import ChunkConfig
from ilw_learner.chunks.transformer import ObservationTokens
from ilw_learner.networks.encoders import encoders_for
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training.from_demonstrations import by_autograd, imitate
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


def tokens_for(contract: Contract, config: ChunkConfig, obs: np.ndarray) -> nn.Module:
    """Return what makes tokens of observations and images, for ``(N, To, Do)`` to learn from."""
    spread = Normalizer.of_observations(obs, contract.obs_low, contract.obs_high)
    inputs = Inputs(contract, spread, near_m=config.near_m,
                    without=[name for name in config.without.split(',') if name])
    encoders = encoders_for(contract, config.encoder, shift_px=config.shift_px,
                            colour=config.colour)
    return ObservationTokens(inputs, config.history, config.width, config.hidden, encoders)


def training_of(policy: Callable[..., ImitationPolicy]) -> Callable[
        [TrainOptions, Callable[[Progress], bool]], TrainSummary]:
    """Return the training of a policy, from a folder of episodes to a checkpoint."""
    def train(options: TrainOptions, on_progress: Callable[[Progress], bool]) -> TrainSummary:
        assert isinstance(options.config, ChunkConfig)
        options.config.require(options.contract)
        if options.keep == 'ewc':
            raise IlwError(f'{options.algorithm} has no one output whose slope tells which '
                           f'weights matter. Use --keep replay, or --algo bc.')
        learned = None if options.begin is None else LearnedChunks(options.begin,
                                                                   options.algorithm)

        def make(contract: Contract, config: ChunkConfig, obs: np.ndarray,
                 actions: np.ndarray) -> ImitationPolicy:
            made = policy(contract, config, obs, actions)
            if learned is not None:
                options.say(learned.give(made, contract, config))
            return made

        return imitate(options, on_progress, by_autograd(options, make))

    return train
