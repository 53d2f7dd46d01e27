"""Draw driven paths over the map, in metres, with start, goal and where episodes failed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ilw_bringup.session import Driven
from ilw_core.storage.figure_file import pyplot, save_figure

plt = pyplot()

_MARKS = {'start': {'marker': 'o', 'markersize': 4}, 'goal': {'marker': '*', 'markersize': 9},
          'ended without success': {'marker': 'x', 'markersize': 8, 'markeredgewidth': 2}}
_GOAL = '#ffe08a'
COLOURS = {'expert': 'tab:blue', 'policy': 'tab:green', 'random': 'tab:orange', 'idle': '0.5'}


def draw_paths(path: Path, title: str, driven: Mapping[str, Sequence[Driven]],
               goal_radius_m: float) -> None:
    """
    Save a picture of the paths, one panel per world (at most six), all drivers in each.

    :param goal_radius_m: how near to the goal an episode succeeds; 0: that is not what counts.
    """
    seeds = [d.seed for d in next(iter(driven.values()))]
    one_world = len({d.map.cells.tobytes() for ds in driven.values() for d in ds if d.map}) == 1
    panels = [seeds[:30]] if one_world else [[seed] for seed in seeds[:6]]
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(rows, columns, squeeze=False,
                                figsize=(4.5 * columns + 1, 4.5 * rows + 0.6))
    for axis, panel in zip(axes.flat, panels, strict=False):
        _draw_panel(axis, panel, driven, goal_radius_m)
    for axis in axes.flat[len(panels):]:
        axis.axis('off')
    counts = {name: f'{name}: {sum(e.success for e in episodes)} of {len(episodes)}'
              for name, episodes in driven.items()}
    handles = [plt.Line2D([], [], color=COLOURS.get(name), label=text)
               for name, text in counts.items()]
    handles += [plt.Line2D([], [], color='0.3', linestyle='', label=text, **shape)
                for text, shape in _MARKS.items()]
    figure.legend(handles=handles, loc='lower center', frameon=False, fontsize=9,
                  ncol=-(-len(handles) // (1 if columns > 1 else 3)))
    figure.suptitle(title)
    figure.tight_layout(rect=(0, 0.05 if columns > 1 else 0.12, 1, 1))
    save_figure(figure, path, dpi=110)
    plt.close(figure)


def _draw_panel(axis: plt.Axes, seeds: Sequence[int], driven: Mapping[str, Sequence[Driven]],
                goal_radius_m: float) -> None:
    draw_world(axis, [e for episodes in driven.values() for e in episodes if e.seed in seeds],
               goal_radius_m)
    for name, episodes in driven.items():
        for episode in (e for e in episodes if e.seed in seeds):
            if len(episode.path) < 2:
                continue
            axis.plot(*episode.path.T, color=COLOURS.get(name), linewidth=1.3, alpha=0.8)
            axis.plot(*episode.path[0], 'o', color=COLOURS.get(name), markersize=3)
            if not episode.success:
                axis.plot(*episode.path[-1], 'x', color=COLOURS.get(name), markersize=8,
                          markeredgewidth=2, zorder=6)
    axis.set_aspect('equal')
    axis.set_xlabel('x [m]')
    axis.set_ylabel('y [m]')
    axis.set_title('one maze, many starts' if len(seeds) > 1 else f'world {seeds[0]}', fontsize=9)


def draw_world(axis: plt.Axes, episodes: Sequence[Driven], goal_radius_m: float) -> None:
    """Draw the goals of these episodes, and the first map of them, if any has one."""
    for goal in {episode.goal for episode in episodes} - {None}:
        axis.add_patch(plt.Circle(goal, goal_radius_m, facecolor=_GOAL, edgecolor='0.2', zorder=4))
        axis.plot(*goal, '*', color='0.2', markersize=9, zorder=5)
    found = next((episode.map for episode in episodes if episode.map is not None), None)
    if found is not None:
        height, width = found.cells.shape
        (x, y), step = found.origin_m, found.resolution_m
        axis.imshow(np.where(found.cells > 50, 0.35, 1.0), cmap='gray', vmin=0, vmax=1,
                    origin='lower', extent=(x, x + width * step, y, y + height * step))
