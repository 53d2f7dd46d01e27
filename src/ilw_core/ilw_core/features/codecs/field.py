"""Any number, array or sequence of numbers of any message, by its path."""

import re

import numpy as np

from ilw_core.contract.field_path import RULE, FieldKind, is_path
from ilw_core.contract.schema import Section
from ilw_core.features.by_column import numbers, one_of
from ilw_core.features.spec import FeatureSpec, paths

MAX_LENGTH = 4096
_UNIT = re.compile(r'(_[A-Za-z0-9/^%*-]{1,16})?')


def field(name: str, options: Section) -> FeatureSpec:
    path = options.text('field')
    if not is_path(path):
        raise options.error('field', RULE, path)
    length, first = None, None
    if options.has('length'):
        length = options.integer('length', low=1, high=MAX_LENGTH)
        if options.has('first'):
            first = options.integer('first', high=MAX_LENGTH)
    options.take('length')
    if length is not None:
        options.take('first')
    low, high = options.ranges('range', length or 1)
    unit = f'_{options.text("unit")}' if options.has('unit') else ''
    options.take('unit')
    if not _UNIT.fullmatch(unit):
        raise options.error('unit', 'a unit of at most 16 letters, as in m/s', unit[1:])

    def many(values: np.ndarray) -> np.ndarray:
        if length is None and values.ndim == 1:
            return numbers(values)[:, None]
        begin, there = first or 0, values.shape[1] if values.ndim == 2 else 0
        whole = there == length if first is None else there >= begin + (length or 1)
        if length is None or not whole:
            return np.full((len(values), length or 1), np.nan, dtype=np.float32)
        return numbers(values[:, begin:begin + length])

    which = ['value'] if length is None else [str(i) for i in range(length)]
    count = length if first is None else 0
    return FeatureSpec(
        name, 'field', tuple(f'{name}.{each}{unit}' for each in which), low, high,
        paths(name, path), one_of(many), many, kinds=(FieldKind('number', count),), key='field')
