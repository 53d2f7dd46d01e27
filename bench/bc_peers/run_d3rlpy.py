"""d3rlpy's BC, continuous: run_d3rlpy.py DATA.npz UPDATES (a multiple of 500)."""

from common import BATCH, HIDDEN, RATE, arguments, report
import d3rlpy
import numpy as np

EPISODE = EPOCH = 500

data, updates = arguments()
if updates % EPOCH:
    raise SystemExit(f'd3rlpy trains for whole epochs: a multiple of {EPOCH} updates.')
d3rlpy.seed(0)
ends = np.zeros(len(data['obs']), np.float32)
ends[EPISODE - 1::EPISODE] = 1
dataset = d3rlpy.dataset.MDPDataset(
    data['obs'], data['actions'], np.zeros(len(ends), np.float32), ends,
    action_space=d3rlpy.constants.ActionSpace.CONTINUOUS)
algorithm = d3rlpy.algos.BCConfig(
    batch_size=BATCH, learning_rate=RATE, policy_type='deterministic',
    encoder_factory=d3rlpy.models.VectorEncoderFactory(list(HIDDEN))).create(device='cpu')
algorithm.build_with_dataset(dataset)
report(data, updates,
       lambda: algorithm.fit(dataset, n_steps=updates, n_steps_per_epoch=EPOCH,
                             show_progress=False, save_interval=updates,
                             logger_adapter=d3rlpy.logging.NoopAdapterFactory()),
       algorithm.predict)
