"""The commands that look at episodes: list, show, check. Those that edit or draw are beside."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import click

from ilw_cli.config_name import ConfigName, names_in
from ilw_cli.options import json_option, profile_option
from ilw_cli.run import run
from ilw_core.base.base_fit import profile_base
from ilw_core.contract.file import named_contract
from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes, read_episode
from ilw_core.storage.locate import config_file
from ilw_core.text.terminal import echo
from ilw_data.commands.edit import EDITS, own_contract
from ilw_data.commands.shown import curves, export, thumbnails

if TYPE_CHECKING:
    from ilw_data.doctor import Report


@dataclass(frozen=True)
class ListedEpisode:
    """A line of ``episodes list``, and its names in ``--json``."""

    path: str
    task: str
    """Empty where the recording does not say it"""
    outcome: str
    """``success``, ``failure`` or ``unknown``"""
    stop_reason: str
    mb: float
    """Size on the disk"""
    seconds: float | None = None
    """From its begin to its end; ``None`` where the recording does not say it"""
    suspect: tuple[str, ...] = ()
    """Why the recorder doubts that it is fit to train from"""


@click.group()
def episodes() -> None:
    """
    Look at recorded episodes, mend them, take them out of training.

    Example: ./ilw episodes check demos/clutter
    """


@episodes.command(name='list')
@click.argument('root', type=click.Path(path_type=Path))
@click.option('--dropped', 'show_dropped', is_flag=True, help='Those out of training instead.')
@json_option
def list_episodes(root: Path, show_dropped: bool, as_json: bool) -> None:
    """
    List the episodes at or below a folder.

    Example: ./ilw episodes list demos/clutter
    """
    if show_dropped:
        _list_dropped(root, as_json)
        return
    rows = [ListedEpisode(str(f.path), f.meta.get('task', ''), f.outcome.name.lower(),
                          f.stop_reason, round(f.size_bytes / 1e6, 2), f.seconds, f.suspect)
            for f in find_episodes(root)]
    if as_json:
        echo(json.dumps({'episodes': [asdict(row) for row in rows]}))
        return
    for row in rows:
        echo(f'{row.outcome:<8} {row.stop_reason:<10} {row.mb:>7.2f} MB  {row.path}')
    good = sum(row.outcome == 'success' for row in rows)
    echo(f'{len(rows)} episodes, {good} successes')


def _list_dropped(root: Path, as_json: bool) -> None:
    from ilw_data.episode.bin import dropped

    found = dropped(root)
    if as_json:
        echo(json.dumps({'dropped': [{
            'path': str(each.path), 'why': each.why, 'at_s': each.at_s,
            'replaced_by': each.replaced_by} for each in found]}))
        return
    for each in found:
        echo(f'{each.path}  {each.why}')
    echo(f'{len(found)} dropped; ./ilw episodes restore PATH brings one back')


@episodes.command()
@click.argument('path', type=click.Path(path_type=Path))
@click.option('--sheet', type=click.Path(path_type=Path), metavar='FILE.png',
              help='Write a contact sheet: a row of pictures for each camera.')
@json_option
def show(path: Path, sheet: Path | None, as_json: bool) -> None:
    """
    Show what is known of an episode, or of any bag, and what it holds, topic by topic.

    Example: ./ilw episodes show demos/clutter/20260101-120000-ab12cd34
    """
    from ilw_data.bag.summary import as_json as plain
    from ilw_data.bag.summary import summarise

    folder = read_episode(path)
    if sheet is not None:
        from ilw_data.bag.reader import Bag
        from ilw_data.shown.contact_sheet import write_contact_sheet

        write_contact_sheet(Bag(folder.path), sheet)
    found = summarise(folder.path)
    known = {k: v for k, v in folder.meta.items() if k != 'contract_text'} | _steps(folder)
    if as_json:
        echo(json.dumps({'episode': known, **plain(found),
                         'files': [file.name for file in folder.bag_files]}))
        return
    for key, value in known.items():
        echo(f'{key:<16} {value}')
    if found.torn:
        echo(f'{"unfinished":<16} {found.torn}')
    echo(f'{sum(t.messages for t in found.topics)} messages over {found.duration_s:.1f} s')
    for topic in found.topics:
        echo(f'  {topic.topic:<24} {topic.type}: {topic.messages} messages, '
             f'{topic.rate_hz:.1f} Hz, {topic.duration_s:.1f} s')
        if topic.unreadable:
            echo(f'    cannot be read: {topic.unreadable}')
        for name, text in (('first', topic.first), ('last', topic.last)):
            if text:
                echo(f'    {name:<5} {text}')
    if sheet is not None:
        echo(f'contact sheet: {sheet}')


def _steps(folder: EpisodeFolder) -> dict[str, int | str]:
    """Return how many steps there are to train from, where a recording says its contract."""
    from ilw_data.episode.dataset import load_episode
    from ilw_data.episode.judge import judged

    if not folder.contract_text:
        return {}
    try:
        contract = own_contract(folder, None)
        return {'steps': judged(load_episode(folder, contract), contract).steps_to_train}
    except IlwError as error:
        return {'steps': f'none: {error}'}


@episodes.command()
@click.argument('root', type=click.Path(path_type=Path))
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a path '
              '[the one they were recorded for].')
@profile_option
@json_option
def check(root: Path, task: str | None, profile: str | None, as_json: bool) -> None:
    """
    Tell whether episodes are fit to train from; exit code 1 when something is bad.

    Each finding comes with the command that mends it.

    Example: ./ilw episodes check demos/clutter --task clutter
    """
    from ilw_data.doctor import check_episodes

    base = profile_base(config_file('robots', profile)) if profile else None
    task = task or _task_of(root)
    report = check_episodes(root, named_contract(task, profile), task, base)
    if as_json:
        echo(json.dumps({
            'verdict': report.verdict, 'verdicts': report.verdicts,
            'findings': [vars(finding) for finding in report.findings],
            'episodes': len(report.episodes), 'usable': report.usable, 'steps': report.steps}))
    else:
        print_report(report)
    if report.verdict == 'bad':
        sys.exit(1)


def _task_of(root: Path) -> str:
    """
    Return the shipped task that the episodes at or below a folder are of.

    A folder without any is called after it; recordings that do not say theirs are held to
    ``clutter``, which tells what does not fit.

    :raises IlwError: they are of several.
    """
    folders = find_episodes(root)
    told = {str(each.meta['task']) for each in folders if each.meta.get('task')}
    known = sorted((told if folders else {root.resolve().name}) & {*names_in('tasks')})
    if len(known) > 1:
        raise IlwError(f'{root} holds episodes of {", ".join(known)}. Say of which to check: '
                       f'--task {known[0]}.')
    return known[0] if known else 'clutter'


def print_report(report: 'Report', *, err: bool = False) -> None:
    """
    Print every finding, what mends it, and the verdict.

    :param err: on standard error.
    """
    for finding in report.findings:
        echo(f'{finding.level:<5} {finding.episode or "all":<26} {finding.text}', err=err)
        echo(f'{"":<32} {finding.command}', err=err)
    counts = ', '.join(f'{sum(f.level == level for f in report.findings)} {level}'
                       for level in ('bad', 'warn', 'note'))
    there = f'{report.usable} of {len(report.verdicts)} episodes'
    said = (f'bad: not to be trained from as it is, though {there} and {report.steps} steps could'
            if report.set_is_bad else
            f'{report.verdict}: {there} to train from, {report.steps} steps')
    echo(f'{said}; findings: {counts}', err=err)


for _command in (*EDITS, curves, thumbnails, export):
    episodes.add_command(_command)


def episodes_main() -> None:
    """``ros2 run ilw_data episodes``."""
    run(episodes)
