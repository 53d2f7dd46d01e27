"""Recordings nobody here made become a data set and a policy; skipped where they are not."""

import json
import math
import os
from pathlib import Path

import pytest

from ilw_core.base.plant import Plant
from ilw_core.contract.file import load_contract
from ilw_core.storage.episode_folder import find_episodes
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import load_episode
from ilw_sysid.identify.drive import read_drive
from ilw_sysid.identify.estimate import identify
from ilw_sysid.identify.judge import judge
from ilw_sysid.identify.replay import plant_model, replay

ROOT = Path(os.environ.get('ILW_REAL_BAGS')
            or Path(__file__).resolve().parents[4] / 'shared' / 'bags')
pytestmark = pytest.mark.skipif(
    not ROOT.is_dir(), reason=f'no recordings in {ROOT}; ILW_REAL_BAGS can name their folder')


def test_every_recording_passes_the_check(typed):
    code, out, _ = typed('episodes', 'check', ROOT, '--task', 'turtlebot3', '--json')
    report = json.loads(out)
    assert code == 0, report['findings']
    assert report['episodes'] == len(find_episodes(ROOT))
    assert 'bad' not in report['verdicts'].values()


def test_each_becomes_an_episode_within_the_limits_of_the_contract():
    track = load_contract(config_file('tasks', 'turtlebot3'))
    for folder in find_episodes(ROOT):
        episode = load_episode(folder, track)
        given = episode.actions[episode.action_valid]
        assert len(given) > 50
        assert episode.obs_valid.all(axis=1).mean() > 0.95
        assert (given >= track.action.low - 1e-6).all(), episode.name
        assert (given <= track.action.high + 1e-6).all(), episode.name


@pytest.mark.long
def test_a_policy_is_trained_and_compared_with_repeating_the_last_command(typed, tmp_path):
    code, out, _ = typed('train', '--demos', ROOT, '--task', 'turtlebot3', '--env', 'none',
                         '--out', tmp_path / 'run', '--json')
    held_out = json.loads(out)['held_out']
    assert code == 0
    assert held_out['windows'] > 0
    for measure in ('mae', 'rmse', 'mae_last_command', 'rmse_last_command'):
        for name, value in held_out[measure].items():
            assert math.isfinite(value), (measure, name)
    assert held_out['mae']['twist.linear.x'] < 0.3
    assert held_out['mae']['twist.angular.z'] < 1.0


@pytest.fixture(scope='module')
def identified():
    """Return (drive, what it tells) of every recording."""
    track = load_contract(config_file('tasks', 'turtlebot3'))
    drives = [read_drive(folder.path, track) for folder in find_episodes(ROOT)]
    return [(drive, identify(drive)) for drive in drives]


@pytest.mark.long
def test_identification_makes_sense_on_every_recording(identified):
    for drive, found in identified:
        plant = found.plant
        assert plant.delay_s < 0.3
        assert 0.8 < plant.gain < 1.2
        assert 0.8 < plant.turn_gain < 1.2
        assert max(plant.lag_s, plant.turn_lag_s) < 0.4
        # It explains the driving it has seen: no worse than a base that obeys at once.
        fitted, usual = (replay(plant_model(each), drive) for each in (plant, Plant()))
        assert fitted.error_m.mean() < usual.error_m.mean()


def test_what_one_recording_tells_halves_the_error_of_replaying_another(identified):
    ratios = [judge(drive, found, other).ratio for i, (drive, found) in enumerate(identified)
              for j, (other, _) in enumerate(identified) if i != j]
    assert min(ratios) <= 0.5, ratios
