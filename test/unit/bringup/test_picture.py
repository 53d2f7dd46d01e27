"""The picture of paths has the goal, metres, and says what a cross is."""

import numpy as np
import pytest

from ilw_bringup import picture
from ilw_bringup.session import Driven, Map


def driven(seed, success, goal=(3.0, 2.0)):
    path = np.linspace((0.5, 0.5), goal if success else (1.0, 1.0), 20)
    cells = np.zeros((80, 100), np.int8)
    cells[0] = seed % 100
    return Driven(seed, success, 'goal', 3.0, 2.9, path, Map(cells, 0.05, (0.0, 0.0)), goal)


@pytest.mark.parametrize('worlds', [1, 2, 6])
def test_goal_axes_and_legend_are_drawn(tmp_path, monkeypatch, worlds):
    shown = {}

    def look(figure, path, dpi):
        shown['figure'] = figure

    monkeypatch.setattr(picture, 'save_figure', look)
    monkeypatch.setattr(picture.plt, 'close', lambda figure: None)
    runs = {'expert': [driven(seed, True) for seed in range(worlds)],
            'policy': [driven(seed, seed % 2 == 1) for seed in range(worlds)]}
    picture.draw_paths(tmp_path / 'paths.png', 'x', runs, 0.4)
    figure = shown['figure']
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == [f'expert: {worlds} of {worlds}', f'policy: {worlds // 2} of {worlds}',
                     'start', 'goal', 'ended without success']
    for axis in figure.axes[:worlds]:
        assert (axis.get_xlabel(), axis.get_ylabel()) == ('x [m]', 'y [m]')
        (circle,) = axis.patches
        assert (circle.center, circle.radius) == ((3.0, 2.0), 0.4)
    crosses = [line for axis in figure.axes for line in axis.lines if line.get_marker() == 'x']
    assert len(crosses) == worlds - worlds // 2


def test_the_legend_fits_into_the_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(picture, 'save_figure',
                        lambda figure, path, dpi: figure.draw_without_rendering())
    closed = []
    monkeypatch.setattr(picture.plt, 'close', closed.append)
    runs = {name: [driven(0, True)] for name in ('expert', 'policy', 'random', 'idle')}
    picture.draw_paths(tmp_path / 'paths.png', 'x', runs, 0.4)
    (figure,) = closed
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0.0 and box.x1 <= figure.bbox.width
