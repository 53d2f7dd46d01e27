"""A saved map as a world: its walls to the cell, starts and goals that fit, and clear refusals."""

from dataclasses import replace
import math

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
import numpy as np
import pytest

from ilw_core.contract.file import load_contract
from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_core.storage.map_file import FREE, OCCUPIED, UNKNOWN, load_map
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.driver.expert import Expert
from ilw_sim.env import make_env
from ilw_sim.tasks.grid import grid_from_occupancy
from ilw_sim.tasks.rectangles import cover
from ilw_sim.tasks.scene import distance


@pytest.fixture
def office():
    return load_contract(config_file('tasks', 'office'))


@given(arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_rectangles_cover_exactly_the_cells(cells):
    covered = np.zeros_like(cells)
    for row, column, rows, columns in cover(cells):
        assert rows > 0 and columns > 0
        covered[row:row + rows, column:column + columns] = True
    assert np.array_equal(covered, cells)


def test_a_cross_and_a_room_take_as_few_boxes_as_a_person_would_draw():
    cross = np.zeros((9, 9), bool)
    cross[4], cross[:, 4] = True, True
    assert len(cover(cross)) == 2
    room = np.ones((9, 12), bool)
    room[1:-1, 1:-1] = False
    assert len(cover(room)) == 4


def picture(folder, text, origin=(0.0, 0.0, 0.0)):
    """Write a map drawn in characters of half a metre: '#' wall, '.' free, '?' unknown."""
    shade = np.array([[{'#': 0, '.': 254, '?': 205}[c] for c in row] for row in text.split()],
                     np.uint8).repeat(10, axis=0).repeat(10, axis=1)
    (folder / 'map.pgm').write_bytes(
        f'P5\n{shade.shape[1]} {shade.shape[0]}\n255\n'.encode() + shade.tobytes())
    (folder / 'map.yaml').write_text(
        f'image: map.pgm\nresolution: 0.05\norigin: {list(origin)}\nnegate: 0\n'
        'occupied_thresh: 0.65\nfree_thresh: 0.25\n')


def place(office, folder, text, scene=None, **of_picture):
    picture(folder, text, **of_picture)
    usual = {'map': 'map.yaml', 'start_clearance_m': 0.35, 'start_to_goal_m': 1.0}
    return replace(office, folder=folder, scene=office.scene | usual | (scene or {}))


TWO_ROOMS = '############ #....##....# #....##....# #....##....# ############'.replace(' ', '\n')


def test_walls_stand_where_the_map_has_them(office):
    scene = make_scenes(office, [0])[0]
    chart = load_map(config_file('tasks', 'office').parent / '../maps/office.yaml')
    rows, columns = np.indices(chart.cells.shape)
    x, y = chart.to_world((columns + 0.5) * 0.05, (rows + 0.5) * 0.05)
    inside = distance(scene.shapes, x, y) < 0.0
    assert np.array_equal(inside, chart.cells == OCCUPIED)
    assert len(scene.shapes) < 25


@pytest.mark.parametrize('turned', [0.0, 0.5])
def test_starts_and_goals_are_free_known_apart_and_have_a_way(office, tmp_path, turned):
    contract = place(office, tmp_path, TWO_ROOMS, origin=(3.0, -2.0, turned))
    chart = load_map(tmp_path / 'map.yaml')
    rooms = set()
    for scene in make_scenes(contract, range(20)):
        ends = []
        for x, y in (scene.start[:2], scene.goal):
            row, column = (int(v) for v in chart.to_cells(np.array(x), np.array(y)))
            assert chart.cells[row, column] == FREE
            assert distance(scene.shapes, np.array(x), np.array(y)) > 0.25
            ends.append(column < 60)
        assert ends[0] == ends[1]     # no door between the rooms
        assert math.dist(scene.start[:2], scene.goal) >= 1.0
        rooms.add(ends[0])
    assert rooms == {True, False}


def test_unknown_space_is_no_wall_but_no_way_either(office, tmp_path):
    contract = place(office, tmp_path, TWO_ROOMS.replace('#....##....#', '#....??....#'))
    env = make_env(contract)
    for seed in range(10):
        env.reset(seed=seed)
        scene = env.simulation.scene
        assert (scene.start[0] < 3.0) == (scene.goal[0] < 3.0)
    chart = env.simulation.map_reading(0)
    cells = chart.data.reshape(chart.info.height, chart.info.width)
    env.close()
    assert (cells == UNKNOWN).sum() == 600
    assert distance(scene.shapes, np.array(2.75), np.array(1.25)) > 0.5


def test_the_way_leads_through_the_door(office):
    for seed in range(4):
        scene = make_scenes(office, [seed])[0]
        env = make_env(office)
        _, info = env.reset(seed=seed)
        env.close()
        straight = math.dist(scene.start[:2], scene.goal) - office.goal_radius_m
        assert straight * 0.95 <= info['shortest_path_m'] < 30.0


def test_the_expert_drives_through_the_place(office):
    env = make_env(office)
    _, info = env.reset(seed=3)
    chart = env.simulation.map_reading(0)
    cells = chart.data.reshape(chart.info.height, chart.info.width) != 0
    expert = Expert(office, np.random.default_rng(0), 0.0)
    corner = chart.info.origin.position
    expert.plan(grid_from_occupancy(cells, chart.info.resolution, (corner.x, corner.y)),
                env.simulation.scene.goal)
    ended = False
    while not ended:
        _, _, terminated, truncated, info = env.step(expert.drive(info['pose']))
        ended = terminated or truncated
    env.close()
    assert info['success'], info
    assert 0.9 < info['path_length_m'] / info['shortest_path_m'] < 2.0


BAD = {
    'no such map': ({'map': 'other.yaml'}, TWO_ROOMS, r'relative to the contract.*other\.yaml'),
    'all walls': ({}, '###\n###', r'has no free space. Check negate'),
    'too narrow': ({'clearance_m': 0.9, 'start_clearance_m': 0.9}, TWO_ROOMS,
                   r'no free space 1\.8 m wide; the widest is 1\.45 m'),
    'too far apart': ({'start_to_goal_m': 9.0}, TWO_ROOMS, r'no two free places 9 m apart'),
}


@pytest.mark.parametrize('case', BAD)
def test_a_place_that_cannot_be_used_says_why(office, tmp_path, case):
    scene, text, words = BAD[case]
    contract = place(office, tmp_path, text, scene)
    with pytest.raises(ContractError, match=words):
        make_scenes(contract, [0])


@pytest.mark.long
def test_a_speckled_map_is_refused(office, tmp_path):
    rng = np.random.default_rng(0)
    speckled = '\n'.join(''.join('.' if free else '#' for free in row)
                         for row in rng.random((150, 150)) < 0.6)
    with pytest.raises(ContractError, match=r'walls of \d+ boxes; the simulators take 4000'):
        make_scenes(place(office, tmp_path, speckled), [0])
