"""The disk full, slow, read-only, and the folder removed."""

from contextlib import suppress
from pathlib import Path
import shutil
import time

from ilw_faults import take
from ilw_faults.loop import Loop
from ilw_faults.mounts import SlowDisk, read_only, small_disk
from ilw_faults.row import Fault, Seen
from ilw_faults.stream_loop import StreamLoop, count

_DISK_BYTES = 3_000_000
_SLOW_BYTES_PER_S = 500_000
"""A seventh of the stream"""
_QUEUE_MB = 5
_SAY = 'status and diagnostic within 1 s'


def _full(folder: Path) -> Seen:
    demos = folder / 'demos'
    with small_disk(demos, _DISK_BYTES), Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        loop.begin_an_episode()
        time.sleep(2.0)
        at = time.monotonic()
        _fill(demos / 'others')
        status = take.wait_for(loop, lambda s: s.recovered == 1, 'the rescue')
        time.sleep(0.4)
        said = take.said_s(loop, at, lambda s: 'No space left' in ' '.join(s.problems))
        alarm = take.alarmed_s(loop, at, 'No space left')
        (episode,) = take.kept(demos)
        held = len(take.messages(episode))
        (demos / 'others').unlink()
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 2, 'the next episode')
        return loop.seen(
            f'status after {take.ms(said)}, diagnostic after {take.ms(alarm)}; {held} '
            f'messages kept, suspect; with room again it records; {take.counts(status)}', said,
            take.in_time(said, alarm) and held > 50 and bool(take.reasons(episode))
            and take.add_up(status))


def _fill(file: Path) -> None:
    with suppress(OSError), open(file, 'wb', buffering=0) as stream:
        while True:
            stream.write(bytes(4096))


def _read_only(folder: Path) -> Seen:
    demos = folder / 'demos'
    with small_disk(demos, 50_000_000), Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        at = time.monotonic()
        with read_only(demos):
            take.sleep_until(at + take.WITHIN_S + 0.3)
            said = take.said_s(loop, at, lambda s: s.phase == 5 and 'read-only' in s.problems[0])
            alarm = take.alarmed_s(loop, at, 'read-only')
            why = take.refused(loop)
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 2, 'the next episode')
        return loop.seen(
            f'status after {take.ms(said)}, diagnostic after {take.ms(alarm)}; a start '
            f'{"is refused" if why else "WAS ALLOWED"}; writable again it records; '
            f'{take.counts(status)}', said,
            take.in_time(said, alarm) and bool(why) and take.add_up(status))


def _removed_while_recording(folder: Path) -> Seen:
    with Loop(folder) as loop:
        loop.drive()
        loop.begin_an_episode()
        time.sleep(2.0)
        at = time.monotonic()
        removed_ns = loop.now_ns()
        shutil.rmtree(folder / 'demos')
        take.wait_for(loop, lambda s: s.recovered == 1, 'the rescue')
        time.sleep(0.4)
        said = take.said_s(loop, at, lambda s: 'is kept up to then' in ' '.join(s.problems))
        alarm = take.alarmed_s(loop, at, 'is kept up to then')
        (episode,) = take.kept(folder / 'demos')
        missing_s = (removed_ns - max(take.messages(episode))) / 1e9
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 1, 'the next episode')
        return loop.seen(
            f'status after {take.ms(said)}, diagnostic after {take.ms(alarm)}; kept up to '
            f'{max(0.0, missing_s):.2f} s before; {take.counts(status)}', said,
            take.in_time(said, alarm) and missing_s <= 1.0 and take.add_up(status))


def _removed_between(folder: Path) -> Seen:
    with Loop(folder) as loop:
        loop.drive()
        take.wait_for(loop, lambda s: s.phase == 2, 'the recorder')
        at = time.monotonic()
        shutil.rmtree(folder / 'demos')
        take.sleep_until(at + take.WITHIN_S + 0.5)
        said = take.said_s(loop, at, lambda s: 'was removed' in ' '.join(s.problems))
        alarm = take.alarmed_s(loop, at, 'was removed')
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 1, 'the next episode')
        return loop.seen(
            f'status after {take.ms(said)}, diagnostic after {take.ms(alarm)}; made anew, '
            f'it records; {take.counts(status)}', said,
            take.in_time(said, alarm) and take.add_up(status))


def _slow(folder: Path) -> Seen:
    with SlowDisk(folder / 'demos', 200_000_000) as disk, \
            StreamLoop(folder, queue_mb=_QUEUE_MB) as loop:
        disk.bind(loop.fleet.pid('recorder'))
        loop.begin_an_episode()
        time.sleep(2.0)
        before_mb = loop.recorder.memory_info().rss / 1e6
        at = time.monotonic()
        disk.limit(_SLOW_BYTES_PER_S)
        take.wait_for(loop, lambda s: s.dropped > 0, 'the queue to be full', 30.0)
        time.sleep(3.0)
        said = take.said_s(loop, at, lambda s: 'slower than the stream' in ' '.join(s.problems))
        first = take.said_s(loop, at, lambda s: s.dropped > 0) or 0.0
        alarm = take.alarmed_s(loop, at + first, 'dropped')
        growth_mb = loop.recorder.memory_info().rss / 1e6 - before_mb
        disk.limit(None)
        time.sleep(2.0)
        episode = loop.stop()
        status = take.wait_for(loop, lambda s: s.saved == 1, 'the end')
        missing = sum(each.lost for each in count(episode).values())
        marked = any(f'{status.dropped} message(s) were dropped' in why for why in status.suspect)
        return loop.seen(
            f'status after {take.ms(said)}; the queue is full after {first:.1f} s, '
            f'diagnostic error {take.ms(alarm)} later; {status.dropped} messages dropped and told '
            f'of, {missing} missing in the bag; memory +{growth_mb:.0f} MB; '
            f'{take.counts(status)}', said,
            take.in_time(said, alarm) and marked and 0 < missing <= status.dropped
            and growth_mb < 3 * _QUEUE_MB + 10 and take.add_up(status))


FAULTS = (
    Fault('disk full while recording', f'{_SAY}; what was written is an episode', _full),
    Fault('disk read-only between episodes', f'{_SAY}; no start until it is writable', _read_only),
    Fault('demos folder removed while recording', f'{_SAY}; the take is kept in a new folder',
          _removed_while_recording),
    Fault('demos folder removed between episodes', f'{_SAY}; made anew', _removed_between),
    Fault('disk slower than the stream', f'{_SAY}; memory bounded, drops counted, the rest saved',
          _slow),
)
