"""robomimic's BC with its MLP: run_robomimic.py DATA.npz UPDATES; everything in memory."""

import contextlib
from pathlib import Path
import sys
import tempfile

from common import BATCH, HIDDEN, RATE, arguments, report
import h5py
import numpy as np
from robomimic.algo import algo_factory
from robomimic.config import config_factory
from robomimic.utils import obs_utils
from robomimic.utils.dataset import SequenceDataset
import torch
from torch.utils.data import DataLoader

EPISODE = 500

data, updates = arguments()
torch.manual_seed(0)
config = config_factory('bc')
with config.values_unlocked():
    config.observation.modalities.obs.low_dim = ['flat']
    config.algo.actor_layer_dims = HIDDEN
    config.algo.optim_params.policy.learning_rate.initial = RATE
with contextlib.redirect_stdout(sys.stderr), tempfile.TemporaryDirectory() as folder:
    obs_utils.initialize_obs_utils_with_config(config)
    path = Path(folder) / 'data.hdf5'
    with h5py.File(path, 'w') as file:
        for number, at in enumerate(range(0, len(data['obs']), EPISODE)):
            demo = file.create_group(f'data/demo_{number}')
            demo['obs/flat'] = data['obs'][at:at + EPISODE]
            demo['actions'] = data['actions'][at:at + EPISODE]
            demo.attrs['num_samples'] = len(demo['actions'])
    dataset = SequenceDataset(str(path), obs_keys=['flat'], dataset_keys=['actions'],
                              hdf5_cache_mode='all', load_next_obs=False)
    model = algo_factory('bc', config, {'flat': data['obs'].shape[1:]},
                         data['actions'].shape[1], torch.device('cpu'))
loader = DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=0, drop_last=True)


def train() -> None:
    """Train as its run_epoch does, without the logging."""
    model.set_train()
    done, epoch = 0, 0
    while done < updates:
        epoch += 1
        for batch in loader:
            batch = model.process_batch_for_training(batch)
            batch = model.postprocess_batch_for_training(batch, obs_normalization_stats=None)
            model.train_on_batch(batch, epoch)
            done += 1
            if done == updates:
                break
        model.on_epoch_end(epoch)


def act(held: np.ndarray) -> np.ndarray:
    """Return the trained policy's actions."""
    model.set_eval()
    with torch.no_grad():
        return model.get_action({'flat': torch.from_numpy(held)}).numpy()


report(data, updates, train, act)
