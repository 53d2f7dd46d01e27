"""Which command drives a tick, and what the expert's hand presses."""

import numpy as np
import pytest

from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_sim.driver.base_hand import StickDriver
from ilw_sim.driver.expert import Expert
from ilw_sim.driver.stick import Stick
from ilw_sim.lockstep import CLOCK_HZ, CommandGate, Pace, Pulse
from ilw_sim.simulation import Simulation
from ilw_sim.tasks.scene import Box, make_grid, room_walls

SECOND = 1_000_000_000


def test_only_the_command_of_the_tick_ends_its_wait(clutter):
    gate = CommandGate(clutter, timeout_s=0.5)
    assert not gate.offer(9 * SECOND, 10 * SECOND, [0.1, 0.0])
    assert gate.offer(10 * SECOND, 10 * SECOND, [0.2, 0.0])
    assert gate.action(10 * SECOND).tolist() == [0.2, 0.0]


def test_without_a_new_command_the_wheels_stop(clutter):
    gate = CommandGate(clutter, timeout_s=0.5)
    gate.offer(10 * SECOND, 10 * SECOND, [0.2, 0.3])
    assert gate.action(10 * SECOND + SECOND // 2).tolist() == [0.2, 0.3]
    assert gate.action(10 * SECOND + SECOND // 2 + 1).tolist() == [0.0, 0.0]


@pytest.mark.parametrize('values', [[float('nan'), 0.0], [0.1], [float('inf'), 0.0]])
def test_a_command_that_is_no_action_changes_nothing_and_is_counted(clutter, values):
    gate = CommandGate(clutter, timeout_s=0.5)
    gate.offer(SECOND, SECOND, [0.2, 0.3])
    assert not gate.offer(SECOND, SECOND, values)
    assert gate.action(SECOND).tolist() == [0.2, 0.3]
    assert gate.refused == 1


def test_the_wall_clock_sets_the_pace_unless_it_is_as_fast_as_possible():
    assert Pace(True, 2.0, 0.5).tick_s(0.1) == pytest.approx(0.05)
    assert not Pace(True, 2.0, 0.5).steps_on_command
    assert Pace(True, 0.0, 0.5).tick_s(0.1) == 0.5
    assert Pace(True, 0.0, 0.5).steps_on_command
    assert Pace(False, 0.0, 0.5).tick_s(0.1) == 0.0


def test_the_stick_undoes_the_dead_zone_and_holds_the_deadman():
    axes, buttons = Stick(config_file('joysticks', 'xbox')).press({'forward': 0.5, 'turn': -1.0})
    assert axes[1] == pytest.approx(0.1 + 0.9 * 0.5)
    assert axes[3] == -1.0
    assert buttons[4] == 1


def test_the_expert_waits_for_the_map_of_the_new_episode(clutter):
    simulation = Simulation(clutter)
    simulation.reset(1, 5 * SECOND)
    driver = StickDriver(clutter, Stick(config_file('joysticks', 'xbox')), seed=0,
                         imperfection=0.0)
    chart, goal = simulation.map_reading(5 * SECOND), simulation.scene.goal
    assert driver.look(4 * SECOND, simulation.pose) is None
    corner, shape = chart.info.origin.position, (chart.info.height, chart.info.width)
    assert driver.on_map(5 * SECOND, chart.data, shape, chart.info.resolution,
                         (corner.x, corner.y))
    driver.on_goal(5 * SECOND, goal)
    assert driver.look(4 * SECOND, simulation.pose) is None
    axes, _ = driver.look(5 * SECOND, simulation.pose)
    assert np.any(axes)
    driver.on_stop()
    assert driver.look(5 * SECOND + 1, simulation.pose) is None
    simulation.close()


@pytest.mark.parametrize(('period_s', 'factor', 'parts'), [
    (0.1, 1.0, 10), (0.05, 1.0, 5), (0.1, 5.0, 2), (0.1, 0.5, 20), (0.004, 1.0, 1),
    (0.03, 1.0, 3)])
def test_time_is_told_at_a_hundred_hertz_of_the_wall_and_never_past_the_next_tick(
        period_s, factor, parts):
    period_ns = round(period_s * 1e9)
    pulse = Pulse(period_ns, Pace(True, factor, 0.5).wall_s(period_s))
    pulse.tick(SECOND, runs=True)
    told = [pulse.next_ns() for _ in range(parts - 1)]
    assert told == [SECOND + (k + 1) * (period_ns // parts) for k in range(parts - 1)]
    assert all(ns < SECOND + period_ns for ns in told)
    if parts > 1:
        assert 1.0 / pulse.every_s >= CLOCK_HZ - 1e-6
    later = [ns for _ in range(200) if (ns := pulse.next_ns()) is not None]
    assert set(later) == {([SECOND, *told])[-1]}, 'a tick that is late is not foretold'


def test_where_time_stands_it_is_told_again_five_times_a_second():
    for pulse in (Pulse(SECOND // 10, 0.1), Pulse(SECOND // 10, None)):
        pulse.tick(7 * SECOND, runs=False)
        told = [pulse.next_ns() for _ in range(round(1.0 / pulse.every_s))]
        assert [ns for ns in told if ns is not None] == [7 * SECOND] * 5


def test_without_the_wall_clock_there_is_no_time_between_ticks():
    pulse = Pulse(SECOND // 10, Pace(True, 0.0, 0.5).wall_s(0.1))
    pulse.tick(SECOND, runs=True)
    assert {pulse.next_ns() for _ in range(20)} <= {None, SECOND}


@pytest.fixture
def recording(clutter):
    """Return an expert that records, before its first episode, and the world's truth."""
    simulation = Simulation(clutter)
    simulation.reset(1, 5 * SECOND)
    driver = StickDriver(clutter, Stick(config_file('joysticks', 'xbox')), seed=0,
                         imperfection=0.0, records=True)
    chart = simulation.map_reading(5 * SECOND)
    corner = chart.info.origin.position
    driver.on_map(5 * SECOND, chart.data, (chart.info.height, chart.info.width),
                  chart.info.resolution, (corner.x, corner.y))
    driver.on_goal(5 * SECOND, simulation.scene.goal)
    yield driver, simulation.pose
    simulation.close()


START, DEADMAN = 7, 4


def test_an_expert_that_records_presses_start_once_and_drives_when_it_is_recorded(recording):
    driver, pose = recording
    now, tick = 5 * SECOND, SECOND // 10
    assert driver.on_tick(now, pose)[-1][1][START] == 0, 'the recorder is not ready'
    presses = []
    for k in range(1, 12):
        driver.on_recorder('', recording=False, ready=True)  # as it says again and again
        presses.append(driver.on_tick(now + k * tick, pose)[-1][1])
    assert [b[START] for b in presses] == [1] + [0] * 9 + [1], 'again after a second, not before'
    assert not any(b[DEADMAN] for b in presses)
    driver.on_recorder('one', recording=True, ready=False)
    axes, buttons = driver.on_tick(now + 12 * tick, pose)[-1]
    assert (buttons[START], buttons[DEADMAN]) == (0, 1)
    assert np.any(axes)


@pytest.mark.parametrize('leap_s', [0.1, 1.0, 1.1, 7.5, -3.5])
def test_start_is_pressed_once_although_a_reset_lets_time_leap_before_the_answer(
        recording, leap_s):
    driver, pose = recording
    driver.on_recorder('', recording=False, ready=True)
    assert driver.on_tick(9 * SECOND, pose)[-1][1][START] == 1
    begun = 9 * SECOND + round(leap_s * SECOND)
    after = [driver.on_tick(begun + k * SECOND // 10, pose)[-1][1] for k in range(30)]
    assert not any(buttons[START] for buttons in after), 'nobody said that it is ready again'
    driver.on_recorder('', recording=False, ready=True)
    assert driver.on_tick(begun + 3 * SECOND, pose)[-1][1][START] == 1, 'a press that was lost'


@pytest.mark.parametrize('late_s', [0.1, 0.6, 1.3, 2.4])
def test_an_expert_on_a_slow_machine_plans_once_and_drives(recording, monkeypatch, late_s):
    driver, pose = recording
    plans = []
    monkeypatch.setattr(Expert, 'plan', lambda self, *a, plan=Expert.plan: (
        plans.append(self), plan(self, *a))[1])
    driver.on_recorder('one', recording=True, ready=False)
    for k in range(6):
        sent = driver.on_tick(6 * SECOND + round(k * late_s * SECOND), pose)
        assert sent[-1][1][DEADMAN] == 1
    assert len(plans) == 1


def test_each_new_map_is_planned_on_anew(recording, monkeypatch):
    driver, pose = recording
    plans = []
    monkeypatch.setattr(Expert, 'plan', lambda self, *a, plan=Expert.plan: (
        plans.append(self), plan(self, *a))[1])
    driver.on_recorder('one', recording=True, ready=False)
    for begun in (6, 8, 13):
        driver.on_map(begun * SECOND, [0] * 4900, (70, 70), 0.1, (0.0, 0.0))
        for k in range(3):
            driver.on_tick(begun * SECOND + k * SECOND // 10, pose)
    assert len(plans) == 3


def test_each_episode_is_a_recording_of_its_own(recording):
    driver, pose = recording
    driver.on_recorder('one', recording=True, ready=False)
    assert driver.on_tick(5 * SECOND, pose)[-1][1][DEADMAN] == 1
    driver.on_stop()
    assert driver.on_tick(5 * SECOND + 1, pose) == []
    driver.on_reset()
    driver.on_recorder('one', recording=True, ready=False)  # a word of the take that is over
    assert driver.on_tick(5 * SECOND + SECOND // 10, pose)[-1][1][DEADMAN] == 0
    driver.on_recorder('one', recording=False, ready=True)
    assert driver.on_tick(5 * SECOND + SECOND // 5, pose)[-1][1][START] == 1
    driver.on_recorder('two', recording=True, ready=False)
    assert driver.on_tick(5 * SECOND + 3 * SECOND // 10, pose)[-1][1][DEADMAN] == 1


def test_a_layout_without_a_start_button_cannot_record(clutter, tmp_path):
    text = config_file('joysticks', 'xbox').read_text().replace('  start: start\n', '', 1)
    (tmp_path / 'mine.yaml').write_text(text)
    stick = Stick(tmp_path / 'mine.yaml')
    StickDriver(clutter, stick, seed=0, imperfection=0.0)
    with pytest.raises(IlwError, match='button for start'):
        StickDriver(clutter, stick, seed=0, imperfection=0.0, records=True)


@pytest.mark.parametrize('off_m', [-0.04, -0.02, 0.0, 0.02, 0.04])
def test_in_a_channel_hardly_wider_than_the_margin_the_expert_looks_along_it(clutter, off_m):
    sides = tuple(Box('wall', 2.0, y, 0.0, (1.0, 0.3)) for y in (0.67, 1.93))
    grid = make_grid((4.0, 2.6), (*room_walls((4.0, 2.6)), *sides), 0.05)
    expert = Expert(clutter, np.random.default_rng(0), 0.0)
    expert.plan(grid, (3.5, 1.3))
    for x in np.arange(1.0, 2.6, 0.05):
        forward, turn = expert.drive((float(x), 1.3 + off_m, 0.0))
        assert abs(turn) < 1.0 and forward > 0.0, (x, forward, turn)
