"""
Q-learning with a network: the value of every choice, learned from reward.

V. Mnih et al., "Human-level control through deep reinforcement learning", Nature 2015; with, as
switches: double Q-learning (van Hasselt et al. 2016), dueling (Wang et al. 2016), prioritised
replay (Schaul et al. 2016), n-step returns (Sutton 1988), advantage learning (Bellemare et al.
2016), and demonstrations that stay in the buffer and are preferred by a margin (Hester et al.
2018, DQfD).

Differences from the papers: one n-step loss instead of one and n steps side by side; the dueling
streams share their hidden layers; advantage learning compares by the network's newest values, not
the target's, which saves a pass; weights decay only through Adam's own small steps.
"""

from collections.abc import Callable
from dataclasses import replace
import math
from pathlib import Path

import numpy as np
from safetensors.torch import save as to_safetensors
import torch
from torch import Tensor

from ilw_core import world_seeds
from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError, NotFiniteError
from ilw_core.storage.files import write_file
from ilw_learner.algorithms.base import Algorithm
from ilw_learner.algorithms.q_learning.greedy_policy import GreedyPolicy
from ilw_learner.algorithms.q_learning.learned_values import LearnedValues
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore, QLearner, drive_greedily
from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig, choice_table
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import Checkpoint, save_checkpoint
from ilw_learner.data.demonstrations import to_transitions
from ilw_learner.data.mirror import mirrored
from ilw_learner.data.replay_buffer import Transitions
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.rewards.paid import PaidRobots, earned_in
from ilw_learner.rollout.batch_robots import JUDGE_ROBOTS, LEARN_WORLDS, batch_robots
from ilw_learner.rollout.gym_env import make_gymnasium
from ilw_learner.rollout.vec_env import FrameStack, VecEnv
from ilw_learner.training.loop import TrainingLoop, best_until
from ilw_learner.training.options import (
    TrainOptions,
    decided_by,
    load_demonstrations,
    plain_values,
    provenance,
    scorer,
    training_device,
    training_math,
)
from ilw_learner.training.progress import Progress
from ilw_learner.training.summary import TrainSummary


@training_math()
def train_on_gymnasium(env_id: str, config: DqnConfig, out: Path, seed: int,
                       on_progress: Callable[[Progress], bool], *,
                       track: str = 'tensorboard',
                       say: Callable[[str], None] = lambda text: None) -> TrainSummary:
    """
    Train on a Gymnasium environment with discrete actions, to a folder of weights.

    :raises IlwError: there is no such environment, or it is of another kind.
    :raises NotFiniteError: it gave NaN, or weights became it; what was best is kept.
    """
    device = torch.device('cpu')  # for a single robot the way to a GPU and back is the longer part
    one, other = make_gymnasium(env_id), make_gymnasium(env_id)
    robots, judged = (one, other) if config.history == 1 else (
        FrameStack(one, config.history), FrameStack(other, config.history))

    def judge(dqn: Dqn) -> DrivingScore:
        score = drive_greedily(dqn, judged, None, config.eval_episodes, world_seeds.JUDGE + seed)
        return replace(score, success_ratio=math.nan)  # Gymnasium knows returns only

    learner = QLearner(replace(config, robots=1), robots, None, one.choices, device=device,
                       seed=seed, judge=judge, code=env_id)
    loop = TrainingLoop(learner, out, candidates=config.candidates, track=track,
                        on_progress=on_progress)
    score, fault = _fit(loop, learner, say)
    weights = {k: v.contiguous() for k, v in learner.dqn.network.module().state_dict().items()}
    write_file(out / 'weights.safetensors', to_safetensors(weights))
    return _kept(TrainSummary(
        checkpoint=str(out), task=env_id, algorithm='dqn', seed=seed,
        train_s=round(loop.train_s, 2), steps=learner.steps, updates=learner.updates,
        details={'first_action': one.first_action, 'mean_return': round(score.mean_return, 3)},
        lines=(_work_line(learner, loop), f'mean return {score.mean_return:.1f}')).write(out),
        fault)


def _fit(loop: TrainingLoop, learner: QLearner,
         say: Callable[[str], None]) -> tuple[DrivingScore, NotFiniteError | None]:
    """Train, or go on; the best network is in the learner afterwards."""
    loop.resume(say)
    _, fault = best_until(loop)
    return learner.use_best(), fault


def _kept(summary: TrainSummary, fault: NotFiniteError | None) -> TrainSummary:
    if fault is not None:
        raise NotFiniteError(f'{fault} The best policy until then is kept: '
                             f'{summary.checkpoint}') from fault
    return summary


def _work_line(learner: QLearner, loop: TrainingLoop) -> str:
    return f'{learner.steps} steps, {learner.updates} updates, {loop.train_s:.0f} s.'


