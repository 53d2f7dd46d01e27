"""Write one episode beside the node's thread: disks wait, callbacks must not. No ROS."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
import threading
import time

from ilw_core.errors import IlwError
from ilw_teleop.bag_writer import BagWriter, Topic

WAKE_S = 0.1
FLUSH_S = 0.4  # with the wake-up above: at most half a second is lost to a kill
SYNC_S = 0.8  # at most a second is lost to a power cut


class BagThread:
    """
    Takes messages at any rate and writes them in the background.

    :param finish: called in the thread when the bag is whole; returns the episode's folder.
    """

    def __init__(self, folder: Path, finish: Callable[[BagWriter], Path]) -> None:
        self._folder = folder
        self._finish = finish
        self._queue: deque[tuple[Topic, int, int, bytes]] = deque()
        self._end = threading.Event()
        self._keep = True
        self.error = ''
        """Why the disk refused; empty while all is well"""
        self.path: Path | None = None
        """Where the episode lies, once it is saved"""
        self.messages = 0
        self.bytes = 0
        self._thread = threading.Thread(target=self._run, name='bag', daemon=True)
        self._thread.start()

    def put(self, topic: Topic, log_ns: int, publish_ns: int, data: bytes) -> None:
        """Queue one message."""
        self._queue.append((topic, log_ns, publish_ns, data))

    def end(self, *, keep: bool) -> None:
        """Write what is queued and finish, or let go of it all; ``done`` tells when."""
        self._keep = keep
        self._end.set()

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
            self._write_until_end(writer)
            if self._keep:
                writer.close()
                self.path = self._finish(writer)
                return
        except OSError as error:
            self.error = f'{self._folder.parent.parent}: {error.strerror or error}'
        except IlwError as error:
            self.error = str(error)
        if writer is not None:
            writer.abandon()

    def _write_until_end(self, writer: BagWriter) -> None:
        channels: dict[str, int] = {}
        flushed = synced = time.monotonic()
        ended = False
        while not ended:
            ended = self._end.wait(WAKE_S)
            if ended and not self._keep:
                return
            self._drain(writer, channels)
            now = time.monotonic()
            if now - flushed >= FLUSH_S:
                writer.flush()
                flushed = now
            if now - synced >= SYNC_S:
                writer.sync()
                synced = now

    def _drain(self, writer: BagWriter, channels: dict[str, int]) -> None:
        queue = self._queue
        while queue:
            topic, log_ns, publish_ns, data = queue.popleft()
            channel = channels.get(topic.name)
            if channel is None:
                channel = channels[topic.name] = writer.add_topic(topic)
            writer.write(channel, log_ns, publish_ns, data)
        self.messages, self.bytes = writer.messages, writer.bytes
