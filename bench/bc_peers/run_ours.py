"""ILW's own training of the same thing: run_ours.py DATA.npz UPDATES; prints as the peers do."""

from dataclasses import replace
import json
from pathlib import Path
import tempfile
import time
from types import SimpleNamespace

from common import BATCH, HIDDEN, RATE, arguments
import numpy as np
import torch

from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import Dataset
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.training.imitation import Imitation
from ilw_learner.training.loop import CandidateScore, TrainingLoop
from ilw_learner.training.options import training_math

data, updates = arguments()
# Observations as wide as the peers': only their number, names and the action's size are read.
real = load_contract(config_file('tasks', 'clutter'))
width, outputs = data['obs'].shape[1], data['actions'].shape[1]
action = SimpleNamespace(
    discrete={}, dim=outputs, names=[f'a{i}' for i in range(outputs)], low=-np.ones(outputs),
    high=np.ones(outputs), table=np.zeros((0, outputs)))
contract = SimpleNamespace(
    name='bench', hash=real.hash, text=real.text, action=action, obs_dim=width, images=(),
    hidden=(), entry_names=('bench',) * width,
    obs_names=[f'o{i}' for i in range(width)], obs_low=-4.0 * np.ones(width),
    obs_high=4.0 * np.ones(width))


def dataset(obs: np.ndarray, actions: np.ndarray) -> Dataset:
    """Return windows of one observation and one action."""
    rows = np.zeros(len(obs), dtype=np.int64)
    return Dataset(obs[:, None], actions[:, None], rows, actions, ('bench',), 0)


# The rate begins where theirs stays; ours falls from there to zero along a cosine.
config = BcConfig(hidden=HIDDEN[0], layers=len(HIDDEN), updates=updates, batch=BATCH,
                  learning_rate=RATE, noise=0.0, weight_decay=0.0, candidates=1)
ends: list[tuple[float, float]] = []


with tempfile.TemporaryDirectory() as folder:
    one = dataset(data['held_obs'][:1], data['held_actions'][:1])
    nothing_held = replace(one, previous=np.full((1, outputs), np.nan, np.float32))
    run = Path(folder) / 'run'
    learner = Imitation(contract, 'bc', config, cloning_step(contract, config, 0),
                        dataset(data['obs'], data['actions']), nothing_held, run)
    judge = learner.judge

    def judge_after_the_last_update() -> CandidateScore:
        ends.append((time.perf_counter(), time.process_time()))
        return judge()

    learner.judge = judge_after_the_last_update  # type: ignore[method-assign]
    loop = TrainingLoop(learner, run, candidates=1)
    begin, cpu = time.perf_counter(), time.process_time()
    training_math()(loop.fit)()
    with torch.no_grad():
        given = learner.averaged()(torch.from_numpy(data['held_obs'])[:, None])[:, 0].numpy()
end, cpu_end = ends[-1]
print(json.dumps({
    'samples_per_s': updates * BATCH / (end - begin),
    'samples_per_cpu_s': updates * BATCH / (cpu_end - cpu),
    'loss': float(np.mean((given - data['held_actions']) ** 2)), 'updates': updates}))
