"""
Draw worlds of tasks from above: docs/tasks.png, docs/pictures/office.png. Run it in ``./ilw
shell``.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ilw_core.contract.file import named_contract
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_sim.batch.worlds import make_scenes
from ilw_sim.tasks.scene import make_grid

TASKS = ('clutter', 'clutter_hard', 'corridor', 'dock', 'follow_wall', 'track')
WORLDS = 3
PIXEL_M = 0.02


DOCS = Path(__file__).parents[1] / 'docs'


def draw(tasks: Sequence[str], worlds: int, path: Path, inches: float = 2.2) -> None:
    """Write a picture with a column of worlds for each task."""
    figure, axes = pyplot().subplots(worlds, len(tasks), squeeze=False, figsize=(
        inches * len(tasks), inches * worlds))
    for name, column in zip(tasks, axes.T, strict=True):
        for axis, scene in zip(column, make_scenes(named_contract(name), range(worlds)),
                               strict=True):
            grid = make_grid(scene.size, scene.shapes, PIXEL_M, corner=scene.origin)
            left, below = grid.origin
            rows, columns = grid.clearance_m.shape
            axis.imshow(grid.clearance_m <= 0.0, cmap='gray_r', origin='lower', extent=(
                left, left + columns * PIXEL_M, below, below + rows * PIXEL_M))
            x, y, yaw = scene.start
            axis.arrow(x, y, 0.4 * np.cos(yaw), 0.4 * np.sin(yaw), width=0.08, color='tab:blue')
            axis.plot(*scene.goal, '*', color='tab:red', markersize=9)
            axis.axis('off')
        column[0].set_title(name, fontsize=10)
    figure.tight_layout()
    save_figure(figure, path, dpi=60)


def main() -> None:
    """Write the pictures."""
    draw(TASKS, WORLDS, DOCS / 'tasks.png')
    draw(('office',), 1, DOCS / 'pictures' / 'office.png', inches=6.0)


if __name__ == '__main__':
    main()
