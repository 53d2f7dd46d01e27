"""
Read YAML that may come from anywhere as plain data: mappings, lists, texts, numbers, dates.

What a data file never needs and an attack does is refused before it is built: tags, merge keys,
aliases that multiply, deep nesting, keys that are no text or come twice, endless numbers. Numbers
are those of YAML 1.2 too, as ROS reads and map savers write them: ``1e+04``, ``-.16``, ``5.``.
"""

from pathlib import Path
import re
from typing import Any

import yaml

from ilw_core.errors import ContractError
from ilw_core.storage.files import read_bytes

MAX_DEPTH = 32
MAX_NODES = 200_000
"""Values in a file, with every alias counted as what it stands for"""
_MAX_NUMBER = 64
"""Characters; Python's numbers have no end, but converting them back takes forever"""
_NUMBERS = ('tag:yaml.org,2002:int', 'tag:yaml.org,2002:float')
_NUMBER_1_2 = re.compile(r'[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$')
"""With a dot or an exponent; PyYAML knows YAML 1.1, where some of these are texts"""
_TEXT, _MERGE = 'tag:yaml.org,2002:str', 'tag:yaml.org,2002:merge'


def read_text(path: str | Path, what: str, max_bytes: int = 1_000_000) -> str:
    """
    Return the text of a file that is not larger than it may be.

    :param what: for errors, as in ``a joystick layout``.
    :raises ContractError: it is missing, no regular file, too large, or not UTF-8.
    """
    try:
        return read_bytes(path, max_bytes).decode()
    except (OSError, ValueError) as error:
        reason = ' '.join(str(error).split()).rstrip('.')
        raise ContractError(f'{path} cannot be read as {what}: {reason}.') from error


def read_yaml(path: str | Path, what: str, max_bytes: int = 1_000_000) -> Any:
    """
    Return the content of a file; see ``read_text`` and ``parse_yaml``.

    :raises ContractError: it cannot be read, or is not such YAML.
    """
    return parse_yaml(read_text(path, what, max_bytes), str(path))


def parse_yaml(text: str, where: str) -> Any:
    """
    Return the one document of a text.

    :param where: opens every error.
    :raises ContractError: it is not YAML, or not plain data.
    """
    try:
        loader = _PlainLoader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        reason = ' '.join(str(error).split())
        raise ContractError(f'{where} is not valid YAML: {reason}') from error


def yaml_text(data: Any, *, short_lists: bool = False) -> str:
    """
    Return plain data as YAML, keys in order, that ``parse_yaml`` reads back as it was.

    :param short_lists: lists and mappings without others in them take one line each.
    """
    text: str = yaml.dump(data, Dumper=_PlainDumper, sort_keys=False,
                          default_flow_style=None if short_lists else False)
    return text


class _PlainDumper(yaml.SafeDumper):  # type: ignore[misc]  # its package has no types
    """Puts a text in quotes where the loader below would see a number."""


class _PlainLoader(yaml.SafeLoader):  # type: ignore[misc]  # its package has no types
    """Refuses while it composes, so that nothing large is ever built."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._nodes = 0
        self._sizes: dict[int, int] = {}
        """Node -> values in it, aliases counted in full"""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose one node and count it."""
        event = self.peek_event()
        if getattr(event, 'tag', None) is not None:
            raise self._refusal(f'a tag ({event.tag}) is not data', event)
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._refusal(f'nested deeper than {MAX_DEPTH}', event)
        before = self._nodes
        node = super().compose_node(parent, index)
        self._depth -= 1
        if isinstance(event, yaml.AliasEvent):
            if id(node) not in self._sizes:  # an alias inside of what it stands for
                raise self._refusal('it contains itself', event)
            self._nodes += self._sizes[id(node)]
        else:
            self._nodes += 1
            self._sizes[id(node)] = self._nodes - before
            self._check(node)
        if self._nodes > MAX_NODES:
            raise self._refusal(f'more than {MAX_NODES} values', event)
        return node

    def _check(self, node: Any) -> None:
        if isinstance(node, yaml.ScalarNode):
            endless = len(node.value) > _MAX_NUMBER or ':' in node.value  # 1:30 is base sixty
            if node.tag in _NUMBERS and endless:
                raise self._refusal('a number as nobody writes it; put it in quotes', node)
        elif isinstance(node, yaml.MappingNode):
            seen = set()
            for key, _ in node.value:
                if key.tag != _TEXT:
                    rule = 'merge keys are not read' if key.tag == _MERGE else 'a key must be text'
                    raise self._refusal(f'{rule}. Got {str(key.value)[:40]!r}', key)
                if key.value in seen:
                    raise self._refusal(f'the key {key.value[:40]!r} comes twice', key)
                seen.add(key.value)

    @staticmethod
    def _refusal(why: str, at: Any) -> yaml.YAMLError:
        return yaml.composer.ComposerError(None, None, why, at.start_mark)


for _kind in (_PlainLoader, _PlainDumper):
    _kind.add_implicit_resolver(_NUMBERS[1], _NUMBER_1_2, list('-+.0123456789'))
