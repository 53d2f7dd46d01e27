"""
What a person declares of a lidar: how it says "nothing there", and where it looks.

The ``lidar`` section of a robot profile in ``config/robots``. Recordings keep it, so whoever
reads them later needs not be told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

from ilw_core.contract.schema import Section
from ilw_core.contract.yaml_data import read_yaml

NO_RETURN = ('inf', 'zero', 'nan', 'max')
MAX_PROFILE_BYTES = 100_000
_WIDEST_RAD = 2.0 * math.pi


@dataclass(frozen=True)
class LidarSpec:
    """What is known of a lidar beyond its messages."""

    no_return: str = 'inf'
    """
    What a beam that met nothing says: ``inf`` (REP 117), ``zero``, ``nan``, or ``max`` (a value at
    or above ``range_max``). Positive infinity always says so, too.
    """
    sees_rad: tuple[float, float] | None = None
    """From and to, in the scan's own frame; beams outside are not used. ``None``: every beam"""

    @property
    def key(self) -> str:
        """The declaration as a line of text; empty where nothing is declared."""
        return '' if self == PLAIN else json.dumps(self.as_data(), sort_keys=True)

    def as_data(self) -> dict[str, Any]:
        """Return it as the mapping that ``read_lidar`` reads."""
        data: dict[str, Any] = {'no_return': self.no_return}
        return data if self.sees_rad is None else data | {'sees_rad': list(self.sees_rad)}


PLAIN = LidarSpec()
"""Of a lidar of which nothing is declared"""


def read_lidar(section: Section) -> LidarSpec:
    """
    Check a ``lidar`` section; an empty one declares nothing.

    :raises ContractError: it says something else than it may.
    """
    # YAML reads these two words, written without quotes, as numbers.
    plain = section.take('no_return')
    word = plain if not isinstance(plain, float) else 'nan' if math.isnan(plain) else str(plain)
    if word is not None and word not in NO_RETURN:
        raise section.error('no_return', f'one of {", ".join(NO_RETURN)}', plain)
    sees = None
    if section.has('sees_rad'):
        first, last = section.numbers('sees_rad', 2)
        if not (first < last <= first + _WIDEST_RAD + 1e-6 and abs(first) <= _WIDEST_RAD):
            raise section.error('sees_rad', 'two angles in radians within a turn, the smaller '
                                'first', [first, last])
        sees = first, last
    section.take('sees_rad')
    section.done()
    return LidarSpec(word or 'inf', sees)


def load_lidar(profile: str | Path) -> LidarSpec:
    """
    Return what a robot profile declares of its lidar; the rest of the file is not looked at.

    :raises ContractError: the file is missing, or its ``lidar`` section has a mistake.
    """
    root = Section(read_yaml(profile, 'a robot profile', MAX_PROFILE_BYTES), str(profile))
    return read_lidar(root.section('lidar', required=False))


def recorded_lidar(meta: Mapping[str, Any], where: str) -> LidarSpec:
    """
    Return what an episode's notes keep of it.

    :raises ContractError: the notes say something else than they may.
    """
    return read_lidar(Section(meta.get('lidar') or {}, f'{where}: lidar'))
