"""Do the messages of a recording have what the features of a contract read?"""

from collections.abc import Mapping

import numpy as np

from ilw_core.contract.field_path import FieldsOf
from ilw_core.contract.file import Contract
from ilw_core.errors import FeatureMisfitError
from ilw_core.features.misfit import command_misfit, entry_key, field_misfit
from ilw_core.text.printable import printable
from ilw_data.bag.message_types import field_kinds
from ilw_data.bag.reader import Bag, BagTopic

_NAMED = 40
"""Texts of a recording that are listed"""


def require_fields(bag: Bag, contract: Contract, topics: Mapping[str, BagTopic]) -> None:
    """
    Refuse a contract whose features or action are of fields that the messages do not have.

    :param topics: those of the contract, with their messages.
    :raises FeatureMisfitError: a field is not there, or no number; a name never occurs.
    """
    def fields_of(topic: str) -> FieldsOf:
        return field_kinds(topics[topic].types)

    if why := (field_misfit(contract, fields_of)
               or command_misfit(contract, bag.types, fields_of)):
        raise FeatureMisfitError(f'{bag.folder}: {why}')
    places = {source.name: source.topic for source in contract.sources}
    for source in contract.sources:
        feature = source.feature
        if not feature.expected:
            continue
        entry, path = feature.fields[0]
        there = _texts(topics[places[entry]], path)
        if missing := [text for text in feature.expected if text not in there]:
            has = ', '.join(map(printable, sorted(there)[:_NAMED])) or 'none'
            raise FeatureMisfitError(
                f'{bag.folder}: contract {contract.name}: {entry_key(source)} names '
                f'{missing[0]!r}, which no message of {places[entry]} has. It has: {has}. '
                f'Correct {feature.key}.')


def _texts(topic: BagTopic, path: str) -> set[str]:
    """Return every text that a sequence of texts ever holds."""
    lengths, found = topic.fields.lengths(path), set()
    if lengths is not None:
        for length in np.unique(lengths[lengths > 0]):
            column = topic.fields.column(path, np.flatnonzero(lengths == length))
            found |= set(column.ravel().tolist())
    return found
