"""
One episode after the other: when recording starts, what is kept, how it ends.

The transitions: WAITING <-> READY -> RECORDING -> SAVING -> READY; a disk that refuses leads to
FAULT from anywhere, and back when it no longer does.
"""

from dataclasses import dataclass, field
from pathlib import Path
import time
from typing import Any
import uuid

from ilw_core.contract.file import Contract
from ilw_core.contract.schema import shown
from ilw_core.episode import STOP_REASONS, Outcome
from ilw_core.errors import StorageError
from ilw_core.storage.episode_folder import SCHEMA
from ilw_data.bag.writer import BagWriter, WrittenTopic
from ilw_teleop.recording.bag_thread import BEHIND_S, QUEUE_BYTES, BagThread
from ilw_teleop.recording.episode_store import MAX_ID, EpisodeStore
from ilw_teleop.recording.gate import RecordingGate, header_stamp_ns
from ilw_teleop.recording.ledger import Counters
from ilw_teleop.recording.salvage import rescue
from ilw_teleop.recording.words import (
    EpisodeEnding,
    Mark,
    MarkKind,
    Phase,
    RecorderStatus,
    Refusal,
    Wish,
)

DRAIN_NS = 50_000_000
"""An episode that ends is written until its topics are silent this long (wall time) ..."""
DRAIN_MAX_NS = 300_000_000
"""... but no longer than this: a robot's topics never fall silent"""

CLOSE_S = 4.0
"""A node that ends has this long to save; what it misses is salvaged at the next start"""
BESIDES = ('joy', 'teleop/action', 'policy/action', 'policy/observation', 'policy/status',
           'arbiter/state', 'episode/event', 'reward', 'sim/collision', 'sim/ground_truth',
           '/tf', '/tf_static', 'map', 'goal')
"""Topics kept beside the contract's when somebody publishes them"""


@dataclass
class Attempt:
    """The episode being recorded, or the last one."""

    episode: str
    named: bool
    """The caller chose the id, so marks with another id are not meant for it"""
    begun_ns: int
    meta: dict[str, Any]
    folder: Path
    thread: BagThread
    outcome: Outcome = Outcome.UNKNOWN
    stop_reason: str = ''
    keep: bool = True
    steps: int = 0
    deadline_wall_ns: int | None = None
    ended_wall_ns: int | None = None
    busy_wall_ns: int = 0
    cut_ns: int | None = None
    """Messages stamped later belong to what came after the end"""
    closed: bool = False
    """The bag takes no more"""
    suspect: list[str] = field(default_factory=list)
    """What the gate said last"""


