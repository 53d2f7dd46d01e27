"""Updates of the Q-network of ``clutter``, 256-256: drawn evenly and by priority."""

from dataclasses import replace
from itertools import pairwise

from common import CORE, DEVICE, ON_GPU, QUICK, add, attempt, place, rate, report
import torch

from ilw_learner.algorithms.q_learning.q_values import Dqn, DqnConfig
from ilw_learner.data.replay_buffer import ReplayBuffer, Transitions
from ilw_learner.training.options import training_math

WIDTH, CHOICES, KEPT = 78, 15, 200_000
"""Inputs: 36 rays and the distance are seen in two ways"""
SIZES = (WIDTH, 256, 256, CHOICES)


def operations(batch: int) -> float:
    """Return those of the matrix products: three passes forward, one back."""
    products = [a * b for a, b in pairwise(SIZES)]
    return 2.0 * batch * (3 * sum(products) + 2 * sum(products) - products[0])


def least_bytes(batch: int) -> float:
    """Return what is read and written: rows, every layer of every pass, Adam's vectors."""
    parameters = sum(a * b + b for a, b in pairwise(SIZES))
    return 4.0 * (2 * batch * (2 * WIDTH + 3) + 2 * batch * 5 * sum(SIZES[1:]) + 9 * parameters)


@training_math()
def measure(what: str, config: DqnConfig, device: torch.device) -> None:
    """Add a row."""
    rng = torch.Generator(device).manual_seed(0)
    buffer = ReplayBuffer(KEPT, WIDTH, device, rng,
                          alpha=config.alpha if config.prioritised else 0.0)
    obs, after = torch.randn(2, KEPT, WIDTH, generator=rng, device=device)
    buffer.add(Transitions(
        obs, torch.randint(CHOICES, (KEPT,), generator=rng, device=device),
        torch.randn(KEPT, generator=rng, device=device),
        torch.full((KEPT,), 0.95, device=device), after))
    dqn = Dqn(config, WIDTH, CHOICES, device)
    add(what, place(device), rate(lambda: dqn.update(buffer, 0.5), device), 'updates/s',
        operations=operations(config.batch), bytes_moved=least_bytes(config.batch),
        batch=config.batch)


def main() -> None:
    """Measure every batch, both ways of drawing."""
    for batch in (512,) if QUICK and not ON_GPU else (512, 32_768):
        for prioritised in (False, True):
            config = DqnConfig(batch=batch, prioritised=prioritised)
            what = f'batch {batch:,}, {"by priority" if prioritised else "uniform"}'
            ways = [(what, config, CORE)] * (batch == 512)
            if ON_GPU:
                ways += [(what, config, DEVICE),
                         (f'{what}, captured', replace(config, captured=True), DEVICE)]
            elif batch > 512:
                ways.append((what, config, CORE))
            for way in ways:
                attempt(way[0], place(way[2]), lambda way=way: measure(*way))
    report()
