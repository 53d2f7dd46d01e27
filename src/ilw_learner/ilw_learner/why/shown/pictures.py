"""Pictures of why a policy acts as it does: a scan as a polar plot, vectors as bars, the world."""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ilw_core.contract.file import Contract
from ilw_core.storage.figure_file import png_of, pyplot
from ilw_learner.why.explain import Explained
from ilw_learner.why.inputs import NamedInput
from ilw_learner.why.report import WhyReport
from ilw_learner.why.worlds import Asked

plt = pyplot()

_GRADIENT, _OCCLUSION = 'tab:blue', 'tab:orange'
_MOST_BARS = 24
_DPI = 80


def inputs_picture(report: WhyReport) -> bytes:
    """Draw how much each input moves the action, replaced in three ways; PNG."""
    figure, axis = plt.subplots(figsize=(9.0, 1.2 + 0.6 * len(report.inputs)))
    at = np.arange(len(report.inputs))[::-1]
    for up, label, colour, values in (
            (0.25, 'of another episode', 'tab:blue', [u.mixed.ratio for u in report.inputs]),
            (0.0, 'held', '0.6', [u.held.ratio for u in report.inputs]),
            (-0.25, 'not seen', 'tab:orange', [u.blank.ratio for u in report.inputs])):
        axis.barh(at + up, values, height=0.22, color=colour, label=label)
    axis.set_yticks(at, [use.blank.input for use in report.inputs])
    axis.set_xlabel("change of the action, part of its range")
    axis.legend(frameon=False)
    return png_of(figure, _DPI)


def moment_picture(found: Explained, number: int, contract: Contract) -> bytes:
    """Draw one moment: a row per action field, a panel per input as what it is; PNG."""
    moment = found.report.moments[number]
    obs = found.data.obs[found.rows[number], -1]
    fields = list(dict.fromkeys([*moment.occlusion, *moment.gradient]))
    columns = len(found.inputs) + len(found.pictures)
    figure = plt.figure(figsize=(4.2 * columns, 3.6 * len(fields) + 0.6))
    for row, field in enumerate(fields):
        gradient = np.array(moment.gradient.get(field, ()))
        hidden = -np.array(moment.occlusion.get(field, ()))  # what it adds, not what goes
        for column, given in enumerate(found.inputs):
            polar = given.bearings_rad is not None
            axis = figure.add_subplot(len(fields), columns, row * columns + column + 1,
                                      projection='polar' if polar else None)
            parts = tuple(each[given.columns] if len(each) else None
                          for each in (gradient, hidden))
            draw = _draw_scan if polar else _draw_vector
            draw(axis, given, obs[given.columns], *parts)
            if not column:
                axis.set_ylabel(field, labelpad=28 if polar else 4)
            if not row:
                axis.set_title(given.name)
        for column, (camera, seen) in enumerate(found.pictures.items(), len(found.inputs)):
            axis = figure.add_subplot(len(fields), columns, row * columns + column + 1)
            known = field in moment.heat.get(camera, {})
            heat = found.heat[camera][number, row] if known else None
            _draw_seen(axis, seen[number], heat, moment.hidden[camera].get(field))
            if not row:
                axis.set_title(camera)
    does = ', '.join(f'{name} {value:+.2f} {unit}' for (name, value), unit in zip(
        moment.action.items(), contract.action.units, strict=True))
    figure.suptitle(f'{moment.episode}, {moment.time_s:.1f} s: {does}', fontsize=10)
    return png_of(figure, _DPI)


def _draw_scan(axis: Any, given: NamedInput, values: np.ndarray, gradient: np.ndarray | None,
               hidden: np.ndarray | None) -> None:
    """Draw what is seen as a line around the robot, and what each sector adds as bars outside."""
    assert given.bearings_rad is not None
    bearings, far = given.bearings_rad, float(given.blank.max())
    axis.set_theta_zero_location('N')
    axis.plot(np.append(bearings, bearings[0]), np.append(values, values[0]), color='0.4')
    largest = max((float(np.abs(each).max()) for each in (gradient, hidden)
                   if each is not None), default=0.0) or 1.0
    width = 2.0 * math.pi / max(8, len(bearings))
    for each, colour, shift in ((gradient, _GRADIENT, -0.25), (hidden, _OCCLUSION, 0.25)):
        if each is not None:
            heights = 0.6 * far * np.abs(each) / largest
            axis.bar(bearings + shift * width, heights, width=0.45 * width, bottom=far,
                     color=colour, alpha=0.9,
                     hatch=['///' if value < 0 else '' for value in each])
    axis.set_ylim(0.0, 1.65 * far)
    axis.set_yticks([far])
    axis.set_xticks([0.0, math.pi / 2, math.pi, 3 * math.pi / 2],
                    ['ahead', 'left', 'behind', 'right'])
    axis.set_xlabel(f'bars: up to {largest:.3f}; hatched: negative', fontsize=8)