@training_math()
def train_on_task(
    options: TrainOptions, on_progress: Callable[[Progress], bool], *, demonstrated: bool = False,
) -> TrainSummary:
    """
    Train on a contract's task in a simulator of many robots, to a checkpoint.

    An algorithm that is demonstrated begins with ``options.demos``.

    :raises IlwError: no simulator, no usable demonstration.
    """
    device, contract, config = training_device(), options.contract, options.config
    assert isinstance(config, DqnConfig)
    history, seen = config.history, contract.obs_dim
    table = choices_of(contract, config)
    begin = None if options.begin is None else LearnedValues(options.begin)
    spread = Normalizer.of_bounds(contract.obs_low, contract.obs_high)
    if begin is not None:
        spread = begin.spread(spread, contract)
        config = replace(config, epsilon_begin=min(config.epsilon_begin,
                                                   config.epsilon_from))
    inputs = Inputs(contract, spread, fourier=config.fourier, near_m=config.near_m).to(device)
    reward = options.reward  # it is all that is earned: a potential would add to it
    potential = (contract.obs_names.index(config.shaping_name)
                 if config.shaping and not reward and config.shaping_name in contract.obs_names
                 else None)

    def encode(obs: Tensor) -> Tensor:
        expanded: Tensor = inputs(obs.unflatten(1, (history, seen))).flatten(1)
        return expanded

    demos, episodes = None, ()
    if demonstrated:
        loaded = load_demonstrations(options)
        episodes = tuple(each.name for each in loaded)
        if config.mirror:
            loaded += [mirrored(episode, contract) for episode in loaded]
        raw = to_transitions(
            loaded, contract, table, encode, gamma=config.gamma, n_step=config.n_step,
            history=config.history, potential=potential, shaping=config.shaping,
            rewards=(lambda each: earned_in(each, reward)) if reward else None)
        demos = Transitions(*(v.to(device) for v in vars(raw).values()))

    def many(robots: int, worlds: int, first: int) -> VecEnv:
        made: VecEnv = batch_robots(
            options.simulator, contract, table, robots=robots, worlds=worlds, first=first,
            seed=options.seed, device=device, plant=options.plant, captured=config.captured)
        made = made if reward is None else PaidRobots(
            made, lambda steps, _: reward.of(steps))
        return made if history == 1 else FrameStack(made, history)

    judged = many(JUDGE_ROBOTS, JUDGE_ROBOTS, world_seeds.JUDGE)
    learner = QLearner(
        config, many(config.robots, LEARN_WORLDS, world_seeds.LEARN), encode, len(table),
        device=device, seed=options.seed, demos=demos,
        potential=None if potential is None else potential + (history - 1) * seen,
        code=f'{options.algorithm} {contract.hash} {config.fourier} {config.near_m} {history} '
             f'{config.bins} {decided_by(options)}',
        judge=lambda dqn: replace(
            drive_greedily(dqn, judged, encode, JUDGE_ROBOTS, options.seed),
            by_return=reward is not None))
    loop = TrainingLoop(learner, options.out, candidates=config.candidates, track=options.track,
                on_progress=on_progress)
    if begin is not None:
        options.say(begin.give(learner.dqn, _policy_of(learner, inputs, table), contract))
    best, fault = _fit(loop, learner, options.say)
    policy = _policy_of(learner, inputs.cpu(), table).eval()
    checkpoint = _save(options, policy, learner.updates, best, episodes)
    score = scorer(options)
    success = score(checkpoint) if score else None
    write_file(options.out / 'contract.yaml', contract.text)
    return _kept(TrainSummary(
        checkpoint=str(checkpoint.path), task=contract.name, algorithm=options.algorithm,
        seed=options.seed, plant=options.plant.name if options.plant else None,
        train_s=round(loop.train_s, 2), steps=learner.steps, updates=learner.updates,
        success=success[0] if success else None, episodes_eval=success[1] if success else 0,
        details={'episodes': len(episodes), 'success_simulated': round(best.success_ratio, 4)},
        lines=(_work_line(learner, loop),)).write(options.out), fault)


def _policy_of(learner: QLearner, inputs: Inputs, table: np.ndarray) -> GreedyPolicy:
    config = learner.config
    return GreedyPolicy(inputs, learner.dqn.network.module(), table, dueling=config.dueling,
                        history=config.history)


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


def _save(options: TrainOptions, policy: GreedyPolicy, updates: int, best: DrivingScore,
          episodes: tuple[str, ...]) -> Checkpoint:
    card = {
        'algorithm': options.algorithm, 'network': plain_values(options.config),
        'history': policy.history, 'horizon': 1, 'update': updates,
        'metrics': {'success_simulated': best.success_ratio, 'return': best.mean_return},
        'provenance': provenance(options, episodes),
    }
    weights = {k: v.contiguous() for k, v in policy.state_dict().items()}
    return save_checkpoint(options.out / 'checkpoint', options.contract, card, {
        'policy.onnx': to_onnx(policy, options.contract, policy.history),
        'weights.safetensors': to_safetensors(weights)})


DQN = Algorithm(DqnConfig, train_on_task, begins=True, rewarded=True,
                on_gymnasium=train_on_gymnasium)
