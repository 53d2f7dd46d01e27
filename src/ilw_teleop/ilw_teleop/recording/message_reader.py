"""Read serialized messages by the definitions they are recorded with. No rclpy."""

from contextlib import suppress
from typing import Any

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from ilw_data.bag.writer import WrittenTopic


class MessageReader:
    """Decodes messages; made for a look now and then, not for each of thousands."""

    def __init__(self) -> None:
        self._stores: dict[tuple[str, str], Any] = {}

    def read(self, topic: WrittenTopic, data: bytes) -> Any:
        """Return the message, with its fields as attributes; ``None`` if it is damaged."""
        store = self._store(topic)
        with suppress(Exception):  # on damaged bytes it raises anything
            return store.deserialize_cdr(data, topic.type) if store else None
        return None

    def _store(self, topic: WrittenTopic) -> Any:
        key = topic.type, topic.schema
        if key not in self._stores:
            self._stores[key] = None
            with suppress(Exception):  # a definition that this reader cannot parse
                store = get_typestore(Stores.EMPTY)
                store.register(get_types_from_msg(topic.schema, topic.type))
                self._stores[key] = store
        return self._stores[key]


def content_of(message: Any) -> Any:
    """Return something that is equal for messages equal but for their headers."""
    if message is None:
        return None
    # Padding differs between equal messages, so their bytes cannot be compared.
    return [_plain(value) for name, value in vars(message).items() if name != 'header']


def _plain(value: Any) -> Any:
    if hasattr(value, 'tobytes'):
        return value.tobytes()  # NaN is equal to itself here
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, '__dataclass_fields__'):
        return [_plain(each) for each in vars(value).values()]
    return repr(value)
