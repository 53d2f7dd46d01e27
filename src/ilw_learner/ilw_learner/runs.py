"""What was trained: runs on disk, listed and drawn beside each other. No torch, no ROS."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ilw_core.errors import IlwError
from ilw_core.figure_file import pyplot, save_figure
from ilw_core.files import read_json, read_json_lines
from ilw_core.schema import shown

_MAX_SUMMARY_BYTES, _MAX_METRICS_BYTES = 1_000_000, 100_000_000


@dataclass(frozen=True)
class Run:
    """One training run."""

    path: Path
    summary: dict[str, Any]
    """``training.json``"""
    metrics: list[dict[str, float]]
    """``metrics.jsonl``, a row per line"""

    @property
    def success_ratio(self) -> float | None:
        """In the evaluation that chose the checkpoint; ``None`` without one."""
        if self.summary.get('success') is None:
            return None
        return float(self.summary['success']) / float(self.summary['episodes_eval'])

    def curve(self, x: str, y: str = 'eval/success_rate') -> list[tuple[float, float]]:
        """Return (x, y) of the rows that have both."""
        return [(row[x], row[y]) for row in self.metrics
                if _is_number(row.get(x)) and _is_number(row.get(y))]


def read_run(path: Path) -> Run:
    """
    Return the run in a folder.

    :raises IlwError: no training run ended there.
    """
    try:
        summary = read_json(path / 'training.json', _MAX_SUMMARY_BYTES)
        metrics = read_json_lines(path / 'metrics.jsonl', _MAX_METRICS_BYTES)
        if not all(isinstance(each, dict) for each in (summary, *metrics)):
            raise ValueError('training.json and every line of metrics.jsonl must be a mapping')
        _check(summary)
        return Run(path, summary, metrics)
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


def find_runs(root: Path) -> list[Run]:
    """Return the finished runs at or below a folder, by path; what is damaged is left out."""
    found = []
    for summary in sorted(root.rglob('training.json')):
        try:
            found.append(read_run(summary.parent))
        except IlwError:
            continue
    return found


def draw_runs(runs: Sequence[Run], path: Path) -> None:
    """
    Draw success against environment steps and against seconds, a line per run, as PNG.

    :raises IlwError: no run was ever evaluated.
    """
    plt = pyplot()

    if not any(run.curve('step') for run in runs):
        raise IlwError('None of these runs was evaluated along the way: nothing to draw.')
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, layout='constrained')
    for axis, key, label in zip(axes, ('step', 'train_s'), ('steps', 'seconds of training'),
                                strict=True):
        for run in runs:
            if points := run.curve(key):
                name = f'{run.summary.get("algorithm") or "?"}, {run.summary["task"]}'
                axis.plot(*zip(*points, strict=True), marker='.', label=f'{name}, {run.path.name}')
        axis.set_xlabel(label)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel('success')
    axes[0].set_ylim(-0.02, 1.02)
    axes[1].legend(fontsize=7)
    save_figure(figure, path, dpi=120)
    plt.close(figure)
