"""Identification against bases of known truth: the numbers, their intervals, what is said."""

from dataclasses import replace
import json
import sys

import numpy as np
import pytest

from ilw_bringup.cli import ilw
from ilw_cli.run import run as run_command
from ilw_core.base.plant import NO_LIMIT, Plant, load_plant
from ilw_core.base.plant_response import respond
from ilw_core.errors import EpisodeError
from ilw_sysid.identify.dead_zones import search_dead_zone
from ilw_sysid.identify.drive import read_drive
from ilw_sysid.identify.estimate import identify
from ilw_sysid.identify.fit import fit
from ilw_sysid.identify.intervals import student95, uncertainty
from ilw_sysid.identify.judge import judge
from ilw_sysid.identify.problem import FitProblem, make_problem

PLANT = Plant(
    delay_s=0.09, lag_s=0.15, turn_lag_s=0.1, gain=0.93, turn_gain=0.88, pull_radpm=0.1,
    dead_zone_mps=0.03, turn_dead_zone_radps=0.1, scan_delay_s=0.06, lidar_noise_m=0.012,
    odom_noise_mps=0.005, odom_noise_radps=0.02)


@pytest.fixture(scope='module')
def driven(synthetic, tmp_path_factory):
    """Two minutes with a joystick."""
    return synthetic.record(tmp_path_factory.mktemp('driven') / 'bag', PLANT,
                            synthetic.Recording(scan_beams=180), seed=1)


@pytest.fixture(scope='module')
def found(driven):
    return identify(read_drive(driven))


def short(synthetic, folder, plant=PLANT, seed=2, **how):
    how = {'length_s': 40.0, **how}
    return read_drive(synthetic.record(folder / 'bag', plant, synthetic.Recording(**how), seed))


def test_two_minutes_of_driving_give_the_truth(found):
    plant = found.plant
    assert plant.delay_s == pytest.approx(PLANT.delay_s, abs=0.01)
    for name, ratio in (('gain', 0.02), ('turn_gain', 0.02), ('lag_s', 0.1), ('turn_lag_s', 0.1)):
        assert getattr(plant, name) == pytest.approx(getattr(PLANT, name), rel=ratio)
    assert plant.scan_delay_s == pytest.approx(PLANT.scan_delay_s, abs=0.01)
    assert plant.lidar_noise_m == pytest.approx(PLANT.lidar_noise_m, rel=0.2)
    assert plant.odom_noise_mps == pytest.approx(PLANT.odom_noise_mps, rel=0.2)


def test_the_truth_lies_in_the_intervals_and_they_are_narrow(found):
    for name, each in found.estimates.items():
        assert each.known, name
        assert each.low <= getattr(PLANT, name) <= each.high, name
    assert found.estimates['delay_s'].high - found.estimates['delay_s'].low < 0.02
    assert found.estimates['gain'].high - found.estimates['gain'].low < 0.04


def test_a_base_without_a_limit_of_acceleration_is_given_none(found):
    assert found.plant.acceleration_mps2 == NO_LIMIT
    assert 'acceleration_mps2' not in found.estimates


@pytest.mark.long
def test_what_was_found_replays_driving_it_did_not_see_better(driven, found):
    verdict = judge(read_drive(driven), found)
    assert verdict.unseen
    assert verdict.ratio < 0.5
    growth = [verdict.replays[name].per_metre[0] for name in ('identified', 'default')]
    assert growth[0] < growth[1]


@pytest.mark.long
def test_the_command_writes_a_profile_that_loads_and_gives_reasons(
        driven, tmp_path, monkeypatch, capsys):
    out, plot = tmp_path / 'plants' / 'mine.yaml', tmp_path / 'fit.png'
    monkeypatch.setattr(sys, 'argv', ['learner', 'identify', str(driven), '--out', str(out),
                                      '--plot', str(plot), '--json'])
    run_command(ilw)
    report = json.loads(capsys.readouterr().out)
    profile = load_plant(out)
    assert profile.name == 'mine'
    low, high = profile.intervals['delay_s']
    assert low < PLANT.delay_s < high
    assert '# fitted: ' in out.read_text()
    assert report['estimates']['gain']['known'] is True
    assert report['replay']['error_ratio'] < 0.5
    assert plot.read_bytes()[:4] == b'\x89PNG'


@pytest.mark.long
def test_who_never_lets_go_is_told_that_the_delay_is_loose(synthetic, tmp_path):
    told = identify(short(synthetic, tmp_path, style='gliding', length_s=60.0))
    delay = told.estimates['delay_s']
    assert delay.low <= PLANT.delay_s <= delay.high
    assert delay.high - delay.low > 0.02
    assert any('delay_s is known only within' in text and 'Start and stop' in text
               for text in told.findings)


