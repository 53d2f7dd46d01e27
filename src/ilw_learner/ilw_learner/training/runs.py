"""What was trained: runs on disk, listed and drawn beside each other. No torch, no ROS."""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from ilw_core.contract.schema import shown
from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import IlwError
from ilw_core.scores.statistics import wilson
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_core.storage.files import read_json, read_json_lines
from ilw_learner.training.summary import TrainSummary

_AXES = {'environment steps': 'step', 'updates (gradient steps)': 'update',
         'seconds of training': 'train_s'}
"""What a curve can be drawn against -> its key in ``metrics.jsonl``"""
_MOST_POINTS = 200
_MAX_SUMMARY_BYTES, _MAX_METRICS_BYTES = 1_000_000, 100_000_000


@dataclass(frozen=True)
class TrainingRun:
    """One training run."""

    path: Path
    summary: TrainSummary
    data: dict[str, Any]
    """``training.json`` as it lies there: another's may have less"""
    metrics: list[dict[str, float]]
    """``metrics.jsonl``, a row per line"""

    def curve(self, x: str, y: str = 'eval/success_rate') -> list[tuple[float, float]]:
        """Return (x, y) of the rows that have both."""
        return [(row[x], row[y]) for row in self.metrics
                if _is_number(row.get(x)) and _is_number(row.get(y))]

    def curves(self) -> dict[str, list[tuple[float, float]]]:
        """Return metric -> (step, value), some 200 of each at most, the last among them."""
        names = {name for row in self.metrics for name in row if '/' in name}
        return {name: _thinned(self.curve('step', name)) for name in sorted(names)}

    def values(self) -> dict[str, Any]:
        """Return what it was trained with, by name; nothing where its checkpoint is gone."""
        try:
            card = read_yaml(self.path / 'checkpoint' / 'policy.yaml', 'a checkpoint')
        except (IlwError, OSError):
            return {}
        values = card.get('network') if isinstance(card, dict) else None
        values = values if isinstance(values, dict) else {}
        return {name: value for name, value in values.items()
                if isinstance(value, (bool, int, float, str, list))}


def read_run(path: Path) -> TrainingRun:
    """
    Return the run in a folder.

    :raises IlwError: no training run ended there.
    """
    try:
        data = read_json(path / 'training.json', _MAX_SUMMARY_BYTES)
        metrics = read_json_lines(path / 'metrics.jsonl', _MAX_METRICS_BYTES)
        if not all(isinstance(each, dict) for each in (data, *metrics)):
            raise ValueError('training.json and every line of metrics.jsonl must be a mapping')
        _check(data)
        summary = TrainSummary.from_json({'checkpoint': '', 'algorithm': '', **data})
        return TrainingRun(path, summary, data, metrics)
    except (OSError, ValueError) as error:
        raise IlwError(f'{path} is no finished training run: {error}') from error


def _check(summary: dict[str, Any]) -> None:
    for key, kind in (('task', str), ('algorithm', str), ('seed', float), ('train_s', float),
                      ('success', float), ('episodes_eval', float), ('mean_return', float)):
        value = summary.get(key)
        needed = key in ('task', 'seed', 'train_s') or (
            key == 'episodes_eval' and summary.get('success') is not None)
        good = _is_number(value) if kind is not str else isinstance(value, str)
        if not good and (needed or value is not None):
            raise ValueError(f'{key} must be a {"text" if kind is str else "number"}. Got '
                             f'{shown(value)}')
    if summary.get('success') is not None and not summary['episodes_eval'] > 0:
        raise ValueError(f'episodes_eval must be above 0. Got {summary["episodes_eval"]}')


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # type: ignore[arg-type]


def find_runs(root: Path) -> list[TrainingRun]:
    """Return the finished runs at or below a folder, by path; what is damaged is left out."""
    found = []
    for summary in sorted(root.rglob('training.json')):
        try:
            found.append(read_run(summary.parent))
        except IlwError:
            continue
    return found


def run_line(summary: TrainSummary, path: Path) -> str:
    """Return a run's row in a table of several."""
    ratio, mean = summary.success_ratio, summary.details.get('mean_return')
    score = (f'{ratio:6.1%}' if ratio is not None else
             f'{mean:6.1f}' if mean is not None else '     -')
    return (f'{summary.task:<14} {summary.algorithm or "?":<7} {score}  '
            f'seed {summary.seed:<4} {summary.train_s:>7.1f} s  {path}')


def draw_runs(runs: Sequence[TrainingRun], path: Path) -> None:
    """
    Draw success against environment steps, updates and seconds, a line per run, as PNG.

    A run is drawn where it has the quantity: behaviour cloning takes no environment steps. Bands
    are 95 % intervals, where it is known in how many episodes the success was counted.

    :raises IlwError: no run was ever evaluated.
    """
    plt = pyplot()

    if not any(run.curve('step') for run in runs):
        raise IlwError('None of these runs was evaluated along the way: nothing to draw.')
    panels = {label: key for label, key in _AXES.items()
              if any(_curve(run, key) for run in runs)}
    figure, axes = plt.subplots(1, len(panels), figsize=(4.5 * len(panels) + 1, 4.5), sharey=True,
                                squeeze=False, layout='constrained')
    colours = [plt.get_cmap('tab10')(i % 10) for i in range(len(runs))]
    for axis, (label, key) in zip(axes[0], panels.items(), strict=True):
        for run, colour in zip(runs, colours, strict=True):
            _draw_curve(axis, _curve(run, key), colour)
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel('success ratio, and its 95 % interval')
    axes[0, 0].set_ylim(-0.02, 1.02)
    lines = [plt.Line2D([], [], color=colour, marker='.', label=_title(run))
             for run, colour in zip(runs, colours, strict=True) if run.curve('step')]
    figure.legend(handles=lines, loc='outside lower center', fontsize=7, frameon=False,
                  ncol=2 if len(lines) > 3 else 1)
    save_figure(figure, path, dpi=120)
    plt.close(figure)


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    every = -(-len(points) // _MOST_POINTS) or 1
    return points[::-1][::every][::-1]


def _title(run: TrainingRun) -> str:
    return f'{run.summary.algorithm or "?"}, {run.summary.task}, {run.path.name}'


def _curve(run: TrainingRun, key: str) -> list[tuple[float, float, float, float]]:
    """Return (x, success ratio, low, high) of each evaluation; NaN where no interval is known."""
    if key == 'step' and all(row.get('step') == row.get('update') for row in run.metrics):
        return []  # it learned from demonstrations: its steps are its updates
    found = []
    for row in run.metrics:
        x, y, n = row.get(key), row.get('eval/success_rate'), row.get('eval/episodes')
        if _is_number(x) and _is_number(y):
            known = _is_number(n) and n >= 1 and 0.0 <= y <= 1.0
            low, high = wilson(round(y * n), round(n)) if known else (math.nan, math.nan)
            found.append((x, y, low, high))
    return found


def _draw_curve(axis: Any, points: list[tuple[float, float, float, float]], colour: Any) -> None:
    if points:
        x, y, low, high = zip(*points, strict=True)
        axis.plot(x, y, marker='.', color=colour)
        axis.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
