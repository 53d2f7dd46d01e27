"""Make whole what a crash left in the staging folder. No ROS."""

import json
from pathlib import Path
import struct
import time
from typing import Any
import zlib

from mcap.exceptions import McapError
from mcap.records import Channel, Message, Schema
from mcap.stream_reader import StreamReader
import yaml

from ilw_core.episode_folder import META_FILE, SCHEMA
from ilw_teleop.bag_writer import BagWriter, Topic
from ilw_teleop.episode_store import START_FILE, EpisodeStore

TORN = (McapError, struct.error, ValueError, KeyError, IndexError, EOFError, MemoryError,
        UnicodeDecodeError, zlib.error)
"""What the reader raises where the file ends in the middle of a record"""
RECOVERED_FILE = 'recovered.mcap'


def salvage(store: EpisodeStore) -> list[Path]:
    """
    Turn every leftover into an episode of unknown outcome; what holds no message has failed.

    :returns: the folders of the recovered episodes.
    :raises OSError: the disk refuses; the leftovers stay for the next start.
    """
    found = []
    for folder in sorted(store.staging.iterdir()):
        if folder.is_dir():
            path = _recover(store, folder)
            if path is not None:
                found.append(path)
    saved = {_episode_of(meta) for meta in store.folder.glob(f'*/{META_FILE}')}
    for episode in store.open_attempts():
        # Renamed, but the ledger line did not make it; or nothing is left at all.
        store.end(episode, 'saved' if episode in saved else 'failed')
    return found


def rewrite(source: Path, folder: Path, file_name: str) -> BagWriter:
    """
    Copy a torn MCAP file to its last complete record, into a whole bag.

    :returns: the closed writer, which tells how many messages there were.
    """
    (folder / file_name).unlink(missing_ok=True)
    writer = BagWriter(folder, file_name)
    schemas: dict[int, Schema] = {}
    channels: dict[int, int] = {}
    with open(source, 'rb') as file:
        try:
            for record in StreamReader(file, skip_magic=False).records:
                if isinstance(record, Schema):
                    schemas[record.id] = record
                elif isinstance(record, Channel) and record.id not in channels:
                    channels[record.id] = writer.add_topic(_topic(record, schemas))
                elif isinstance(record, Message):
                    writer.write(channels[record.channel_id], record.log_time,
                                 record.publish_time, record.data)
        except TORN:
            pass
    writer.close()
    return writer


def _recover(store: EpisodeStore, folder: Path) -> Path | None:
    start = _read_json(folder / START_FILE) or _read_json(folder / META_FILE)
    episode = str(start.get('episode', folder.name))
    files = [file for file in sorted(folder.glob('*.mcap')) if file.name != RECOVERED_FILE]
    writer = rewrite(files[0], folder, RECOVERED_FILE) if files else None
    if writer is None or writer.messages == 0:
        store.drop(episode, folder, 'failed')
        return None
    for file in files:
        file.unlink()
    meta = {'schema': SCHEMA, 'recorded_at_s': time.time(), **start,
            'episode': episode, 'outcome': 'unknown', 'stop_reason': 'fault', 'recovered': True,
            'messages': writer.messages, 'bytes': writer.bytes}
    quality = {'verdict': 'suspect', 'reasons': ['The recorder was killed; the end is missing.'],
               'topics': {}}
    return store.commit(folder, meta, quality, recovered=True)


def _topic(channel: Channel, schemas: dict[int, Schema]) -> Topic:
    schema = schemas[channel.schema_id]
    qos = yaml.safe_load(channel.metadata.get('offered_qos_profiles') or '[]')
    return Topic(channel.topic, schema.name, schema.data.decode(), qos,
                 channel.metadata.get('topic_type_hash', ''))


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _episode_of(file: Path) -> str:
    return str(_read_json(file).get('episode', ''))
