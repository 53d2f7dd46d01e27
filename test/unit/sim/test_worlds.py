"""Worlds: made from a seed, always solvable; maps as grids; wheels as in the URDF."""

import math

import numpy as np
import pytest

from ilw_core.contract.schema import Section
from ilw_sim.physics.diff_drive import advance, read_urdf, urdf_path
from ilw_sim.physics.disturbance import VeerOptions
from ilw_sim.sensing.options import SensorOptions
from ilw_sim.tasks.grid import Grid, cost_to_go, grid_from_occupancy
from ilw_sim.tasks.scene import (
    ROBOT_RADIUS_M,
    Box,
    Cylinder,
    distance,
    maze_walls,
    room_walls,
)
from ilw_sim.tasks.tasks import TASKS


def task_of(contract):
    section = Section(contract.scene, 'scene')
    kind = section.text('task')
    SensorOptions.take(section)
    VeerOptions.take(section)
    return TASKS[kind](contract, section)


def test_a_seed_makes_the_same_world_again_and_another_seed_another(contract):
    task = task_of(contract)
    first, again, other = (task.make_scene(np.random.default_rng(s)) for s in (4, 4, 5))
    assert first == again
    assert first.start != other.start


def test_every_start_is_free_far_enough_and_has_a_way_to_the_goal(contract):
    task = task_of(contract)
    for seed in range(15):
        scene = task.make_scene(np.random.default_rng(seed))
        for x, y in (scene.start[:2], scene.goal):
            assert distance(scene.shapes, np.array(x), np.array(y)) > ROBOT_RADIUS_M + 0.05
            assert 0.0 < x < scene.size[0]
            assert 0.0 < y < scene.size[1]
        straight = math.dist(scene.start[:2], scene.goal) - contract.goal_radius_m
        assert straight * 0.95 <= scene.shortest_path_m < 60.0


@pytest.mark.parametrize('seed', range(4))
def test_clearance_between_obstacles_is_known_as_far_as_a_start_needs_it(clutter, seed):
    task, rng = task_of(clutter), np.random.default_rng(seed)
    obstacles = tuple(task._obstacle(rng) for _ in range(12))
    grid, known_m = task._grid(obstacles), max(task._clearance_m, task._start_m)
    exact_m = distance(room_walls(task._size) + obstacles, *grid.centres())
    near = exact_m <= known_m
    assert 0.2 < near.mean() < 1.0
    assert np.array_equal(grid.clearance_m[near], exact_m[near])
    assert (grid.clearance_m[~near] > known_m).all()


def test_clutter_puts_start_and_goal_at_least_three_metres_apart(clutter):
    task = task_of(clutter)
    scenes = [task.make_scene(np.random.default_rng(seed)) for seed in range(15)]
    assert min(math.dist(s.start[:2], s.goal) for s in scenes) >= 3.0


def test_a_drawn_maze_becomes_the_walls_that_were_drawn():
    walls = maze_walls(['#####', '# # #', '# # #', '#   #', '#####'], 1.0, 0.1)
    there = [distance(walls, np.array(x), np.array(y)) <= 0.0
             for x, y in ((1.0, 1.5), (0.0, 1.0), (2.0, 0.5), (0.5, 2.0))]
    assert there == [True] * 4
    assert distance(walls, np.array(1.0), np.array(0.5)) == pytest.approx(0.45)  # below the wall


def test_distances_to_shapes_are_those_of_geometry():
    turned = Box('box', 0.0, 0.0, math.pi / 4, (1.0, 1.0))
    assert turned.distance(np.array(2.0), np.array(0.0)) == pytest.approx(2.0 - math.sqrt(2))
    assert Cylinder(1.0, 0.0, 0.5).distance(np.array(1.0), np.array(0.0)) == -0.5


def test_clearance_of_a_map_is_the_distance_to_the_nearest_occupied_cell():
    occupied = np.zeros((5, 7), bool)
    occupied[1, 2] = True
    grid = grid_from_occupancy(occupied, 0.1, (0.0, 0.0))
    assert grid.clearance_m[4, 6] == pytest.approx((5.0 - 0.5) * 0.1)  # 3-4-5
    assert grid.clearance_m[1, 2] == 0.0


def test_the_cost_to_a_goal_goes_around_a_wall():
    blocked = np.ones((40, 40))
    blocked[:30, 20] = np.inf
    grid = Grid(0.1, (0.0, 0.0), np.ones((40, 40)))
    field = cost_to_go(grid, blocked, (3.05, 0.55), 0.05)
    assert field[5, 10] == pytest.approx(2 * math.hypot(1.0, 2.5), rel=0.06)
    assert np.isinf(field[10, 20])


@pytest.mark.parametrize('seed', range(4))
def test_no_cost_to_a_goal_is_above_what_follows_from_the_cells_beside_it(seed):
    rng = np.random.default_rng(seed)
    cost = np.where(rng.uniform(size=(30, 40)) < 0.15, np.inf, rng.uniform(1.0, 5.0, (30, 40)))
    cost[4, 6] = 1.0
    field = cost_to_go(Grid(0.1, (0.0, 0.0), np.ones((30, 40))), cost, (0.65, 0.45), 0.05)
    around = np.pad(field, 1, constant_values=np.inf)
    a = np.minimum(around[1:-1, :-2], around[1:-1, 2:])
    b = np.minimum(around[:-2, 1:-1], around[2:, 1:-1])
    reached = np.isfinite(field) & (field > 0.0)
    assert reached.sum() > 800
    a, b, step = (each[reached] for each in (a, b, 0.1 * cost))
    # Godunov's: sum of max(T - a, 0)^2 and max(T - b, 0)^2 is step^2
    left = sum(np.maximum(field[reached] - each, 0.0) ** 2 for each in (a, b))
    assert left == pytest.approx(step ** 2, rel=1e-3)
    assert np.isinf(field[np.isinf(cost)]).all()


def test_wheels_turn_as_the_urdf_says():
    drive = read_urdf(urdf_path())
    assert (drive.wheel_radius_m, drive.track_m) == (0.033, pytest.approx(0.24))
    left, right = drive.wheel_speeds(0.33, 0.0)
    assert left == right == pytest.approx(10.0)
    left, right = drive.wheel_speeds(0.0, 1.1)
    assert (left, right) == (pytest.approx(-4.0), pytest.approx(4.0))
    assert drive.travel(left, right) == (pytest.approx(0.0), pytest.approx(1.1))


def test_a_quarter_circle_ends_where_geometry_says():
    x, y, yaw = advance((0.0, 0.0, 0.0), math.pi / 2, math.pi / 2)
    assert (x, y, yaw) == (pytest.approx(1.0), pytest.approx(1.0), pytest.approx(math.pi / 2))