@dataclass
class Recorder:
    """
    Decides about episodes; the node brings the messages and tells the time.

    :param about: what every ``episode.json`` says: operator, robot, versions.
    :param queue_bytes: so much may wait for a slow disk.
    :param same_clock: sender and receiver live on one simulated clock.
    """

    contract: Contract
    store: EpisodeStore
    about: dict[str, Any]
    queue_bytes: int = QUEUE_BYTES
    same_clock: bool = True
    gate: RecordingGate = field(init=False)
    attempt: Attempt | None = field(init=False, default=None)
    fault: str = field(init=False, default='')
    last_path: str = field(init=False, default='')
    refused: int = field(init=False, default=0)
    refusal: str = field(init=False, default='')
    ended: EpisodeEnding | None = field(init=False, default=None)
    """How the last attempt that ended did"""
    _last: Attempt | None = field(init=False, default=None)
    _saving: bool = field(init=False, default=False)
    _broken: bool = field(init=False, default=False)
    _counters: Counters = field(init=False)
    """As of the last beginning or end: a bag that was just saved counts once its path is told"""
    _kept: dict[str, tuple[WrittenTopic, str, bytes, int, bool]] = field(init=False,
                                                                         default_factory=dict)

    def __post_init__(self) -> None:
        self.gate = RecordingGate(self.contract, same_clock=self.same_clock)
        self._counters = self.store.counters

    # -- messages

    def take(self, topic: WrittenTopic, relative: str, data: bytes, *, log_ns: int,
             publish_ns: int,
             hold: bool, stamped: bool) -> None:
        """
        Take in one message, recording or not.

        :param hold: keep the newest for the start of the next episode (latched topics).
        :param stamped: it begins with a ``Header``.
        """
        self.gate.heard(relative, topic, data, log_ns)
        if hold:
            self._kept[topic.name] = (topic, relative, data, publish_ns, stamped)
        attempt = self.attempt
        if attempt is None or attempt.closed:
            return
        stamp_ns = header_stamp_ns(data) if stamped else log_ns
        if attempt.cut_ns is not None and stamp_ns > attempt.cut_ns:
            return
        attempt.thread.put(topic, log_ns, publish_ns, data)
        if relative in self.gate.topics:
            self.gate.take(relative, topic, data, stamp_ns, log_ns)
            attempt.busy_wall_ns = 0
            if relative == self.contract.action.commands[0].topic:
                attempt.steps += 1

    # -- from start to end

    def start(self, wish: Wish, now_ns: int, wall_ns: int, *,
              paused: bool) -> tuple[Refusal, str, str]:
        """Begin an episode; returns (refusal, why, id)."""
        answer = self._start(wish, now_ns, wall_ns, paused=paused)
        refused = answer[0] is not Refusal.NONE
        self.refused, self.refusal = self.refused + refused, answer[1]
        return answer

    def _start(self, wish: Wish, now_ns: int, wall_ns: int, *,
               paused: bool) -> tuple[Refusal, str, str]:
        if self.attempt is not None:
            return Refusal.BUSY, f'Episode {self.attempt.episode} is being recorded.', ''
        if wish.task not in ('', self.contract.name):
            return (Refusal.CONTRACT, f'This recorder records {self.contract.name!r}. '
                    f'Got {shown(wish.task)}.', '')
        problems = self.gate.problems(now_ns, paused=paused)
        if problems:
            return Refusal.NOT_READY, ' '.join(problems), ''
        episode = wish.episode or uuid.uuid4().hex[:12]
        if len(episode) > MAX_ID:
            return (Refusal.BUSY, f'An id has at most {MAX_ID} characters. Got {len(episode)}. '
                    f'Choose another id.', '')
        if episode in self.store:
            return Refusal.BUSY, f'There was an episode {episode} already. Choose another id.', ''
        meta = {
            'schema': SCHEMA, 'episode': episode, 'task': self.contract.name,
            'operator': wish.operator or self.about.get('operator', ''), 'notes': wish.notes,
            'recorded_at_s': time.time(), 'begin_ns': now_ns, 'recovered': False,
            'contract_hash': self.contract.hash, 'contract_text': self.contract.text,
            'lidar': self.contract.lidar.as_data(),
            **{k: v for k, v in self.about.items() if k != 'operator'}}
        try:
            folder = self.store.begin(episode, meta)
        except StorageError as error:
            self._fail(str(error))
            return Refusal.DISK, str(error), ''
        self.fault, self._broken, self._counters = '', False, self.store.counters
        attempt = Attempt(episode, bool(wish.episode), now_ns, meta, folder,
                          None)  # type: ignore[arg-type]
        if wish.timeout_s > 0:
            attempt.deadline_wall_ns = wall_ns + round(wish.timeout_s * 1e9)
        self.gate.begin(now_ns)
        attempt.thread = BagThread(
            folder, lambda writer: self._finish(attempt, writer),
            lambda writer, why: self._rescue(attempt, writer, why), queue_bytes=self.queue_bytes)
        self.attempt, self._last, self._saving = attempt, attempt, False
        for topic, relative, data, publish_ns, stamped in list(self._kept.values()):
            self.take(topic, relative, data, log_ns=now_ns, publish_ns=publish_ns, hold=False,
                      stamped=stamped)
        return Refusal.NONE, '', episode

    def on_mark(self, mark: Mark, now_ns: int, wall_ns: int, *, paused: bool) -> str:
        """Obey an event of the joystick or the simulator; returns why it did not start, if so."""
        if mark.kind is MarkKind.START:
            wish = Wish(episode=mark.episode)
            return self.start(wish, now_ns, wall_ns, paused=paused)[1]
        if self._meant(mark):
            if mark.kind is MarkKind.RESET:
                # What was recorded before is another world.
                self.attempt.meta['begin_ns'] = mark.stamp_ns  # type: ignore[union-attr]
                self.gate.restart(mark.stamp_ns)
            elif mark.kind in (MarkKind.STOP, MarkKind.DISCARD):
                self.stop(mark.outcome, mark.stop_reason, mark.stamp_ns, wall_ns,
                          keep=mark.kind is MarkKind.STOP)
        return ''

    def _meant(self, mark: Mark) -> bool:
        """Tell whether a mark is about the episode being recorded."""
        attempt = self.attempt
        if attempt is None or self._saving or mark.stamp_ns < attempt.begun_ns:
            return False
        return not mark.episode or not attempt.named or mark.episode == attempt.episode

    def stop(self, outcome: int, stop_reason: str, stamp_ns: int, wall_ns: int, *,
             keep: bool = True) -> bool:
        """
        End the episode; the first to end it says how.

        :param stamp_ns: when it ended, ROS time.
        :param keep: False throws it away.
        :returns: False when there is none.
        """
        attempt = self.attempt
        if attempt is None or self._saving:
            return False
        attempt.outcome = Outcome(outcome) if outcome in list(Outcome) else Outcome.UNKNOWN
        attempt.stop_reason = stop_reason if stop_reason in STOP_REASONS else 'operator'
        attempt.keep = keep
        attempt.ended_wall_ns = attempt.busy_wall_ns = wall_ns
        attempt.meta['end_ns'] = stamp_ns
        self.gate.end(stamp_ns)
        # The command of the last tick may be stamped a little later than the end it led to.
        attempt.cut_ns = stamp_ns + 2 * self.contract.period_ns
        self._saving = True
        return True

    def poll(self, now_ns: int, wall_ns: int) -> EpisodeEnding | None:
        """Go on with what takes time; returns the ending of an attempt, once."""
        attempt = self.attempt
        if attempt is None:
            return None
        thread = attempt.thread
        if attempt.deadline_wall_ns is not None and wall_ns >= attempt.deadline_wall_ns:
            self.stop(Outcome.UNKNOWN, 'timeout', now_ns, wall_ns, keep=False)
        if attempt.ended_wall_ns is not None:
            attempt.busy_wall_ns = attempt.busy_wall_ns or wall_ns
            silent = wall_ns - attempt.busy_wall_ns >= DRAIN_NS
            if silent or not attempt.keep or wall_ns - attempt.ended_wall_ns >= DRAIN_MAX_NS:
                attempt.closed = True
                thread.end(keep=attempt.keep)
        if not thread.done:
            return None
        attempt.suspect = self._suspect(attempt, now_ns)
        self.attempt, self._saving = None, False
        error = thread.error if attempt.keep else ''
        if thread.path is not None:
            self.last_path = str(thread.path)
        elif not error:
            self.store.drop(attempt.episode, attempt.folder, 'discarded')
        else:
            self.store.ledger.end(attempt.episode, 'failed')
        self._counters = self.store.counters
        if error:
            error = (f'{error}. Episode {attempt.episode} '
                     + (f'is kept up to then: {thread.path}.' if thread.path else
                        f'cannot be finished; what is written lies in {attempt.folder} until the '
                        f'recorder starts again.' if attempt.folder.exists() else 'is lost.'))
            self._fail(error)
        self.ended = EpisodeEnding(attempt.episode, attempt.outcome, attempt.stop_reason,
                                   str(thread.path or ''), error)
        return self.ended

    def close(self, now_ns: int, wall_ns: int) -> tuple[EpisodeEnding | None, str]:
        """
        Save what is being recorded, of unknown outcome, and let go of the folder.

        :returns: how the episode being recorded ended, if there was one and it could be finished,
            and what was lost, a sentence; empty if all is saved.
        """
        attempt, ending, lost = self.attempt, None, ''
        if attempt is not None:
            self.stop(Outcome.UNKNOWN, 'fault', now_ns, wall_ns)
            attempt.closed = True
            attempt.thread.end(keep=attempt.keep)
            attempt.thread.join(CLOSE_S)
            if not attempt.thread.done:
                lost = (f'{self.store.folder} is too slow: {attempt.thread.waiting} message(s) of '
                        f'episode {attempt.episode} are not written. The next start saves the '
                        f'others.')
            ending = self.poll(now_ns, wall_ns)
        self.store.close()
        return ending, lost

    def recheck(self) -> None:
        """See whether the disk is fine; after a fault, whether it is again."""
        if self.attempt is not None:
            return
        try:
            if self._broken:
                self.store.probe()
                self._broken = False
            else:
                self.store.look()
        except StorageError as error:
            self._fail(str(error))

    # -- how it is

    def phase(self, now_ns: int, *, paused: bool) -> tuple[Phase, list[str]]:
        """Return the phase and what is wrong."""
        problems = self.gate.problems(now_ns, paused=paused)
        lost = [self.fault] if self.fault else []
        if self.attempt is not None:
            slow = self._slow(self.attempt.thread)
            return (Phase.SAVING if self._saving else Phase.RECORDING), slow + problems
        if self._broken:
            return Phase.FAULT, lost + problems
        return (Phase.WAITING if problems else Phase.READY), lost + problems

    def status(self, now_ns: int, *, paused: bool, more: list[str]) -> RecorderStatus:
        """Return how it is; ``more`` are problems that others know of."""
        phase, problems = self.phase(now_ns, paused=paused)
        last, ended = self._last, self.ended
        if self.attempt is not None:
            self.attempt.suspect = self._suspect(self.attempt, now_ns)
        return RecorderStatus(
            phase=phase, problems=problems + more, path=self.last_path, refused=self.refused,
            refusal=self.refusal, **vars(self._counters),
            kept=bool(ended and ended.path), outcome=ended.outcome if ended else Outcome.UNKNOWN,
            stop_reason=ended.stop_reason if ended else '',
            episode=last.episode if last else '', step=last.steps if last else 0,
            begin_ns=int(last.meta['begin_ns']) if last else 0,
            messages=last.thread.messages if last else 0, bytes=last.thread.bytes if last else 0,
            dropped=last.thread.dropped if last else 0,
            suspect=list(last.suspect) if last else [])

    @property
    def losing(self) -> bool:
        """Whether messages of this episode were dropped because the disk is too slow."""
        return self.attempt is not None and self.attempt.thread.dropped > 0

    @property
    def waiting_bytes(self) -> int:
        """What waits for the disk."""
        return self.attempt.thread.waiting_bytes if self.attempt is not None else 0

    def _slow(self, thread: BagThread) -> list[str]:
        if thread.dropped:
            return [f'{self.store.folder} must take the stream. Got: too slow, {thread.dropped} '
                    f'message(s) dropped. Choose a faster disk, or record fewer topics.']
        if thread.behind_s > BEHIND_S and not self._saving:
            return [f'{self.store.folder} is slower than the stream: '
                    f'{thread.waiting_bytes / 1e6:.1f} MB wait; at {self.queue_bytes / 1e6:.0f} '
                    f'MB messages will be dropped.']
        return []

    def _suspect(self, attempt: Attempt, now_ns: int) -> list[str]:
        return _dropped(attempt.thread) + self.gate.suspect(now_ns)

    def _fail(self, why: str) -> None:
        self.fault, self._broken = why, True

    def _rescue(self, attempt: Attempt, writer: BagWriter, why: str) -> Any:
        """Keep what the disk took before it refused; runs in the bag's thread."""
        if not attempt.folder.exists():
            self.store.probe()
            self.store.stage(attempt.folder, attempt.meta)
            writer.copy_to(attempt.folder / f'{attempt.folder.name}.mcap')
        return rescue(self.store, attempt.folder, f'The disk refused ({why}); the end is missing.',
                      attempt.thread.received)

    def _finish(self, attempt: Attempt, writer: BagWriter) -> Any:
        """Give the whole bag its description and its name; runs in the bag's thread."""
        meta = {**attempt.meta, 'outcome': attempt.outcome.name.lower(),
                'stop_reason': attempt.stop_reason, 'steps': attempt.steps,
                'messages': writer.messages, 'bytes': writer.bytes,
                'dropped': attempt.thread.dropped}
        return self.store.commit(writer.folder, meta, self.gate.verdict(_dropped(attempt.thread)))


def _dropped(thread: BagThread) -> list[str]:
    return [f'{thread.dropped} message(s) were dropped: the disk is slower than the stream.'
            ] if thread.dropped else []
