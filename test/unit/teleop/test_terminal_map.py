"""The map in characters: what is where, at every size of the terminal."""

import math

import numpy as np
import pytest

from ilw_teleop.terminal.map import (
    ASCII,
    COARSEST_M,
    PATH_POINTS,
    UNICODE,
    MapView,
    Walls,
    beam_ends,
    draw,
    grid_of,
)
from ilw_teleop.terminal.status_text import picture


def room(width_m=4.0, height_m=3.0, resolution_m=0.1, origin=(0.0, 0.0)):
    """Return a room with walls one cell thick."""
    cells = np.zeros((round(height_m / resolution_m), round(width_m / resolution_m)), np.int8)
    cells[[0, -1], :] = cells[:, [0, -1]] = 100
    return Walls(cells, resolution_m, origin)


def text(drawn):
    return [''.join(glyph for glyph, _ in row) for row in drawn]


def place(drawn, what):
    return [(i, j) for j, row in enumerate(drawn) for i, (_, is_what) in enumerate(row)
            if is_what == what]


def test_a_small_room_by_hand():
    walls = Walls(np.array([[100, 100, 100, 100], [100, 0, 0, 100], [100, 0, 0, 100],
                            [100, 100, 100, 100]], np.int8), 0.5, (0.0, 0.0))
    assert text(draw(MapView(walls), 4, 2)) == ['█▀▀█', '█▄▄█']
    assert text(draw(MapView(walls), 4, 2, ASCII)) == ['####', '####']


@pytest.mark.parametrize(('degrees', 'glyph', 'plain'), [
    (0, '→', '>'), (45, '↗', '/'), (90, '↑', '^'), (135, '↖', '\\'), (180, '←', '<'),
    (-180, '←', '<'), (225, '↙', '/'), (-90, '↓', 'v'), (300, '↘', '\\'), (20, '→', '>'),
    (-25, '↘', '\\'), (337, '↘', '\\'), (338, '→', '>')])
def test_the_arrow_points_where_the_robot_heads(degrees, glyph, plain):
    scene = MapView(room(), robot=(2.0, 1.5, math.radians(degrees)))
    assert glyph in ''.join(text(draw(scene, 40, 15)))
    assert plain in ''.join(text(draw(scene, 40, 15, ASCII)))


@pytest.mark.parametrize('origin', [(0.0, 0.0), (-3.0, 7.5)])
@pytest.mark.parametrize(('columns', 'rows'), [(40, 15), (80, 15), (20, 40), (99, 36)])
def test_robot_and_goal_are_where_they_are_whatever_the_size(columns, rows, origin):
    scene = MapView(room(origin=origin), robot=(origin[0] + 1.05, origin[1] + 0.65, 0.0),
                    goal=(origin[0] + 3.05, origin[1] + 2.45))
    drawn = draw(scene, columns, rows)
    assert len(drawn) <= rows and all(len(row) <= columns for row in drawn)
    (robot,), (goal,) = place(drawn, 'robot'), place(drawn, 'goal')
    pixel_m = max(4.0 / columns, 3.0 / (2 * rows))
    for (x, y), (at_x, at_y) in ((robot, (1.05, 0.65)), (goal, (3.05, 2.45))):
        assert x == int(at_x / pixel_m)
        assert y == int((3.0 - at_y) / pixel_m / 2)


def test_walls_that_the_lidar_sees_are_marked_and_what_is_on_no_map_is_drawn():
    scene = MapView(room(), robot=(1.0, 1.5, 0.0), scan=np.array([[3.95, 1.5], [2.0, 1.5]]))
    drawn = draw(scene, 40, 15)
    assert [i for i, _ in place(drawn, 'seen')] == [39, 39]
    assert place(drawn, 'scan') == [(20, 7)]
    assert drawn[7][20][0] == UNICODE.scan


def test_the_path_is_drawn_and_hides_nothing():
    scene = MapView(room(), goal=(3.05, 1.5))
    for i in range(21):
        scene.drive((1.05 + 0.1 * i, 1.5, 0.0))
    drawn = draw(scene, 40, 15)
    assert drawn[7][30][1] == 'robot', 'the robot stands on the goal'
    assert [i for i, j in place(drawn, 'path') if j == 7] == list(range(10, 30))


