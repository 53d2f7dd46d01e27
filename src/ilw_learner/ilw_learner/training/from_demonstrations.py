"""One run of learning from demonstrations: from a folder of episodes to a checkpoint."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from ilw_core.contract.file import Contract
from ilw_core.errors import NotFiniteError
from ilw_core.storage.files import write_file
from ilw_data.episode.dataset import build_dataset, split_episodes
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.correction.weights import step_weights
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
            policy = make_policy(options.contract, options.config, obs, actions)
        policy.history = options.config.history
        policy.horizon = options.config.horizon
        return AutogradStep(policy, obs, actions, device, random, images, weights)

    return make


@training_math()
def imitate(options: TrainOptions, on_progress: Callable[[Progress], bool],
            make_step: MakeStep) -> TrainSummary:
    """
    Train on the windows of ``options.demos``; a run that was interrupted goes on.

    :raises EpisodeError: no usable episode.
    :raises NotFiniteError: numbers became NaN or infinite; the best until then is kept.
    """
    contract, config = options.contract, options.config
    assert isinstance(config, ImitationConfig)
    loaded = load_demonstrations(options)
    data = build_dataset(loaded, contract, history=config.history, horizon=config.horizon,
                         weights=step_weights(loaded, options.labels, 1.0 / contract.rate_hz))
    loaded = [each.without_images() for each in loaded]  # the windows have them now
    rng = np.random.default_rng(options.seed)
    training, held = split_episodes(len(loaded), config.held_out_ratio, rng)
    old = old_windows(options, data)
    learner = Imitation(
        contract, options.algorithm, config, make_step, data.pick(training), data.pick(held),
        options.out, seed=options.seed, score=scorer(options), old=old,
        provenance=provenance(options, data.names), code=decided_by(options))
    to_onnx(learner.averaged(), contract, config.history)  # what cannot drive is not trained
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
        checkpoint=str(learner.best.path), task=contract.name, algorithm=options.algorithm,
        seed=options.seed, plant=options.plant.name if options.plant else None,
        train_s=round(loop.train_s, 2), steps=steps, updates=learner.updates,
        success=success['success'], episodes_eval=success['n'],
        details={'episodes': len(loaded), 'windows': len(data.obs), 'masked': data.masked,
                 'held_out': asdict(held_out), **_old_details(old)},
        lines=(f'{steps} steps of {len(loaded)} episodes{whole}, {loop.train_s:.0f} s.',
               *_old_lines(old),
               *held_out.lines(contract)),
    ).write(options.out)


def _old_details(old: OldWindows | None) -> dict[str, Any]:
    return {} if old is None else {
        'keep': old.keep, 'old_episodes': len(old.data.names), 'old_windows': len(old.data.obs)}


def _old_lines(old: OldWindows | None) -> tuple[str, ...]:
    return () if old is None else (
        f'Kept by {old.keep}: {len(old.data.obs)} windows of {len(old.data.names)} earlier '
        f'episodes.',)
