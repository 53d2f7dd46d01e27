"""The commands that draw episodes: thumbnails, fields of several over time, and Rerun's files."""

from dataclasses import asdict
import json
from pathlib import Path
import time

import click

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import find_episodes, read_episode
from ilw_core.storage.files import write_file
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import echo
from ilw_data.commands.edit import own_contract


@click.command()
@click.argument('root', type=click.Path(path_type=Path))
@click.option('--out', type=click.Path(path_type=Path), required=True,
              help='Folder that keeps them; those that it has are not made again.')
@click.option('--seconds', type=click.FloatRange(min=0.0),
              help='Begin no other after so long; the newest come first [all].')
@json_option
def thumbnails(root: Path, out: Path, seconds: float | None, as_json: bool) -> None:
    """
    Make a small picture of each episode: first and last of its cameras, or the way it went.

    Nothing is written into the episodes.

    Example: ./ilw episodes thumbnails demos/clutter --out runs/.cache/thumbnails
    """
    from ilw_data.shown.thumbnail import thumbnail_of

    began_s, left, found = time.monotonic(), 0, {}
    for episode in reversed(find_episodes(root)):
        late = seconds is not None and time.monotonic() - began_s > seconds
        if (each := thumbnail_of(episode, out, make=not late)) is None:
            left += 1
        else:
            found[str(episode.path)] = each
    if as_json:
        echo(json.dumps({'thumbnails': {path: asdict(each) for path, each in found.items()},
                         'left': left}))
        return
    for path, each in found.items():
        echo(f'{path}: {out / each.file if each.file else f"none: {each.why}"}')
    echo(f'{sum(bool(each.file) for each in found.values())} of {len(found) + left} episodes '
         f'have a thumbnail; {left} are left to do')


@click.command()
@click.argument('paths', nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option('--field', default='', help='As action/NAME or observation/NAME '
              '[the first of the action].')
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a path, '
              'for those that hold none of their own.')
@json_option
def curves(paths: tuple[Path, ...], field: str, task: str | None, as_json: bool) -> None:
    """
    Show one field of several episodes over time, from the beginning of each.

    Example: ./ilw episodes curves demos/clutter/*
    """
    from ilw_data.episode.dataset import load_episode
    from ilw_data.shown.series import field_over_time, fields_in_common

    folders = [read_episode(path) for path in paths]
    contracts = [own_contract(each, None if each.contract_text else task) for each in folders]
    fields = fields_in_common(contracts)
    field = field or next(iter(fields))
    if field not in fields:
        raise EpisodeError(f'All these episodes must have the field {field[:80]!r}. They share: '
                           f'{", ".join(list(fields)[:12])}.')
    points = [field_over_time(load_episode(each, contract), contract, field)
              for each, contract in zip(folders, contracts, strict=True)]
    if as_json:
        echo(json.dumps({'field': field, 'fields': fields, 'episodes': [
            {'path': str(each.path), 'points': line}
            for each, line in zip(folders, points, strict=True)]}))
        return
    echo(f'{field} {fields[field]}'.rstrip())
    for each, line in zip(folders, points, strict=True):
        known = [value for _, value in line if value is not None]
        said = (f'{min(known):.4g} to {max(known):.4g}, mean {sum(known) / len(known):.4g}'
                if known else 'nothing known')
        echo(f'{each.path}  {line[-1][0] if line else 0.0:.1f} s, {said}')


@click.command()
@click.argument('path', type=click.Path(path_type=Path))
@click.option('--rerun', 'out', type=click.Path(path_type=Path), required=True,
              metavar='FILE.rrd', help='A new file: a recording of Rerun.')
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a path '
              '[the one it was recorded under].')
@json_option
def export(path: Path, out: Path, task: str | None, as_json: bool) -> None:
    """
    Write an episode for Rerun's viewer: numbers by name, scans, poses, pictures, the map.

    Example: ./ilw episodes export demos/clutter/20260101-120000-ab12cd34 --rerun drive.rrd
    """
    from ilw_data.shown.rerun_file import rerun_recording

    if out.exists():
        raise EpisodeError(f'--rerun must be a new file. There is something at {out}. Name '
                           f'another.')
    folder = read_episode(path)
    content, made = rerun_recording(folder, own_contract(folder, task), str(out))
    write_file(out, content)
    for why in made.left_out:
        echo(f'left out: {why}', err=True)
    echo(json.dumps(asdict(made)) if as_json else
         f'{made.file}: {made.steps} steps of {made.numbers} numbers, {made.scans} scans, '
         f'{made.poses} poses, {made.pictures} pictures, {made.map_cells} cells of a map. Look at '
         f'it: rerun {pasteable(out)}')
