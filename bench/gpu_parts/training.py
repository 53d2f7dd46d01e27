"""Seconds until 95 % of 512 unseen simulated worlds: training.py DEVICE TASK [--captured]."""

from dataclasses import replace
import sys
import time

from common import DEVICE, QUICK, ROOT, add, place, report
import torch

from ilw_core.contract.file import load_contract
from ilw_learner.algorithms.dqn import choices_of
from ilw_learner.algorithms.q_learning.q_learner import DrivingScore, QLearner, drive_greedily
from ilw_learner.algorithms.q_learning.q_values import Dqn
from ilw_learner.networks.inputs import Inputs
from ilw_learner.networks.normalizer import Normalizer
from ilw_learner.rollout.vec_env import BatchVecEnv
from ilw_learner.training.config import load_config
from ilw_learner.training.options import training_math
from ilw_sim.batch.batch_env import make_batch

WANTED, UNSEEN, CANDIDATES = 0.95, 512, 3 if QUICK else 25
VALUES = {  # what a GPU's many robots want otherwise than config/train/dqn.yaml
    'steps': 2_000_000, 'robots': 2048, 'batch': 2048, 'updates_per_round': 4,
    'learning_rate': 0.001, 'warm_up': 40_000}
AVERAGE = {'clutter': 0.98, 'maze': 0.99}
task, captured = sys.argv[2], '--captured' in sys.argv
begin = time.perf_counter()


@training_math()
def train() -> None:
    """Build, take a round of everything once (that compiles), begin anew and train."""
    contract = load_contract(ROOT / 'config' / 'tasks' / f'{task}.yaml')
    _, config = load_config(ROOT / 'config' / 'train' / 'dqn.yaml', task)
    config = replace(config, captured=captured, average=AVERAGE[task], **VALUES)
    if QUICK:
        config = replace(config, steps=20_000, robots=256, batch=128, warm_up=2000)
    inputs = Inputs(contract, Normalizer.of_bounds(contract.obs_low, contract.obs_high),
                    fourier=config.fourier, near_m=config.near_m).to(DEVICE)
    table = choices_of(contract, config)

    def encode(obs: torch.Tensor) -> torch.Tensor:
        return inputs(obs.unflatten(1, (1, contract.obs_dim))).flatten(1)

    def many(robots: int, worlds: int, first: int) -> BatchVecEnv:
        env = make_batch(contract, robots, worlds=worlds, first_world=first, device=DEVICE.type)
        return BatchVecEnv(env, DEVICE, None if contract.action.discrete else table,
                           captured=captured)

    worlds, unseen = (200, 64) if QUICK else (2000, UNSEEN)
    robots, judged = many(config.robots, worlds, 100_000), many(unseen, unseen, 200_000)

    def judge(dqn: Dqn) -> DrivingScore:
        return drive_greedily(dqn, judged, encode, unseen, seed=0)

    def learner() -> QLearner:
        return QLearner(
            config, robots, encode, len(table), device=DEVICE, judge=judge,
            potential=contract.obs_names.index(config.shaping_name) if config.shaping else None)

    first = learner()
    while first.updates < 8:
        first.advance()
    judged.reset(0)
    judged.step(first.dqn.best(encode(judged.reset(0))))
    wait = torch.cuda.synchronize if DEVICE.type == 'cuda' else lambda: None
    wait()
    ready = time.perf_counter()
    made, score, scoring_s = learner(), 0.0, 0.0
    for mark in range(1, CANDIDATES + 1):
        while made.done * CANDIDATES < mark * config.steps:
            made.advance()
        wait()
        asked = time.perf_counter()
        score = made.judge().success_ratio
        scoring_s += time.perf_counter() - asked
        if score >= WANTED:
            break
    wait()
    end = time.perf_counter()
    add(f'{task}{", captured" * captured}', place(DEVICE), end - ready, 's to 95 %',
        with_compilation_s=end - begin, scoring_s=scoring_s, steps=made.steps,
        updates=made.updates, success=score, reached=score >= WANTED, worlds=unseen)


def main() -> None:
    """Train once."""
    train()
    report()
