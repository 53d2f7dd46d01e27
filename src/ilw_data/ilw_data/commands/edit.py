"""The commands that edit a set of episodes: trim, drop, restore, redo, import."""

import json
from pathlib import Path
import sys
from typing import Any

import click

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option, profile_option
from ilw_core.contract.file import Contract, named_contract, parse_contract
from ilw_core.episode import Episode, Outcome
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import META_FILE, EpisodeFolder, read_episode
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import echo
from ilw_data.commands.plan import (
    EditPlan,
    EpisodeChange,
    drop_plan,
    edit_command,
    restore_plan,
    say_plan,
)

_PATH = click.argument('path', type=click.Path(path_type=Path))
_ARGUMENTS = ('robot', 'profile', 'input', 'joystick', 'expert', 'plant', 'emulator',
              'emulator_seed', 'real_time_factor', 'gui', 'namespace', 'network', 'operator',
              'seed')
"""Of ``./ilw up record``, as an episode may say that it was recorded with"""
_SMALL = 6
"""Features with more numbers than that do not tell a person where to begin"""


def own_contract(episode: EpisodeFolder, task: str | None) -> Contract:
    """Return the contract an episode was recorded under, or the one that is named."""
    if task is not None:
        return named_contract(task)
    if not episode.contract_text:
        raise EpisodeError(f'{episode.path} must say its contract. It says none, so name it: '
                           f'--task TASK.')
    return parse_contract(episode.contract_text, f'{episode.path / META_FILE}: contract_text')


def _dry_run(function: Any) -> Any:
    return click.option('--dry-run', is_flag=True, help='Say what would change, and how to undo '
                        'it; change nothing.')(function)


def _task_or_own(function: Any) -> Any:
    return click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or '
                        'a path [the one it was recorded under].')(function)


@click.command()
@_PATH
@click.option('--head', 'head_s', type=click.FloatRange(min=0.0), default=0.0,
              help='Seconds to cut from its start.')
@click.option('--tail', 'tail_s', type=click.FloatRange(min=0.0), default=0.0,
              help='Seconds to cut from its end.')
@click.option('--auto', is_flag=True, help='Cut where it stands still, as check finds it.')
@_task_or_own
@_dry_run
@json_option
def trim(path: Path, head_s: float, tail_s: float, auto: bool, task: str | None, dry_run: bool,
         as_json: bool) -> None:
    """
    Make a shorter episode and take the one it is made from out of training.

    Seconds are rounded to steps. The observations that are left stay the same to the bit.

    Example: ./ilw episodes trim demos/clutter/20260101-120000-ab12cd34 --head 1.2 --tail 0.5
    """
    from ilw_data.doctor.labels import idle_cut
    from ilw_data.episode.bin import drop as take_out
    from ilw_data.episode.copy import cut
    from ilw_data.episode.dataset import load_episode

    if auto == bool(head_s or tail_s):
        raise click.UsageError('Say how much: --head, --tail, or --auto.')
    folder = read_episode(path)
    contract = own_contract(folder, task)
    episode = load_episode(folder, contract)
    if auto:
        head_s, tail_s = idle_cut(episode, contract)
    head, tail = (round(cut_s * contract.rate_hz) for cut_s in (head_s, tail_s))
    last = len(episode.actions) - tail
    if dry_run:
        _say_trim(folder, episode, contract, (head, last), task, as_json)
        return
    if not head and not tail:
        _say({'path': str(folder.path), 'cut': [0, 0]}, as_json,
             f'{folder.path}: nothing to cut.')
        return
    made = cut(folder, contract, head, last)
    out = take_out(folder.path, f'trimmed: {head} steps from the start, {tail} from the end',
                   replaced_by=made.path.name)
    _say({'path': str(made.path), 'steps': made.steps, 'cut': [head, tail], 'source': str(out),
          'undo': (undo := edit_command('restore', out))}, as_json,
         f'{made.path}: {made.steps} steps to train from, without the first {head} and the last '
         f'{tail} ticks of {len(episode.actions)}.',
         f'Its source is out of training; {undo} undoes this.')


@click.command()
@_PATH
@click.option('--why', default='', help='Remembered, and shown by list --dropped.')
@_dry_run
@json_option
def drop(path: Path, why: str, dry_run: bool, as_json: bool) -> None:
    """
    Take an episode out of training; nothing is deleted.

    Example: ./ilw episodes drop demos/clutter/20260101-120000-ab12cd34 --why 'bumped the table'
    """
    from ilw_data.episode.bin import drop as take_out

    if dry_run:
        say_plan(drop_plan(path, 'drop', (f'--why={why}',) if why else ()), as_json)
        return
    out = take_out(path, why)
    undo = edit_command('restore', out)
    _say({'path': str(out), 'undo': undo}, as_json,
         f'{out} is out of training; {undo} brings it back.')


@click.command()
@_PATH
@_dry_run
@json_option
def restore(path: Path, dry_run: bool, as_json: bool) -> None:
    """
    Bring a dropped episode back; what was trimmed from it is dropped instead, or the other way.

    Example: ./ilw episodes restore demos/clutter/.dropped/20260101-120000-ab12cd34
    """
    from ilw_data.episode.bin import restore as bring_back

    if dry_run:
        say_plan(restore_plan(path), as_json)
        return
    back, replacement = bring_back(path)
    undo = edit_command('restore', replacement) if replacement else edit_command('drop', back)
    _say({'path': str(back), 'dropped': str(replacement or ''), 'undo': undo}, as_json,
         f'{back} is back.', *([f'{replacement}, which was in its place, is out of training '
                                f'instead; {undo} undoes this.'] if replacement else []))