def test_an_axis_that_was_never_commanded_is_not_known(synthetic, tmp_path):
    drive = short(synthetic, tmp_path, replace(PLANT, pull_radpm=0.0))
    straight = replace(drive, commands=drive.commands * (1.0, 0.0),
                       speeds=drive.speeds * (1.0, 0.0))
    told = identify(straight)
    assert not told.estimates['turn_gain'].known
    assert told.plant.turn_gain == 1.0
    assert told.estimates['gain'].known
    assert any(text.startswith('turn_gain is not known') for text in told.findings)


def test_without_slow_commands_the_dead_zone_is_said_to_be_open(synthetic, tmp_path):
    drive = short(synthetic, tmp_path, replace(PLANT, dead_zone_mps=0.0))
    quick = np.abs(drive.commands[:, 0]) > 0.15
    told = identify(replace(drive, command_s=drive.command_s[quick],
                            commands=drive.commands[quick]))
    assert any('dead_zone_mps' in text and 'very slowly' in text for text in told.findings)


@pytest.mark.long
@pytest.mark.parametrize(('ahead_s', 'word'), [(3.0, 'two clocks'), (-40.0, 'two clocks'),
                                               (0.15, 'ahead of')])
def test_other_clocks_are_noticed_and_the_delay_still_found(synthetic, tmp_path, ahead_s, word):
    drive = short(synthetic, tmp_path, command_clock_s=ahead_s)
    told = identify(drive)
    assert any(word in text for text in told.findings)
    assert told.plant.delay_s == pytest.approx(PLANT.delay_s, abs=0.01)


@pytest.mark.long
def test_a_known_delay_of_odometry_is_taken_off(synthetic, tmp_path):
    drive = short(synthetic, tmp_path, replace(PLANT, odom_delay_s=0.04))
    sums = identify(drive).plant
    parts = identify(drive, odom_delay_s=0.04).plant
    assert sums.delay_s == pytest.approx(0.13, abs=0.01)
    assert sums.odom_delay_s == 0.0
    assert parts.delay_s == pytest.approx(sums.delay_s - 0.04)
    assert parts.odom_delay_s == 0.04


def problem_of(plant, noise, seed=0, hz=40.0):
    """Return 60 s of steps answered by the reference model, with noise of (M, 2)."""
    rng = np.random.default_rng(seed)
    command_s = np.arange(60) * 1.0
    commands = rng.uniform(-1.0, 1.0, (60, 2)) * (0.5, 1.5)
    at_s = np.arange(0.0, 60.0, 1.0 / hz)
    return FitProblem(command_s, commands, at_s,
                      respond(plant, command_s, commands, at_s) + noise(rng, len(at_s)))


def white(rng, count):
    return rng.normal(0.0, 0.01, (count, 2))


def slow(rng, count):
    """As large as ``white``, but each value is nearly the one before."""
    steps = rng.normal(0.0, 0.01 * np.sqrt(1 - 0.97 ** 2), (count, 2))
    state, rows = np.zeros(2), []
    for step in steps:
        state = 0.97 * state + step
        rows.append(state)
    return np.array(rows)


@pytest.mark.long
def test_noise_that_hangs_together_makes_intervals_wider():
    widths = [uncertainty(fit(problem_of(Plant(0.1, 0.2, 0.2), noise))).intervals['gain']
              for noise in (white, slow)]
    assert widths[1].high - widths[1].low > 2.0 * (widths[0].high - widths[0].low)


def test_a_limit_of_acceleration_is_found():
    plant = Plant(delay_s=0.05, lag_s=0.05, turn_lag_s=0.05, acceleration_mps2=0.8)
    result = fit(problem_of(plant, white))
    assert result.values[6] == pytest.approx(0.8, rel=0.05)
    assert result.values[7] == NO_LIMIT


def test_a_dead_zone_lies_between_what_did_nothing_and_what_moved():
    plant = Plant(delay_s=0.05, lag_s=0.1, turn_lag_s=0.1, dead_zone_mps=0.1)
    problem = problem_of(plant, white)
    result = fit(problem)
    zone = search_dead_zone(result.problem, result.values, result.scale, 0)
    size = np.abs(problem.commands[:, 0])
    assert zone.low <= 0.1 <= zone.high
    assert zone.low == pytest.approx(size[size < 0.1].max(), abs=0.02)
    assert zone.high == pytest.approx(size[size >= 0.1].min(), abs=0.02)


def test_what_follows_a_silence_does_not_count(synthetic, tmp_path):
    drive = short(synthetic, tmp_path)
    gone = (drive.command_s > 15.0) & (drive.command_s < 20.0)
    last = np.flatnonzero(drive.command_s <= 15.0)[-1]
    commands = drive.commands.copy()
    commands[last] = 0.4, 0.0
    kept = make_problem(replace(drive, command_s=drive.command_s[~gone],
                                commands=commands[~gone]))
    assert not np.any((kept.at_s > 15.6) & (kept.at_s < 20.0))
    assert np.any(kept.at_s > 22.0)


