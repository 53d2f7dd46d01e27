"""An arm's delay, lag, gain and noise, from motion that was made apart from the model."""

import numpy as np
import pytest

from ilw_core.errors import EpisodeError
from ilw_sysid.arm.estimate import identify_arm
from ilw_sysid.arm.moves import Moves

MS = 1e-3


def motion(seed, *, delay_s=0.0, lag_s=0.0, gain=1.0, noise_m=0.0, noise_rad=0.0, follows=True,
           silent=range(0)):
    """
    Return six seconds of motion, stepped by the millisecond.

    :param silent: commands that were not sent; an arm that hears none for 0.5 s stops.
    """
    rng = np.random.default_rng(seed)
    commands = np.repeat(rng.uniform(-0.2, 0.2, (15, 3)), 4, axis=0)  # a new way every 0.4 s
    command_s = 0.1 * np.arange(60)
    driven = commands if follows else rng.permutation(commands)
    place, speed, places = np.zeros(3), np.zeros(3), []
    for k in range(6000):
        row, told_s = int((k * MS - delay_s) // 0.1), k * MS - delay_s
        if row in silent:
            row = silent[0] - 1 if told_s - 0.1 * (silent[0] - 1) <= 0.5 else -1
        target = gain * driven[row] if row >= 0 else np.zeros(3)
        speed = target if lag_s == 0.0 else speed + (target - speed) * MS / lag_s
        place = place + speed * MS
        if k % 100 == 99:
            places.append(place)
    measured_s = 0.1 * np.arange(1, 61)
    places = np.array(places) + noise_m * rng.standard_normal((60, 3))
    angles = np.tile(0.2 * measured_s[:, None], (1, 7)) + noise_rad * rng.standard_normal((60, 7))
    sent = [k for k in range(60) if k not in silent]
    return Moves(command_s[sent], commands[sent], measured_s, places, angles)


@pytest.mark.parametrize('truth', [
    {'delay_s': 0.0, 'lag_s': 0.0, 'gain': 1.0}, {'delay_s': 0.12, 'lag_s': 0.08, 'gain': 0.9},
    {'delay_s': 0.05, 'lag_s': 0.2, 'gain': 1.1}])
def test_what_was_planted_is_found(truth):
    found = identify_arm([motion(seed, **truth) for seed in range(4)])
    assert found.plant.delay_s == pytest.approx(truth['delay_s'], abs=0.015)
    assert found.plant.lag_s == pytest.approx(truth['lag_s'], abs=0.025)
    assert found.plant.gain == pytest.approx(truth['gain'], rel=0.01)
    assert found.left_ratio < 0.01
    for name, value in truth.items():
        low, high = found.intervals[name]
        assert low - 0.01 <= value <= high + 0.01


def test_an_arm_that_stopped_in_a_silence_of_the_commands_is_found_as_it_is():
    truth = {'delay_s': 0.12, 'lag_s': 0.08, 'gain': 0.9}
    found = identify_arm([motion(seed, **truth, silent=range(20, 40)) for seed in range(4)])
    assert found.plant.delay_s == pytest.approx(truth['delay_s'], abs=0.015)
    assert found.plant.gain == pytest.approx(truth['gain'], rel=0.01)
    assert found.left_ratio < 0.01


def test_noise_is_found_beside_motion():
    found = identify_arm([motion(seed, noise_m=0.002, noise_rad=0.003) for seed in range(4)])
    assert found.plant.joint_noise_rad == pytest.approx(0.003, rel=0.2)
    assert 0.0015 < found.plant.place_noise_m < 0.004, 'motion adds to that of the tool'


def test_an_arm_that_hardly_moved_is_refused():
    still = motion(0, gain=0.1)
    with pytest.raises(EpisodeError, match=r'at least 0.5 m of the tool moving'):
        identify_arm([still])


def test_motion_that_does_not_follow_the_commands_contradicts_the_model():
    with pytest.raises(EpisodeError, match='contradict this model'):
        identify_arm([motion(seed, follows=False) for seed in range(3)])
