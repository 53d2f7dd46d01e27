"""What rows about recorder and disk look at: when it was said, whether the counts add up."""

from collections.abc import Callable
from itertools import pairwise
import math
from pathlib import Path
import time
from typing import Any

from mcap.reader import make_reader

from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_core.storage.files import open_regular
from ilw_faults.loop import Loop
from ilw_msgs.msg import EpisodeStatus
from ilw_msgs.srv import StartEpisode

WITHIN_S = 1.0
"""A status and a diagnostic must come within"""


def refused(loop: Loop) -> str:
    """Try to begin an episode; returns why it was refused, empty if it was not."""
    return str(loop.call(StartEpisode, 'record/start', StartEpisode.Request()).error_msg)


def said_s(loop: Loop, at_s: float, shows: Callable[[EpisodeStatus], Any]) -> float | None:
    """Return how long after the fault a status showed it; ``None``: none does."""
    return next((t - at_s for t, status in list(loop.spy.statuses)
                 if t >= at_s and shows(status)), None)


def alarmed_s(loop: Loop, at_s: float, words: str) -> float | None:
    """Return how long after the fault a diagnostic error named it; ``None``: none does."""
    return next((t - at_s for t, text in list(loop.spy.errors)
                 if t >= at_s and words in text), None)


def wait_for(loop: Loop, done: Callable[[EpisodeStatus], Any], what: str,
             timeout_s: float = 15.0) -> EpisodeStatus:
    """Wait until the recorder says so; returns the status."""
    loop.until(lambda: loop.spy.status and done(loop.spy.status), timeout_s, what)
    assert loop.spy.status is not None
    return loop.spy.status


def add_up(status: EpisodeStatus) -> bool:
    """Tell whether every attempt has an end; nothing is being recorded."""
    return (status.attempted == status.saved + status.discarded + status.failed
            + status.recovered)


def counts(status: EpisodeStatus) -> str:
    """Return the counts in words."""
    return (f'{status.attempted} attempted = {status.saved} saved + {status.discarded} discarded '
            f'+ {status.failed} failed + {status.recovered} recovered')


def ms(seconds: float | None) -> str:
    """Return a time for a table."""
    return 'NEVER' if seconds is None else f'{1000 * seconds:.0f} ms'


def in_time(*seconds: float | None) -> bool:
    """Tell whether each came within the bound."""
    return all(s is not None and s <= WITHIN_S for s in seconds)


def kept(demos: Path) -> list[EpisodeFolder]:
    """Return the episodes that are marked as recovered."""
    return [e for e in find_episodes(demos) if e.meta.get('recovered')]


def messages(episode: EpisodeFolder) -> list[int]:
    """Return the log time of each message of a bag [ns]; it must be readable to its end."""
    with open_regular(episode.bag_files[0]) as stream:
        return [m.log_time for _, _, m in make_reader(stream).iter_messages()]


def longest_gap_s(episode: Path, topic: str) -> float:
    """Return the longest time between the sending of two messages of a topic; infinite without."""
    with open_regular(next(episode.glob('*.mcap'))) as stream:
        sent = [m.publish_time for _, _, m in make_reader(stream).iter_messages([f'/{topic}'])]
    return max((b - a for a, b in pairwise(sorted(sent))), default=math.inf) / 1e9


def reasons(episode: EpisodeFolder) -> list[str]:
    """Return why an episode is suspect."""
    return list(episode.suspect)


def sleep_until(at_s: float) -> None:
    """Sleep until a time of the steady clock."""
    time.sleep(max(0.0, at_s - time.monotonic()))
