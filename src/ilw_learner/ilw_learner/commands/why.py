"""The command that says why a policy acts as it does: why."""

from collections.abc import Sequence
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ilw_cli.options import (
    checkpoint_task_option,
    json_option,
    progress_json_option,
    trusted_keys_option,
)
from ilw_cli.progress import progress_bar
from ilw_core import world_seeds
from ilw_core.errors import EpisodeError, IlwError, NoEnvironmentError
from ilw_core.storage.files import write_file
from ilw_core.text.terminal import PlainConsole, echo

if TYPE_CHECKING:
    from ilw_learner.why.ablation import SuccessLost
    from ilw_learner.why.explain import Subject
    from ilw_learner.why.worlds import Asked

_ERR = PlainConsole(stderr=True)
_MOST_EPISODES = 40
"""More tell little more, and take longer than a minute to read"""


@click.command()
@click.argument('checkpoint')
@click.argument('episodes', required=False, type=click.Path(path_type=Path))
@checkpoint_task_option
@click.option('--out', type=click.Path(path_type=Path), default=Path('why.html'),
              show_default=True, help='The page.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment to drive episodes again in, or none.')
@click.option('--worlds', type=click.IntRange(0, 20), default=2, show_default=True,
              help='Episodes to drive again, each with one thing otherwise.')
@click.option('--drive', type=click.IntRange(0, 10_000), default=0, show_default=True,
              help='Episodes to drive without each input: the success that is lost.')
@click.option('--seed', default=0, show_default=True, help='Of the moments looked at.')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@trusted_keys_option
@progress_json_option
@json_option
def why(checkpoint: str, episodes: Path | None, task: str | None, out: Path, env_spec: str,
        worlds: int, drive: int, seed: int, allow_other_contract: bool, trusted_keys: str,
        progress_json: bool, as_json: bool) -> None:
    """
    Say why a policy acts as it does: one page, and what to do about it.

    EPISODES: recorded ones of its task [demos/TASK].

    Example: ./ilw why runs/<id>/checkpoint demos/clutter --out why.html
    """
    from ilw_core.storage.episode_folder import find_episodes
    from ilw_data.episode.dataset import load_episode
    from ilw_learner.checkpoint.contract import contract_of
    from ilw_learner.checkpoint.deployed import find_checkpoint
    from ilw_learner.checkpoint.folder import load_checkpoint
    from ilw_learner.checkpoint.signing import find_trusted_keys
    from ilw_learner.runtime.runner import BASELINES
    from ilw_learner.training.options import training_math
    from ilw_learner.why.explain import WhyOptions, explain, subject
    from ilw_learner.why.shown.page import page
    from ilw_learner.why.shown.text import lines

    if checkpoint in BASELINES:
        raise IlwError(f'why takes a checkpoint that has learned something. Got {checkpoint}, '
                       f'which looks at nothing.')
    contract = contract_of(task, [checkpoint])
    found = load_checkpoint(Path(find_checkpoint(checkpoint, contract.name)), contract,
                            find_trusted_keys(trusted_keys))
    place = episodes or Path('demos') / contract.name
    folders = find_episodes(place)
    if not folders:
        raise EpisodeError(f'No episode in {place}. Name a folder of recorded ones: ./ilw why '
                           f'CHECKPOINT EPISODES')
    with progress_bar(_ERR, 'read episodes', None, as_json=progress_json) as show, \
            training_math():
        about = subject(found, contract, [
            load_episode(each, contract, allow_other_contract=allow_other_contract)
            for each in folders[:_MOST_EPISODES]])
        if len(folders) > _MOST_EPISODES:
            about.notes.append(f'The first {_MOST_EPISODES} of {len(folders)} episodes were read.')
        show(0, 'drive again')
        asked, lost = _simulated(about, env_spec, worlds, drive, seed)
        explained = explain(about, WhyOptions(seed=seed), asked, lost,
                            lambda what: show(0, what))
        show(0, 'draw')
        write_file(out, page(explained, contract))
    if as_json or progress_json:
        echo(json.dumps(explained.report.as_json()))
        return
    for line in lines(explained.report):
        echo(line)
    echo(f'{out}: the page, with pictures')


def _simulated(about: 'Subject', env_spec: str, worlds: int, drive: int, seed: int,
               ) -> tuple[Sequence['Asked'], tuple['SuccessLost', ...]]:
    """Return what the simulator says; why there is nothing goes into the notes."""
    from ilw_learner.rollout.evaluate import make_env
    from ilw_learner.runtime.runner import PolicyRunner
    from ilw_learner.why.ablation import ablate
    from ilw_learner.why.worlds import ask_all, find_worlds

    if env_spec == 'none':
        about.notes.append('Without a simulator: no do(), answers from the recordings alone.')
        return (), ()
    try:
        env = make_env(env_spec, about.contract)
    except NoEnvironmentError as error:
        about.notes.append(f'Answers from the recordings alone: {error}')
        return (), ()
    except IlwError as error:  # the contract has no simulated task
        about.notes.append(f'Answers from the recordings alone, {about.contract.name} cannot be '
                           f'simulated: {error}')
        return (), ()
    asked: Sequence[Asked] = ()
    plain = getattr(env, 'unwrapped', env)  # rules that end an episode are wrapped around it
    if not hasattr(plain, 'retrace'):
        about.notes.append(f'{env_spec} cannot drive an episode again: no do().')
    elif worlds:
        known = find_worlds(plain, about.contract, about.episodes, most=worlds)
        asked = [ask_all(plain, each, about.ask, about.checkpoint.history,
                         images=bool(about.pictures)) for each in known]
        if not known:
            about.notes.append('No episode could be driven again: none of them is of one of the '
                               'first simulated worlds, or ticks of them were lost. No do().')
        for each in asked:
            if each.left_out:
                about.notes.append(f'{each.world.episode.name}: not asked about '
                                   f'{", ".join(each.left_out)}, far away or for want of time.')
    if not drive:
        about.notes.append('Success without each input was not measured: --drive 20')
        return asked, ()
    runner = PolicyRunner(about.checkpoint.path, about.contract)
    seeds = range(world_seeds.SCORE + seed, world_seeds.SCORE + seed + drive)
    return asked, ablate(env, about.contract, runner, [*about.seen, *about.pictures],
                         about.episodes, seeds)
