"""One run of learning from demonstrations: from a folder of episodes to a checkpoint."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ilw_core.contract.family import task_values
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import NotFiniteError
from ilw_core.storage.files import write_file
from ilw_data.episode.dataset import Dataset, build_dataset, joined, split_episodes
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import card_of_tasks
from ilw_learner.correction.weights import step_weights
from ilw_learner.data.task_windows import telling_task
from ilw_learner.data.window_images import WindowImages
from ilw_learner.networks.policy import ImitationPolicy
from ilw_learner.training.held_out import HeldOutError
from ilw_learner.training.imitation import (
    AutogradStep,
    Imitation,
    ImitationConfig,
    MakeStep,
    Step,
)
from ilw_learner.training.loop import TrainingLoop, best_until
from ilw_learner.training.options import (
    TrainOptions,
    decided_by,
    load_demonstrations,
    provenance,
    scorer,
    training_math,
)
from ilw_learner.training.own_random import OwnRandom
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary
from ilw_learner.transfer.old_windows import OldWindows, old_windows

MakePolicy = Callable[[Contract, Any, np.ndarray, np.ndarray], ImitationPolicy]
"""Contract, values, observations (N, To, Do) and actions (N, Ta, Da) to learn from -> policy"""


def by_autograd(options: TrainOptions, make_policy: MakePolicy) -> MakeStep:
    """Return how a policy learns that has a loss and nothing more; weights follow the seed."""

    def make(obs: np.ndarray, actions: np.ndarray, device: torch.device,
             rng: torch.Generator, images: WindowImages | None = None,
             weights: np.ndarray | None = None) -> Step:
        random = OwnRandom(options.seed, device)
        with random:
            policy = make_policy(options.seen, options.config, obs, actions)
        policy.history = options.config.history
        policy.horizon = options.config.horizon
        return AutogradStep(policy, obs, actions, device, random, images, weights)

    return make


@training_math()
def imitate(options: TrainOptions, on_progress: Callable[[Progress], bool],
            make_step: MakeStep) -> TrainSummary:
    """
    Train on the windows of ``options.demos``; a run that was interrupted goes on.

    Of several tasks, each keeps the same share of its episodes from being trained on.

    :raises EpisodeError: no usable episode.
    :raises NotFiniteError: numbers became NaN or infinite; the best until then is kept.
    """
    contract, config = options.contract, options.config
    assert isinstance(config, ImitationConfig)
    loaded, parts = _windows(options, config)
    data = joined(parts)
    rng = np.random.default_rng(options.seed)
    split = [split_episodes(len(part.names), config.held_out_ratio, rng) for part in parts]
    first, *further = [part.pick(rows) for part, (rows, _) in zip(parts, split, strict=True)]
    held = joined([part.pick(rows) for part, (_, rows) in zip(parts, split, strict=True)])
    old = old_windows(options, data)
    learner = Imitation(
        options.seen, options.algorithm, config, make_step, first, held, options.out,
        further=further, seed=options.seed, old=old,
        score=scorer(options, slower_s=config.eval_slower_s),
        code=decided_by(options), card={
            'provenance': provenance(options, data.names),
            **card_of_tasks([each.contract for each in options.tasks])})
    to_onnx(learner.averaged(), options.seen, config.history)  # what cannot drive is not trained
    loop = TrainingLoop(learner, options.out, candidates=config.candidates, track=options.track,
                on_progress=on_progress)
    loop.resume(options.say)
    _, fault = best_until(loop)
    write_file(options.out / 'contract.yaml', contract.text)
    if fault is not None:
        raise NotFiniteError(f'{fault} The best checkpoint until then is kept: '
                             f'{learner.best.path}') from fault
    metrics = learner.best.card['metrics']
    held_out = HeldOutError(**metrics['held_out'])
    success = metrics.get('success', {'success': None, 'n': 0})
    steps = sum(each.steps_to_train for each in loaded)
    whole = f' ({len(data.obs)} with all that a window needs)' if len(data.obs) != steps else ''
    return TrainSummary(
        checkpoint=str(learner.best.path), task='+'.join(options.task_names),
        algorithm=options.algorithm, seed=options.seed,
        plant=options.plant.name if options.plant else None,
        train_s=round(loop.train_s, 2), steps=steps, updates=learner.updates,
        success=success['success'], episodes_eval=success['n'],
        details={'episodes': len(loaded), 'windows': len(data.obs), 'masked': data.masked,
                 'held_out': asdict(held_out), **_old_details(old)},
        lines=(f'{steps} steps of {len(loaded)} episodes{whole}, {loop.train_s:.0f} s.',
               *_old_lines(old),
               *held_out.lines(contract)),
    ).write(options.out)


def _windows(options: TrainOptions,
             config: ImitationConfig) -> tuple[list[Episode], list[Dataset]]:
    """Return the episodes of all tasks without images, and the windows of each."""
    loaded, parts = [], []
    for each in options.by_task():
        episodes = load_demonstrations(each)
        data = build_dataset(episodes, each.contract, history=config.history,
                             horizon=config.horizon, open_ended=config.open_ended,
                             weights=step_weights(
                                 episodes, options.labels, 1.0 / each.contract.rate_hz))
        loaded += [episode.without_images() for episode in episodes]  # the windows have them now
        parts.append(telling_task(data, task_values(each.contract.name, options.task_names))
                     if options.tasks else data)
    return loaded, parts


def _old_details(old: OldWindows | None) -> dict[str, Any]:
    return {} if old is None else {
        'keep': old.keep, 'old_episodes': len(old.data.names), 'old_windows': len(old.data.obs)}


def _old_lines(old: OldWindows | None) -> tuple[str, ...]:
    return () if old is None else (
        f'Kept by {old.keep}: {len(old.data.obs)} windows of {len(old.data.names)} earlier '
        f'episodes.',)
