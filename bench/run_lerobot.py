"""LeRobotDataset's windows with history: run_lerobot.py DATA.npz HISTORY; prints windows/s."""

import json
from pathlib import Path
import sys
import tempfile
import time

from lerobot.datasets.lerobot_dataset import LeRobotDataset
import numpy as np
import torch

BATCH, RATE_HZ = 256, 10
torch.set_num_threads(1)

with np.load(sys.argv[1]) as found:
    obs, actions = found['obs'], found['actions']
history = int(sys.argv[2])
with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / 'data'
    made = LeRobotDataset.create(
        'bench/windows', RATE_HZ, root=folder, use_videos=False, features={
            'observation.state': {'dtype': 'float32', 'shape': obs.shape[1:], 'names': None},
            'action': {'dtype': 'float32', 'shape': actions.shape[1:], 'names': None}})
    for row, action in zip(obs, actions, strict=False):
        made.add_frame({'observation.state': row, 'action': action, 'task': 'drive'})
    made.save_episode()
    made.finalize()
    past = [-k / RATE_HZ for k in range(history - 1, -1, -1)]
    data = LeRobotDataset('bench/windows', root=folder,
                          delta_timestamps={'observation.state': past, 'action': [0.0]})
    loader = torch.utils.data.DataLoader(data, batch_size=BATCH, shuffle=True)
    seen, begin = 0, None
    for batch in loader:
        if begin is None:  # the first opens the files
            begin = time.perf_counter()
            continue
        seen += len(batch['action'])
        if time.perf_counter() - begin > 5.0:
            break
    print(json.dumps({'windows_per_s': seen / (time.perf_counter() - begin),
                      'shape': list(batch['observation.state'].shape)}))
