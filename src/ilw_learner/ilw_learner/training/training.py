"""One training run as a person asks for it, by any algorithm that knows a contract."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ilw_core.errors import IlwError
from ilw_core.storage.files import write_file
from ilw_data.episode.dataset import build_dataset, split_episodes
from ilw_learner.policies.bc import BcConfig
from ilw_learner.training.progress import Progress
from ilw_learner.training.q_training import train_on_task
from ilw_learner.training.qtable_training import train_table
from ilw_learner.training.trainer import Trainer
from ilw_learner.training.training_run import (
    TrainOptions,
    load_demonstrations,
    provenance,
    scorer,
    training_math,
    write_summary,
)


def train(options: TrainOptions, on_progress: Callable[[Progress], bool]) -> dict[str, Any]:
    """
    Train and return a summary that is also written to ``training.json``.

    :param on_progress: called now and then; returning ``False`` cancels.
    :raises IlwError: no usable episode, or an environment is not there.
    :raises CancelledError: ``on_progress`` said so.
    """
    if options.plant is not None:
        if options.algorithm == 'qtable':
            raise IlwError('A table is learned in a model of one base that obeys at once. Leave '
                           '--plant out, or use --algo dqn.')
        options.out.mkdir(parents=True, exist_ok=True)
        write_file(options.out / 'plant.yaml', options.plant.text())
    learn = {'bc': train_by_cloning, 'qtable': train_table}.get(options.algorithm, train_on_task)
    return learn(options, on_progress)


@training_math()
def train_by_cloning(
    options: TrainOptions, on_progress: Callable[[Progress], bool],
) -> dict[str, Any]:
    """Train by behaviour cloning, from a folder of episodes to a checkpoint."""
    contract, config = options.contract, options.config
    assert isinstance(config, BcConfig)
    loaded = load_demonstrations(options)
    data = build_dataset(loaded, contract, history=config.history, horizon=config.horizon)
    rng = np.random.default_rng(options.seed)
    training, held = split_episodes(len(loaded), config.held_out_ratio, rng)
    trainer = Trainer(
        contract, config, data.pick(training), data.pick(held), options.out, seed=options.seed,
        score=scorer(options), provenance=provenance(options, data.names),
        track=options.track, on_progress=on_progress)
    result = trainer.fit()
    write_file(options.out / 'contract.yaml', contract.text)
    return write_summary(options.out, {
        'checkpoint': str(result.checkpoint.path), 'task': contract.name,
        'algorithm': options.algorithm, 'seed': options.seed,
        'plant': options.plant.name if options.plant else None,
        'episodes': len(loaded), 'steps': sum(each.steps_to_train for each in loaded),
        'windows': len(data.obs), 'masked': data.masked,
        'train_s': round(result.train_s, 2), 'held_out': result.held_out,
        'success': result.success[0] if result.success else None,
        'episodes_eval': result.success[1] if result.success else 0})
