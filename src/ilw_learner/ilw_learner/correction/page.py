"""One HTML page for one round of corrections."""

from collections.abc import Mapping, Sequence
import html
from pathlib import Path

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.scores.statistics import wilson
from ilw_core.storage.files import write_file
from ilw_core.text.printable import printable
from ilw_learner.asking.help_gate import CAUSES
from ilw_learner.correction.attempt import CorrectedAttempt
from ilw_learner.correction.round_record import RoundRecord, Taught

_STYLE = ('body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}'
          'table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;'
          'border-bottom:1px solid #ddd}td+td,th+th{text-align:right}svg{background:#f4f4f4}'
          'figure{display:inline-block;margin:.5em}figcaption{font-size:12px}')
_ASKED = {True: ('asked: novel', 'asked: risky'), False: ()}
_SIDE_PX, _MARGIN_M = 260, 0.5

Walls = Mapping[str, Sequence[np.ndarray]]
"""Episode -> outlines (N, 2) [m] of what stood in its world"""


def write_page(path: Path, record: RoundRecord, contract: Contract, walls: Walls) -> None:
    """Write what a round brought."""
    write_file(path, page(record, contract, walls))


def page(record: RoundRecord, contract: Contract, walls: Walls) -> str:
    """Return the page of a round; an attempt whose world is not among ``walls`` has no map."""
    taken = [each for each in record.attempts if each.places]
    asks = record.budget is not None
    maps = ''.join(_map(each, walls[each.episode]) for each in taken if each.episode in walls)
    parts = [
        f'<h1>{_text(record.task)}, round {record.number}</h1>',
        f'<p><b>{"Promoted" if record.promoted else "Not promoted"}.</b> '
        f'{_text(record.verdict)}.</p>',
        _table(('', 'value'), figures(record, contract)),
        '<h2>What a minute of the person taught</h2>',
        _table(('', 'minutes', 'episodes', 'before', 'after', 'points per minute'), [
            _taught_row('corrections', record.corrections),
            *([] if record.fresh is None else [_taught_row('fresh demonstrations',
                                                           record.fresh)])]),
        '<h2>Where the person took over</h2>',
        maps or '<p>Nobody took over, or the recordings do not tell where the robot was.</p>',
        '<h2>Attempts</h2>',
        _table(('episode', 'end', 'takeovers', *_ASKED[asks], 'steps by the person', 'steps'), [
            (each.episode, each.stop_reason or '-', str(each.takeovers),
             *[str(each.novel), str(each.risky)][:2 * asks], str(each.person_steps),
             str(each.steps)) for each in record.attempts])]
    return (f'<!doctype html><meta charset="utf-8"><title>{_text(record.task)}, round '
            f'{record.number}</title><style>{_STYLE}</style>{"".join(parts)}\n')


def figures(record: RoundRecord, contract: Contract) -> list[tuple[str, str]]:
    """Return what a round brought, line by line: what, and its value."""
    taught, attempts = record.corrections, record.attempts
    most = (contract.action.max_rate / contract.rate_hz
            / (contract.action.high - contract.action.low)).max()
    return [
        ('success before', _ratio(taught.before, taught.n)),
        ('success after', _ratio(taught.after, taught.n)),
        ('attempts that succeeded, with help', _ratio(record.success, len(attempts))),
        ('interventions per episode', f'{record.takeovers_per_attempt:.2f}'),
        *_asked(record),
        ('share of steps by the person', f'{record.person_share:.1%}'),
        ('minutes of correction', f'{taught.minutes:.2f}'),
        ('points gained per minute', _per_minute(taught)),
        ('the same with fresh demonstrations',
         'not tried' if record.fresh is None else _per_minute(record.fresh)),
        ('largest jump of the command at a takeover',
         f'{max(each.takeover_jump for each in attempts):.1%} of its range'),
        ('largest jump at a hand-back',
         f'{max(each.hand_back_jump for each in attempts):.1%} of its range'),
        ('most that the limits let it change in a period', f'{min(most, 1.0):.1%} of its range')]


def _asked(record: RoundRecord) -> list[tuple[str, str]]:
    """Return how often the policy asked, beside its budget; nothing if it has none."""
    if record.budget is None:
        return []
    novel, risky = (sum(getattr(each, cause) for each in record.attempts) for cause in CAUSES)
    return [
        ('interruptions asked for per episode',
         f'{record.requests / len(record.attempts):.2f} ({novel} novel, {risky} risky)'),
        ('interruptions by step of the policy',
         f'{record.requests_per_step:.2%}, budget {record.budget:.2%}: '
         f'{"kept" if record.budget_kept else "not kept"}')]


def _ratio(success: int, n: int) -> str:
    low, high = wilson(success, n)
    return f'{success}/{n} (95 %: {low:.0%} to {high:.0%})'


def _per_minute(taught: Taught) -> str:
    rate = taught.points_per_minute
    return 'no minute' if rate is None else f'{rate:+.1f} ({taught.points:+.1f} in all)'


def _taught_row(name: str, taught: Taught) -> tuple[str, ...]:
    return (name, f'{taught.minutes:.2f}', str(taught.episodes), f'{taught.before}/{taught.n}',
            f'{taught.after}/{taught.n}', _per_minute(taught))


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [f'<tr>{"".join(f"<th>{_text(each)}</th>" for each in head)}</tr>']
    cells += [f'<tr>{"".join(f"<td>{_text(each)}</td>" for each in row)}</tr>' for row in rows]
    return f'<table>{"".join(cells)}</table>'


def _map(attempt: CorrectedAttempt, outlines: Sequence[np.ndarray]) -> str:
    """Return a picture of an attempt's world, x to the right and y up, its takeovers numbered."""
    corners = np.concatenate([*outlines, np.array(attempt.places)])
    low, high = corners.min(axis=0) - _MARGIN_M, corners.max(axis=0) + _MARGIN_M
    scale = _SIDE_PX / (high - low).max()

    def on_page(at: np.ndarray) -> np.ndarray:
        return np.stack([(at[..., 0] - low[0]) * scale, (high[1] - at[..., 1]) * scale], axis=-1)

    width, height = (high - low) * scale
    things = ''.join(
        f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in on_page(each))}" '
        f'fill="#777"/>' for each in outlines)
    dots = ''.join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="#b00020"/><text x="{x:.1f}" '
        f'y="{y + 4:.1f}" font-size="10" fill="#fff" text-anchor="middle">{number}</text>'
        for number, (x, y) in enumerate(on_page(np.array(attempt.places)), start=1))
    return (f'<figure><svg width="{width:.0f}" height="{height:.0f}" role="img">{things}{dots}'
            f'</svg><figcaption>{_text(attempt.episode)}</figcaption></figure>')


def _text(text: str) -> str:
    return html.escape(printable(text))
