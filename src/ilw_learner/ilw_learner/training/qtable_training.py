"""One run of tabular Q-learning: a table, compared with the best there is, as a checkpoint."""

from collections.abc import Callable
from dataclasses import asdict
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save as to_safetensors

from ilw_core.errors import NotFiniteError
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_core.storage.files import write_file
from ilw_learner.checkpoint.export import to_onnx
from ilw_learner.checkpoint.folder import save_checkpoint
from ilw_learner.policies.qtable import (
    Model,
    QTableConfig,
    TablePolicy,
    is_optimal,
    learn,
    reaching,
    value_iteration,
)
from ilw_learner.rollout.evaluate import make_env
from ilw_learner.training.progress import CancelledError, Progress
from ilw_learner.training.tracking import Tracker
from ilw_learner.training.training_run import TrainOptions, provenance, scorer, write_summary

MODEL = 'ilw_sim.batch.binned_model:make_model'
"""``module:function`` of the model that the table is learned in"""


def train_table(
    options: TrainOptions, on_progress: Callable[[Progress], bool],
) -> dict[str, Any]:
    """
    Learn a table in the binned model of the contract's world.

    :raises IlwError: the contract has no named actions, or no fixed world.
    :raises NotFiniteError: rewards or values are NaN or infinite; nothing is saved then.
    """
    contract, config = options.contract, options.config
    assert isinstance(config, QTableConfig)
    model: Model = make_env(MODEL, contract, bins=config.bins, hold=config.hold)
    _require_finite(model.reward, 'The rewards of the model')
    best = value_iteration(model, config.gamma)
    states = reaching(best, model)
    starts = np.flatnonzero(model.free)
    q = np.zeros(best.shape)
    each = math.ceil(config.updates / config.candidates)
    with Tracker(options.out, options.track) as tracker:
        for round_ in range(config.candidates):
            learn(q, model.after, model.reward, model.ended, starts, config.alpha, config.gamma,
                  config.epsilon, config.horizon, each, options.seed * config.candidates + round_)
            _require_finite(q, f'The values of the table after {(round_ + 1) * each} updates')
            optimal = float(is_optimal(q, best, states).sum() / states.sum())
            error = float(np.abs(q - best)[states].max())
            tracker.write((round_ + 1) * each, {
                'eval/optimal_ratio': optimal, 'eval/value_error': error})
            if not on_progress(Progress((round_ + 1) * each, config.candidates * each, error,
                                        optimal, round_ + 1)):
                raise CancelledError
        train_s = tracker.train_s
    draw_values(q, model, options.out / 'values.png', contract.goal_radius_m)
    actions = np.where(model.free, q.argmax(1), _stop(options))
    policy = TablePolicy(contract, model, actions).eval()
    checkpoint = save_checkpoint(options.out / 'checkpoint', contract, {
        'algorithm': 'qtable', 'network': {**asdict(config), 'bins': list(config.bins)},
        'history': 1, 'horizon': 1, 'update': config.candidates * each,
        'metrics': {'optimal_ratio': optimal}, 'provenance': provenance(options, ()),
    }, {'policy.onnx': to_onnx(policy, contract, 1),
        'weights.safetensors': to_safetensors(policy.state_dict())})
    score = scorer(options)
    success = score(checkpoint) if score else None
    write_file(options.out / 'contract.yaml', contract.text)
    return write_summary(options.out, {
        'checkpoint': str(checkpoint.path), 'task': contract.name, 'algorithm': 'qtable',
        'seed': options.seed, 'steps': 0, 'updates': config.candidates * each,
        'train_s': round(train_s, 2), 'states': int(states.sum()),
        'optimal_states': round(optimal * states.sum()), 'value_error': error,
        'success': success[0] if success else None,
        'episodes_eval': success[1] if success else 0})


def _require_finite(values: np.ndarray, what: str) -> None:
    """Check a (S, K) table."""
    wrong = np.argwhere(~np.isfinite(values))
    if len(wrong):
        state, action = wrong[0].tolist()
        raise NotFiniteError(f'{what} must be finite. Got {values[state, action]} in state '
                             f'{state}, action {action}. Look at the rewards of the contract.')


def _stop(options: TrainOptions) -> int:
    """Return the action nearest to standing still, for where the robot should not be."""
    action = options.contract.action
    return int(action.nearest(np.zeros((1, action.dim)))[0])


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
