"""One run of behaviour cloning, from a folder of episodes to a checkpoint."""

from collections.abc import Callable
from dataclasses import dataclass, field
import json
from pathlib import Path
import platform
import subprocess
from typing import Any

import numpy as np
import torch

from ilw_core.contract import Contract
from ilw_core.episode import Episode
from ilw_core.episode_folder import find_episodes
from ilw_core.errors import EpisodeError
from ilw_learner.checkpoint import Checkpoint
from ilw_learner.dataset import build_dataset, load_episode, split_episodes, usable
from ilw_learner.evaluate import evaluate, make_env
from ilw_learner.policies.bc import BcConfig
from ilw_learner.policies.dqn import DqnConfig
from ilw_learner.runtime import PolicyRunner
from ilw_learner.trainer import Progress, Trainer


@dataclass(frozen=True)
class TrainOptions:
    """What a run is made of."""

    contract: Contract
    config: BcConfig | DqnConfig
    demos: Path
    out: Path
    seed: int = 0
    env_spec: str | None = None
    """``module:function`` of the environment that chooses the checkpoint; ``None``: by loss"""
    eval_seed: int = 300_000
    allow_other_contract: bool = False
    max_demos: int = 0
    """Use only this many, the oldest; 0: all"""
    say: Callable[[str], None] = field(default=lambda text: None)


def run_training(options: TrainOptions, on_progress: Callable[[Progress], bool]) -> dict[str, Any]:
    """
    Train and return a summary that is also written to ``training.json``.

    :raises IlwError: no usable episode, or the environment is not there.
    """
    # One thread: a second one waits longer for the first than it computes, at this size. Measured
    # on two busy cores, batch 256: 2.1 ms an update with one thread, 13 to 24 ms with two.
    torch.set_num_threads(1)
    contract, config = options.contract, options.config
    assert isinstance(config, BcConfig)
    loaded = load_demonstrations(options)
    data = build_dataset(loaded, contract, history=config.history, horizon=config.horizon)
    rng = np.random.default_rng(options.seed)
    training, held = split_episodes(len(loaded), config.held_out_ratio, rng)
    score = _scorer(options) if options.env_spec else None
    trainer = Trainer(
        contract, config, data.pick(training), data.pick(held), options.out, seed=options.seed,
        score=score, provenance=provenance(options, data.names), on_progress=on_progress)
    result = trainer.fit()
    summary = {
        'checkpoint': str(result.checkpoint.path), 'task': contract.name, 'seed': options.seed,
        'episodes': len(loaded), 'windows': len(data.obs), 'masked': data.masked,
        'train_s': round(result.train_s, 2), 'held_out': result.held_out,
        'success': result.success[0] if result.success else None,
        'episodes_eval': result.success[1] if result.success else 0,
    }
    (options.out / 'training.json').write_text(json.dumps(summary, indent=2) + '\n')
    (options.out / 'contract.yaml').write_text(contract.text)
    return summary


def load_demonstrations(options: TrainOptions) -> list[Episode]:
    """
    Return the episodes to learn from; one that cannot be used is said and left out.

    :raises EpisodeError: there is none.
    """
    folders = usable(find_episodes(options.demos))
    if not folders:
        raise EpisodeError(f'{options.demos} holds no successful episode. Record some: '
                           f'./ilw up record --task {options.contract.name}.')
    loaded = []
    for folder in folders:
        try:
            loaded.append(load_episode(
                folder, options.contract, cache=options.out.parent / '.cache',
                allow_other_contract=options.allow_other_contract))
        except EpisodeError as error:
            options.say(f'left out: {error}')
    if not loaded:
        raise EpisodeError(f'None of {len(folders)} episodes in {options.demos} can be used; '
                           f'see above, or run ./ilw episodes check {options.demos}.')
    return loaded[:options.max_demos or None]


def _scorer(options: TrainOptions) -> Callable[[Checkpoint], tuple[int, int]]:
    assert options.env_spec is not None
    env = make_env(options.env_spec, options.contract)
    seeds = range(options.eval_seed, options.eval_seed + options.config.eval_episodes)

    def score(checkpoint: Checkpoint) -> tuple[int, int]:
        runner = PolicyRunner(checkpoint.path, options.contract)
        runs = evaluate(env, options.contract, runner, seeds)
        return sum(run.success for run in runs), len(runs)

    return score


def provenance(options: TrainOptions, names: tuple[str, ...]) -> dict[str, Any]:
    """Return where a checkpoint comes from."""
    return {'seed': options.seed, 'episodes': list(names), 'demos': options.demos.name,
            'git': _git_commit(), 'torch': str(torch.__version__),
            'python': platform.python_version()}


def _git_commit() -> str:
    try:
        done = subprocess.run(['git', 'describe', '--always', '--dirty'], capture_output=True,
                              text=True, check=False, timeout=5.0, cwd=Path(__file__).parent)
    except (OSError, subprocess.TimeoutExpired):
        return ''
    return done.stdout.strip()
