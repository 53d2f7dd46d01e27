"""Draw the success of every task after every stage, a matrix for each way to keep them."""

from pathlib import Path
from typing import Any

from ilw_core.scores.forgetting import StageMatrix
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_learner.transfer.report import TransferReport


def draw_transfer(report: TransferReport, path: Path) -> None:
    """Draw the matrices beside each other as PNG; what was lost since its own stage is red."""
    plt = pyplot()
    k = len(report.tasks)
    figure, axes = plt.subplots(1, len(report.kept), squeeze=False, layout='constrained',
                                figsize=(len(report.kept) * (1.5 + 1.3 * k), 1.7 + 0.8 * k))
    for axis, runs in zip(axes[0], report.kept, strict=True):
        _draw_matrix(axis, runs.matrix, plt)
        lost = runs.matrix.negative_backward_transfer()
        below = '' if lost is None else (
            f'\nnegative backward transfer {100 * lost.value:.1f} points')
        axis.set_title(f'{runs.keep}{below}', fontsize=9)
    axes[0, 0].set_ylabel('after the stage')
    save_figure(figure, path, dpi=120)
    plt.close(figure)


def _draw_matrix(axis: Any, matrix: StageMatrix, plt: Any) -> None:
    k = len(matrix.tasks)
    ratios = [[float('nan') if cell is None else cell.ratio for cell in row]
              for row in matrix.cells]
    axis.imshow(ratios, cmap='Blues', vmin=0.0, vmax=1.2)
    for i, row in enumerate(matrix.cells):
        for j, cell in enumerate(row):
            own = matrix.cells[j][j]
            if cell is None or own is None:
                axis.text(j, i, '-', ha='center', va='center')
                continue
            since = round(100.0 * (cell.ratio - own.ratio)) if i > j else 0
            text = f'{100.0 * cell.ratio:.0f} %' + (f'\n{since:+d}' if i > j else '')
            axis.text(j, i, text, ha='center', va='center', fontsize=9,
                      color='firebrick' if since < 0 else 'black',
                      fontweight='bold' if i == j else 'normal')
    axis.set_xticks(range(k), matrix.tasks, fontsize=8)
    axis.set_yticks(range(k), matrix.tasks, fontsize=8)
