"""The command that decides which policy is deployed: promote, and its way back."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
import json
from pathlib import Path
import sys
from typing import Any

import click

from ilw_cli.options import (
    checkpoint_task_option,
    progress_json_option,
    trusted_keys_option,
)
from ilw_cli.progress import progress_bar
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.text.terminal import PlainConsole, echo
from ilw_learner.checkpoint.signing import TrustedKeys, find_trusted_keys

_ERR = PlainConsole(stderr=True)
_SEED = 600_000  # the worlds of ./ilw eval: no checkpoint was chosen on them


@dataclass(frozen=True)
class Promotion:
    """What became of the question which checkpoint is deployed."""

    promoted: bool
    """Whether the one that was asked for drives from here on"""
    checkpoint: str
    """Folder of the deployed one, or of the one that was refused"""
    text: str
    """For a person"""
    rollback: bool = False
    evidence: dict[str, Any] = field(default_factory=dict)
    """As the history keeps it; empty where nothing was driven"""

    def as_json(self) -> dict[str, Any]:
        """Return it by name, each number of the evidence beside."""
        return {'promoted': self.promoted, 'text': self.text,
                **({'rollback': True} if self.rollback else {}),
                'checkpoint': self.checkpoint, **self.evidence}


@click.command()
@click.argument('checkpoint', required=False, type=click.Path(path_type=Path))
@checkpoint_task_option
@click.option('--episodes', type=click.IntRange(1, 100_000), default=200, show_default=True,
              help='Episodes of each policy, from the same starts.')
@click.option('--seed', default=_SEED, show_default=True, help='First world.')
@click.option('--env', 'env_spec', default='ilw_sim.env:make_env', show_default=True,
              help='module:function of the environment.')
@click.option('--margin', type=click.FloatRange(0.0, 0.5), show_default='0.05',
              help='Success that may be lost for sure at most; another one takes --because.')
@click.option('--floor', type=click.FloatRange(0.0, 1.0), show_default='0.8',
              help='Success that a first policy has for sure; another one takes --because.')
@click.option('--because', default='', help='The reason, kept in the history.')
@click.option('--fresh', is_flag=True,
              help='Judge by the floor, as if nothing were deployed; takes --because.')
@click.option('--rollback', is_flag=True, help='Go back to what was deployed before.')
@click.option('--root', type=click.Path(path_type=Path), default=Path('deployed'),
              show_default=True)
@trusted_keys_option
@progress_json_option
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def promote(checkpoint: Path | None, task: str | None, episodes: int, seed: int, env_spec: str,
            margin: float | None, floor: float | None, because: str, fresh: bool,
            rollback: bool, root: Path, trusted_keys: str, progress_json: bool,
            as_json: bool) -> None:
    """
    Make a checkpoint the deployed one, if it is not worse; exit code 1 if it is not shown to be.

    Example: ./ilw promote runs/<id>/checkpoint
    """
    from ilw_learner.checkpoint.contract import contract_of
    from ilw_learner.checkpoint.deployed import DEPLOYED, Deployed

    as_json |= progress_json
    contract = contract_of(task, [DEPLOYED if rollback else checkpoint], root)
    store, trusted = Deployed(root, contract.name), find_trusted_keys(trusted_keys)
    if rollback:
        if checkpoint is not None:
            raise click.UsageError('--rollback goes back one promotion and takes no checkpoint.')
        place = store.rollback(because, trusted)
        _say(Promotion(True, str(place), f'Back to {place}.', rollback=True), as_json)
        return
    if checkpoint is None:
        raise click.UsageError('Name a checkpoint, or --rollback.')
    if (margin is not None or floor is not None or fresh) and not because:
        raise IlwError('--margin, --floor and --fresh change what is safe. Say why with '
                       '--because; it is kept in the history.')
    _promote(checkpoint, contract, store, episodes=episodes, seed=seed, env_spec=env_spec,
             margin=margin, floor=floor, because=because, fresh=fresh, trusted=trusted,
             progress_json=progress_json, as_json=as_json)


def _promote(path: Path, contract: Contract, store: Any, *, episodes: int, seed: int,
             env_spec: str, margin: float | None, floor: float | None, because: str, fresh: bool,
             trusted: TrustedKeys | None, progress_json: bool, as_json: bool) -> None:
    from ilw_learner.checkpoint.folder import load_checkpoint
    from ilw_learner.checkpoint.promotion import FLOOR, MARGIN, judge_against, judge_first

    candidate, current = load_checkpoint(path, contract, trusted), store.current()
    if current is not None and current.name == candidate.hash[:16]:
        store.verify(current, trusted)
        _say(Promotion(True, str(current), f'{path} is deployed already.'), as_json)
        return
    with progress_bar(_ERR, 'drive', episodes, as_json=progress_json) as show:
        if current is None or fresh:
            verdict = judge_first(*_score(path, contract, trusted, episodes, seed, env_spec, show),
                                  FLOOR if floor is None else floor)
        else:
            log = store.folder / f'trials-{current.name}-{candidate.hash[:16]}.jsonl'
            verdict = judge_against(
                _pair(current, path, contract, trusted, episodes, seed, env_spec, log, show),
                MARGIN if margin is None else margin)
    evidence = {'where': env_spec, 'seed': seed, 'because': because, **asdict(verdict.evidence)}
    place = store.promote(candidate, evidence, trusted) if verdict.allowed else None
    text = f'{"Deployed" if place else "Refused"}: {verdict.text}.'
    _say(Promotion(verdict.allowed, str(place or path), f'{text}\n{place}' if place else text,
                   evidence=evidence), as_json)
    if not verdict.allowed:
        sys.exit(1)


def _score(path: Path, contract: Contract, trusted: TrustedKeys | None, episodes: int, seed: int,
           env_spec: str, show: Callable[[int], None]) -> tuple[int, int]:
    from ilw_learner.rollout.evaluate import evaluate, make_env
    from ilw_learner.runtime.runner import PolicyRunner

    runner = PolicyRunner(path, contract, trusted=trusted)
    runs = evaluate(make_env(env_spec, contract), contract, runner,
                    range(seed, seed + episodes), lambda so_far: show(len(so_far)))
    return sum(run.success for run in runs), len(runs)


def _pair(current: Path, path: Path, contract: Contract, trusted: TrustedKeys | None,
          episodes: int, seed: int, env_spec: str, file: Path,
          show: Callable[[int], None]) -> Any:
    from ilw_learner.rollout.compare import drive_pairs
    from ilw_learner.rollout.evaluate import make_env
    from ilw_learner.rollout.trial_log import TrialLog
    from ilw_learner.runtime.runner import PolicyRunner

    runners = (PolicyRunner(current, contract, trusted=trusted),
               PolicyRunner(path, contract, trusted=trusted))
    header = {'task': contract.name, 'contract': contract.hash, 'where': env_spec, 'seed': seed,
              'policies': [runner.name for runner in runners]}
    with TrialLog(file, header) as log:
        drive_pairs(make_env(env_spec, contract), contract, runners, episodes, seed, log, show)
        return log.counts(episodes)


def _say(done: Promotion, as_json: bool) -> None:
    echo(json.dumps(done.as_json()) if as_json else done.text, lines=True)
