"""A film of the demonstration: who drove how, side by side in time."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ilw_bringup.picture import COLOURS, draw_world, plt
from ilw_bringup.session import Driven
from ilw_core.storage.figure_file import frame_of, save_film

FRAMES = 40
FRAME_S = 0.1
_WORLDS = 3


def save_drives(path: Path, title: str, driven: Mapping[str, Sequence[Driven]],
                goal_radius_m: float) -> None:
    """
    Save a film of the first worlds that were driven, all drivers in each, at the same moments.

    The film is the same length whatever the drives: it runs faster than they did.

    :param goal_radius_m: as for ``draw_paths``.
    :raises OSError: as ``save_film``.
    """
    seeds = [episode.seed for episode in next(iter(driven.values()))][:_WORLDS]
    figure, axes = plt.subplots(1, len(seeds), squeeze=False, figsize=(3.2 * len(seeds), 3.7),
                                dpi=80)
    moving = []
    for axis, seed in zip(axes[0], seeds, strict=True):
        here = {name: next((e for e in episodes if e.seed == seed), None)
                for name, episodes in driven.items()}
        there = {name: episode for name, episode in here.items()
                 if episode is not None and len(episode.path) > 1}
        draw_world(axis, list(there.values()), goal_radius_m)
        _keep_in_view(axis, [episode.path for episode in there.values()])
        axis.set_title(f'world {seed}', fontsize=9)
        axis.set_aspect('equal')
        for name, episode in there.items():
            (way,) = axis.plot([], [], color=COLOURS.get(name), linewidth=1.5, zorder=6)
            (robot,) = axis.plot([], [], 'o', color=COLOURS.get(name), markersize=7, zorder=7)
            moving.append((way, robot, episode))
    figure.legend(handles=[plt.Line2D([], [], color=COLOURS.get(name), label=name)
                           for name in driven], loc='lower center', frameon=False, fontsize=9,
                  ncol=len(driven))
    figure.suptitle(title, fontsize=10)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    save_film(_frames(figure, moving), path, FRAME_S)
    plt.close(figure)


def _keep_in_view(axis: Any, paths: Sequence[np.ndarray]) -> None:
    """Show all of the ways from the first frame on, also where there is no map."""
    if paths and not axis.images:
        low, high = np.min([p.min(0) for p in paths], 0), np.max([p.max(0) for p in paths], 0)
        margin = 0.1 * float((high - low).max()) + 0.01
        axis.set_xlim(low[0] - margin, high[0] + margin)
        axis.set_ylim(low[1] - margin, high[1] + margin)


def _frames(figure: Any, moving: Sequence[tuple[Any, Any, Driven]]) -> Iterator[np.ndarray]:
    longest_s = max((episode.time_s for *_, episode in moving), default=0.0)
    for at_s in np.linspace(0.0, longest_s, FRAMES):
        for way, robot, episode in moving:
            share = min(1.0, at_s / episode.time_s) if episode.time_s > 0.0 else 1.0
            seen = episode.path[:1 + round(share * (len(episode.path) - 1))]
            way.set_data(*seen.T)
            robot.set_data(*seen[-1:].T)
            if share == 1.0 and not episode.success:
                robot.set_marker('x')
        yield frame_of(figure)
