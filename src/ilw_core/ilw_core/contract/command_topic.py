"""One topic that a part of an action goes out on, and where its numbers are in the message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ilw_core.contract.field_path import RULE, is_path
from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError

TWISTS = {'geometry_msgs/msg/TwistStamped': 'twist.', 'geometry_msgs/msg/Twist': ''}
"""Type -> what the path of a twist's field begins with"""


@dataclass(frozen=True)
class CommandTopic:
    """One command message."""

    topic: str
    """Relative name, without a leading slash."""
    type: str
    """As in ``geometry_msgs/msg/TwistStamped``"""
    fields: tuple[int, ...]
    """(Dc,) which numbers of the action it takes"""
    paths: tuple[str, ...]
    """(Dc,) where they are in it"""
    constants: tuple[tuple[str, Any], ...] = ()
    """Path -> what is always there, as the names of joints"""
    where: str = 'action.command'
    """Its entry in the contract, which opens errors"""

    def paths_in(self, kind: str) -> tuple[str, ...]:
        """
        Return where its numbers are in messages of ``kind``, ``(Dc,)``.

        A robot may take a twist with or without a stamp, whichever the contract says.

        :raises ContractError: messages of this type cannot hold the command.
        """
        if kind == self.type:
            return self.paths
        if not same_command(kind, self.type):
            raise ContractError(f'A command of type {self.type} cannot be sent as {kind}. Use the '
                                f'type of the contract, or a Twist for a TwistStamped.')
        before, now = TWISTS[self.type], TWISTS[kind]
        return tuple(now + path.removeprefix(before) for path in self.paths)


def is_twist(kind: str) -> bool:
    """Tell whether a message type holds the velocities of a body."""
    return kind in TWISTS


def same_command(kind: str, other: str) -> bool:
    """Tell whether two message types hold the same command."""
    return kind == other or {kind, other} <= set(TWISTS)


def read_commands(section: Section, fields: Sequence[Section],
                  paths: Sequence[str]) -> tuple[CommandTopic, ...]:
    """
    Take ``command``, or ``commands`` by name, out of ``action``.

    :param fields: (Da,) the action's fields; of several commands each names its own.
    :param paths: (Da,) where they are in the message.
    """
    if not section.has('commands'):
        for entry in fields:
            if entry.has('command'):
                raise entry.error('command', 'left out where action.command is the only one',
                                  entry.take('command'))
        return (_command(section.section('command'), range(len(paths)), paths),)
    if section.has('command'):
        raise section.error('command', 'left out where there are commands',
                            section.take('command'))
    entries = section.section('commands')
    names = list(entries.keys())
    owner = [entry.text('command', choices=tuple(names)) for entry in fields]
    commands = tuple(_command(entries.section(name),
                              [i for i, mine in enumerate(owner) if mine == name], paths)
                     for name in names)
    entries.done()
    if not commands:
        raise section.error('commands', 'at least one command', {})
    topics = [command.topic for command in commands]
    for i, command in enumerate(commands):
        if command.topic in topics[:i]:
            raise ContractError(f'{command.where}.topic must be another than those before it. '
                                f'Got {command.topic}.')
    return commands


def _command(entry: Section, fields: Sequence[int], paths: Sequence[str]) -> CommandTopic:
    topic, kind = entry.topic(), entry.message_type()
    constants = entry.section('set', required=False)
    given = []
    for path in constants.keys():  # noqa: SIM118 - a method, not a dict
        value = constants.take(path)
        if not is_path(path):
            raise constants.error(path, RULE, path)
        if not _plain(value):
            raise constants.error(path, 'a number, true or false, a text, or a list of them',
                                  value)
        given.append((path, value))
    constants.done()
    entry.done()
    mine = tuple(paths[i] for i in fields)
    if not mine:
        raise ContractError(f'{entry.where} must have a field of the action. None of '
                            f'action.fields names it.')
    twice = [path for i, path in enumerate(mine) if path in mine[:i] or path in dict(given)]
    if twice:
        raise ContractError(f'{entry.where}: {twice[0]} must be set once. It is set twice.')
    return CommandTopic(topic, kind, tuple(fields), mine, tuple(given), entry.where)


def _plain(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(_plain(each) and not isinstance(each, list) for each in value)
    return isinstance(value, (bool, int, float, str))
