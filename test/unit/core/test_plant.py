"""Plant profiles: numbers and intervals, read strictly."""

from dataclasses import fields

import numpy as np
import pytest

from ilw_core.base import plant as module
from ilw_core.base.plant import Plant, PlantProfile, load_plant
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file


def test_every_number_of_a_plant_has_bounds_that_hold_its_default():
    assert [field.name for field in fields(Plant)] == list(module._RANGES)
    for name, (low, high) in module._RANGES.items():
        assert low <= getattr(Plant(), name) <= high


def test_a_profile_survives_its_text(tmp_path):
    made = PlantProfile('mine', {'delay_s': (0.05, 0.08), 'gain': (0.97, 0.97)})
    file = tmp_path / 'mine.yaml'
    file.write_text(made.text({'gain': 'identified'}))
    assert 'gain: 0.97  # identified' in file.read_text()
    assert load_plant(file) == made


def test_a_drawn_plant_lies_within_the_intervals_and_repeats_under_its_seed():
    profile = load_plant(config_file('plants', 'small_base'))
    drawn = [profile.draw(np.random.default_rng(7)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    for name, (low, high) in profile.intervals.items():
        assert low <= getattr(drawn[0], name) <= high
    assert profile.middle().delay_s == pytest.approx(0.07)
    assert profile.middle().odom_noise_mps == 0.0


@pytest.mark.parametrize(('text', 'complaint'), [
    ('plant: x\ngian: 1.0', "unknown key 'gian'"),
    ('plant: x\ngain: [1.1, 0.9]', 'the smaller first'),
    ('plant: x\ngain: 100', 'from 0.1 to 3'),
    ('plant: x\ndelay_s: soon', 'a number'),
    ('gain: 1.0', 'plant is required'),
    ('- 1', 'must be a mapping'),
    ('{', 'not valid YAML'),
])
def test_a_wrong_profile_is_refused_with_its_key(tmp_path, text, complaint):
    file = tmp_path / 'wrong.yaml'
    file.write_text(text)
    with pytest.raises(ContractError, match=complaint):
        load_plant(file)
