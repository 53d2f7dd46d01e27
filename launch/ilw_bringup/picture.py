"""Draw driven paths over the map."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ilw_bringup.session import Driven
from ilw_core.figure_file import pyplot, save_figure

plt = pyplot()

_COLOURS = {'expert': 'tab:blue', 'policy': 'tab:green', 'random': 'tab:orange', 'idle': '0.5'}


def draw_paths(path: Path, title: str, driven: Mapping[str, Sequence[Driven]]) -> None:
    """
    Save a picture of the paths, one panel per world (at most six), all drivers in each.

    A cross marks where an episode failed.
    """
    seeds = [d.seed for d in next(iter(driven.values()))]
    one_world = len({d.map.cells.tobytes() for ds in driven.values() for d in ds if d.map}) == 1
    panels = [seeds[:30]] if one_world else [[seed] for seed in seeds[:6]]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, squeeze=False,
                                figsize=(4.5 * columns + 1, 4.5 * rows + 0.6))
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, panel, driven)
    for axis in axes.flat[len(panels):]:
        axis.axis('off')
    handles = [plt.Line2D([], [], color=_COLOURS.get(name), label=name) for name in driven]
    figure.legend(handles=handles, loc='lower center', ncol=len(handles), frameon=False)
    figure.suptitle(title)
    figure.tight_layout(rect=(0, 0.05, 1, 1))
    save_figure(figure, path, dpi=110)
    plt.close(figure)


def _draw_panel(
    axis: plt.Axes, seeds: Sequence[int], driven: Mapping[str, Sequence[Driven]],
) -> None:
    drawn = False
    for name, episodes in driven.items():
        for episode in (e for e in episodes if e.seed in seeds):
            if episode.map is not None and not drawn:
                height, width = episode.map.cells.shape
                x, y = episode.map.origin_m
                step = episode.map.resolution_m
                axis.imshow(np.where(episode.map.cells > 50, 0.35, 1.0), cmap='gray', vmin=0,
                            vmax=1, origin='lower',
                            extent=(x, x + width * step, y, y + height * step))
                drawn = True
            if len(episode.path) < 2:
                continue
            axis.plot(*episode.path.T, color=_COLOURS.get(name), linewidth=1.3, alpha=0.8)
            axis.plot(*episode.path[0], 'o', color=_COLOURS.get(name), markersize=3)
            if not episode.success:
                axis.plot(*episode.path[-1], 'x', color=_COLOURS.get(name), markersize=7)
    axis.set_aspect('equal')
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_title('one maze, many starts' if len(seeds) > 1 else f'world {seeds[0]}', fontsize=9)
