"""What was found out about a policy, in lines for a terminal."""

from collections.abc import Iterator

from ilw_learner.why.pictures_seen import HeatCheck
from ilw_learner.why.report import CauseEffect, WhyReport

_MOST_CAUSES = 6


def lines(report: WhyReport) -> Iterator[str]:
    """Return it, what to do first."""
    yield (f'{report.task}, {report.algorithm}: {report.episodes} episodes, {report.ticks} ticks; '
           f'inputs replaced at {report.looked_at}')
    for each in report.findings:
        yield f'{each.level:<4} {each.text}'
        if each.fix:
            yield f'     {each.fix}'
    yield 'what moves its action (part of the range when the input is of another episode):'
    for use in sorted(report.inputs, key=lambda each: -each.share):
        yield (f'  {use.blank.input:<12} {use.mixed.ratio:6.1%}  not seen {use.blank.ratio:6.1%} '
               f'({use.blank.stand_in}), held {use.held.ratio:6.1%}')
    if report.causes:
        yield f'do(), {report.driven_again} episodes driven again: policy, expert'
    for cause in report.causes[:_MOST_CAUSES]:
        yield f'  {cause.cause:<18} {cause.policy:6.1%} {cause.expert:6.1%}  {sentence(cause)}'
    test = report.copycat
    yield (f'of the demonstrated action the last action alone tells {test.last_action:.0%}, '
           f'observations {test.observations:.0%}; of what they leave open the last action '
           f'{test.partial:.0%}')
    yield 'the expert depends on (do, else what it alone adds; 95 %):'
    for each in report.depends:
        done = '' if each.done is None else f'do {each.done:.1%} of the range; '
        alike = f'; not told apart from {", ".join(each.like)}' if each.like else ''
        yield (f'  {each.quantity:<12} {"yes" if each.depends else "not seen":<8} {done}'
               f'{each.partial95[0]:.2f} to {each.partial95[1]:.2f}{alike}')
    for lost in report.success_lost:
        yield (f'  without {lost.input} ({lost.how}): {lost.without} of {lost.n} arrive instead '
               f'of {lost.whole} (lost {lost.lost95[0]:.0%} to {lost.lost95[1]:.0%})')
    if report.gradient is not None and report.gradient.moments:
        check = report.gradient
        yield (f'integrated gradients and finite differences through the file that drives: the '
               f'same top three in {check.same_top3_ratio:.0%} of {check.moments}, sums within '
               f'{check.worst_gap_ratio:.2%}')
    if report.heat is not None:
        yield heat_sentence(report.heat)
    for note in report.notes:
        yield f'note: {note}'


def heat_sentence(check: HeatCheck) -> str:
    """Return how far heat maps agree with what hiding squares does."""
    if not check.pairs:
        return 'No square of a picture moves an action when the file that drives does not see it.'
    return (f'Heat maps and squares hidden from the file that drives: the most telling places '
            f'touch in {check.same_place_ratio:.0%} of {check.pairs} (6 % by chance), rank '
            f'correlation {check.rank_correlation:.2f}.')


def sentence(cause: CauseEffect) -> str:
    """Return where a cause moves the policy most, as a counterfactual."""
    field = max(cause.before, key=lambda name: abs(cause.after[name] - cause.before[name]))
    what = cause.cause if ' to the ' in cause.cause else f'without {cause.cause}'
    return (f'{cause.time_s:.1f} s into {cause.episode}: {field} {cause.before[field]:+.2f}, '
            f'{what} {cause.after[field]:+.2f}')
