"""How something turns and is accelerated, and which way is up, as an IMU feels it."""

import numpy as np

from ilw_core.contract.field_path import FieldKind
from ilw_core.contract.schema import Section
from ilw_core.features.by_column import numbers, one_of
from ilw_core.features.rotation import matrices
from ilw_core.features.spec import FeatureSpec, paths

_NAMES = {
    'angular_velocity': tuple(f'turn_{axis}_radps' for axis in 'xyz'),
    'linear_acceleration': tuple(f'acceleration_{axis}_mps2' for axis in 'xyz'),
    # Up, seen by the IMU, and not its whole orientation: gravity says which way that is, at any
    # time. Where ahead is, an IMU counts from wherever it was switched on, or from north by a
    # magnetometer that motors bend; a policy that learnt it would know one place on one day.
    'orientation': tuple(f'up_{axis}' for axis in 'xyz')}


def imu(name: str, options: Section) -> FeatureSpec:
    read = options.texts('read', tuple(_NAMES), tuple(_NAMES))
    most = {'orientation': 1.0}
    if 'angular_velocity' in read:
        most['angular_velocity'] = options.number('turn_max_radps', 10.0, low=0.01, high=1000.0)
    if 'linear_acceleration' in read:
        # 4 g: at rest it already feels one.
        most['linear_acceleration'] = options.number('acceleration_max_mps2', 40.0, low=1.0,
                                                     high=10_000.0)

    def many(*columns: np.ndarray) -> np.ndarray:
        left, found = list(columns), []
        for quantity in read:
            size = 4 if quantity == 'orientation' else 3
            parts, variance, left = left[:size], left[size], left[size + 1:]
            # The third row of a rotation: the world's z axis, seen in the turned frame.
            seen = matrices(*parts)[:, 2, :] if size == 4 else np.stack(parts, axis=1)
            # Imu.msg: where a quantity is not measured, its covariance begins with -1.
            given = np.asarray(variance, dtype=np.float64) != -1.0
            found.append(np.where(given[:, None], numbers(seen), np.float32(np.nan)))
        return np.concatenate(found, axis=1)

    fields = []
    for quantity in read:
        axes = 'xyzw' if quantity == 'orientation' else 'xyz'
        fields += [*(f'{quantity}.{axis}' for axis in axes), f'{quantity}_covariance[0]']
    high = tuple(most[quantity] for quantity in read for _ in range(3))
    return FeatureSpec(
        name, 'imu', tuple(f'{name}.{each}' for quantity in read for each in _NAMES[quantity]),
        tuple(-each for each in high), high, paths(name, *fields), one_of(many), many,
        kinds=(FieldKind('number'),) * len(fields))
