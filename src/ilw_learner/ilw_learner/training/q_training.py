"""One run of learning from reward, as a person asks for it."""

from collections.abc import Callable
from dataclasses import asdict, replace
import math
from pathlib import Path
import time
from typing import Any

import numpy as np
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError, NotFiniteError
from ilw_core.storage.files import write_file
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import Checkpoint, save_checkpoint
from ilw_learner.data.demonstrations import to_transitions
from ilw_learner.data.mirror import mirrored
from ilw_learner.data.normalizer import Normalizer
from ilw_learner.data.replay_buffer import Transitions
from ilw_learner.policies.dqn import Dqn, DqnConfig, GreedyPolicy, choice_table
from ilw_learner.policies.inputs import Inputs
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.rollout.gym_env import make_gymnasium
from ilw_learner.rollout.vec_env import BatchVecEnv, FrameStack, VecEnv
from ilw_learner.training.progress import Progress
from ilw_learner.training.q_trainer import QTrainer, Score, drive_greedily
from ilw_learner.training.training_run import (
    TrainOptions,
    load_demonstrations,
    provenance,
    scorer,
    training_device,
    training_math,
    write_summary,
)

_WORLDS, _FIRST_WORLD = 2000, 100_000
"""To learn in: apart from those of demonstrations (0), selection and evaluation"""
_JUDGE_ROBOTS, _JUDGE_WORLD = 512, 200_000
"""Unseen worlds that candidates are compared in: 512 tell 95 % from 92 %"""


@training_math()
def train_on_gymnasium(env_id: str, config: DqnConfig, out: Path, seed: int,
                       on_progress: Callable[[Progress], bool], *,
                       track: str = 'tensorboard') -> dict[str, Any]:
    """
    Train on a Gymnasium environment with discrete actions, to a folder of weights.

    :raises IlwError: there is no such environment, or it is of another kind.
    :raises NotFiniteError: it gave NaN, or weights became it; what was best is kept.
    """
    device = torch.device('cpu')  # for a single robot the way to a GPU and back is the longer part
    one, other = make_gymnasium(env_id), make_gymnasium(env_id)
    robots, judged = (one, other) if config.history == 1 else (
        FrameStack(one, config.history), FrameStack(other, config.history))

    def judge(dqn: Dqn) -> Score:
        score = drive_greedily(dqn, judged, _identity, config.eval_episodes, _JUDGE_WORLD + seed)
        return replace(score, success_ratio=math.nan)  # Gymnasium knows returns only

    trainer = QTrainer(
        replace(config, robots=1), robots, _identity, one.choices, out, device=device,
        seed=seed, judge=judge, track=track, on_progress=on_progress)
    begin = time.monotonic()
    trainer.resume()
    score, fault = _fit(trainer)
    weights = {k: v.contiguous() for k, v in trainer.dqn.network.module().state_dict().items()}
    write_file(out / 'weights.safetensors', to_safetensors(weights))
    summary = write_summary(out, {
        'task': env_id, 'algorithm': 'dqn', 'seed': seed,
        'checkpoint': str(out), 'first_action': one.first_action, 'steps': trainer.steps,
        'updates': trainer.dqn.updates, 'train_s': round(time.monotonic() - begin, 2),
        'mean_return': round(score.mean_return, 3), 'success': None, 'episodes_eval': 0})
    return _kept(summary, fault)


def _fit(trainer: QTrainer) -> tuple[Score, NotFiniteError | None]:
    """Train; where numbers stop being finite, return to the best network until then."""
    try:
        return trainer.fit(), None
    except NotFiniteError as error:
        if trainer.best is None:
            raise
        return trainer.use_best(), error


def _kept(summary: dict[str, Any], fault: NotFiniteError | None) -> dict[str, Any]:
    if fault is not None:
        raise NotFiniteError(f'{fault} The best policy until then is kept: '
                             f'{summary["checkpoint"]}') from fault
    return summary


def _identity(obs: Tensor) -> Tensor:
    return obs


