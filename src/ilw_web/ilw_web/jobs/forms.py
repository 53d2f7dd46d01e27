"""Which commands the page may start, and how what it says becomes their words: never a shell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ilw_cli.config_name import names_in
from ilw_core.errors import IlwError
from ilw_web.jobs.known_folders import KnownFolders

BASELINES = ('idle', 'random')
NAMED = ('deployed', *BASELINES)
"""Policies that have a name instead of a folder"""
MOST_CHARS = 300

Check = Callable[[str, KnownFolders], str]
"""Returns a text as it stands in the command line; raises ``IlwError``, a sentence"""


def whole(low: int, high: int) -> Check:
    """Return what takes a whole number."""
    def check(text: str, places: KnownFolders) -> str:
        del places
        if not (text.isascii() and text.isdecimal() and low <= int(text[:9]) <= high):
            raise IlwError(f'It must be a whole number from {low} to {high}. Got {text[:40]!r}.')
        return str(int(text))
    return check


def number(low: float, high: float) -> Check:
    """Return what takes a number."""
    def check(text: str, places: KnownFolders) -> str:
        del places
        try:
            value = float(text)
        except ValueError:
            value = float('nan')
        if not low <= value <= high:
            raise IlwError(f'It must be a number from {low:g} to {high:g}. Got {text[:40]!r}.')
        return f'{value:g}'
    return check


def name_in(kind: str) -> Check:
    """Return what takes a name of a file in ``config/``; the cockpit's own task is one, too."""
    def check(text: str, places: KnownFolders) -> str:
        if text not in names_in(kind) and (kind, text) != ('tasks', places.task):
            raise IlwError(f'There is no {text[:40]!r} in config/{kind}. '
                           f'There are: {", ".join(names_in(kind))}.')
        return text
    return check


def one_of(*choices: str) -> Check:
    """Return what takes one of some words."""
    def check(text: str, places: KnownFolders) -> str:
        del places
        if text not in choices:
            raise IlwError(f'It must be one of {", ".join(choices)}. Got {text[:40]!r}.')
        return text
    return check


def words(text: str, places: KnownFolders) -> str:
    """Take what a person writes, on one line."""
    del places
    if len(text) > MOST_CHARS or not text.isprintable():
        raise IlwError(f'It must be one line of {MOST_CHARS} characters at most.')
    return text


def folder(text: str, places: KnownFolders) -> str:
    """Take a folder that the page may name."""
    return str(places.find(text))


def policy(text: str, places: KnownFolders) -> str:
    """Take the folder of a checkpoint, or a name of one."""
    return text if text in NAMED else folder(text, places)


@dataclass(frozen=True)
class Form:
    """A command that the page may start."""

    words: tuple[str, ...]
    """It begins with"""
    options: Mapping[str, Check] = field(default_factory=dict)
    """Option -> what it takes; left out where the page gives nothing"""
    flags: tuple[str, ...] = ()
    """Options without a value, given as ``yes``"""
    named: Mapping[str, Check] = field(default_factory=dict)
    """What stands at the end without an option, in this order; all are needed"""
    out: str = ''
    """Option of what it leaves; empty: nothing that the page can show"""
    leaves: str = ''
    """File in its folder that ``out`` names; empty: the folder itself"""
    root: str = ''
    """Option of the folder of promoted policies; empty: it has none"""
    drives: str = ''
    """The flag with which it drives the robot that runs; empty: it never does"""

    def line(self, given: Mapping[str, str], places: KnownFolders, left: Path) -> list[str]:
        """
        Return the words of the command, each value in the word of its option.

        :param left: folder for what it leaves.
        :raises IlwError: a value is none that it takes; says which.
        """
        known = {*self.options, *self.flags, *self.named}
        for name in given:
            if name not in known:
                raise IlwError(f'{self.words[0]} has no {name[:40]!r}. '
                               f'It has: {", ".join(sorted(known))}.')
        line = list(self.words)
        for name, check in self.options.items():
            if given.get(name, ''):
                line.append(f'--{name}={_checked(name, check, given[name], places)}')
        line += [f'--{name}' for name in self.flags if given.get(name) == 'yes']
        if self.out:
            line.append(f'--{self.out}={left / self.leaves if self.leaves else left}')
        if self.root:
            line.append(f'--{self.root}={places.deployed}')
        line.append('--')
        for name, check in self.named.items():
            line.append(_checked(name, check, given.get(name, ''), places))
        return line if self.named else line[:-1]


def _checked(name: str, check: Check, text: str, places: KnownFolders) -> str:
    try:
        return check(text, places)
    except IlwError as error:
        raise IlwError(f'{name}: {error}') from error


_TASK = {'task': name_in('tasks')}
_EPISODES, _SEED = {'episodes': whole(1, 100_000)}, {'seed': whole(0, 99_999_999)}
_WHY = {'because': words}

FORMS: dict[str, Form] = {
    'train': Form(('train',), {
        **_TASK, 'algo': name_in('train'), 'demos': folder, **_SEED, 'from': policy,
        'labels': one_of('all', 'person', 'weighted')}, out='out'),
    'evaluate': Form(('eval',), {**_TASK, **_EPISODES, **_SEED}, named={'checkpoint': policy}),
    'compare': Form(('compare',), {**_TASK, **_EPISODES, **_SEED}, ('robot',),
                    {'first': policy, 'second': policy}, out='out', leaves='trials.jsonl',
                    drives='robot'),
    'replay': Form(('replay',), {**_TASK, 'bag': folder, 'policy': policy, 'against': policy}),
    'promote': Form(('promote',), {
        **_TASK, **_EPISODES, **_SEED, 'floor': number(0, 1), 'margin': number(0, 0.5), **_WHY},
        ('fresh',), {'checkpoint': policy}, root='root'),
    'rollback': Form(('promote', '--rollback'), {**_TASK, **_WHY}, root='root'),
    'correct': Form(('correct',), {
        **_TASK, 'demos': folder, 'rounds': whole(1, 100), 'attempts': whole(1, 999), **_EPISODES,
        **_SEED, 'config': name_in('train'), 'real-time-factor': number(0.01, 100)},
        ('scripted',), {'checkpoint': policy}, out='out'),
    'why': Form(('why',), {**_TASK, 'worlds': whole(0, 20), **_SEED},
                named={'checkpoint': policy, 'episodes': folder}, out='out', leaves='why.html')}
"""Name on the page -> the command"""
TELL_PROGRESS = ('train', 'eval', 'compare', 'promote', 'correct', 'why')
"""Commands with ``--progress-json``; the others take ``--json`` alone"""
