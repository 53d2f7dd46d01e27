"""The commands over many training runs: runs, sweep."""

from collections.abc import Callable
from dataclasses import replace
import json
from pathlib import Path
from typing import Any

import click

from ilw_cli.config_name import ConfigName
from ilw_cli.options import task_option
from ilw_core.contract.file import load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_core.text.terminal import echo


@click.command()
@click.argument('folders', nargs=-1, type=click.Path(path_type=Path))
@click.option('--plot', type=click.Path(path_type=Path),
              help='Draw success against steps and seconds into this PNG.')
@click.option('--curves', is_flag=True, help='With --json, also what was measured along the way, '
              'and the values that it was trained with.')
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def runs(folders: tuple[Path, ...], plot: Path | None, curves: bool, as_json: bool) -> None:
    """
    List training runs, best first, and draw them beside each other.

    Example: ./ilw runs runs --plot curves.png
    """
    from ilw_learner.training.runs import draw_runs, find_runs, run_line

    for folder in folders:
        if not folder.is_dir():
            raise IlwError(f'{folder} must be a folder of training runs, as runs. Got '
                           f'{"a file" if folder.exists() else "nothing"} there.')
    found = [run for folder in folders or (Path('runs'),) for run in find_runs(folder)]
    found.sort(key=lambda run: (run.summary.task, -(run.summary.success_ratio or 0.0)))
    if curves and not as_json:
        raise click.UsageError('--curves goes with --json; for a person there is --plot FILE.png.')
    if plot:
        draw_runs(found, plot)
    if as_json:
        echo(json.dumps({'runs': [{
            'path': str(r.path), **r.data,
            **({'curves': r.curves(), 'values': r.values()} if curves else {})}
            for r in found]}))
        return
    for run in found:
        echo(run_line(run.summary, run.path))
    echo(f'{len(found)} runs' + (f', drawn in {plot}' if plot else ''))


@click.command()
@task_option
@click.option('--algo', type=ConfigName('train'), default='bc', show_default=True,
              help='In config/train/, or a path.')
@click.option('--space', help='What to vary: in config/sweep/, or a path [the name of --algo].')
@click.option('--demos', type=click.Path(path_type=Path), help='Folder of episodes [demos/TASK].')
@click.option('--trials', type=click.IntRange(1, 100_000), default=20, show_default=True)
@click.option('--seed', default=0, show_default=True)
@click.option('--out', type=click.Path(path_type=Path), help='Folder [runs/sweep-TASK-ALGO].')
@click.option('--storage', default='', metavar='URL', help='Database that holds the trials, for '
              'several processes or machines that search together [sweep.db in --out].')
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def sweep(task: str, algo: str, space: str | None, demos: Path | None, trials: int, seed: int,
          out: Path | None, storage: str, as_json: bool) -> None:
    """
    Search for hyper-parameters by evaluated success; call it again to go on.

    Example: ./ilw sweep --task maze --algo bc --trials 20
    """
    from ilw_learner.algorithms import ALGORITHMS
    from ilw_learner.training.config import load_config
    from ilw_learner.training.options import TrainOptions, find_demonstrations
    from ilw_learner.training.sweep import SweepOptions
    from ilw_learner.training.sweep import sweep as search
    from ilw_learner.training.train import train

    contract = load_contract(config_file('tasks', task))
    algorithm, config = load_config(config_file('train', algo), contract.name)
    demos = demos or Path('demos') / contract.name
    if ALGORITHMS[algorithm].demonstrated:
        find_demonstrations(demos, contract.name)  # before anything is written

    def run(values: dict[str, Any], folder: Path, on_progress: Callable[[Any], bool]) -> float:
        summary = train(TrainOptions(
            contract=contract, algorithm=algorithm, config=replace(config, **values),
            demos=demos, out=folder, seed=seed,
            env_spec='ilw_sim.env:make_env'), on_progress)
        assert summary.success_ratio is not None
        return summary.success_ratio

    folder = out or Path('runs') / f'sweep-{contract.name}-{algorithm}'
    study = search(SweepOptions(
        space=config_file('sweep', space or algorithm), folder=folder, trials=trials, seed=seed,
        storage=storage, name=f'{contract.name}-{algorithm}',
        say=lambda text: echo(text, err=True)), run)
    if as_json:
        echo(json.dumps({'trials': len(study.trials), 'best': study.best_value,
                               'values': study.best_params, 'plot': str(folder / 'sweep.png')}))
        return
    echo(f'best of {len(study.trials)} trials: success {study.best_value:.1%} with '
         f'{study.best_params}; {folder / "sweep.png"}')
