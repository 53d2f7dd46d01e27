"""The command that learns task after task and shows what is transferred and forgotten."""

import json
from pathlib import Path

import click
from rich.progress import Progress

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_core import world_seeds
from ilw_core.contract.file import named_contract
from ilw_core.errors import IlwError
from ilw_core.storage.files import json_text, write_file
from ilw_core.storage.locate import config_file
from ilw_core.text.terminal import PlainConsole, echo

_ERR = PlainConsole(stderr=True)


@click.command()
@click.argument('tasks', nargs=-1, required=True)
@click.option('--demos', type=click.Path(path_type=Path), default=Path('demos'),
              show_default=True, help='Folder with a folder of episodes for each task.')
@click.option('--config', '--algo', 'config_name', type=ConfigName('train'), default='bc',
              show_default=True,
              help='In config/train/, or a path; its values for the first task are those of all '
                   'stages.')
@click.option('--keep', 'keeps', type=click.Choice(['none', 'replay', 'ewc']), multiple=True,
              default=('replay', 'none'), show_default=True,
              help='What keeps the tasks before, as in train; several are shown beside each '
                   'other.')
@click.option('--later', type=click.IntRange(0), default=0,
              help='Demonstrations of each task but the first [all].')
@click.option('--scratch', is_flag=True, help='Also learn each later task from nothing.')
@click.option('--seed', default=0, show_default=True, help='First seed of the trainings.')
@click.option('--seeds', type=click.IntRange(1, 100), default=1, show_default=True,
              help='How many seeds.')
@click.option('--episodes', type=click.IntRange(1, 100_000), default=100, show_default=True,
              help='Of every task after every stage.')
@click.option('--eval-seed', default=world_seeds.SCORE, show_default=True, help='First world.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment.')
@click.option('--out', type=click.Path(path_type=Path),
              help='Folder of the run; called again it goes on there [runs/transfer-TASKS].')
@json_option
def transfer(tasks: tuple[str, ...], demos: Path, config_name: str, keeps: tuple[str, ...],
             later: int, scratch: bool, seed: int, seeds: int, episodes: int, eval_seed: int,
             env_spec: str, out: Path | None, as_json: bool) -> None:
    """
    Learn task after task; show every task's success after every stage, and what is forgotten.

    Example: ./ilw transfer clutter office --keep replay --keep none --later 20
    """
    from ilw_learner.algorithms import ALGORITHMS
    from ilw_learner.data.mirror import reflections
    from ilw_learner.training.config import load_config
    from ilw_learner.training.options import OldDemos, find_demonstrations
    from ilw_learner.transfer.picture import draw_transfer
    from ilw_learner.transfer.stages import StageOptions, few_of, learn_in_stages

    contracts = tuple(map(named_contract, tasks))
    names = [contract.name for contract in contracts]
    if len(names) < 2 or len({*names}) < len(names):
        raise IlwError(f'Name two tasks or more, each once, in the order they are learned. Got '
                       f'{", ".join(names)}.')
    algorithm, config = load_config(config_file('train', config_name), names[0])
    shown = [name for name, each in ALGORITHMS.items() if each.begins and each.demonstrated]
    if algorithm not in shown:
        able = ' or '.join(shown)
        raise IlwError(f'{algorithm} cannot begin with what another task taught. Use --algo '
                       f'{able}.')
    for contract in contracts:  # before anything is written
        find_demonstrations(demos / contract.name, contract.name)
        if getattr(config, 'mirror', False):
            reflections(contract)
    out = out or Path('runs') / '-'.join(['transfer', *names])
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        row = bar.add_task('train', total=None)

        def show(now: object) -> bool:
            bar.update(row, completed=now.update, total=now.updates)  # type: ignore[attr-defined]
            return True

        report = learn_in_stages(StageOptions(
            contracts=contracts, algorithm=algorithm, config=config, keeps=tuple(
                dict.fromkeys(keeps)),
            demos=few_of([OldDemos(demos / name) for name in names], later), out=out,
            seeds=tuple(range(seed, seed + seeds)), scratch=scratch, episodes=episodes,
            eval_seed=eval_seed, env_spec=env_spec, on_progress=show,
            say=lambda text: _ERR.print(text, style='yellow', soft_wrap=True)))
    write_file(out / 'transfer.json', json_text(report.as_json(), indent=2) + '\n')
    draw_transfer(report, out / 'transfer.png')
    if as_json:
        echo(json.dumps(report.as_json()))
        return
    for line in report.lines():
        echo(line)
    echo(f'{out / "transfer.png"}, {out / "transfer.json"}')
