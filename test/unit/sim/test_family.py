"""The tasks that one policy can serve: alike in what is seen and done, solvable, repeatable."""

from dataclasses import replace
import math

import numpy as np
import pytest

pytest.importorskip('numba')

from ilw_core.contract.file import load_contract, named_contract
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.tasks.grid import reachable
from ilw_sim.tasks.scene import ROBOT_RADIUS_M, distance, make_grid
from ilw_sim.tasks.tasks import TASKS

FAMILY = ('clutter', 'clutter_hard', 'corridor', 'dock', 'follow_wall', 'track')
DRAWN = FAMILY[2:]


@pytest.fixture(params=FAMILY)
def member(request):
    return load_contract(config_file('tasks', request.param))


def changed(name, **scene):
    contract = named_contract(name)
    return replace(contract, scene=contract.scene | scene)


def test_all_observe_and_act_alike(member, clutter):
    assert member.obs_names == clutter.obs_names
    for ours, theirs in zip((member.obs_low, member.obs_high), (clutter.obs_low, clutter.obs_high),
                            strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert member.action.names == clutter.action.names
    for limits in ('low', 'high', 'max_rate', 'stop'):
        np.testing.assert_array_equal(getattr(member.action, limits),
                                      getattr(clutter.action, limits))
    assert (member.rate_hz, member.topics) == (clutter.rate_hz, clutter.topics)


def test_the_office_differs_in_how_far_its_goals_are_only(clutter):
    office = named_contract('office')
    assert office.obs_names == clutter.obs_names
    differs = np.flatnonzero(office.obs_high != clutter.obs_high)
    assert [office.obs_names[i] for i in differs] == ['goal.distance_m']


def test_a_seed_makes_the_same_world_again_and_another_seed_another(member):
    first, again, other = make_scenes(member, [4, 4, 5])
    assert (first.shapes, first.start, first.goal) == (again.shapes, again.start, again.goal)
    assert first.shapes != other.shapes and first.start != other.start


def test_in_every_world_the_robot_stands_free_and_can_reach_the_goal(member):
    for scene in make_scenes(member, range(20)):
        x, y, yaw = scene.start
        assert -math.pi <= yaw <= math.pi
        assert distance(scene.shapes, np.array(x), np.array(y)) > ROBOT_RADIUS_M + 0.02
        grid = make_grid(scene.size, scene.shapes, 0.05)
        assert reachable(grid, grid.clearance_m > ROBOT_RADIUS_M + 0.02, (x, y), scene.goal,
                         member.goal_radius_m or 0.3)


def test_worlds_are_measured_where_that_is_asked_for():
    for name in DRAWN:
        contract = named_contract(name)
        task = TASKS[name](contract, Section(contract.scene, 'scene'))
        scene, quick = (task.make_scene(np.random.default_rng(1), measured=m)
                        for m in (True, False))
        straight_m = math.dist(scene.start[:2], scene.goal)
        assert 0.9 * (straight_m - 0.4) < scene.shortest_path_m < 30.0
        assert math.isnan(quick.shortest_path_m) and quick.start == scene.start


def test_a_corridor_has_a_door_in_every_wall_and_leads_from_end_to_end():
    contract = changed('corridor', doors=3, length_m=7.0)
    for scene in make_scenes(contract, range(10)):
        parts = [s for s in scene.shapes[4:]]
        assert len(parts) == 6
        for low, high in zip(parts[::2], parts[1::2], strict=True):
            gap_m = (high.y - high.half[1]) - (low.y + low.half[1])
            assert low.x == high.x and gap_m == pytest.approx(0.7)
        ends = sorted((scene.start[0], scene.goal[0]))
        assert ends[0] < parts[0].x and ends[1] > parts[-1].x
    assert {s.start[0] < 3.5 for s in make_scenes(contract, range(10))} == {True, False}


def test_a_lap_leads_all_around_as_its_start_and_goal_are_on_two_sides_of_a_wall():
    contract = named_contract('track')
    task = TASKS['track'](contract, Section(contract.scene, 'scene'))
    for seed in range(3):
        scene = task.make_scene(np.random.default_rng(seed))
        assert math.dist(scene.start[:2], scene.goal) < 1.3
        assert scene.shortest_path_m > 9.0
        barrier = scene.shapes[-1]
        ahead = np.array([math.cos(scene.start[2]), math.sin(scene.start[2])])
        assert ahead @ (np.array([barrier.x, barrier.y]) - scene.start[:2]) < -0.3  # behind it


def test_the_wall_to_follow_is_on_the_right_and_its_distance_is_kept_at_start_and_goal():
    contract = changed('follow_wall', wall_m=0.5)
    for scene in make_scenes(contract, range(10)):
        wall = scene.shapes[4:]
        (x, y, yaw), goal = scene.start, scene.goal
        for place in ((x, y), goal):
            assert distance(wall, *map(np.array, place)) == pytest.approx(0.5, abs=0.06)
        right = np.array([x + 0.3 * math.sin(yaw), y - 0.3 * math.cos(yaw)])
        assert distance(wall, *right) < 0.35


def test_the_bay_is_as_wide_as_said_and_the_goal_is_at_its_end():
    contract = changed('dock', bay_width_m=0.6, bay_depth_m=0.8, pillars=0, clearance_m=0.2)
    for scene in make_scenes(contract, range(10)):
        end, right, left = scene.shapes[4:]
        cos, sin = math.cos(end.yaw), math.sin(end.yaw)
        assert math.dist((left.x, left.y), (right.x, right.y)) - 2 * left.half[1] == \
            pytest.approx(0.6)
        assert 2 * left.half[0] == pytest.approx(0.8)
        to_end = np.array([end.x - scene.goal[0], end.y - scene.goal[1]])
        assert to_end @ [cos, sin] == pytest.approx(0.16 + end.half[0])
        assert to_end @ [-sin, cos] == pytest.approx(0.0, abs=1e-9)
        assert math.dist(scene.start[:2], scene.goal) >= 2.0


@pytest.mark.parametrize(('name', 'scene', 'said'), [
    ('corridor', {'doors': 7}, 'scene.doors must be at most 4'),
    ('corridor', {'length_m': 40.0}, 'timeout_s'),
    ('corridor', {'clearance_m': 0.4}, 'no solvable world in 200 tries'),
    ('track', {'lane_m': 0.1}, 'scene.lane_m'), ('dock', {'bay_width_m': 0.1}, 'bay_width_m'),
    ('follow_wall', {'wall_m': 3.0}, 'scene.wall_m'), ('dock', {'bays': 2}, 'unknown key')])
def test_what_cannot_be_is_said(name, scene, said):
    with pytest.raises(ContractError, match=said):
        make_scenes(changed(name, **scene), [0])
