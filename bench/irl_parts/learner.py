"""dqn from the reward in a file alone, and from the contract's, in worlds nobody has seen."""

from dataclasses import dataclass, replace
import json
from pathlib import Path
import tempfile
import time

from ilw_core import world_seeds
from ilw_core.storage.locate import config_file
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rollout.evaluate import evaluate, make_env
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.options import TrainOptions
from ilw_learner.training.train import train

ENV = 'ilw_sim.env:make_env'
LEVELS = (0.85, 0.95)


@dataclass(frozen=True)
class LearnedFrom:
    """Of one seed."""

    seed: int
    first_above: dict[str, int | None]
    """Level -> steps after which the greedy network was first above it in 512 unseen worlds of the
    batched simulator; scored six times along the way"""
    success: int
    """Of the best candidate by return, in ``episodes`` unseen PyBullet worlds"""
    episodes: int
    cpu_s: float
    """Of the training, scores included"""


def learned_from(reward: RecoveredReward, seed: int, steps: int, episodes: int,
                 from_contract: bool = False) -> LearnedFrom:
    """
    Train dqn and drive what it kept.

    :param from_contract: by the contract's own reward instead, with its potential.
    """
    contract, begin = reward.contract, time.process_time()
    _, config = load_config(config_file('train', 'dqn'), contract.name)
    with tempfile.TemporaryDirectory() as folder:
        summary = train(TrainOptions(
            contract=contract, algorithm='dqn', demos=Path(folder), out=Path(folder) / 'run',
            config=replace(config, steps=steps, candidates=6), seed=seed, env_spec=None,
            reward=None if from_contract else reward), lambda now: True)
        cpu_s = round(time.process_time() - begin, 1)
        rows = map(json.loads, (Path(folder) / 'run/metrics.jsonl').read_text().splitlines())
        scores = {row['step']: row['eval/success_rate'] for row in rows
                  if 'eval/success_rate' in row}
        runs = evaluate(make_env(ENV, contract), contract,
                        PolicyRunner(Path(summary.checkpoint), contract, seed=seed),
                        range(world_seeds.SCORE, world_seeds.SCORE + episodes))
    return LearnedFrom(seed, {
        f'{level:.0%}': next((step for step, ratio in scores.items() if ratio >= level), None)
        for level in LEVELS}, sum(run.success for run in runs), episodes, cpu_s)
