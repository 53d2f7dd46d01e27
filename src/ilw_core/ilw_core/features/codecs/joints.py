"""Where joints are, how fast and how hard they move: by name, whatever their order."""

import math

import numpy as np

from ilw_core.contract.field_path import FieldKind
from ilw_core.contract.schema import Section
from ilw_core.features.by_column import numbers, one_of
from ilw_core.features.spec import FeatureSpec, paths

_LARGEST = {'position': 2.0 * math.pi, 'velocity': 10.0, 'effort': 100.0}
"""Of a joint that nobody says more of: a turn each way, fast arms, strong legs"""


def joints(name: str, options: Section) -> FeatureSpec:
    wanted = options.texts('joints')
    read = options.texts('read', ('position',), tuple(_LARGEST))
    low: list[float] = []
    high: list[float] = []
    for quantity in read:
        ends = options.ranges(f'{quantity}_range', len(wanted),
                              (-_LARGEST[quantity], _LARGEST[quantity]))
        low += ends[0]
        high += ends[1]

    def many(names: np.ndarray, *columns: np.ndarray) -> np.ndarray:
        values = np.full((len(names), len(read), len(wanted)), np.nan, dtype=np.float32)
        orders: dict[tuple[str, ...], list[int]] = {}
        for row, order in enumerate(map(tuple, names.tolist())):
            orders.setdefault(order, []).append(row)
        for order, rows in orders.items():
            places = {joint: place for place, joint in enumerate(order)}
            # Of a joint that is listed twice nobody knows which of the two numbers is its own.
            known = [i for i, joint in enumerate(wanted) if order.count(joint) == 1]
            at = [places[wanted[i]] for i in known]
            for i, column in enumerate(columns):
                # Of fewer numbers, or more, than names nobody knows whose they are.
                if known and column.shape[1] == len(order):
                    values[np.ix_(rows, [i], known)] = numbers(column[np.ix_(rows, at)])[:, None]
        return values.reshape(len(names), -1)

    return FeatureSpec(
        name, 'joints', tuple(f'{name}.{joint}.{quantity}' for quantity in read
                              for joint in wanted),
        tuple(low), tuple(high), paths(name, 'name', *read), one_of(many), many,
        kinds=(FieldKind('text', 0), *(FieldKind('number', 0),) * len(read)), key='joints',
        expected=wanted)
