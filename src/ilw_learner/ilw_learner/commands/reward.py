"""The commands of what a person wanted: reward recover, show, rank."""

from dataclasses import asdict
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import click
from rich.progress import Progress

from ilw_cli.options import json_option, task_option
from ilw_core.text.terminal import PlainConsole, echo

if TYPE_CHECKING:  # it brings torch
    from ilw_learner.rewards.reward_file import RecoveredReward

_ERR = PlainConsole(stderr=True)
_FILE = click.argument('file', type=click.Path(path_type=Path))


@click.group()
def reward() -> None:
    """
    Find out from demonstrations what the person wanted.

    Example: ./ilw reward recover demos/clutter --task clutter --out reward.yaml
    """


@reward.command()
@click.argument('episodes', type=click.Path(path_type=Path))
@task_option
@click.option('--out', '-o', type=click.Path(path_type=Path), default=Path('reward.yaml'),
              show_default=True, help='The file.')
@click.option('--method', type=click.Choice(['auto', 'places', 'linear', 'airl']), default='auto',
              show_default=True, help='places: exactly, in bins of one fixed world; linear: from '
              'drives in the simulator; airl: against a driver in it. auto: places where actions '
              'are named, else linear.')
@click.option('--clone', help='A checkpoint that drives as the demonstrations, or deployed, for '
              'linear [one is trained].')
@click.option('--simulator', default='ilw_sim.batch.batch_env:make_batch', show_default=True,
              help='module:function of the many robots, for linear and airl.')
@click.option('--steps', default=300_000, show_default=True, type=click.IntRange(min=50_000),
              help='That the driver takes, for airl.')
@click.option('--max-demos', default=0, help='Use only this many demonstrations [all].')
@click.option('--seed', default=0, show_default=True, help='Split, worlds, random actions.')
@click.option('--plot', type=click.Path(path_type=Path), help='Draw it into this PNG.')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@json_option
def recover(episodes: Path, task: str, out: Path, method: str, clone: str | None, simulator: str,
            steps: int, max_demos: int, seed: int, plot: Path | None, allow_other_contract: bool,
            as_json: bool) -> None:
    """
    Find the reward under which the demonstrations in EPISODES are likeliest, and write it.

    Example: ./ilw reward recover demos/maze --task maze --plot reward.png
    """
    from ilw_core.contract.file import named_contract
    from ilw_core.storage.locate import config_file
    from ilw_learner.checkpoint.deployed import find_checkpoint
    from ilw_learner.rewards.recover import WORLDS, RecoverOptions
    from ilw_learner.rewards.recover import recover as find
    from ilw_learner.rewards.reward_file import load_reward
    from ilw_learner.rewards.reward_picture import draw_reward
    from ilw_learner.training.config import load_config

    contract = named_contract(task)
    if method == 'auto':
        method = 'places' if contract.action.discrete else 'linear'
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        row = bar.add_task('recover', total={'linear': WORLDS, 'airl': steps}.get(method))
        report = find(RecoverOptions(
            contract=contract, demos=episodes, out=out, method=method, seed=seed,
            simulator=simulator, max_demos=max_demos, allow_other_contract=allow_other_contract,
            clone=None if clone is None else Path(find_checkpoint(clone, contract.name)),
            clone_config=load_config(config_file('train', 'bc'), contract.name)[1],
            driver_config=load_config(config_file('train', 'dqn'), contract.name)[1],
            steps=steps, say=lambda text: _ERR.print(text, style='yellow', soft_wrap=True),
            on_progress=lambda done: bar.update(row, completed=done)))
    if plot:
        draw_reward(load_reward(out, contract), plot)
    if as_json:
        echo(json.dumps(asdict(report)))
        return
    echo(f'{report.task}: {report.method} from {report.episodes} demonstrations, '
         f'{report.seconds:.0f} s')
    _print_weights(load_reward(out))
    if report.mismatch is not None:
        echo(f'largest mismatch of a feature: {report.mismatch:.3g}')
    if report.agreement is not None:
        echo(f'of two drives the one with less noise earns more: {report.agreement:.1%}')
    if report.driver_success is not None and report.told_apart is not None:
        echo(f'the driver that learned from it arrives in {report.driver_success:.1%} of unseen '
             f'worlds; its steps are told from the demonstrations\' in {report.told_apart:.1%}')
    echo(f'{report.held_out} held-out demonstrations above worse driving: {report.ranking.text}')
    echo(f'reward: {report.file}')


