"""Read typed values out of YAML mappings; every error names the file, the key and the reason."""

from collections.abc import Mapping, Sequence
import math
import re
from reprlib import Repr
from typing import Any

from ilw_core.errors import ContractError

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 120
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxdict = 12
_SHORT.maxlevel = 3
_TOPIC = re.compile(r'[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')
_MESSAGE_TYPE = re.compile(r'[a-z][a-z0-9_]*/msg/[A-Z][A-Za-z0-9]*')
_MAX_TOPIC = 128

LARGEST = 1e9
"""Of any reward, and any value and rate of an action: their squares and sums stay finite"""


def shown(value: Any) -> str:
    """Return a value for an error text: as it was, but never longer than a line or two."""
    return _SHORT.repr(value)


class Section:
    """
    One mapping of a YAML file. Every key must be taken before ``done()``; others are errors.

    :param data: the mapping as loaded.
    :param where: file and dotted path, for error texts.
    :param of_type: the type of the messages that it is about, for what reads them.
    """

    def __init__(self, data: Any, where: str, of_type: str = '') -> None:
        if not isinstance(data, Mapping):
            raise ContractError(f'{where} must be a mapping (key: value). Got {shown(data)}.')
        self._data = dict(data)
        self._taken: set[str] = set()
        self.where, self.of_type = where, of_type

    def error(self, key: str, rule: str, got: Any) -> ContractError:
        """Return the error for one key; the caller raises it."""
        return ContractError(f'{self.where}.{key} must be {rule}. Got {shown(got)}.')

    def has(self, key: str) -> bool:
        """Tell whether the key is there and not null."""
        return self._data.get(key) is not None

    def keys(self) -> list[str]:
        """Return all keys, in the order of the file."""
        return [str(key) for key in self._data]

    def take(self, key: str, default: Any = None, *, required: bool = False) -> Any:
        """Return the raw value of a key and mark it as known."""
        self._taken.add(key)
        if key in self._data and self._data[key] is not None:
            return self._data[key]
        if required:
            raise ContractError(f'{self.where}.{key} is required and missing.')
        return default

    def section(self, key: str, *, required: bool = True) -> 'Section':
        """Return a nested mapping; an empty one when it is optional and absent."""
        return Section(self.take(key, {}, required=required), f'{self.where}.{key}')

    def sections(self, key: str) -> list['Section']:
        """Return a nested mapping, or each of a list of them."""
        value = self.take(key, required=True)
        if not isinstance(value, list):
            return [self.section(key)]
        return [Section(each, f'{self.where}.{key}[{i}]') for i, each in enumerate(value)]

    def text(self, key: str, default: str | None = None, choices: Sequence[str] = ()) -> str:
        """Return a string, one of ``choices`` when given."""
        value = self.take(key, default, required=default is None)
        if not isinstance(value, str) or not value:
            raise self.error(key, 'a non-empty text', value)
        if choices and value not in choices:
            raise self.error(key, f'one of {", ".join(choices)}', value)
        return value

    def number(
        self, key: str, default: float | None = None, *,
        low: float = -math.inf, high: float = math.inf,
    ) -> float:
        """Return a finite float within [low, high]."""
        value = self.take(key, default, required=default is None)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.error(key, 'a number', value)
        if not _finite(value) or not low <= value <= high:
            raise self.error(key, f'a finite number from {low:g} to {high:g}', value)
        return float(value)

    def integer(self, key: str, default: int | None = None, *, low: int = 0,
                high: int = 2 ** 53) -> int:
        """Return an integer within [low, high]."""
        value = self.take(key, default, required=default is None)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            rule = f'a whole number of at least {low}'
            raise self.error(key, rule if high == 2 ** 53 else f'{rule}, at most {high}', value)
        return value

    def flag(self, key: str) -> bool:
        """Return whether a key is ``true``; ``false`` where it is left out."""
        value = self.take(key, False)
        if not isinstance(value, bool):
            raise self.error(key, 'true or false', value)
        return value

    def numbers(self, key: str, length: int) -> tuple[float, ...]:
        """Return a list of exactly ``length`` finite numbers."""
        value = self.take(key, required=True)
        ok = isinstance(value, list) and len(value) == length and all(
            isinstance(v, (int, float)) and not isinstance(v, bool) and _finite(v)
            for v in value)
        if not ok:
            raise self.error(key, f'a list of {length} numbers', value)
        return tuple(float(v) for v in value)

    def texts(self, key: str, default: Sequence[str] = (), choices: Sequence[str] = (),
              most: int = 256) -> tuple[str, ...]:
        """Return a list of texts, at least one and each once, of ``choices`` when given."""
        value = self.take(key, list(default), required=not default)
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value) \
                or not 0 < len(set(value)) == len(value) <= most:
            raise self.error(key, f'a list of 1 to {most} texts, each once', value)
        if choices and not set(value) <= set(choices):
            raise self.error(key, f'a list of some of {", ".join(choices)}', value)
        return tuple(value)

    def observed(self, key: str, names: Sequence[str]) -> str:
        """Return the name of an observed number, one of ``names``."""
        name = self.text(key)
        if name not in names:
            raise self.error(key, f'an observed number ({", ".join(names[:20])})', name)
        return name

    def ranges(self, key: str, count: int, default: tuple[float, float] | None = None
               ) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the low and the high ends of ``count`` ranges: one for all, or one for each."""
        value = self.take(key, None if default is None else list(default),
                          required=default is None)
        each = value if isinstance(value, list) and value and isinstance(value[0], list) \
            else [value] * count
        if len(each) != count or not all(_is_range(pair) for pair in each):
            raise self.error(key, 'two numbers, the smaller first' + (
                '' if count == 1 else f', or {count} such pairs'), value)
        return tuple(float(low) for low, _ in each), tuple(float(high) for _, high in each)

    def topic(self, key: str = 'topic') -> str:
        """Return a relative topic name."""
        name = self.text(key)
        if len(name) > _MAX_TOPIC or not _TOPIC.fullmatch(name):
            raise self.error(key, 'a relative topic name (no leading slash)', name)
        return name

    def message_type(self, key: str = 'type') -> str:
        """Return the name of a message type."""
        kind = self.text(key)
        if not _MESSAGE_TYPE.fullmatch(kind):
            raise self.error(key, 'a message type such as sensor_msgs/msg/LaserScan', kind)
        return kind

    def interval(self, key: str, low: float, high: float) -> tuple[float, float]:
        """Return a number as both ends of an interval, or two numbers, within [low, high]."""
        if not isinstance(self.take(key), list):
            number = self.number(key, low=low, high=high)
            return number, number
        first, last = self.numbers(key, 2)
        if not low <= first <= last <= high:
            raise self.error(key, f'a number, or two from {low:g} to {high:g}, the smaller first',
                             [first, last])
        return first, last

    def rest(self) -> dict[str, Any]:
        """Return what was not taken and mark it as known (a codec's own options)."""
        left = {k: v for k, v in self._data.items() if k not in self._taken}
        self._taken.update(left)
        return left

    def done(self) -> None:
        """Refuse keys that nobody asked for: most often a typo."""
        unknown = [str(k) for k in self._data if k not in self._taken]
        if unknown:
            raise ContractError(
                f'{self.where} has unknown key {shown(unknown[0])}. '
                f'Known keys: {", ".join(sorted(self._taken))}.')


def _is_range(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and all(
        isinstance(v, (int, float)) and not isinstance(v, bool) for v in pair) \
        and -LARGEST <= pair[0] < pair[1] <= LARGEST


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
