"""What training does to torch's arithmetic ends with it."""

import numpy as np
import torch

from ilw_learner.training.options import training_math


def test_small_numbers_are_zero_while_training_and_themselves_again_after():
    tiny, threads = np.float32(1e-40), torch.get_num_threads()

    @training_math()
    def halved():
        return float(torch.tensor(1e-40) * 0.5), torch.get_num_threads()

    assert halved() == (0.0, 1)
    assert tiny * np.float32(0.5) > 0.0
    assert torch.get_num_threads() == threads