@reward.command()
@_FILE
@click.option('--plot', type=click.Path(path_type=Path), help='Draw it into this PNG.')
@json_option
def show(file: Path, plot: Path | None, as_json: bool) -> None:
    """
    Show the reward in FILE: what each feature is worth, and which places pay.

    Example: ./ilw reward show reward.yaml --plot reward.png
    """
    from ilw_learner.rewards.reward_file import load_reward
    from ilw_learner.rewards.reward_picture import draw_reward

    found = load_reward(file)
    if plot:
        draw_reward(found, plot)
    if as_json:
        echo(json.dumps({
            'task': found.contract.name, 'contract_hash': found.contract.hash,
            'method': found.method, 'hash': found.hash, 'weights': found.weights,
            'intervals': found.intervals, 'unknown': found.unknown, 'discount': found.discount,
            'places': None if found.places is None else found.places.values.tolist(),
            'provenance': found.provenance}, default=str))
        return
    echo(f'{found.contract.name}: recovered by {found.method}, {found.hash[:12]}')
    _print_weights(found)
    if found.places is not None:
        values = found.places.values
        echo(f'places: {values.shape[0]} x {values.shape[1]}, from {values.min():.4g} to '
             f'{values.max():.4g}; --plot draws them')


@reward.command()
@_FILE
@click.argument('good', type=click.Path(path_type=Path))
@click.argument('worse', type=click.Path(path_type=Path))
@click.option('--seed', default=0, show_default=True, help='Of the interval.')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@json_option
def rank(file: Path, good: Path, worse: Path, seed: int, allow_other_contract: bool,
         as_json: bool) -> None:
    """
    Rank two folders of episodes by the reward in FILE; exit code 1 unless GOOD is above WORSE.

    Example: ./ilw reward rank reward.yaml demos/clutter demos/careless
    """
    import numpy as np

    from ilw_core.errors import EpisodeError
    from ilw_core.storage.episode_folder import find_episodes
    from ilw_data.episode.dataset import load_episode
    from ilw_learner.rewards.drives import return_of
    from ilw_learner.rewards.ranking import rank_all
    from ilw_learner.rewards.reward_file import load_reward

    found = load_reward(file)
    returns = []
    for folder in (good, worse):
        earned = [return_of(load_episode(each, found.contract,
                                         allow_other_contract=allow_other_contract), found)
                  for each in find_episodes(folder)]
        if not earned:
            raise EpisodeError(f'{folder} holds no episode. Name a folder of recordings.')
        returns.append(np.array(earned))
    report = rank_all(returns[0], returns[1], np.random.default_rng(seed))
    if as_json:
        echo(json.dumps(asdict(report)))
    else:
        echo(f'{good} above {worse}: {report.text}')
    if report.low <= 0.5:
        sys.exit(1)


def _print_weights(found: 'RecoveredReward') -> None:
    wide = max(map(len, (*found.weights, *found.unknown)))
    for name, value in found.weights.items():
        sure = ''
        if name in found.intervals:
            low, high = found.intervals[name]
            sure = f'  (95 %: {low:+.5f} to {high:+.5f})'
        elif name in found.taken:
            sure = '  (as bad as to run out of time; do not know how much worse)'
        echo(f'  {name:<{wide}}  {value:+.5f}{sure}')
    for name in found.unknown:
        echo(f'  {name:<{wide}}  do not know')
