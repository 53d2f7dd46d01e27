"""
The files of a rosbag2 folder beside its messages: what ``metadata.yaml`` says, and what it takes
to keep names and texts through a power cut. Knows no messages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
import os
from pathlib import Path
from typing import Any

from ilw_core.storage.files import write_in_place

METADATA_VERSION = 9  # of rosbag2 in Jazzy


@dataclass(frozen=True)
class RecordedTopic:
    """What ``metadata.yaml`` says of one topic."""

    name: str
    """Absolute"""
    type: str
    qos: list[Any]
    """What each publisher offered, as rosbag2 writes it"""
    type_hash: str
    """RIHS01 hash; empty if unknown"""
    messages: int
    encoding: str = 'cdr'


def bag_metadata(file_name: str, topics: Iterable[RecordedTopic], begin_ns: int,
                 end_ns: int) -> dict[str, Any]:
    """
    Return the content of ``metadata.yaml`` of a bag in one MCAP file.

    :param begin_ns: log time of the first message; 0 without any.
    """
    topics = list(topics)
    messages = sum(topic.messages for topic in topics)
    span = {'nanoseconds': max(0, end_ns - begin_ns)}
    start = {'nanoseconds_since_epoch': begin_ns}
    listed = [{
        'topic_metadata': {
            'name': topic.name, 'type': topic.type, 'serialization_format': topic.encoding,
            'offered_qos_profiles': topic.qos, 'type_description_hash': topic.type_hash},
        'message_count': topic.messages} for topic in topics]
    return {'rosbag2_bagfile_information': {
        'version': METADATA_VERSION, 'storage_identifier': 'mcap', 'duration': dict(span),
        'starting_time': dict(start), 'message_count': messages,
        'topics_with_message_count': listed, 'compression_format': '', 'compression_mode': '',
        'relative_file_paths': [file_name],
        'files': [{'path': file_name, 'starting_time': dict(start), 'duration': dict(span),
                   'message_count': messages}],
        'custom_data': {}, 'ros_distro': os.environ.get('ROS_DISTRO', 'jazzy')}}


def write_synced(path: Path, text: str) -> None:
    """Write a text file and wait until it is on the disk."""
    write_in_place(path, text)


def sync_folder(path: Path) -> None:
    """Wait until the names in a folder are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
