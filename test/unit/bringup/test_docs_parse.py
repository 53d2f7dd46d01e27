"""Every command of README, docs and ``--help`` is one that the command line takes."""

import importlib.util
from pathlib import Path
import re
import shlex

import click
import pytest

from ilw_bringup.cli import ilw
from ilw_bringup.next_step import Recorded, next_steps
from ilw_bringup.start.bringup import BRINGUPS

_SPEC = importlib.util.spec_from_file_location(
    'doc_commands', Path(__file__).parents[2] / 'doc_commands.py')
doc_commands = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(doc_commands)

ENTRY = {'setup': ['--wheelhouse', '--robot', '--full'], 'test': ['--quick', '--all'], 'shell': []}
"""What the entry does itself, and its options"""
_VARIABLE = re.compile(r'[A-Z_]+=')
_LAUNCH = ['ros2', 'launch', 'ilw_bringup']
_OF_LAUNCH = ('--show-args', '-s', '--print', '-p', '--debug', '-d', '--noninteractive', '-n')
"""Options of ``ros2 launch`` itself that take no value"""


def shown_commands():
    """Return all lines that call ``./ilw`` or launch a bring-up."""
    found = []
    for page in doc_commands.pages():
        for block in doc_commands.blocks(page):
            if block.language in doc_commands.SHELL:
                found += doc_commands.lines(block)
        found += doc_commands.spans(page)
    return [line for line in found if re.search(r'\./ilw\b|ros2 launch ilw_bringup', line.text)]


def commands_of(group, path=()):
    """Yield every command and what leads to it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands_of(command, (*path, name))


def parts_of(line):
    """Yield the simple commands of a line, without variables set for them."""
    part, ended = [], False
    for word in [*line.words, '&&']:
        if word in ('&&', ';', '|', '||', '&'):
            yield part
            part, ended = [], False
        elif word in ('>', '>>', '2>', '<'):
            ended = True  # what follows is a file
        elif not ended and (part or not _VARIABLE.match(word)):
            part.append(word)


def objection(words, whole=True):
    """
    Return what the command line has against some words; empty if nothing.

    :param whole: what a command works on must be there.
    """
    if words[:1] == ['./ilw']:
        return _objection_of_ilw(words[1:], whole)
    if words[:3] == _LAUNCH:
        return _objection_of_launch(words[3:])
    return ''


def _objection_of_ilw(words, whole):
    if words[:1] and words[0] in ENTRY:
        unknown = [word for word in words[1:] if word.startswith('--')
                   and word not in ENTRY[words[0]]]
        return f'./ilw {words[0]} has no {unknown}' if unknown else ''
    command, context, rest = ilw, click.Context(ilw), [w for w in words if w != '--help']
    if rest[1:2] == ['NAME'] and isinstance(ilw.get_command(context, rest[0]), click.Group):
        group = ilw.get_command(context, rest[0])
        each = [[rest[0], name, *words[2:]] for name in group.list_commands(context)]
        return next(filter(None, (_objection_of_ilw(one, whole) for one in each)), '')
    try:
        while isinstance(command, click.Group) and rest and rest[0] != '...':
            _, command, rest = command.resolve_command(context, rest)
        if not isinstance(command, click.Group) and '--help' not in words:
            command.make_context('ilw', [word for word in rest if word != '...'])
    except click.MissingParameter as error:
        return error.format_message() if whole else ''
    except click.ClickException as error:
        return error.format_message()
    return ''


def _objection_of_launch(words):
    name = words[0].removesuffix('.launch.py')
    if name == '...':
        return ''
    if name not in BRINGUPS:
        return f'there is no bring-up {name}'
    known = {argument.name: argument for argument in BRINGUPS[name].arguments}
    for word in words[1:]:
        key, assigned, value = word.partition(':=')
        if word in ('...', *_OF_LAUNCH):
            continue
        if not assigned or key not in known:
            return f'{name} has no argument {word!r}'
        if known[key].choices and value not in known[key].choices:
            return f'{word!r} must be one of {known[key].choices}'
        if isinstance(known[key].default, bool) and value not in ('true', 'false'):
            return f'{word!r} must be true or false'
    return ''


@pytest.mark.parametrize('line', shown_commands(), ids=lambda line: line.where)
def test_every_command_of_the_docs_parses(line):
    for words in parts_of(line):
        assert not objection(words, line.whole), f'{line.where}: {line.text}'


@pytest.mark.parametrize(('path', 'command'), list(commands_of(ilw)), ids=lambda each: str(each))
def test_every_command_shows_an_example_that_parses(path, command):
    examples = re.findall(r'Example: (\./ilw .*)', command.help or '', re.DOTALL)
    assert examples, f'./ilw {" ".join(path)} --help has no example'
    line = doc_commands.Line(' '.join(path), ' '.join(examples[0].split()))
    assert line.words[1:1 + len(path)] == list(path), 'an example of another command'
    for words in parts_of(line):
        assert not objection(words), line.text


@pytest.mark.parametrize('text', [
    './ilw up sim task:=maze', './ilw up sim --gui true', './ilw trian', './ilw test --fast',
    './ilw eval', './ilw train --sed 3', 'ros2 launch ilw_bringup sim.launch.py tsk:=maze',
    'ros2 launch ilw_bringup deploy.launch.py robot:=fake', './ilw episodes mend x',
    'ros2 launch ilw_bringup deploy.launch.py enable_output:=yes', './ilw up NAME --tsk maze',
    './ilw up NAME --expert', './ilw trian NAME',
    'ros2 launch ilw_bringup sim.launch.py --show-arg'])
def test_a_command_that_is_wrong_does_not_parse(text):
    assert objection(doc_commands.Line('here', text).words)


@pytest.mark.parametrize('text', [
    './ilw up NAME', './ilw up NAME --help', './ilw up NAME --log-level debug',
    'ros2 launch ilw_bringup record.launch.py --show-args',
    'ros2 launch ilw_bringup sim.launch.py -n task:=maze'])
def test_what_stands_for_any_bringup_and_what_launch_itself_takes_parses(text):
    assert not objection(doc_commands.Line('here', text).words)


def test_blocks_and_spans_are_found(tmp_path):
    page = doc_commands.ROOT / 'docs' / 'tutorial' / 'first_policy.md'
    assert any('./ilw demo --quick' in block.text for block in doc_commands.blocks(page))
    forms = [line.text for line in doc_commands.spans(doc_commands.ROOT / 'README.md')]
    assert {'./ilw joystick teach', './ilw episodes show demos/clutter',
            './ilw demo --task maze --quick --json'} <= set(forms)


def test_what_comes_next_is_a_command():
    recorded = Recorded('maze', 3, 2, 9.0), Recorded('my room', 4, 4, 9.0, 'it is damaged')
    steps = [*next_steps(recorded, 'runs/my run/checkpoint', 1.0, ('maze', 'my room')),
             *next_steps((), '', 0.0, ())]
    assert len(steps) == 15
    assert not [wrong for step in steps if (wrong := objection(shlex.split(step.command)))]


@pytest.mark.parametrize('page', doc_commands.pages(), ids=lambda page: page.name)
def test_no_page_holds_two_versions_of_a_passage(page):
    """As git leaves them where two changes meet."""
    assert not re.search(r'^(<{7}|>{7}) ', page.read_text(), re.MULTILINE)