@training_math()
def train_on_task(
    options: TrainOptions, on_progress: Callable[[Progress], bool],
) -> dict[str, Any]:
    """
    Train on a contract's task in a simulator of many robots, to a checkpoint.

    ``dqfd`` begins with ``options.demos``, ``dqn`` with nothing.

    :raises IlwError: no simulator, no usable demonstration.
    """
    device, contract, config = training_device(), options.contract, options.config
    assert isinstance(config, DqnConfig)
    history, seen = config.history, contract.obs_dim
    table = choices_of(contract, config)
    spread = Normalizer.of_bounds(contract.obs_low, contract.obs_high)
    inputs = Inputs(contract, spread, fourier=config.fourier, near_m=config.near_m).to(device)
    potential = (contract.obs_names.index(config.shaping_name)
                 if config.shaping and config.shaping_name in contract.obs_names else None)

    def encode(obs: Tensor) -> Tensor:
        expanded: Tensor = inputs(obs.unflatten(1, (history, seen))).flatten(1)
        return expanded

    demos, episodes = None, 0
    if options.algorithm == 'dqfd':
        loaded = load_demonstrations(options)
        episodes = len(loaded)
        if config.mirror:
            loaded += [mirrored(episode, contract) for episode in loaded]
        raw = to_transitions(loaded, contract, config, table, encode, potential)
        demos = Transitions(*(v.to(device) for v in vars(raw).values()))

    def many(robots: int, worlds: int, first: int) -> VecEnv:
        env = make_env(options.simulator, contract, robots=robots, seed=options.seed,
                       worlds=worlds, first_world=options.seed * 1_000_000 + first,
                       device=device.type, plant=options.plant)
        made = BatchVecEnv(env, device, None if contract.action.discrete else table)
        return made if history == 1 else FrameStack(made, history)

    judged = many(_JUDGE_ROBOTS, _JUDGE_ROBOTS, _JUDGE_WORLD)
    begin = time.monotonic()
    trainer = QTrainer(
        config, many(config.robots, _WORLDS, _FIRST_WORLD), encode, len(table), options.out,
        device=device, seed=options.seed, demos=demos,
        potential=None if potential is None else potential + (history - 1) * seen,
        judge=lambda dqn: drive_greedily(dqn, judged, encode, _JUDGE_ROBOTS, options.seed),
        track=options.track, on_progress=on_progress)
    trainer.resume()
    best, fault = _fit(trainer)
    policy = GreedyPolicy(inputs.cpu(), trainer.dqn.network.module(), table,
                          dueling=config.dueling).eval()
    checkpoint = _save(options, config, policy, trainer, best)
    train_s = time.monotonic() - begin
    score = scorer(options)
    success = score(checkpoint) if score else None
    write_file(options.out / 'contract.yaml', contract.text)
    return _kept(write_summary(options.out, {
        'checkpoint': str(checkpoint.path), 'task': contract.name, 'algorithm': options.algorithm,
        'seed': options.seed, 'plant': options.plant.name if options.plant else None,
        'episodes': episodes, 'steps': trainer.steps,
        'updates': trainer.dqn.updates, 'train_s': round(train_s, 2),
        'success_simulated': round(best.success_ratio, 4),
        'success': success[0] if success else None,
        'episodes_eval': success[1] if success else 0}), fault)


def choices_of(contract: Contract, config: DqnConfig) -> np.ndarray:
    """
    Return what each choice means, ``(K, Da)``: the contract's, or evenly spaced ones.

    :raises ContractError: ``bins`` does not fit the contract.
    """
    action = contract.action
    if action.discrete:
        return action.table
    try:
        return choice_table(action.low, action.high, config.bins)
    except ValueError as error:
        raise ContractError(f'{contract.name}: {error}') from error


def _save(options: TrainOptions, config: DqnConfig, policy: GreedyPolicy,
          trainer: QTrainer, best: Score) -> Checkpoint:
    card = {
        'algorithm': options.algorithm, 'network': {**asdict(config), 'bins': list(config.bins)},
        'history': config.history, 'horizon': 1, 'update': trainer.dqn.updates,
        'metrics': {'success_simulated': best.success_ratio, 'return': best.mean_return},
        'provenance': provenance(options, ()),
    }
    weights = {k: v.contiguous() for k, v in policy.state_dict().items()}
    return save_checkpoint(options.out / 'checkpoint', options.contract, card, {
        'policy.onnx': to_onnx(policy, options.contract, config.history),
        'weights.safetensors': to_safetensors(weights)})
