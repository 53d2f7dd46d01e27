"""What came out of learning task after task: for a person, as JSON, and as a picture."""

from dataclasses import dataclass
from typing import Any

from ilw_core.scores.forgetting import Figure, StageMatrix, mean_matrix
from ilw_core.scores.statistics import Tried, wilson

FIGURES = ('forward_transfer', 'negative_backward_transfer', 'area_under_curve')


@dataclass(frozen=True)
class KeptRuns:
    """The chains of stages of one way to keep what was learned."""

    keep: str
    by_seed: tuple[StageMatrix, ...]
    """One per seed of the trainings"""

    @property
    def matrix(self) -> StageMatrix:
        """All seeds together."""
        return mean_matrix(self.by_seed)


@dataclass(frozen=True)
class Scratch:
    """How a task goes that is learned from nothing, over all seeds."""

    task: str
    few: Tried | None
    """From as many demonstrations as later stages have; ``None``: those have all"""
    all: Tried
    """From all there are"""


@dataclass(frozen=True)
class TransferReport:
    """What every way to keep the tasks before came to."""

    tasks: tuple[str, ...]
    algorithm: str
    demos: tuple[int, ...]
    """Most demonstrations of each task; 0: all there are"""
    seeds: tuple[int, ...]
    episodes: int
    """Of every cell and seed"""
    env: str
    kept: tuple[KeptRuns, ...]
    scratch: tuple[Scratch, ...]
    """Of each task but the first; empty: not asked for"""
    cannot: dict[str, str]
    """``POLICY in TASK`` -> why that cannot be driven"""

    def as_json(self) -> dict[str, Any]:
        """Return everything by name; ratios are of 1."""
        return {
            'tasks': self.tasks, 'algorithm': self.algorithm, 'demos': self.demos,
            'seeds': self.seeds, 'episodes': self.episodes, 'env': self.env,
            'cannot_drive': self.cannot,
            'kept': {runs.keep: {
                **_matrix_json(runs.matrix),
                'by_seed': [_matrix_json(each) for each in runs.by_seed]} for runs in self.kept},
            'scratch': {each.task: {'few': each.few and _tried_json(each.few),
                                    'all': _tried_json(each.all)} for each in self.scratch}}

    def lines(self) -> list[str]:
        """Return it for a person."""
        lines = []
        for runs in self.kept:
            lines += [*_table(runs, len(self.seeds)), *_figure_lines(runs), '']
        for each in self.scratch:
            lines += self._beside_scratch(each)
        lines += [f'{which}: cannot be driven, {why}.' for which, why in self.cannot.items()]
        return lines[:-1] if lines and not lines[-1] else lines

    def _beside_scratch(self, scratch: Scratch) -> list[str]:
        i = self.tasks.index(scratch.task)
        few = '' if scratch.few is None else (
            f', {_percent(scratch.few)} from {self.demos[i]} demonstrations')
        lines = [f'{scratch.task} from nothing: {_percent(scratch.all)} from all '
                 f'demonstrations{few}.']
        for runs in self.kept:
            own = runs.matrix.cells[i][i]
            assert own is not None
            share = f', {own.ratio / scratch.all.ratio:.0%} of it' if scratch.all.success else ''
            number = self.demos[i] or 'all'
            lines.append(f'  {runs.keep}: {_percent(own)} from {number}{share}')
        return lines


def _table(runs: KeptRuns, seeds: int) -> list[str]:
    matrix = runs.matrix
    width = max(18, *(len(name) + 8 for name in matrix.tasks))
    title = f'{runs.keep}, {seeds} seeds' if seeds > 1 else runs.keep
    lines = [f'{title:<{width}}' + ''.join(f'{name:>18}' for name in matrix.tasks)]
    for name, row in zip(matrix.tasks, matrix.cells, strict=True):
        cells = ['-' if cell is None else f'{cell.success}/{cell.n} {cell.ratio:6.1%}'
                 for cell in row]
        lines.append(f'{"after " + name:<{width}}' + ''.join(f'{cell:>18}' for cell in cells))
    return lines


def _figure_lines(runs: KeptRuns) -> list[str]:
    lines = []
    for name in FIGURES:
        figure: Figure | None = getattr(runs.matrix, name)()
        title = name.replace('_', ' ')
        if figure is None:
            lines.append(f'{title}: not known, no earlier task can be driven')
            continue
        each = [getattr(matrix, name)().value for matrix in runs.by_seed]
        seeds = f'; seeds {", ".join(f"{100 * v:.1f}" for v in each)}' if len(each) > 1 else ''
        unit = 'points' if name == 'negative_backward_transfer' else '%'
        lines.append(f'{title} {100 * figure.value:.1f} {unit} (95 %: {100 * figure.low:.1f} to '
                     f'{100 * figure.high:.1f}{seeds})')
    return lines


def _percent(tried: Tried) -> str:
    return f'{tried.success}/{tried.n} ({tried.ratio:.1%})'


def _tried_json(tried: Tried) -> dict[str, Any]:
    low, high = wilson(tried.success, tried.n)
    return {'success': tried.success, 'n': tried.n, 'wilson95': (round(low, 4), round(high, 4))}


def _matrix_json(matrix: StageMatrix) -> dict[str, Any]:
    figures = {name: getattr(matrix, name)() for name in FIGURES}
    return {
        'matrix': [[cell and _tried_json(cell) for cell in row] for row in matrix.cells],
        'curves': [[_tried_json(point) for point in curve] for curve in matrix.curves],
        **{name: figure and round(figure.value, 4) for name, figure in figures.items()},
        **{f'{name}95': figure and (round(figure.low, 4), round(figure.high, 4))
           for name, figure in figures.items()}}
