"""``./ilw lerobot``: episodes as a data set of LeRobot and back; policies the same."""

from dataclasses import asdict
import json
from pathlib import Path

import click

from ilw_bringup.progress import StageProgress
from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_core.contract.file import Contract, named_contract, parse_contract
from ilw_core.errors import IlwError
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import PlainConsole, echo

_ERR = PlainConsole(stderr=True)


@click.group()
def lerobot() -> None:
    """
    Exchange demonstrations with LeRobot (data sets of version 3), and policies for evaluation.

    Example: ./ilw lerobot export demos/lift --out lift_lerobot
    """


@lerobot.command(name='export')
@click.argument('demos', type=click.Path(path_type=Path))
@click.option('--out', type=click.Path(path_type=Path), required=True, help='A new folder.')
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a path '
              '[the one they were recorded for].')
@click.option('--images', type=click.Choice(['png', 'video']), default='png', show_default=True,
              help='png keeps every bit; video is smaller.')
@click.option('--says', default='', metavar='TEXT',
              help='The task in words, for policies that read [the first line of the contract].')
@click.option('--all', 'every', is_flag=True, help='Failures, too; next.success tells them.')
@json_option
def export_set(demos: Path, out: Path, task: str | None, images: str, says: str, every: bool,
               as_json: bool) -> None:
    """
    Write episodes as a data set of LeRobot: what the contract reads of them, step by step.

    Example: ./ilw lerobot export demos/lift --out lift_lerobot --images video
    """
    from ilw_data.episode.dataset import usable
    from ilw_data.lerobot.export import export_episodes
    from ilw_data.lerobot.side import LeRobotSide

    _require_new(out)
    found = find_episodes(demos)
    folders = found if every else usable(found)
    if not folders:
        raise IlwError(f'{demos} must hold an episode that succeeded. Got {len(found)}, none of '
                       f'them. Export failures, too: --all.')
    contract = named_contract(task) if task else _own_contract(folders)
    with LeRobotSide(_say) as side, StageProgress(_ERR) as bar:
        made = export_episodes(
            folders, contract, out, side, video=images == 'video',
            task=says or _first_words(contract),
            progress=lambda done: bar.show('export', done, len(folders)))
    for why in made.left_out:
        echo(f'left out: {why}', err=True)
    echo(json.dumps(asdict(made)) if as_json else
         f'{made.folder}: {made.episodes} episodes of LeRobot, {made.steps} steps, out of '
         f'{made.recorded} recorded ones.')


@lerobot.command(name='import')
@click.argument('folder', type=click.Path(path_type=Path))
@click.option('--out', type=click.Path(path_type=Path),
              help='A new folder of episodes [demos/FOLDER].')
@click.option('--task', type=ConfigName('tasks'), help='A contract in config/tasks/, or a path '
              '[one is drafted, and put beside the episodes].')
@click.option('--train', 'algo', type=ConfigName('train'), metavar='ALGO',
              help='Train a policy from them afterwards: a config in config/train, as bc or act.')
@json_option
def import_folder(folder: Path, out: Path | None, task: str | None, algo: str | None,
                  as_json: bool) -> None:
    """
    Write the episodes of a LeRobot data set as bags, and a contract for them.

    Example: ./ilw lerobot import pusht --train bc
    """
    from ilw_data.lerobot.importing import import_set
    from ilw_data.lerobot.layout import require_version_3
    from ilw_data.lerobot.side import LeRobotSide

    require_version_3(folder)
    out = out or Path('demos') / folder.resolve().name
    _require_new(out)
    given = named_contract(task) if task else None
    with LeRobotSide(_say) as side, StageProgress(_ERR) as bar:
        made = import_set(folder, out, given, task or '', side,
                          lambda done, total: bar.show('import', done, total))
    for why in made.left_out:
        echo(f'left out: {why}', err=True)
    words = ['train', '--task', made.task, '--demos', made.folder, '--env', 'none',
             '--algo', algo or 'bc']
    if as_json and not algo:
        echo(json.dumps(asdict(made)))
    elif not as_json:
        echo(f'{made.folder}: {made.episodes} episodes, {made.steps} steps; contract {made.task}.')
        if not algo:
            echo(f'next: ./ilw {pasteable(*words)}')
    if algo:
        from ilw_learner.cli import train

        train.main([*words[1:], *(['--json'] if as_json else [])], standalone_mode=False)


