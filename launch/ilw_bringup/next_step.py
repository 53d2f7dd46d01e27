"""What to do next, told from what lies in a folder: recordings, checkpoints, what is deployed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
import shlex

from ilw_core.episode import Outcome
from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import find_episodes
from ilw_learner.checkpoint.deployed import DEPLOYED, deployed_tasks

_RUNS = ('runs/*', 'runs/*/training')
"""Where a training leaves its checkpoint, and where that of a demo does"""
FEW = 20
"""With fewer successes of a task more recordings are the first thing to do"""


@dataclass(frozen=True)
class Recorded:
    """The recordings of one task."""

    task: str
    """Name of their folder below ``demos``"""
    episodes: int
    successes: int
    newest_s: float
    """When the last was saved [s since 1970]"""
    unread: str = ''
    """Why they could not all be read; empty when they could"""


@dataclass(frozen=True)
class NextStep:
    """One thing to do."""

    command: str
    why: str


@dataclass(frozen=True)
class Here:
    """What lies in a folder, and what comes next."""

    recorded: tuple[Recorded, ...]
    checkpoint: str
    """The newest in ``runs``; empty: none"""
    deployed: tuple[str, ...]
    """Tasks"""
    steps: tuple[NextStep, ...]
    """The most useful first"""


def look_around(folder: Path) -> Here:
    """Return what lies in a folder where ``./ilw`` was called; nothing is written."""
    tasks = sorted(path for path in (folder / 'demos').glob('*') if path.is_dir())
    recorded = tuple(filter(lambda r: r.episodes or r.unread, map(_recordings, tasks)))
    newest = max(((_saved_s(card), card.parent) for run in _RUNS
                  for card in folder.glob(f'{run}/checkpoint/policy.yaml')), default=None)
    checkpoint = '' if newest is None else str(newest[1].relative_to(folder))
    deployed = tuple(deployed_tasks(folder / DEPLOYED))
    steps = tuple(next_steps(recorded, checkpoint, 0.0 if newest is None else newest[0], deployed))
    return Here(recorded, checkpoint, deployed, steps)


def _recordings(root: Path) -> Recorded:
    try:
        episodes, why = find_episodes(root), ''
    except IlwError as error:
        episodes, why = [], str(error)
    return Recorded(
        root.name, len(episodes), sum(e.outcome is Outcome.SUCCESS for e in episodes),
        max((_saved_s(e.path) for e in episodes), default=0.0), why)


def _saved_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def next_steps(recorded: tuple[Recorded, ...], checkpoint: str, trained_s: float,
               deployed: tuple[str, ...]) -> Iterator[NextStep]:
    """
    Yield what to do, the most useful first.

    :param checkpoint: the newest; empty: none.
    :param trained_s: when it was made [s since 1970].
    :param deployed: tasks.
    """
    for each in recorded:
        task = shlex.quote(each.task)
        demos = f'demos/{task}'
        if each.unread:
            yield NextStep(f'./ilw episodes list {demos}', each.unread)
        elif each.successes < FEW:
            yield NextStep(f'./ilw up record --task {task}',
                           f'{each.successes} successful recordings of {each.task} so far; with '
                           f'{FEW} to 60 a policy begins to drive')
        if each.episodes and each.newest_s > trained_s:
            yield NextStep(f'./ilw episodes check {demos}',
                           f'{each.episodes} recordings, the newest not trained from yet: are '
                           f'they good?')
            yield NextStep(f'./ilw train --task {task} --demos {demos}',
                           'a policy that does as they do')
    if checkpoint:
        checkpoint = shlex.quote(checkpoint)
        yield NextStep(f'./ilw eval {checkpoint}', 'how often the newest policy succeeds')
        yield NextStep(f'./ilw promote {checkpoint}',
                       'make it the deployed one, if it is not worse')
    for task in map(shlex.quote, deployed):
        yield NextStep(f'./ilw up deploy --checkpoint deployed --task {task}',
                       f'what the deployed policy of {task} would do; with --enable-output it '
                       f'drives')
        yield NextStep(f'./ilw correct deployed --task {task}',
                       'and make it better while it drives')
    if not (recorded or checkpoint or deployed):
        yield NextStep('./ilw demo --quick', 'see the whole workflow, in a few minutes')
        yield NextStep('./ilw up record --task maze --input keyboard --view',
                       'drive by hand and record, with nothing but a keyboard')
        yield NextStep('./ilw joystick list', 'is the gamepad there?')
