"""
Write one episode beside the node's thread: disks wait, callbacks must not.

What waits for the disk is bounded: beyond it new messages are dropped, counted and told of.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
import struct
import threading
import time

from ilw_core.errors import IlwError
from ilw_data.bag.writer import BagWriter, WrittenTopic
from ilw_teleop.recording.sync_thread import SyncThread

WAKE_S = 0.1
FLUSH_S = 0.4  # with the wake-up above: at most half a second is lost to a kill
SYNC_S = 0.8  # at most a second is lost to a power cut
BEHIND_S = 0.5
"""A message that waits longer tells of a disk that is too slow; an idle one takes 0.1 s"""
BATCH = 200
"""Messages between two looks at the clock"""
OVERHEAD_BYTES = 250
"""What a waiting message costs beside its data: Python's tuple, integers and bytes object"""
QUEUE_BYTES = 256_000_000
"""May wait for the disk: 40 s of two 640x480 cameras and a 1 kHz arm"""


class BagThread:
    """
    Takes messages at any rate and writes them in the background.

    :param finish: called in the thread when the bag is whole; returns the episode's folder.
    :param rescue: called in the thread when the disk has refused, with the bag that was being
        written and why; returns where what was written is kept, or ``None``.
    :param queue_bytes: so much may wait for the disk.
    """

    def __init__(self, folder: Path, finish: Callable[[BagWriter], Path],
                 rescue: Callable[[BagWriter, str], Path | None], *,
                 queue_bytes: int = QUEUE_BYTES) -> None:
        self._folder = folder
        self._finish, self._rescue = finish, rescue
        self._queue: deque[tuple[WrittenTopic, int, int, bytes, float]] = deque()
        self._queue_bytes = queue_bytes
        self._came_bytes = self._went_bytes = 0  # each is written by one thread only
        self._end = threading.Event()
        self._keep = True
        self.error = ''
        """Why the disk refused; empty while all is well"""
        self.path: Path | None = None
        """Where the episode lies, once it is saved, whole or not"""
        self.messages = 0
        self.bytes = 0
        self.received = 0
        """Messages that came, written or not"""
        self.dropped = 0
        """Messages among them for which there was no room"""
        self._thread = threading.Thread(target=self._run, name='bag', daemon=True)
        self._thread.start()

    def put(self, topic: WrittenTopic, log_ns: int, publish_ns: int, data: bytes) -> bool:
        """Queue one message; returns false if it was dropped because too much waits."""
        size = len(data) + OVERHEAD_BYTES
        self.received += 1
        if self._came_bytes - self._went_bytes + size > self._queue_bytes:
            self.dropped += 1
            return False
        self._came_bytes += size
        self._queue.append((topic, log_ns, publish_ns, data, time.monotonic()))
        return True

    def end(self, *, keep: bool) -> None:
        """Write what is queued and finish, or let go of it all; ``done`` tells when."""
        self._keep = keep
        self._end.set()

    @property
    def waiting_bytes(self) -> int:
        """What waits for the disk."""
        return self._came_bytes - self._went_bytes

    @property
    def waiting(self) -> int:
        """How many messages wait for the disk."""
        return len(self._queue)

    @property
    def behind_s(self) -> float:
        """How long the oldest message has waited; 0 when none does."""
        with suppress(IndexError):
            return time.monotonic() - self._queue[0][4]
        return 0.0

    @property
    def done(self) -> bool:
        """Whether the thread has ended: with a path, with an error, or with nothing to keep."""
        return not self._thread.is_alive()

    def join(self, timeout_s: float) -> None:
        """Wait for the end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        writer = None
        try:
            writer = BagWriter(self._folder, f'{self._folder.name}.mcap')
            with SyncThread(writer.sync, SYNC_S) as syncing:
                self._write_until_end(writer, syncing)
            if self._keep:
                writer.close()
                self.path = self._finish(writer)
                return
        except OSError as error:
            self.error = f'{self._folder.parent.parent}: {error.strerror or error}'
        except IlwError as error:
            self.error = str(error)
        except (ValueError, TypeError, struct.error) as error:  # nothing may be lost in silence
            self.error = f'A message cannot be written: {error}'
        if writer is not None:
            if self.error and self._keep:
                with suppress(OSError, IlwError):  # the leftover stays where it is
                    self.path = self._rescue(writer, self.error)
            writer.abandon()

    def _write_until_end(self, writer: BagWriter, syncing: SyncThread) -> None:
        channels: dict[str, int] = {}
        flushed = time.monotonic()
        ended = False
        while not ended:
            ended = self._end.wait(WAKE_S)
            more = True
            while more:  # batch by batch: on a slow disk the queue may never be empty
                if self._end.is_set() and not self._keep:
                    return
                more = self._take_batch(writer, channels)
                now = time.monotonic()
                if now - flushed >= FLUSH_S:
                    writer.flush()
                    writer.look()
                    syncing.check()
                    flushed = now

    def _take_batch(self, writer: BagWriter, channels: dict[str, int]) -> bool:
        """Write some of what waits; returns whether there is more."""
        queue = self._queue
        for _ in range(BATCH):
            if not queue:
                break
            topic, log_ns, publish_ns, data, _ = queue[0]
            channel = channels.get(topic.name)
            if channel is None:
                channel = channels[topic.name] = writer.add_topic(topic)
            writer.write(channel, log_ns, publish_ns, data)
            queue.popleft()
            self._went_bytes += len(data) + OVERHEAD_BYTES
        self.messages, self.bytes = writer.messages, writer.bytes
        return bool(queue)
