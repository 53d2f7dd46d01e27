"""Episodes that were driven in process, written as the recorder writes those of the nodes."""

from collections.abc import Mapping
from pathlib import Path
import time
from types import SimpleNamespace as Plain
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome
from ilw_core.storage.bag_files import write_synced
from ilw_core.storage.episode_folder import META_FILE, QUALITY_FILE, SCHEMA
from ilw_core.storage.files import json_text
from ilw_data.bag.plain import command_message, definition, serialized
from ilw_data.bag.writer import BagWriter, WrittenTopic


class MadeRecording:
    """
    One episode on its way to the disk: its folder is there, its ``episode.json`` at the end.

    :param folder: a new one.
    :param topics: topic -> message type of what is recorded beside the commands.
    """

    def __init__(self, folder: Path, contract: Contract, topics: Mapping[str, str]) -> None:
        folder.mkdir(parents=True)
        self.folder, self._contract = folder, contract
        self._bag = BagWriter(folder, f'{folder.name}.mcap')
        self._kinds = {**topics, **contract.action.topics}
        self._channels = {topic: self._bag.add_topic(WrittenTopic(
            f'/{topic}', kind, definition(kind))) for topic, kind in self._kinds.items()}
        self._steps, self._begin_ns, self._end_ns = 0, -1, 0

    def tick(self, stamp_ns: int, readings: Mapping[str, Any]) -> None:
        """
        Record the plain messages of a tick by topic; of other topics they are left out.

        :param stamp_ns: their stamp; above 0, which is none.
        """
        self._begin_ns = stamp_ns if self._begin_ns < 0 else self._begin_ns
        self._end_ns = stamp_ns
        for topic, message in readings.items():
            if topic in self._channels:
                self._write(topic, stamp_ns, message)

    def command(self, stamp_ns: int, applied: np.ndarray) -> None:
        """Record what is applied from an instant on, ``(Da,)`` in contract order and units."""
        self._steps += 1
        for command in self._contract.action.commands:
            self._write(command.topic, stamp_ns, command_message(
                command, [applied[field] for field in command.fields], stamp_ns))

    def finish(self, outcome: Outcome, stop_reason: str, **more: Any) -> Path:
        """Finish the bag and say how it ended; ``more``: what else stands in ``episode.json``."""
        self._bag.close()
        contract = self._contract
        write_synced(self.folder / QUALITY_FILE, json_text({'verdict': 'good', 'reasons': []}))
        write_synced(self.folder / META_FILE, json_text({
            'schema': SCHEMA, 'episode': self.folder.name, 'task': contract.name,
            'outcome': outcome.name.lower(), 'stop_reason': stop_reason, 'steps': self._steps,
            'recorded_at_s': time.time(), 'begin_ns': self._begin_ns, 'end_ns': self._end_ns,
            'contract_hash': contract.hash, 'contract_text': contract.text, **more}, indent=1))
        return self.folder

    def _write(self, topic: str, stamp_ns: int, message: Any) -> None:
        if hasattr(message, 'header'):
            sec, nanosec = divmod(stamp_ns, 1_000_000_000)
            message = Plain(**{**vars(message), 'header': Plain(
                stamp=Plain(sec=sec, nanosec=nanosec), frame_id=message.header.frame_id)})
        self._bag.write(self._channels[topic], stamp_ns, stamp_ns,
                        serialized(self._kinds[topic], message))
