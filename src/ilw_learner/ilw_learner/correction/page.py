"""One HTML page for one round of corrections."""

from collections.abc import Sequence
import html
from pathlib import Path

from ilw_core.contract.file import Contract
from ilw_core.scores.statistics import wilson
from ilw_core.storage.files import write_file
from ilw_core.text.printable import printable
from ilw_learner.correction.round_record import RoundRecord, Taught

_STYLE = ('body{font:16px/1.5 sans-serif;max-width:52em;margin:2em auto;padding:0 1em}'
          'table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left;'
          'border-bottom:1px solid #ddd}td+td,th+th{text-align:right}svg{background:#f4f4f4}')
_SIDE_PX, _MARGIN_M = 420, 0.5


def write_page(path: Path, record: RoundRecord, contract: Contract) -> None:
    """Write what a round brought."""
    write_file(path, page(record, contract))


def page(record: RoundRecord, contract: Contract) -> str:
    """Return the page of a round."""
    places = [place for each in record.attempts for place in each.places]
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
        _map(places) if places else '<p>The recordings do not tell where the robot was.</p>',
        '<h2>Attempts</h2>',
        _table(('episode', 'end', 'takeovers', 'steps by the person', 'steps'), [
            (each.episode, each.stop_reason or '-', str(each.takeovers), str(each.person_steps),
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


def _map(places: Sequence[tuple[float, float]]) -> str:
    """Return a picture of places in metres, x to the right and y up, with its corners named."""
    xs, ys = zip(*places, strict=True)
    side_m = max(max(xs) - min(xs), max(ys) - min(ys)) + 2.0 * _MARGIN_M
    left = 0.5 * (min(xs) + max(xs) - side_m)
    low = 0.5 * (min(ys) + max(ys) - side_m)
    scale = _SIDE_PX / side_m
    dots = ''.join(f'<circle cx="{(x - left) * scale:.1f}" cy="{_SIDE_PX - (y - low) * scale:.1f}"'
                   f' r="5" fill="#b00020" fill-opacity="0.6"/>' for x, y in places)
    return (f'<svg width="{_SIDE_PX}" height="{_SIDE_PX}" role="img">{dots}'
            f'<text x="4" y="{_SIDE_PX - 6}" font-size="12">{left:.1f} m, {low:.1f} m</text>'
            f'<text x="{_SIDE_PX - 4}" y="14" font-size="12" text-anchor="end">'
            f'{left + side_m:.1f} m, {low + side_m:.1f} m</text></svg>')


def _text(text: str) -> str:
    return html.escape(printable(text))
