"""A picture of a reward: what each feature is worth, and a map of what a step earns."""

from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_map import StepMap, step_map


def draw_reward(reward: RecoveredReward, path: Path) -> None:
    """Draw the weights, and beside them a map: of places, or else of steps towards a goal."""
    plt = pyplot()

    ahead = step_map(reward) if reward.places is None else None
    panels = 1 if reward.places is None and ahead is None else 2
    figure, axes = plt.subplots(1, panels, figsize=(5.5 * panels, 4.5), layout='constrained',
                                squeeze=False)
    _draw_weights(axes[0, 0], reward)
    if reward.places is not None:
        _draw_places(figure, axes[0, 1], reward)
    elif ahead is not None:
        _draw_steps(figure, axes[0, 1], ahead)
    figure.suptitle(f'{reward.contract.name}: recovered by {reward.method}')
    save_figure(figure, path, dpi=120)
    plt.close(figure)


def _draw_weights(axis: Any, reward: RecoveredReward) -> None:
    names = [*reward.weights, *reward.unknown][::-1]
    values = np.array([reward.weights.get(name, 0.0) for name in names])
    axis.barh(names, values, color=np.where(values < 0.0, 'tab:red', 'tab:blue'))
    for row, (name, value) in enumerate(zip(names, values, strict=True)):
        low, high = reward.intervals.get(name, (value, value))
        axis.plot([low, high], [row, row], color='0.2', linewidth=1.5)
        says = 'do not know' if name in reward.unknown else f'{value:.3g}'
        axis.annotate(says, (max(high, value, 0.0), row), xytext=(4, 0), fontsize=8,
                      textcoords='offset points', verticalalignment='center')
    axis.margins(x=0.2)
    axis.axvline(0.0, color='0.2', linewidth=0.8)
    axis.set(xlabel='reward per unit of the feature', title='Weights' + (
        ', with 95 % intervals' if reward.intervals else ''))


def _draw_places(figure: Any, axis: Any, reward: RecoveredReward) -> None:
    places = reward.places
    assert places is not None
    (x, y), (width, depth), (nx, ny) = places.origin, places.size, places.values.shape
    largest = float(np.abs(places.values).max()) or 1.0
    # What explained nothing is exactly 0: grey, not a colour of its own.
    shown = np.ma.masked_where(np.abs(places.values) < 1e-9, places.values)
    axis.set_facecolor('0.85')
    image = axis.pcolormesh(x + width * np.arange(nx + 1), y + depth * np.arange(ny + 1), shown.T,
                            cmap='RdBu', vmin=-largest, vmax=largest)
    figure.colorbar(image, ax=axis, label='reward of a step there, beside what any costs')
    axis.set(aspect='equal', xlabel='x [m]', ylabel='y [m]',
             title='Places liked and avoided; grey: nothing known')


def _draw_steps(figure: Any, axis: Any, steps: StepMap) -> None:
    # The step that arrives earns far more than any other: it is drawn as strong as they are.
    largest = float(np.percentile(np.abs(steps.earned), 98)) or 1.0
    image = axis.pcolormesh(steps.along_m, steps.along_m, steps.earned.T, cmap='RdBu',
                            vmin=-largest, vmax=largest, shading='nearest')
    figure.colorbar(image, ax=axis, label='reward of the step', extend='both')
    axis.plot(0.0, 0.0, marker='>', color='0.1', markersize=9)
    axis.set(aspect='equal', xlabel='goal is ahead [m]', ylabel='goal is to the left [m]',
             title=f'A step ahead at {steps.speed_mps:.3g} m/s, by where the goal is')