@pytest.mark.parametrize(('degrees', 'point'), [(3, 3.182), (5, 2.571), (10, 2.228), (30, 2.042)])
def test_students_point_is_that_of_the_tables(degrees, point):
    assert float(student95(degrees)) == pytest.approx(point, rel=0.02)


def test_a_bag_without_motion_is_refused(bags, tmp_path):
    folder = bags.write(tmp_path / 'still', ticks=60, drive=lambda i: (0.0, 0.0))
    with pytest.raises(EpisodeError, match='some driving'):
        identify(read_drive(folder))


def test_a_bag_with_hardly_any_message_is_refused(bags, tmp_path):
    with pytest.raises(EpisodeError, match='at least 20 messages'):
        read_drive(bags.write(tmp_path / 'few', ticks=5))


def test_a_topic_of_the_contract_that_is_missing_is_named(bags, tmp_path, clutter):
    folder = bags.write(tmp_path / 'other', ticks=30)
    wrong = replace(clutter, action=replace(clutter.action, commands=(
        replace(clutter.action.commands[0], topic='drive/cmd'),)))
    with pytest.raises(EpisodeError, match='has no topic drive/cmd'):
        read_drive(folder, wrong)


def test_commands_that_are_not_numbers_are_left_out(bags, tmp_path):
    folder = bags.write(tmp_path / 'nan', ticks=60, drive=lambda i: (
        float('nan') if i == 30 else 1.0, 0.1))  # as fast as its poses go
    # The odometry of BagMaker repeats the command, so it lacks one message, too.
    drive = read_drive(folder)
    assert np.isfinite(drive.commands).all() and np.isfinite(drive.speeds).all()
    assert sum('NaN' in text for text in drive.findings) == 2


def two_commands(synthetic, folder, other):
    """Record a drive whose commands are on ``cmd_vel_unstamped``, and ``other`` on ``cmd_vel``."""
    from rosbags.rosbag2 import StoragePlugin, Writer

    store, kind = synthetic.STORE, 'geometry_msgs/msg/Twist'
    how, rng = synthetic.Recording(length_s=40.0), np.random.default_rng(3)
    stamps, commands = synthetic.drive_commands(how, rng)
    rows = synthetic.move(PLANT, how, stamps, commands, rng)
    messages = [(row[0], 'odom', synthetic.odometry_message(row[0], row[3:], row[1], row[2]))
                for row in rows[100:-100:25]]
    for at, given in zip(stamps, commands, strict=True):
        messages.append((at, 'cmd_vel_unstamped', synthetic.command_message(at, *given).twist))
    for at, given in other(stamps, commands):
        messages.append((at, 'cmd_vel', synthetic.command_message(at, *given)))
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as bag:
        types = {**synthetic.TYPES, 'cmd_vel_unstamped': kind}
        topics = {name: bag.add_connection(f'/{name}', types[name], typestore=store)
                  for name in ('odom', 'cmd_vel', 'cmd_vel_unstamped')}
        for at, topic, message in sorted(messages, key=lambda each: each[0]):
            bag.write(topics[topic], synthetic.BEGIN_NS + round(at * 1e9),
                      store.serialize_cdr(message, types[topic]))
    return folder


@pytest.mark.long
@pytest.mark.parametrize('other', [
    lambda stamps, commands: [],
    lambda stamps, commands: [(stamps[0], (0.0, 0.0))] * 3,
    lambda stamps, commands: [(at, (0.0, 0.0)) for at in stamps],
    lambda stamps, commands: [(at, (0.3 * np.sin(at), np.cos(1.7 * at))) for at in stamps],
], ids=['empty', 'three', 'zeros', 'of another'])
def test_of_several_commands_those_are_taken_that_the_base_follows(synthetic, tmp_path, other):
    told = identify(read_drive(two_commands(synthetic, tmp_path / 'bag', other)))
    assert told.plant.gain == pytest.approx(PLANT.gain, rel=0.05)
    assert told.plant.turn_lag_s == pytest.approx(PLANT.turn_lag_s, abs=0.03)


@pytest.mark.long
def test_commands_that_the_base_does_not_follow_contradict_the_model(synthetic, tmp_path):
    drive = short(synthetic, tmp_path)
    rng = np.random.default_rng(0)
    wrong = replace(drive, commands=rng.uniform(-1.0, 1.0, drive.commands.shape))
    with pytest.raises(EpisodeError, match='contradict this model'):
        identify(wrong)


@pytest.mark.long
def test_a_verdict_that_is_worse_than_the_default_plant_says_so(synthetic, tmp_path):
    drive = short(synthetic, tmp_path)
    found = identify(drive)
    assert judge(drive, found).contradiction == ''
    bent = replace(found, plant=replace(found.plant, gain=2.5, turn_gain=0.1))
    assert 'contradict this model' in judge(drive, bent, drive).contradiction