@lerobot.command(name='policy')
@click.argument('folder', type=click.Path(path_type=Path))
@click.option('--task', type=ConfigName('tasks'), required=True,
              help='A contract in config/tasks/, or a path.')
@click.option('--out', type=click.Path(path_type=Path), required=True,
              help='A new folder: the checkpoint.')
@click.option('--fps', type=click.FloatRange(min=0.1),
              help='The rate it was trained at, where its data set is not on this machine.')
@json_option
def import_policy(folder: Path, task: str, out: Path, fps: float | None, as_json: bool) -> None:
    """
    Make a checkpoint of a pretrained ACT policy of LeRobot; it gives what it gives there.

    FOLDER is as LeRobot's training leaves it, checkpoints/NUMBER/pretrained_model.

    Example: ./ilw lerobot policy pretrained_model --task lift --out lift_act
    """
    from ilw_data.lerobot.pretrained import read_pretrained
    from ilw_data.lerobot.side import LeRobotSide
    from ilw_learner.checkpoint.from_lerobot import fit, import_pretrained

    _require_new(out)
    policy, contract = read_pretrained(folder), named_contract(task)
    fit(policy, contract, fps)  # what does not fit needs no LeRobot to be refused
    with LeRobotSide(_say) as side:
        made = import_pretrained(policy, contract, fps, out, side)
    if as_json:
        echo(json.dumps(asdict(made)))
        return
    echo(f'{made.checkpoint}: chunks of {made.horizon} actions for {made.task}, '
         f'{made.execute} of them driven. Of {made.compared} random observations LeRobot itself '
         f'makes the same, within {made.difference:.1g}.')
    echo(f'next: ./ilw {pasteable("up", "deploy", "--task", task, "--checkpoint", out)}')


@lerobot.command(name='checkpoint')
@click.argument('checkpoint', type=click.Path(path_type=Path))
@click.option('--task', default='', metavar='NAME',
              help='Which of its tasks, where it learned several [the first].')
@click.option('--out', type=click.Path(path_type=Path), required=True,
              help='A new folder: the policy.')
@json_option
def export_checkpoint(checkpoint: Path, task: str, out: Path, as_json: bool) -> None:
    """
    Make a policy of LeRobot of a checkpoint, for LeRobot's evaluation; it acts as it does here.

    Example: ./ilw lerobot checkpoint runs/ID/checkpoint --out lift_policy
    """
    from ilw_data.lerobot.side import LeRobotSide
    from ilw_learner.checkpoint.folder import load_checkpoint
    from ilw_learner.checkpoint.to_lerobot import export_policy

    _require_new(out)
    found = load_checkpoint(checkpoint)
    with LeRobotSide(_say) as side:
        made = export_policy(found.doing(task) if task else found, out, side)
    cameras = ''.join(f', observation.images.{name}' for name in made.cameras)
    echo(json.dumps(asdict(made)) if as_json else
         f'{made.folder}: the policy ilw of LeRobot, for {made.task}. It sees {made.state} '
         f'numbers of observation.state{cameras}. Of {made.compared} random observations both '
         f'sides make the same, within {made.difference:.1g}.')


def _say(text: str) -> None:
    echo(text, err=True)


def _require_new(out: Path) -> None:
    if out.exists():
        raise IlwError(f'--out must be a new folder. There is something at {out}. Name another.')


def _own_contract(folders: list[EpisodeFolder]) -> Contract:
    """Return the contract that episodes were recorded under."""
    texts = {each.contract_text: each for each in folders if each.contract_text}
    if len(texts) != 1:
        raise IlwError(f'The episodes must be of one contract. Got {len(texts) or "none"}. Name '
                       f'it: --task NAME.')
    text, folder = next(iter(texts.items()))
    return parse_contract(text, str(folder.path))


def _first_words(contract: Contract) -> str:
    """Return what the first line of a contract says of it; its name, where that says nothing."""
    first = contract.text.lstrip().splitlines()[0]
    return first.lstrip('# ').strip() if first.startswith('#') else contract.name
