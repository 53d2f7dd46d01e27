"""Which command drives a tick, and what the expert's hand presses."""

import numpy as np
import pytest

from ilw_core.locate import config_file
from ilw_sim.lockstep import CommandGate, Pace
from ilw_sim.simulation import Simulation
from ilw_sim.stick import Stick, StickDriver

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
    axes, buttons = Stick(config_file('joysticks', 'xbox')).press(0.5, -1.0)
    assert axes[1] == pytest.approx(0.1 + 0.9 * 0.5)
    assert axes[3] == -1.0
    assert buttons[4] == 1


def test_the_expert_waits_for_the_map_of_the_new_episode(clutter):
    simulation = Simulation(clutter)
    simulation.reset(1, 5 * SECOND)
    driver = StickDriver(clutter, Stick(config_file('joysticks', 'xbox')), seed=0,
                         imperfection=0.0)
    chart, goal = simulation.map_reading(5 * SECOND), simulation.scene.goal
    assert driver.on_pose(4 * SECOND, simulation.pose) is None
    corner, shape = chart.info.origin.position, (chart.info.height, chart.info.width)
    assert driver.on_map(5 * SECOND, chart.data, shape, chart.info.resolution,
                         (corner.x, corner.y))
    driver.on_goal(5 * SECOND, goal)
    assert driver.on_pose(4 * SECOND, simulation.pose) is None
    axes, _ = driver.on_pose(5 * SECOND, simulation.pose)
    assert np.any(axes)
    driver.on_stop()
    assert driver.on_pose(5 * SECOND + 1, simulation.pose) is None
    simulation.close()