def test_the_path_does_not_grow_while_the_robot_stands_nor_without_end():
    scene = MapView()
    for _ in range(50):
        scene.drive((1.0, 1.0, 0.3))
    assert len(scene.path) == 1
    for i in range(PATH_POINTS + 500):
        scene.drive((0.1 * i, 0.0, 0.0))
    assert len(scene.path) == PATH_POINTS


@pytest.mark.parametrize('at', [(5.0, 5.0), (95.0, 50.0), (50.0, 1.0)])
def test_of_a_large_map_the_part_around_the_robot_is_drawn(at):
    scene = MapView(room(100.0, 100.0, 0.5), robot=(*at, 0.0))
    drawn = draw(scene, 80, 20)
    assert len(place(drawn, 'robot')) == 1
    assert len(drawn) == 20 and len(drawn[0]) == 80
    assert pytest.approx(16.0) == 80 * COARSEST_M


def test_without_a_map_there_is_what_is_known():
    scene = MapView(robot=(1.0, 1.0, 0.0), goal=(3.0, 2.0), path=[(1.0, 1.0)])
    drawn = draw(scene, 40, 15)
    assert len(place(drawn, 'robot')) == len(place(drawn, 'goal')) == 1
    assert draw(MapView(), 40, 15) == [] and draw(scene, 0, 5) == []


def test_beams_end_where_they_hit_and_others_nowhere():
    ends = beam_ends((1.0, 2.0, math.pi / 2), [1.0, math.inf, 0.5, math.nan, 9.0, 0.01],
                     -math.pi / 2, math.pi / 2, 0.1, 8.0)
    assert np.allclose(ends, [[2.0, 2.0], [0.5, 2.0]])


@pytest.mark.parametrize('angles', [(math.nan, 0.1), (0.0, math.nan), (math.inf, 0.1),
                                    (0.0, 1e308)])
def test_beams_at_no_angle_and_of_no_length_end_nowhere(angles):
    ends = beam_ends((0.0, 0.0, 0.0), [1.0, 1e300, 2.0], *angles, 0.0, math.inf)
    assert np.isfinite(ends).all() and len(ends) <= 2
    scene = MapView(robot=(0.0, 0.0, 0.0), scan=ends)
    scene.drive((0.0, 0.0, 0.0))
    assert place(draw(scene, 40, 10), 'robot')


@pytest.mark.parametrize(('cells', 'width', 'height', 'resolution', 'origin'), [
    (6, 2, 2, 0.1, (0, 0)), (4, 2, 2, 0.0, (0, 0)), (4, 2, 2, math.nan, (0, 0)),
    (0, 0, 0, 1, (0, 0)), (4, 2, 2, 0.1, (math.inf, 0)), (4, 2, 2, -1.0, (0, 0))])
def test_what_is_no_map_is_none(cells, width, height, resolution, origin):
    assert grid_of(np.zeros(cells, np.int8), width, height, resolution, origin) is None


def test_a_grid_has_its_first_row_at_the_smallest_y():
    walls = grid_of(np.array([100, 0, 0, 0, 0, 0], np.int8), 3, 2, 1.0, (10.0, 20.0))
    assert walls.points.tolist() == [[10.5, 20.5]]
    assert walls.box == (10.0, 20.0, 13.0, 22.0)


@pytest.mark.parametrize(('columns', 'rows'), [(79, 20), (40, 10), (20, 6)])
def test_map_and_legend_fit_the_terminal(columns, rows):
    import re

    scene = MapView(room(), robot=(1.0, 1.0, -0.5), goal=(3.0, 2.0))
    lines = [re.sub(r'\x1b\[[0-9;]*m', '', line) for line in picture(scene, columns, rows)]
    assert len(lines) <= rows and max(map(len, lines)) <= columns
    assert lines[-1].startswith('→ x 1.00 y 1.00'[:columns])
    if columns > 70:
        assert 'heading 331°' in lines[-1] and 'goal' in lines[-1]
