"""Search for hyper-parameters with Optuna: resumable, and cut short where it does not pay."""

from collections.abc import Callable
from dataclasses import dataclass, field
import math
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from ilw_core.contract.yaml_data import read_yaml
from ilw_core.errors import ContractError, IlwError, NotFiniteError
from ilw_core.storage.figure_file import pyplot, save_figure
from ilw_core.storage.files import open_to_append
from ilw_learner.training.progress import CancelledError, Progress

Train = Callable[[dict[str, Any], Path, Callable[[Progress], bool]], float]
"""(values, folder of the trial, progress) -> evaluated success, 0 to 1"""


_TRIES = 10
"""To open a storage that another process makes at the moment; each takes its time"""


@dataclass(frozen=True)
class SweepOptions:
    """What a sweep is made of."""

    space: Path
    """``config/sweep/<name>.yaml``"""
    folder: Path
    """Receives ``sweep.db``, ``sweep.png`` and a folder per trial of this process"""
    name: str
    trials: int
    """In this call; those of earlier calls in the same folder, and of others on the same
    storage, are learned from"""
    seed: int = 0
    storage: str = ''
    """URL of the database that holds the trials, as SQLAlchemy writes it: what works on the same
    search shares one; empty: ``sweep.db``"""
    say: Callable[[str], None] = field(default=lambda text: None)


def load_space(path: Path) -> dict[str, dict[str, Any]]:
    """
    Return what may be varied: name -> ``{low, high, log}`` or ``{choices}``.

    :raises ContractError: not YAML, or an entry is neither.
    """
    space = read_yaml(path, 'a space of hyper-parameters')
    if not isinstance(space, dict) or not space:
        raise ContractError(f'{path} must map names of values to low and high, or choices.')
    for name, entry in space.items():
        keys = set(entry) if isinstance(entry, dict) else set()
        if keys != {'choices'} and not {'low', 'high'} <= keys <= {'low', 'high', 'log'}:
            raise ContractError(f'{path}: {name} must have low and high (and log), or choices. '
                                f'Got {entry!r}.')
    return space


def sweep(options: SweepOptions, train: Train) -> optuna.Study:
    """
    Run trials and return the study, which stays in ``sweep.db``, or in the storage.

    A trial whose evaluated success is below the median of earlier ones at the same point ends.
    Several processes may search together, each for trials of its own.

    :raises IlwError: the storage cannot be used.
    """
    space = load_space(options.space)
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # what fails says so itself, in one line
    options.folder.mkdir(parents=True, exist_ok=True)
    study = _study(options)

    def objective(trial: optuna.Trial) -> float:
        # By its number, which no other trial has: neither one of an earlier call, nor one of
        # another process, draws the same again.
        study.sampler = _sampler(options.seed, trial.number)
        values = {name: _suggest(trial, name, entry) for name, entry in space.items()}
        reported = -1

        def on_progress(now: Progress) -> bool:
            nonlocal reported
            if math.isnan(now.success_ratio) or now.evaluations == reported:
                return True
            reported = now.evaluations
            trial.report(now.success_ratio, reported)
            return not trial.should_prune()

        try:
            success = train(values, options.folder / f'trial-{trial.number}', on_progress)
        except CancelledError as error:
            options.say(f'trial {trial.number}: stopped early, {values}')
            raise optuna.TrialPruned from error
        except (ValueError, NotFiniteError) as error:
            options.say(f'trial {trial.number}: failed, {values}: {error}')
            raise
        options.say(f'trial {trial.number}: success {success:.0%}, {values}')
        return success

    study.optimize(objective, n_trials=options.trials, catch=(ValueError, NotFiniteError))
    draw_study(study, options.folder / 'sweep.png')
    return study


def _study(options: SweepOptions) -> optuna.Study:
    storage = options.storage
    if not storage:
        database = options.folder / 'sweep.db'
        open_to_append(database).close()  # a regular file, before SQLite opens it
        storage = f'sqlite:///{database}'
    for left in reversed(range(_TRIES)):
        try:
            return optuna.create_study(
                study_name=options.name, direction='maximize', load_if_exists=True,
                storage=storage, pruner=optuna.pruners.MedianPruner(n_startup_trials=4))
        except (SQLAlchemyError, ImportError) as error:
            # Two that begin at once both make the tables; the later one then finds them.
            made = isinstance(error, IntegrityError) or 'already exists' in str(error)
            if not made or not left:  # neither text quotes the URL, and its password
                raise IlwError(
                    f'--storage must be the URL of a database that can be used, as '
                    f'sqlite:////FOLDER/sweep.db or postgresql://USER@HOST/NAME, its driver '
                    f'installed: {str(error).splitlines()[0]}') from error
    raise AssertionError('the last try returns or raises')


def _sampler(seed: int, trial: int) -> optuna.samplers.BaseSampler:
    """Return what draws the values of a trial; those that others try now count as tried."""
    drawn = int(np.random.SeedSequence([seed, trial]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=drawn, constant_liar=True)


def _suggest(trial: optuna.Trial, name: str, entry: dict[str, Any]) -> Any:
    if 'choices' in entry:
        return trial.suggest_categorical(name, entry['choices'])
    low, high, log = entry['low'], entry['high'], bool(entry.get('log', False))
    if isinstance(low, int) and isinstance(high, int):
        return trial.suggest_int(name, low, high, log=log)
    return trial.suggest_float(name, low, high, log=log)


def draw_study(study: optuna.Study, path: Path) -> None:
    """
    Draw success against each value, a dot per trial, as PNG.

    :raises IlwError: no trial ended.
    """
    plt = pyplot()

    ended = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not ended:
        raise IlwError('No trial ended well: nothing to draw. See what the trials printed.')
    names = list(ended[0].params)
    figure, axes = plt.subplots(1, 1 + len(names), figsize=(3 * (1 + len(names)), 3),
                                sharey=True, layout='constrained', squeeze=False)
    row, best = axes[0], 0.0
    steps = [best := max(best, trial.value) for trial in ended]
    row[0].plot([t.number for t in ended], [t.value for t in ended], '.', label='trial')
    row[0].step([t.number for t in ended], steps, where='post', label='best so far')
    row[0].set(xlabel='trial', ylabel='success')
    row[0].legend(fontsize=7)
    for axis, name in zip(row[1:], names, strict=True):
        axis.plot([t.params[name] for t in ended], [t.value for t in ended], '.')
        axis.set_xlabel(name)
        if getattr(ended[0].distributions[name], 'log', False):
            axis.set_xscale('log')
    save_figure(figure, path, dpi=120)
    plt.close(figure)
