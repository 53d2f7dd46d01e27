"""What a contract reads that its messages do not have: one rule for bags and for live topics."""

from collections.abc import Callable, Mapping

from ilw_core.contract.field_path import FieldKind, FieldsOf, kind_of
from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.features.spec import FeatureSpec


def field_misfit(contract: Contract, fields_of: Callable[[str], FieldsOf]) -> str:
    """
    Return the first field that a feature reads and its messages lack, or have as another kind.

    :param fields_of: topic -> what the fields of message types are there.
    :returns: the key of the contract, what is wrong, what to do; empty if all is there.
    """
    sources = {source.name: source for source in contract.sources}
    for source in contract.sources:
        feature = source.feature
        wanted = feature.kinds or (None,) * len(feature.fields)
        for (entry, path), kind in zip(feature.fields, wanted, strict=True):
            if why := _why_not(feature, sources[entry], path, kind,
                               fields_of(sources[entry].topic)):
                return f'contract {contract.name}: {entry_key(source)}: {why}'
    return ''


def command_misfit(contract: Contract, kinds: Mapping[str, str],
                   fields_of: Callable[[str], FieldsOf]) -> str:
    """
    Return the first field of the action that the messages of its command cannot hold.

    :param kinds: topic -> message type that the commands there have; another twist is fine.
    :param fields_of: topic -> what the fields of message types are there.
    :returns: as ``field_misfit``.
    """
    for command in contract.action.commands:
        kind = kinds[command.topic]
        for field, path in zip(command.fields, command.paths_in(kind), strict=True):
            key = f'contract {contract.name}: action.fields[{field}]'
            of = f'{kind} ({command.topic})'
            try:
                there = kind_of(path, kind, fields_of(command.topic))
            except LookupError as error:
                return (f'{key} must be a field of {of}. It has no {path}: {error.args[0]}. '
                        f'Correct it, or the type of the command.')
            if there != FieldKind('number'):
                more = f' Name one of them, as in {path}[0].' if there == FieldKind(
                    'number', 0) else ''
                return (f'{key} must be one number. In {of}, {path} is {there}.{more} Correct it, '
                        f'or the type of the command.')
    return ''


def entry_key(source: ObservedTopic) -> str:
    """Return the key that says what an entry reads, as in ``observation.arm.joints``."""
    return f'observation.{source.name}.{source.feature.key}'


def _why_not(feature: FeatureSpec, source: ObservedTopic, path: str, wanted: FieldKind | None,
             fields_of: FieldsOf) -> str:
    of = f'{source.type} ({source.topic})'
    try:
        there = kind_of(path, source.type, fields_of)
    except LookupError as error:
        return (f'{feature.kind} reads {path}, which no {of} has: {error.args[0]}. Correct '
                f'{feature.key}, or the type of {source.name}.')
    if wanted is None or _fits(wanted, there):
        return ''
    remedy = f'Correct {feature.key}, or the type of {source.name}.'
    if there.what == wanted.what == 'number' and feature.kind == 'field':
        remedy = ('Leave out length.' if there.count is None else
                  f'Give length, or name one of them, as in {path}[0].' if wanted.count is None
                  else f'Set length to {there.count}.')
    elif wanted.what == 'number' and there.what == 'text':
        remedy = f'A text is no number. {remedy}'
    return f'{feature.kind} reads {path} as {wanted}, but in {of} it is {there}. {remedy}'


def _fits(wanted: FieldKind, there: FieldKind) -> bool:
    if wanted.what != there.what or (wanted.count is None) != (there.count is None):
        return False
    return 0 in (wanted.count, there.count) or wanted.count == there.count
