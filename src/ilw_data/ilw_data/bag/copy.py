"""Write raw messages into a new rosbag2 folder: one MCAP file and its metadata.yaml."""

from collections.abc import Collection
from io import BufferedWriter, FileIO
import os
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer
from rosbags.rosbag2.errors import ReaderError
from rosbags.rosbag2.metadata import dump_qos_v9, parse_qos
from rosbags.typesys import Stores, get_typestore
import yaml

from ilw_core.storage.bag_files import RecordedTopic, bag_metadata, write_synced
from ilw_core.storage.episode_folder import BAG_INDEX_FILE
from ilw_data.bag.raw.messages import Channel, RawMessage

_CHUNK_BYTES = 1_000_000


class BagCopy:
    """
    One bag being written. Every method may raise ``OSError``.

    :param folder: exists; receives ``<name>.mcap``.
    """

    def __init__(self, folder: Path, name: str, channels: Collection[Channel]) -> None:
        self._folder, self._path = folder, folder / f'{name}.mcap'
        self._file = BufferedWriter(FileIO(self._path, 'x'), _CHUNK_BYTES)
        self._writer = Writer(self._file, chunk_size=_CHUNK_BYTES,
                              compression=CompressionType.NONE)
        self._writer.start(profile='ros2', library='ilw')
        self._channels: dict[Channel, int] = {}
        self._counts: dict[Channel, int] = {}
        self._begin_ns, self._end_ns = 1 << 63, 0
        self.bytes = 0
        schemas: dict[tuple[str, str], int] = {}
        for channel in channels:
            kind = channel.type, channel.definition_format
            if kind not in schemas:
                text, form = _definition(channel)
                schemas[kind] = self._writer.register_schema(
                    channel.type, form, text.encode(errors='surrogateescape'))
            self._channels[channel] = self._writer.register_channel(
                channel.topic, channel.encoding, schemas[kind],
                {'offered_qos_profiles': yaml.safe_dump(offered_qos(channel), sort_keys=False),
                 'topic_type_hash': channel.type_hash})
            self._counts[channel] = 0

    @property
    def messages(self) -> int:
        """How many were written."""
        return sum(self._counts.values())

    def write(self, message: RawMessage) -> None:
        """Append one message."""
        channel, logged_ns, published_ns, data = message
        self._counts[channel] += 1
        self._writer.add_message(self._channels[channel], logged_ns, data, published_ns,
                                 self._counts[channel])
        self._begin_ns = min(self._begin_ns, logged_ns)
        self._end_ns = max(self._end_ns, logged_ns)
        self.bytes += len(data)

    def close(self) -> None:
        """Finish the file and write the index beside it; both are on the disk afterwards."""
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        write_synced(self._folder / BAG_INDEX_FILE,
                     yaml.safe_dump(self._metadata(), sort_keys=False))

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        self._file.raw.close()

    def _metadata(self) -> dict[str, Any]:
        topics = [RecordedTopic(c.topic, c.type, offered_qos(c), c.type_hash, count, c.encoding)
                  for c, count in self._counts.items()]
        return bag_metadata(self._path.name, topics, self._begin_ns if self.messages else 0,
                            self._end_ns)


def _definition(channel: Channel) -> tuple[str, str]:
    """Return the text of a type and its format; Jazzy's where the recording has none."""
    store = get_typestore(Stores.ROS2_JAZZY)
    if not channel.definition and channel.type in store.fielddefs:
        return store.generate_msgdef(channel.type)[0], 'ros2msg'
    return channel.definition, channel.definition_format


def offered_qos(channel: Channel) -> list[Any]:
    """Return what publishers offered as rosbag2 in Jazzy writes it; nothing if unreadable."""
    try:
        return list(dump_qos_v9(parse_qos(channel.qos)))
    except (ReaderError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return []
