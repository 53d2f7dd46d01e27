"""The recorder killed, hung, twice on one folder, and before a robot at full rate."""

from dataclasses import replace
from pathlib import Path
import signal
import time

from ilw_bringup.start.bringup import NodeSpec
from ilw_faults import take
from ilw_faults.loop import Loop
from ilw_faults.row import Fault, Seen
from ilw_faults.stream_loop import StreamLoop, count
from ilw_msgs.srv import StopEpisode

_SECONDS = 15.0


def _killed(folder: Path) -> Seen:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        loop.begin_an_episode()
        time.sleep(2.0)
        killed_ns = loop.now_ns()
        at = loop.strike('recorder', signal.SIGKILL)
        take.sleep_until(at + take.WITHIN_S + 0.2)
        alarm = take.alarmed_s(loop, at, 'recorder hangs or is gone')
        loop.fleet.restart_dead()
        status = take.wait_for(loop, lambda s: s.recovered == 1, 'the salvage')
        (episode,) = take.kept(folder / 'demos')
        missing_s = (killed_ns - max(take.messages(episode))) / 1e9
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 2, 'the next episode')
        return loop.seen(
            f'diagnostic after {take.ms(alarm)}; salvaged up to {missing_s:.2f} s before '
            f'the kill; {take.counts(status)}', alarm,
            take.in_time(alarm) and missing_s <= 1.0 and take.add_up(status))


def _hung(folder: Path) -> Seen:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        loop.begin_an_episode()
        time.sleep(1.0)
        at = loop.strike('recorder', signal.SIGSTOP)
        time.sleep(2.5)
        back = loop.strike('recorder', signal.SIGCONT)
        alarm = take.alarmed_s(loop, at, 'recorder hangs or is gone')
        loop.until(lambda: take.said_s(loop, back, lambda s: s.phase == 3), 5.0, 'the recorder')
        time.sleep(0.7)
        suspect = take.said_s(loop, back, lambda s: any('gap' in why for why in s.suspect))
        answer = loop.call(StopEpisode, 'record/stop', StopEpisode.Request(outcome=1))
        status = take.wait_for(loop, lambda s: s.saved == 2, 'the episode')
        gap_s = take.longest_gap_s(Path(answer.path), next(iter(loop.contract.action.topics)))
        whole = gap_s < 2 * loop.two_periods_s
        return loop.seen(
            f'diagnostic after {take.ms(alarm)}; back, the longest gap between commands is '
            f'{gap_s:.2f} s, suspect: {"; ".join(status.suspect[:1]) or "no"}; '
            f'{take.counts(status)}', alarm,
            take.in_time(alarm, *(() if whole else (suspect,))) and take.add_up(status))


def _two(folder: Path) -> Seen:
    with Loop(folder) as loop:
        loop.drive()
        loop.save_an_episode()
        at = time.monotonic()
        first = loop.specs['recorder']
        loop.fleet.start([NodeSpec(first.package, first.executable, 'second', first.parameters)])
        loop.until(lambda: not loop.fleet.running('second'), 15.0, 'the second to refuse')
        reaction = time.monotonic() - at
        words = loop.fleet.last_words('second')
        loop.save_an_episode()
        status = take.wait_for(loop, lambda s: s.saved == 2, 'the next episode of the first')
        clear = words.startswith('error: Another recorder writes to')
        return loop.seen(f'it ended after {reaction:.1f} s, its start included, with '
                        f'“{words.partition("/")[0]}…”; {take.counts(status)}', reaction,
                        clear and take.add_up(status))


def _full_rate(folder: Path) -> Seen:
    with StreamLoop(folder) as loop:
        loop.begin_an_episode()
        time.sleep(_SECONDS)
        episode = loop.stop()
        found = count(episode)
        status = take.wait_for(loop, lambda s: s.saved == 1, 'the end')
        lost = sum(each.lost for each in found.values())
        seen = loop.seen(f'{sum(each.recorded for each in found.values())} messages of '
                       f'{len(found)} topics, {lost} lost, {status.dropped} dropped', None,
                       not lost and not status.dropped and len(found) == 6)
        return replace(seen, lost=seen.lost + lost)


FAULTS = (
    Fault('recorder killed while recording and restarted', 'a diagnostic within 1 s; salvaged up '
          'to 1 s before the kill, the counts add up', _killed),
    Fault('recorder hung (SIGSTOP) while recording and back', 'a diagnostic within 1 s; back, '
          'it has what came meanwhile, or the take is suspect', _hung),
    Fault('two recorders on one folder', 'the second ends with one line, the first goes on', _two),
    Fault('a robot at full rate: 1 kHz, two cameras, scan, odometry', 'no numbered message is '
          'lost', _full_rate),
)
