"""Why a policy acts as it does, as one HTML page with its pictures inside."""

import base64
from collections.abc import Iterable
import html

from ilw_core.contract.file import Contract
from ilw_core.text.printable import printable
from ilw_learner.why.explain import Explained
from ilw_learner.why.report import WhyReport
from ilw_learner.why.shown.pictures import inputs_picture, moment_picture, world_picture
from ilw_learner.why.shown.text import heat_sentence, sentence

_COLOURS = {'bad': '#b00020', 'warn': '#b36b00', 'ok': '#2e7d32'}
_STYLE = ('body{font-family:sans-serif;max-width:75em;margin:2em auto}td,th{text-align:left;'
          'vertical-align:top;padding:.3em .8em;border-bottom:1px solid #ddd}img{max-width:100%}')
_MOST_CAUSES = 12
_PICTURES = (' On pictures: what blue pixels add and red ones take away, by integrated gradients; '
             'orange lines surround squares whose hiding moves the action half as much as that of '
             'the most telling one.')


def page(found: Explained, contract: Contract) -> str:
    """Return the page."""
    report = found.report
    title = f'Why {report.checkpoint} acts as it does'
    parts = [
        f'<h1>{_shown(title)}</h1>',
        f'<p>{_shown(report.task)}, {_shown(report.algorithm)}; {report.episodes} episodes, '
        f'{report.ticks} ticks; inputs replaced at {report.looked_at} of them.</p>',
        '<h2>What to do</h2>', _table((), (
            (f'<b style="color:{_COLOURS[each.level]}">{each.level}</b>', _shown(each.text),
             _shown(each.fix)) for each in report.findings)),
        '<h2>What moves its action</h2>',
        '<p>Mean change of the action, as a part of its range, when one input has the value of '
        'another episode, is held at its first value, or is not seen.</p>',
        _image(inputs_picture(report)),
        *_causes(found), '<h2>Moments</h2>',
        '<p>Blue: what each number adds to the action, by integrated gradients. Orange: how much '
        'of the action goes when that number alone is not seen.'
        f'{_PICTURES if found.pictures else ""}</p>',
        *(_image(moment_picture(found, number, contract))
          for number in range(len(report.moments))),
        _gradient(report), '<h2>Does it copy?</h2>', _copies(report),
        '<h2>What the expert depends on</h2>', _depends(report), *_lost(report),
        *(f'<p><i>{_shown(note)}</i></p>' for note in report.notes)]
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{_shown(title)}'
            f'</title>\n<style>{_STYLE}</style></head>\n<body>' + '\n'.join(parts)
            + '</body></html>\n')


def _causes(found: Explained) -> Iterable[str]:
    report = found.report
    if not report.causes:
        return
    yield '<h2>do(): the same moment in another world</h2>'
    yield (f'<p>{report.driven_again} recorded episodes were driven again from their seed, each '
           f'time with one thing otherwise. Mean change of policy and expert, and where it moves '
           f'the policy most.</p>')
    yield _table(('cause', 'policy', 'expert', 'most'), (
        (_shown(each.cause), f'{each.policy:.1%}', f'{each.expert:.1%}', _shown(sentence(each)))
        for each in report.causes[:_MOST_CAUSES]))
    for each in found.worlds:
        yield _image(world_picture(each))


def _gradient(report: WhyReport) -> str:
    check = report.gradient
    if check is None or not check.moments:
        return '<p>No integrated gradients were checked.</p>'
    return (f'<p>Integrated gradients of the weights and finite differences through the file '
            f'that drives name the same three numbers in {check.same_top3_ratio:.0%} of '
            f'{check.moments} cases. The parts add up to the change of the action within '
            f'{check.worst_gap_ratio:.2%} at worst.</p>{_heat(report)}')


def _heat(report: WhyReport) -> str:
    return '' if report.heat is None else f'<p>{_shown(heat_sentence(report.heat))}</p>'


def _copies(report: WhyReport) -> str:
    test = report.copycat
    return _table(('of the demonstrated action tells', 'R²'), (
        ('the last action alone', f'{test.last_action:.2f}'),
        ('the observations alone', f'{test.observations:.2f}'),
        ('both', f'{test.both:.2f}'),
        ('the last action, of what observations leave open', f'{test.partial:.2f}'))) + _table(
        ('the last action can be read from', 'R²'), (
            (_shown(name), f'{value:.2f}') for name, value in test.shown_by.items()))


def _depends(report: WhyReport) -> str:
    told = '<p>do: change of the expert where this alone was changed. Alone, adds: R².</p>'
    return told + _table(
        ('quantity', 'depends', 'do', 'alone', 'adds to the others (95 %)', 'not told apart from'),
        ((_shown(each.quantity), 'yes' if each.depends else 'not seen',
          '' if each.done is None else f'{each.done:.1%}', f'{each.alone:.2f}',
          f'{each.partial95[0]:.2f} to {each.partial95[1]:.2f}', _shown(', '.join(each.like)))
         for each in report.depends))


def _lost(report: WhyReport) -> Iterable[str]:
    if report.success_lost:
        yield '<h2>Success lost</h2>'
        yield _table(('input', 'how', 'with', 'without', 'lost (95 %)'), (
            (_shown(each.input), each.how, f'{each.whole}/{each.n}', f'{each.without}/{each.n}',
             f'{each.lost:.0%} ({each.lost95[0]:.0%} to {each.lost95[1]:.0%})')
            for each in report.success_lost))


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; cells are HTML already."""
    top = ''.join(f'<th>{_shown(head)}</th>' for head in heads)
    body = ''.join('<tr>' + ''.join(f'<td>{cell}</td>' for cell in row) + '</tr>\n'
                   for row in rows)
    return f'<table>{f"<tr>{top}</tr>" if top else ""}{body}</table>'


def _shown(text: str) -> str:
    return html.escape(printable(text))


def _image(picture: bytes) -> str:
    return f'<img alt="" src="data:image/png;base64,{base64.b64encode(picture).decode()}">'
