"""Profiles and worlds as files: what is shipped loads, what is wrong is refused with its key."""

from dataclasses import fields
from pathlib import Path
import subprocess
import sys

import pytest
import yaml

from ilw_core.errors import ContractError, IlwError
from ilw_core.storage.locate import config_folder
from ilw_emulator.profile import load_emulator
from ilw_emulator.traits import PARTS, Traits
from ilw_emulator.world import EmulatedWorld, load_world

SHIPPED = sorted((config_folder() / 'emulators').glob('*.yaml'))


def test_three_profiles_are_shipped():
    assert [path.stem for path in SHIPPED] == ['mild', 'nasty', 'typical']


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_profile_is_named_like_its_file_and_draws_within_its_intervals(path):
    profile = load_emulator(path.stem)
    assert profile.name == path.stem
    drawn = [profile.machine(3), profile.machine(3), profile.machine(4)]
    assert drawn[0] == drawn[1] != drawn[2]
    for (part, trait), (low, high) in profile.intervals.items():
        assert low <= getattr(getattr(drawn[0], part), trait) <= high


def test_the_traits_of_a_perfect_machine_lie_within_the_bounds():
    for part, kind in PARTS.items():
        for item in fields(kind):
            low, high = item.metadata['bounds']
            assert low <= getattr(getattr(Traits(), part), item.name) <= high


def test_nasty_is_worse_than_typical_and_typical_than_mild():
    widths = [load_emulator(name).intervals for name in ('mild', 'typical', 'nasty')]
    for part, trait in (('drive', 'latency_s'), ('drive', 'lag_s'), ('lidar', 'noise_m'),
                        ('odometry', 'loss_ratio'), ('clock', 'offset_s')):
        tops = [intervals[part, trait][1] for intervals in widths]
        assert tops == sorted(tops), trait


@pytest.mark.parametrize(('change', 'complaint'), [
    (lambda d: d['drive'].update(gian_ratio=1.0), "unknown key 'gian_ratio'"),
    (lambda d: d['drive'].pop('lag_s'), 'drive.lag_s is required'),
    (lambda d: d['lidar'].update(noise_m=[0.2, 0.1]), 'the smaller first'),
    (lambda d: d['clock'].update(offset_s=9.0), 'from -1 to 1'),
    (lambda d: d['body'].update(track_m='wide'), 'a number'),
    (lambda d: d.pop('link'), 'link is required'),
    (lambda d: d.update(wheels=2), "unknown key 'wheels'"),
])
def test_a_wrong_profile_is_refused_with_its_key(tmp_path, change, complaint):
    data = yaml.safe_load(SHIPPED[0].read_text())
    change(data)
    file = tmp_path / 'wrong.yaml'
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ContractError, match=complaint):
        load_emulator(file)


def test_an_unknown_profile_lists_the_shipped_ones():
    with pytest.raises(IlwError, match='mild, nasty, typical'):
        load_emulator('gentle')


def test_a_world_survives_its_file_to_the_bit(tmp_path):
    made = EmulatedWorld('made', (0.1, 1 / 3, -2.0), (1e-7, 2.0),
                         segments=((0.0, 1e-5, 2.0, 1 / 7),),
                         walls=((1.0, 2.0, 0.0, 0.5, 0.1),), boxes=((3.0, 2.0, 1.0, 0.5, 0.1),),
                         cylinders=((4.0, 4.0, 0.2),), shortest_path_m=2.5)
    file = tmp_path / 'made.yaml'
    file.write_text(made.text())
    assert load_world(file) == made


def test_a_world_may_be_json_and_its_shortest_path_unknown(tmp_path):
    file = tmp_path / 'made.json'
    file.write_text('{"world": "made", "start": [0, 0, 0], "goal": [3, 4]}')
    assert load_world(file).way_m == 5.0


@pytest.mark.parametrize(('text', 'complaint'), [
    ('world: x\nstart: [0, 0]\ngoal: [1, 1]', 'start must be a list of 3 numbers'),
    ('world: x\nstart: [0, 0, 0]', 'goal is required'),
    ('world: x\nstart: [0, 0, 0]\ngoal: [1, 1]\ncylinders: [[1, 2]]', 'cylinders.0 must be'),
    ('world: x\nstart: [0, 0, 0]\ngoal: [1, 1]\ncylinders: [[1, 2, 0]]', 'sizes above 0'),
    ('world: x\nstart: [0, 0, 0]\ngoal: [1, 1]\nwalls: [[1, 2, 0, 1, -1]]', 'sizes above 0'),
    ('world: x\nstart: [0, 0, 0]\ngoal: [1, 1]\nwalls: 3', 'walls must be a list'),
    ('world: x\nstart: [0, 0, 0]\ngoal: [1, 1]\nboxs: []', "unknown key 'boxs'"),
    ('world: [', 'not valid YAML'),
])
def test_a_wrong_world_is_refused_with_its_key(tmp_path, text, complaint):
    file = tmp_path / 'wrong.yaml'
    file.write_text(text)
    with pytest.raises(ContractError, match=complaint):
        load_world(file)


def test_a_world_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(ContractError, match='There is no world file'):
        load_world('')


def test_the_emulator_runs_without_the_simulator_and_without_ros(tmp_path):
    code = ('import sys, ilw_emulator.env, ilw_emulator.truth;'
            'print(sorted({"ilw_sim", "pybullet", "torch", "rclpy", "numba"} & set(sys.modules)))')
    ran = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                         cwd=Path(tmp_path))
    assert ran.stdout.strip() == '[]'
