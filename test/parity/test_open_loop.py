"""The open-loop replay in PyBullet goes where the reference model of the plant goes."""

import numpy as np
import pytest

from ilw_core.base.plant import Plant
from ilw_core.base.plant_response import poses

pytest.importorskip('pybullet')

from ilw_sim import open_loop


@pytest.mark.parametrize('plant', [
    Plant(lag_s=0.2, turn_lag_s=0.2),
    Plant(delay_s=0.1, lag_s=0.15, turn_lag_s=0.1, gain=0.9, turn_gain=0.85, pull_radpm=0.1,
          acceleration_mps2=0.8)])
def test_the_replay_in_pybullet_is_that_of_the_reference(plant):
    rng = np.random.default_rng(0)
    stamps = 0.5 + np.cumsum(rng.uniform(0.05, 0.6, 30))
    commands = rng.uniform((0.0, -0.8), (0.4, 0.8), (30, 2))
    at = np.linspace(0.2, stamps[-1] + 0.5, 60)
    off = open_loop.model(plant)(stamps, commands, at) - poses(plant, stamps, commands, at)
    assert np.hypot(*off[:, :2].T).max() < 0.05
    assert np.abs(off[:, 2]).max() < 0.1