@click.command()
@_PATH
@_task_or_own
@_dry_run
@json_option
def redo(path: Path, task: str | None, dry_run: bool, as_json: bool) -> None:
    """
    Take an episode out of training and say how to record it again.

    Example: ./ilw episodes redo demos/clutter/20260101-120000-ab12cd34
    """
    from ilw_data.episode.bin import drop as take_out

    folder = read_episode(path)
    if dry_run:
        say_plan(drop_plan(folder.path, 'redo', (f'--task={task}',) if task else ()), as_json)
        return
    start = _start(folder, task)
    out = take_out(folder.path, 'to be recorded again')
    record = _record_command(folder, task)
    _say({'path': str(out), 'record': record, 'start': start,
          'undo': edit_command('restore', out)}, as_json,
         f'{out} is out of training. Record it again:', f'  {record}',
         _where_it_begins(folder, start))


@click.command(name='import')
@_PATH
@click.option('--task', type=ConfigName('tasks'), required=True,
              help='A contract in config/tasks/, or a path.')
@click.option('--out', type=click.Path(path_type=Path), help='Folder of episodes [demos/TASK].')
@click.option('--outcome', type=click.Choice([o.name.lower() for o in Outcome]),
              default='unknown', show_default=True, help='How it went.')
@profile_option
@json_option
def import_recording(path: Path, task: str, out: Path | None, outcome: str,
                     profile: str | None, as_json: bool) -> None:
    """
    Make an episode of what others recorded, or of what a damaged recording still holds.

    Exit code 1 if it tells what cannot be so: training will leave it out.

    Example: ./ilw episodes import ~/bags/lab_7 --task turtlebot3 --outcome success
    """
    from ilw_data.episode.copy import adopt

    contract = named_contract(task, profile)
    made = adopt(read_episode(path), contract, out or Path('demos') / contract.name,
                 Outcome[outcome.upper()])
    _say({'path': str(made.path), 'steps': made.steps, 'lost': made.torn,
          'remarks': [vars(remark) for remark in made.remarks],
          'unsound': list(made.unsound)}, as_json,
         f'{made.path}: {made.steps} steps to train from.',
         *([f'The recording is not whole: {made.torn}.'] if made.torn else []),
         *(f'{remark.level}: {remark.text}' for remark in made.remarks),
         *(f'bad: {text}' for text in made.unsound))
    if made.unsound:
        sys.exit(1)


EDITS = (trim, drop, restore, redo, import_recording)


def _say_trim(folder: EpisodeFolder, episode: Episode, contract: Contract,
              span: tuple[int, int], task: str | None, as_json: bool) -> None:
    """Say what a cut to a span of ticks would change."""
    from ilw_data.episode.copy import require_span

    first, last = span
    head, tail = first, len(episode.actions) - last
    if not head and not tail:
        say_plan(EditPlan((), '', ''), as_json)
        return
    require_span(folder.path, episode, first, last)
    steps = int(episode.action_valid[first:last].sum())
    cuts = [f'--{name}={round(ticks / contract.rate_hz, 6):.10g}'
            for name, ticks in (('head', head), ('tail', tail)) if ticks]
    made = EpisodeChange('', '', f'in training: {steps} steps of {folder.path.name}, which has '
                         f'{episode.steps_to_train}, without its first {head} and last {tail}')
    say_plan(drop_plan(folder.path, 'trim', (*cuts, *([f'--task={task}'] if task else [])), made),
             as_json)


def _record_command(folder: EpisodeFolder, task: str | None) -> str:
    """Return the command line that records another like it, as far as it is known."""
    meta = folder.meta
    name = task or str(meta.get('task') or 'TASK')
    words = ['./ilw', 'up', 'record', '--task', name]
    if folder.path.parent.name == Path(name).stem and folder.path.parent.parent.name != 'demos':
        words += ['--demos', str(folder.path.parent.parent)]
    given = meta.get('arguments')
    known = {**(given if isinstance(given, dict) else {}),
             **{key: meta[key] for key in ('robot', 'operator', 'seed') if key in meta}}
    for key in _ARGUMENTS:
        value = known.get(key)
        flag = f'--{key.replace("_", "-")}'
        if value == 'True':
            words.append(flag)
        elif value not in (None, '', 'False'):
            words.append(f'{flag}={value}')  # in one word: a value may begin with a dash
    return pasteable(*words)


def _where_it_begins(folder: EpisodeFolder, start: dict[str, float]) -> str:
    """Return where the next take starts, and where this one did."""
    meta = folder.meta
    began = ', '.join(f'{k} {v:.2f}' for k, v in start.items()) or 'nothing that could be read'
    if meta.get('robot') not in ('sim', 'emulated'):
        return f'The next take starts where the robot stands: put it where it saw {began}.'
    if meta.get('seed') in (None, ''):
        return ('The next take starts in the first world of that command, since the world of '
                f'this one was not noted; --seed chooses another. This one began with {began}.')
    return f'The next take starts as this one did, in world {meta["seed"]}, with {began}.'


def _start(folder: EpisodeFolder, task: str | None) -> dict[str, float]:
    """Return what was seen first, of features that a person can set up again."""
    from ilw_data.episode.dataset import load_episode

    try:
        contract = own_contract(folder, task)
        first = load_episode(folder, contract).obs[0]
    except IlwError:
        return {}
    small = [source.feature.dim <= _SMALL for source in contract.sources
             for _ in source.feature.names]
    return {name: round(float(value), 4) for name, value, keep
            in zip(contract.obs_names, first, small, strict=True) if keep}


def _say(result: dict[str, Any], as_json: bool, *lines: str) -> None:
    for line in [json.dumps(result)] if as_json else lines:
        echo(line)
