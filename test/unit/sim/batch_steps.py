"""Drive two robots a few steps and save what came out: batch_steps.py CONTRACT DEVICE FILE."""

import sys

import numpy as np

from ilw_core.base.plant import load_plant
from ilw_core.contract.file import load_contract
from ilw_core.storage.locate import config_file
from ilw_sim.batch.batch_env import BatchEnv

if __name__ == '__main__':
    name, device, path = sys.argv[1:]
    env = BatchEnv(load_contract(config_file('tasks', name)), robots=2, seeds=range(3), seed=4,
                   device=device, plant=load_plant(config_file('plants', 'small_base')))
    rows = [[np.array(env.reset()[0])]]
    rng = np.random.default_rng(0)
    for step in range(6):
        if device == 'cuda' and step == 3:
            env.use_stream(0)  # the default one, as before
        action = (rng.integers(4, size=2) if env.contract.action.discrete
                  else rng.uniform([0, -1], [0.5, 1], (2, 2)).astype(np.float32))
        obs, reward, terminated, truncated, info = env.step(action)
        rows.append([np.array(v) for v in (obs, reward, terminated, truncated, *info.values())])
    names = ['obs', 'reward', 'terminated', 'truncated', 'final_obs', 'success', 'applied', 'step']
    found = {k: np.array([row[i] for row in rows[1:]]) for i, k in enumerate(names)}
    np.savez(path, first=rows[0][0], **found)
