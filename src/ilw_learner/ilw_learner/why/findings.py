"""From numbers to what a person should do: inputs that mislead, inputs that are not looked at."""

from collections.abc import Sequence

from ilw_learner.why.ablation import SuccessLost
from ilw_learner.why.recorded.copycat import CopycatTest
from ilw_learner.why.recorded.dependence import Dependence
from ilw_learner.why.report import InputUse, WhyFinding

USED_SHARE = 0.1
"""An input that moves less of the action than this does no harm worth a finding"""
_UNUSED_SHARE = 0.02
_FOLLOWS = 0.7
_STAYS = 0.02
_HELD_RATIO = 0.1
_NEEDED = 0.02
"""Change of the expert's action, as a part of its range, from which on it looks"""


def findings(uses: Sequence[InputUse], copycat: CopycatTest, depends: Sequence[Dependence],
             lost: Sequence[SuccessLost]) -> tuple[WhyFinding, ...]:
    """Return what should be done, the worst first; one line that all is well if nothing is."""
    known = {each.quantity: each for each in depends}
    found: list[WhyFinding] = []
    for use in uses:
        found += _of(use, known.get(use.blank.input), copycat)
    for each in lost:
        if each.lost95[1] < 0.0:
            found.append(WhyFinding(
                'bad', each.input, f'It drives better without {each.input} ({each.how}): '
                f'{each.without} of {each.n} arrive, {each.whole} with it.', _leave_out(
                    each.input)))
    order = ('bad', 'warn', 'ok')
    found.sort(key=lambda each: order.index(each.level))
    return tuple(found) or (WhyFinding(
        'ok', '', 'Nothing it looks at follows its last action, the time or the episode.', ''),)


def misleading(found: Sequence[WhyFinding]) -> tuple[str, ...]:
    """Return the inputs that findings say to leave out."""
    return tuple(dict.fromkeys(each.input for each in found if '--without' in each.fix))


def _of(use: InputUse, depends: Dependence | None, copycat: CopycatTest) -> list[WhyFinding]:
    name, share, traits = use.blank.input, use.share, use.traits
    if use.image:
        return _of_camera(name, share, use)
    needed = depends is not None and depends.done is not None and depends.done > _NEEDED
    if share < _UNUSED_SHARE and needed:
        return [WhyFinding(
            'bad', name, f'It does not look at {name} ({share:.0%} of what moves its action), but '
            f'the expert does (do: {depends.done:.0%} of the range).' if depends and depends.done
            else '', 'Record more episodes in which it matters; leave out what it looks at '
            'instead, if one of these findings names it.')]
    if share < USED_SHARE or needed:
        return []
    said = ''
    if traits.follows_last_action >= _FOLLOWS:
        said = (f'{name} follows the last action (R² {traits.follows_last_action:.2f}), and the '
                f'last action alone tells {copycat.last_action:.0%} of the next: it can copy '
                f'itself instead of looking.')
    elif traits.follows_time >= _FOLLOWS:
        said = (f'{name} follows the time since the start (R² {traits.follows_time:.2f}): it acts '
                f'by the clock.')
    elif traits.varies_within <= _STAYS:
        said = (f'{name} stays as it is within an episode ({traits.varies_within:.1%} of its '
                f'variance): it can tell the demonstrations apart instead of looking.')
    elif depends is not None and depends.done is not None:
        said = f'The expert does nothing else when {name} is changed.'
    if not said:
        return []
    level = 'bad' if share >= 0.25 else 'warn'
    return [WhyFinding(level, name, f'{share:.0%} of what moves its action is {name}. {said}',
                       _leave_out(name))]


def _of_camera(name: str, share: float, use: InputUse) -> list[WhyFinding]:
    if share < _UNUSED_SHARE:
        return [WhyFinding(
            'warn', name, f'It does not look at {name} ({share:.0%} of what moves its action).',
            f'Measure what it is worth: ./ilw why CHECKPOINT --drive 20. If nothing, take it out '
            f'of the contract: a policy without {name} is faster. Else record what only {name} '
            f'shows.')]
    if share >= USED_SHARE and use.held.ratio <= _HELD_RATIO * use.mixed.ratio:
        return [WhyFinding(
            'warn', name, f'{share:.0%} of what moves its action is {name}, but hardly anything '
            f'changes when its first picture stays: it can tell the demonstrations apart instead '
            f'of looking.', 'Record more episodes, and with other light and backgrounds.')]
    return []


def _leave_out(name: str) -> str:
    return f'Leave it out and compare: ./ilw train --without {name}'
