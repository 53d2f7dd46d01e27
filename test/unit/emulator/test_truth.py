"""What is said to be the truth about a machine, against how it drives."""

from dataclasses import asdict, replace
import json

import pytest

from ilw_core.base import plant as plants
from ilw_emulator.profile import load_emulator
from ilw_emulator.traits import DriveTraits, Traits
from ilw_emulator.truth import revealed, truth

PROFILES = ('mild', 'typical', 'nasty')


MACHINES = [pytest.param(profile, profile.machine(seed), id=f'{profile.name}-{seed}')
            for profile in map(load_emulator, PROFILES) for seed in range(3)]


@pytest.mark.parametrize(('profile', 'traits'), MACHINES)
def test_the_truth_is_how_the_machine_drives_in_steady_state(course, profile, traits):
    steady = {**asdict(traits.drive), 'slips_per_s': 0.0, 'battery_sag_per_s': 0.0,
              'timeout_s': 60.0}
    exact = replace(traits, drive=DriveTraits(**steady))
    over_ground = truth(exact, profile.body)
    by_odometry = truth(exact, profile.body, by_odometry=True)
    forward = course(**steady).command(0.4, 0.0)
    speed, turn = forward.moved(10.0, 11.0)
    assert speed == pytest.approx(0.4 * over_ground.gain)
    assert turn == pytest.approx(speed * over_ground.pull_radpm)
    seen, seen_turn = forward.drive.twist
    assert seen == pytest.approx(0.4 * by_odometry.gain)
    assert seen_turn == pytest.approx(seen * by_odometry.pull_radpm)
    turning = course(**steady).command(0.0, 1.0)
    assert turning.moved(10.0, 11.0)[1] == pytest.approx(over_ground.turn_gain)
    assert turning.drive.twist[1] == pytest.approx(by_odometry.turn_gain)


@pytest.mark.parametrize(('profile', 'traits'), MACHINES)
def test_commands_below_the_dead_zones_of_the_truth_do_nothing_alone(course, profile, traits):
    plant = truth(traits, profile.body)
    for limit, axis in ((plant.dead_zone_mps, 0), (plant.turn_dead_zone_radps, 1)):
        for factor, moves in ((0.99, False), (1.01, True)):
            command = [0.0, 0.0]
            command[axis] = limit * factor
            drive = course(**asdict(traits.drive)).command(*command).at(3.0)
            assert any(drive.wheel_rad) == moves or limit == 0.0


def test_a_sagging_battery_gives_the_mean_over_the_span():
    drive = DriveTraits(battery_sag_per_s=1e-3, gain_ratio=0.9)
    body = load_emulator('mild').body
    assert truth(Traits(drive), body, span_s=(20.0, 100.0)).gain == pytest.approx(0.9 * 0.94)


@pytest.mark.parametrize(('profile', 'traits'), MACHINES)
def test_the_truth_can_be_said_as_a_plant_profile(profile, traits):
    for by_odometry in (False, True):
        for name, value in asdict(truth(traits, profile.body, by_odometry=by_odometry)).items():
            low, high = plants._RANGES[name]
            assert low <= value <= high, name


def test_what_is_revealed_is_json_and_whole():
    profile = load_emulator('typical')
    traits = profile.machine(4)
    said = json.loads(json.dumps(revealed(profile.name, 4, traits, profile.body)))
    assert said['plant'] == asdict(truth(traits, profile.body))
    assert said['traits'] == asdict(traits)
    assert said['command_to_odometry_s'] == pytest.approx(
        traits.drive.latency_s + traits.drive.jitter_s + traits.odometry.age_s
        + traits.clock.offset_s)
