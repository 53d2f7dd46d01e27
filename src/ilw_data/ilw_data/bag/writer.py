"""Serialized messages into a rosbag2 folder: one MCAP file and its metadata.yaml. No rclpy."""

from contextlib import suppress
from dataclasses import dataclass, field
import errno
import os
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer
import yaml

from ilw_core.storage.bag_files import RecordedTopic, bag_metadata, write_synced
from ilw_core.storage.episode_folder import BAG_INDEX_FILE
from ilw_core.storage.files import create

CHUNK_BYTES = 1_000_000


@dataclass(frozen=True)
class WrittenTopic:
    """One recorded topic."""

    name: str
    """Absolute"""
    type: str
    schema: str
    """``ros2msg`` text, see ``message_definitions``"""
    qos: list[dict[str, Any]] = field(default_factory=list)
    """What each publisher offers, as rosbag2 writes it"""
    type_hash: str = ''
    """RIHS01 hash; empty if unknown"""


class BagWriter:
    """
    One bag being written. Every method may raise ``OSError``.

    :param folder: exists; receives ``<folder name>.mcap``, or ``file_name``.
    """

    def __init__(self, folder: Path, file_name: str) -> None:
        self.folder = folder
        self._path = folder / file_name
        # Readable, so that what a removed folder held can be copied out of it.
        self._file = create(self._path, buffering=CHUNK_BYTES)
        # Uncompressed: recovery gets to the last record, and a robot's CPU has better uses.
        self._writer = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        self._writer.start(profile='ros2', library='ilw')
        self._topics: dict[int, WrittenTopic] = {}
        self._schemas: dict[str, int] = {}
        self._counts: dict[int, int] = {}
        self._begin_ns: int | None = None
        self._end_ns = 0
        self.messages = 0
        self.bytes = 0

    def add_topic(self, topic: WrittenTopic) -> int:
        """Announce a topic; returns the number that ``write`` wants."""
        if topic.type not in self._schemas:
            self._schemas[topic.type] = self._writer.register_schema(
                topic.type, 'ros2msg', topic.schema.encode())
        channel = self._writer.register_channel(
            topic.name, 'cdr', self._schemas[topic.type],
            {'offered_qos_profiles': yaml.safe_dump(topic.qos, sort_keys=False),
             'topic_type_hash': topic.type_hash})
        self._topics[channel], self._counts[channel] = topic, 0
        return channel

    def write(self, channel: int, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Append one serialized message; a bag knows no time before 1970."""
        log_ns, publish_ns = max(0, log_ns), max(0, publish_ns)
        self._counts[channel] += 1
        self._writer.add_message(channel, log_ns, data, publish_ns, self._counts[channel])
        if self._begin_ns is None or log_ns < self._begin_ns:
            self._begin_ns = log_ns
        if log_ns > self._end_ns:
            self._end_ns = log_ns
        self.messages += 1
        self.bytes += len(data)

    def flush(self) -> None:
        """Hand what was written to the operating system: it survives the end of the process."""
        # The library ends a chunk only when it is full; without this a quiet robot's bag would
        # stay in memory for minutes.
        self._writer._Writer__finalize_chunk()
        self._file.flush()

    def sync(self) -> None:
        """Wait until it is on the disk: it survives a power cut."""
        os.fsync(self._file.fileno())

    def look(self) -> None:
        """:raises FileNotFoundError: the folder was removed; the file goes on without a name."""
        if self._path.stat().st_ino != os.fstat(self._file.fileno()).st_ino:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._path))

    def close(self) -> None:
        """Finish the file and write the index beside it; both are on the disk afterwards."""
        self._writer.finish()
        self._file.flush()
        self.sync()
        self._file.close()
        write_synced(self.folder / BAG_INDEX_FILE,
                     yaml.safe_dump(self._metadata(), sort_keys=False))

    def copy_to(self, path: Path) -> None:
        """Copy what the operating system has got so far, even if the file has no name any more."""
        with create(path) as copy:
            place = 0
            while block := os.pread(self._file.fileno(), CHUNK_BYTES, place):
                copy.write(block)
                place += len(block)

    def abandon(self) -> None:
        """Let go of the file without finishing it."""
        with suppress(OSError):
            self._file.raw.close()

    def _metadata(self) -> dict[str, Any]:
        topics = [recorded(topic, self._counts[channel])
                  for channel, topic in self._topics.items()]
        return bag_metadata(self._path.name, topics, self._begin_ns or 0, self._end_ns)


def recorded(topic: WrittenTopic, messages: int) -> RecordedTopic:
    """Return what the index says of a topic."""
    return RecordedTopic(topic.name, topic.type, topic.qos, topic.type_hash, messages)
