"""A picture of a table's values: every place, its best heading's value, and the goal."""

import math
from pathlib import Path

import numpy as np

from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_learner.algorithms.q_learning.qtable_model import Model


def draw_values(q: np.ndarray, model: Model, path: Path, goal_radius_m: float) -> None:
    """Draw the value of every place, its best heading's, with that heading, and the goal."""
    plt = pyplot()

    nx, ny, nyaw = model.shape
    values = np.where(model.free, q.max(1), np.nan).reshape(nx, ny, nyaw)
    free = model.free.reshape(nx, ny, nyaw)[..., 0]
    shown = np.where(free, np.nanmax(np.where(np.isnan(values), -np.inf, values), axis=-1), np.nan)
    heading = np.nan_to_num(values, nan=-np.inf).argmax(-1) * 2.0 * math.pi / nyaw
    x = model.origin[0] + (np.arange(nx) + 0.5) * model.size[0]
    y = model.origin[1] + (np.arange(ny) + 0.5) * model.size[1]
    figure, axis = plt.subplots(figsize=(6, 5), layout='constrained')
    image = axis.pcolormesh(x, y, shown.T, cmap='viridis')
    figure.colorbar(image, label='value of the best heading: discounted reward')
    xs, ys = np.meshgrid(x, y, indexing='ij')
    axis.quiver(xs[free], ys[free], np.cos(heading[free]), np.sin(heading[free]), scale=45,
                width=0.002, color='white')
    axis.add_patch(plt.Circle(model.goal, goal_radius_m, facecolor='tab:red', edgecolor='white',
                              linewidth=1.5, label='goal'))
    axis.plot([], [], linestyle='', marker='>', color='0.5',
              label='heading of the highest value')
    axis.set_facecolor('0.35')
    axis.plot([], [], 's', color='0.35', label='the robot does not fit')
    axis.set(aspect='equal', xlabel='x [m]', ylabel='y [m]', title='Value map')
    figure.legend(loc='outside lower center', ncol=3, fontsize=8, frameon=False)
    save_figure(figure, path, dpi=120)
    plt.close(figure)
