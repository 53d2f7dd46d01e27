"""Behaviour cloning of ``clutter``, batch 4,096: every update as in a training."""

from itertools import pairwise

from common import CORE, DEVICE, ON_GPU, ROOT, add, attempt, place, rate, report
import numpy as np
import torch

from ilw_core.contract.file import load_contract
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.networks.averaged_adam import AveragedAdam
from ilw_learner.training.options import training_math

BATCH, WINDOWS = 4096, 100_000
contract = load_contract(ROOT / 'config' / 'tasks' / 'clutter.yaml')


@training_math()
def measure(device: torch.device) -> None:
    """Add a row."""
    config = BcConfig(batch=BATCH)
    random = np.random.default_rng(0)
    obs = random.uniform(contract.obs_low, contract.obs_high,
                         (WINDOWS, 1, contract.obs_dim)).astype(np.float32)
    actions = random.uniform(contract.action.low, contract.action.high,
                             (WINDOWS, 1, contract.action.dim)).astype(np.float32)
    rng = torch.Generator(device).manual_seed(0)
    step = cloning_step(contract, config, 0)(obs, actions, device, rng)
    optimiser = AveragedAdam(step.parameters, learning_rate=config.learning_rate,
                             average=config.average, weight_decay=config.weight_decay)
    order, at = torch.randperm(WINDOWS, generator=rng, device=device), 0

    def update() -> None:
        nonlocal order, at
        if at + BATCH > WINDOWS:
            order, at = torch.randperm(WINDOWS, generator=rng, device=device), 0
        step.update(order[at:at + BATCH])
        optimiser.step()
        at += BATCH

    sizes = (contract.obs_dim, *[config.hidden] * config.layers, contract.action.dim)
    products = [a * b for a, b in pairwise(sizes)]
    add(f'batch {BATCH:,}', place(device), rate(update, device) * BATCH, 'samples/s',
        operations=2.0 * (3 * sum(products) - products[0]),
        bytes_moved=4.0 * (2 * sizes[0] + 4 * sum(sizes[1:])))


def main() -> None:
    """Measure the GPU and one core."""
    if ON_GPU:
        attempt(f'batch {BATCH:,}', 'gpu', lambda: measure(DEVICE))
    measure(CORE)
    report()
