"""Windows of several tasks' demonstrations, each telling its task, as one network learns them."""

from dataclasses import replace

import numpy as np

from ilw_data.episode.dataset import Dataset


def telling_task(data: Dataset, values: np.ndarray) -> Dataset:
    """
    Return the same windows, whose observations end with the entry ``task``.

    :param values: (K,) as ``task_values`` has them.
    :returns: observations of ``(N, To, Do + K)``.
    """
    told = np.broadcast_to(values, (*data.obs.shape[:2], len(values)))
    return replace(data, obs=np.concatenate([data.obs, told], axis=2, dtype=np.float32))