def _draw_vector(axis: Any, given: NamedInput, values: np.ndarray, gradient: np.ndarray | None,
                 hidden: np.ndarray | None) -> None:
    shown = min(given.dim, _MOST_BARS)
    at = np.arange(shown)[::-1]
    for each, colour, up in ((gradient, _GRADIENT, 0.18), (hidden, _OCCLUSION, -0.18)):
        if each is not None:
            axis.barh(at + up, each[:shown], height=0.34, color=colour)
    axis.axvline(0.0, color='0.3', linewidth=0.8)
    axis.set_yticks(at, [f'{name.partition(".")[2] or name} = {value:.2f}' for name, value in zip(
        given.entries[:shown], values[:shown], strict=True)], fontsize=8)
    if given.dim > shown:
        axis.set_xlabel(f'the first {shown} of {given.dim}', fontsize=8)


def _draw_seen(axis: Any, seen: np.ndarray, heat: np.ndarray | None,
               hidden: tuple[tuple[float, ...], ...] | None) -> None:
    """Draw a picture in grey; blue what adds, red what takes away, orange round what counts."""
    height, width = seen.shape[:2]
    axis.imshow(seen.mean(axis=-1), cmap='gray', vmin=0, vmax=255)
    if heat is not None and heat.any():
        soft = _blurred(heat)
        largest = np.abs(soft).max()
        axis.imshow(soft, cmap='RdBu', vmin=-largest, vmax=largest,
                    alpha=np.minimum(1.0, 1.6 * np.abs(soft) / largest))
    if hidden is not None and np.any(hidden):
        counts = np.abs(hidden)
        ys, xs = ((np.arange(len(counts)) + 0.5) * side / len(counts) - 0.5
                  for side in (height, width))
        axis.contour(xs, ys, counts, [0.5 * counts.max()], colors=_OCCLUSION)
        axis.set_xlabel(f'a square not seen: up to {counts.max():.3f}', fontsize=8)
    axis.set_xticks([])
    axis.set_yticks([])


def _blurred(heat: np.ndarray) -> np.ndarray:
    """Return a heat map whose pixels are means over 5 x 5: single ones are not to be seen."""
    padded = np.pad(heat, 2)
    found: np.ndarray = sliding_window_view(padded, (5, 5)).mean(axis=(-2, -1))
    return found


def world_picture(asked: Asked) -> bytes:
    """Draw the world of an episode: what moves the policy the more, the darker it is; PNG."""
    figure, axis = plt.subplots(figsize=(6.0, 6.0))
    moved = {each.cause: float(np.abs(each.policy).mean()) for each in asked.answers
             if each.cause in asked.things}
    largest = max(moved.values(), default=0.0) or 1.0
    for name, outline in asked.things.items():
        share = moved.get(name, 0.0) / largest
        axis.fill(*outline.T, facecolor=(0.9, 0.9 - 0.7 * share, 0.9 - 0.8 * share),
                  edgecolor='0.4')
        if not name.startswith('wall'):
            axis.annotate(name, outline.mean(axis=0), fontsize=8, ha='center', va='center')
    axis.plot(asked.poses[:, 0], asked.poses[:, 1], color='tab:green')
    axis.plot(*asked.poses[0, :2], 'o', color='tab:green')
    axis.set_aspect('equal')
    axis.set_xlabel('x [m]')
    axis.set_ylabel('y [m]')
    axis.set_title(f'{asked.world.episode.name}: red moves the policy most', fontsize=9)
    return png_of(figure, _DPI)
