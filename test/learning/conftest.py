"""Made-up episodes and short trainings: arrays only, a few seconds on one thread."""

from dataclasses import replace
from pathlib import Path
import sys

import numpy as np
import pytest
import torch

from ilw_core.episode import Episode, Outcome
from ilw_data.episode.dataset import build_dataset
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.training.imitation import Imitation
from ilw_learner.training.loop import TrainingLoop

sys.path.insert(0, str(Path(__file__).parent))  # for ``identity_task``
torch.set_num_threads(1)
SHORT = BcConfig(hidden=64, updates=600, batch=128, noise=0.0, average=0.98, candidates=2,
                 weight_decay=1e-4)


def make_episodes(contract, act, *, count=6, steps=80, seed=0):
    """Return episodes whose action follows from the observation: ``act(obs (T, Do))``."""
    rng = np.random.default_rng(seed)
    episodes = []
    for number in range(count):
        obs = rng.uniform(contract.obs_low, contract.obs_high,
                          (steps + 1, contract.obs_dim)).astype(np.float32)
        episodes.append(Episode(
            name=f'episode-{number}', obs=obs, obs_valid=np.ones_like(obs, dtype=bool),
            actions=act(obs[:-1]).astype(np.float32), action_valid=np.ones(steps, dtype=bool),
            stamps_ns=np.arange(steps + 1) * contract.period_ns, outcome=Outcome.SUCCESS,
            stop_reason='goal', contract_hash=contract.hash))
    return episodes


@pytest.fixture
def episodes():
    return make_episodes


@pytest.fixture
def fit(tmp_path):
    """Return a function that trains on episodes, holding out the last: (learner, checkpoint)."""

    def run(contract, episodes, folder='run', seed=0, score=None, on_progress=lambda p: True,
            **changes):
        config = replace(SHORT, **changes)
        data = build_dataset(episodes, contract, history=config.history, horizon=config.horizon)
        last = len(episodes) - 1
        train = list(range(last)) or [0]
        learner = Imitation(
            contract, 'bc', config, cloning_step(contract, config, seed), data.pick(train),
            data.pick([last]), tmp_path / folder, seed=seed, score=score)
        loop = TrainingLoop(learner, tmp_path / folder, candidates=config.candidates,
                    on_progress=on_progress)
        loop.resume()
        loop.fit()
        return learner, learner.best

    return run
