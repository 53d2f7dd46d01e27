"""
Write the pages of ``docs/reference`` that are made from their sources.

In the environment of ``./ilw shell``: ``python tools/write_reference.py``. A test holds the pages
to what this would write.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from ilw_bringup.cli import ilw

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / 'docs' / 'reference'
_MADE = '\n<!-- Written by tools/write_reference.py: change the source, then run that. -->\n'


def pages() -> dict[str, str]:
    """Return file name -> content of every page that is made."""
    return {'commands.md': _commands(), 'messages.md': _messages(), 'values.md': _values()}


def _commands() -> str:
    """Return what ``--help`` says of every command."""
    lines = ['# Commands', _MADE, 'Every `./ilw` command, as `--help` prints it. `./ilw setup`, '
             '`./ilw test` and `./ilw shell` are the entry\'s own.\n']
    for names, command in _each(ilw):
        context = click.Context(command, info_name=' '.join(('./ilw', *names)),
                                terminal_width=79, max_content_width=79)
        lines += [f'## {" ".join(names)}\n', '```text', command.get_help(context), '```\n']
    return '\n'.join(lines)


def _each(group: click.Group, above: tuple[str, ...] = ()) -> Iterator[
        tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from _each(command, (*above, name))
        else:
            yield (*above, name), command


def _messages() -> str:
    """Return the definitions of ILW's messages, services and actions."""
    lines = ['# Messages, services and actions', _MADE,
             'The definitions of `ilw_msgs`, each field with its meaning. Who sends and hears '
             'what is in [Topics](topics.md).\n']
    for kind in ('msg', 'srv', 'action'):
        for path in sorted((ROOT / 'src' / 'ilw_msgs' / kind).iterdir()):
            lines += [f'## {kind}/{path.stem}\n', '```text', path.read_text().rstrip(), '```\n']
    return '\n'.join(lines)


def _values() -> str:
    """Return the values that each algorithm trains with."""
    lines = ['# Values of a training', _MADE,
             'The files of `config/train`, each value with its reason. A file of your own goes to '
             '`./ilw train --algo FILE`; `base: bc` in its first line takes over what it does not '
             'name. What a training would use, and where each value comes from: '
             '`./ilw config show bc --task maze`.\n']
    for path in sorted((ROOT / 'config' / 'train').glob('*.yaml')):
        lines += [f'## {path.stem}\n', '```yaml', path.read_text().rstrip(), '```\n']
    return '\n'.join(lines)


if __name__ == '__main__':
    for page, text in pages().items():
        (PAGES / page).write_text(text)
        print(PAGES / page)
