"""Learn task after task, and drive every task after every stage; a run that ended goes on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
import hashlib
from pathlib import Path

from ilw_core import world_seeds
from ilw_core.contract.by_name import why_it_cannot_drive
from ilw_core.contract.file import Contract
from ilw_core.errors import IlwError
from ilw_core.scores.forgetting import StageMatrix
from ilw_core.scores.statistics import Tried
from ilw_core.storage.files import json_text, read_json, write_file
from ilw_learner.checkpoint.folder import Checkpoint, load_checkpoint
from ilw_learner.rollout.evaluate import Drives, evaluate, make_env
from ilw_learner.rollout.other_task import OtherTask
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.options import OldDemos, TrainConfig, TrainOptions
from ilw_learner.training.progress import Progress
from ilw_learner.training.runs import read_run
from ilw_learner.training.train import train
from ilw_learner.transfer.report import KeptRuns, Scratch, TransferReport

_MAX_BYTES = 10_000


@dataclass(frozen=True)
class StageOptions:
    """What a run of several stages is made of."""

    contracts: tuple[Contract, ...]
    """(K,) of the tasks, in the order they are learned"""
    demos: tuple[OldDemos, ...]
    """(K,) what each task is learned from"""
    algorithm: str
    config: TrainConfig
    """Of every stage: the network goes on, so what makes it stays the same"""
    keeps: tuple[str, ...]
    """Names in ``transfer.old_windows.KEEPS``; each in a chain of stages of its own"""
    out: Path
    seeds: tuple[int, ...] = (0,)
    """Of the trainings, one chain each"""
    scratch: bool = False
    """Whether later tasks are learned from nothing, too: from as much, and from all there is"""
    episodes: int = 100
    """Of every cell"""
    eval_seed: int = world_seeds.SCORE
    env_spec: str = 'ilw_sim.env:make_env'
    on_progress: Callable[[Progress], bool] = field(default=lambda now: True)
    say: Callable[[str], None] = field(default=lambda text: None)


def learn_in_stages(options: StageOptions) -> TransferReport:
    """
    Train every chain of stages, drive every task after each, and return what came out.

    Trainings that ended are not made again, nor are tasks driven twice with the same policy.

    :raises IlwError: no demonstrations, or something cannot be learned or driven.
    """
    kept = tuple(KeptRuns(keep, tuple(_chain(options, keep, seed) for seed in options.seeds))
                 for keep in options.keeps)
    tasks = options.contracts
    return TransferReport(
        tasks=tuple(each.name for each in tasks), algorithm=options.algorithm,
        demos=tuple(each.most for each in options.demos), seeds=options.seeds,
        episodes=options.episodes, env=options.env_spec, kept=kept,
        scratch=tuple(_scratch(options, i) for i in range(1, len(tasks)))
        if options.scratch else (),
        cannot={f'{policy.name} in {task.name}': why for policy in tasks for task in tasks
                if (why := why_it_cannot_drive(policy, task))})


def _chain(options: StageOptions, keep: str, seed: int) -> StageMatrix:
    """Return the matrix of one chain."""
    cells, curves = [], []
    policy: Checkpoint | None = None
    for i, contract in enumerate(options.contracts):
        chain = 'first' if i == 0 else keep  # the first stage is the same for all
        folder = options.out / f'{chain}-{seed}' / f'{i + 1}-{contract.name}'
        before = cells[-1][i] if cells else None
        options.say(f'{keep}, seed {seed}: learns {contract.name}.')
        policy = _trained(options, i, folder, seed, policy, keep if i else 'none')
        curves.append(((before,) if before else ()) + _curve(folder))
        cells.append(tuple(_driven(options, policy, task) for task in options.contracts))
    return StageMatrix(tuple(each.name for each in options.contracts), tuple(cells),
                       tuple(curves))


def _trained(options: StageOptions, i: int, folder: Path, seed: int,
             begin: Checkpoint | None = None, keep: str = 'none', *,
             most: int | None = None) -> Checkpoint:
    demos = options.demos[i]
    summary = train(TrainOptions(
        contract=options.contracts[i], algorithm=options.algorithm, config=options.config,
        demos=demos.folder, max_demos=demos.most if most is None else most, out=folder, seed=seed,
        env_spec=options.env_spec, begin=begin, keep=keep, say=options.say,
        old_demos=() if keep == 'none' else options.demos[:i]), options.on_progress)
    return load_checkpoint(Path(summary.checkpoint), options.contracts[i])


def _curve(folder: Path) -> tuple[Tried, ...]:
    """Return how the candidates of a training did, the earliest first."""
    rows = {row['update']: row for row in read_run(folder).metrics if 'eval/episodes' in row}
    return tuple(Tried(round(row['eval/success_rate'] * row['eval/episodes']),
                       round(row['eval/episodes'])) for _, row in sorted(rows.items()))


def _scratch(options: StageOptions, i: int) -> Scratch:
    """Return how a task goes that is learned from nothing, over all seeds."""
    def over_seeds(name: str, most: int) -> Tried:
        counts = []
        for seed in options.seeds:
            folder = options.out / f'scratch-{seed}' / f'{options.contracts[i].name}-{name}'
            options.say(f'from nothing, seed {seed}: learns {options.contracts[i].name} '
                        f'({name}).')
            cell = _driven(options, _trained(options, i, folder, seed, most=most),
                           options.contracts[i])
            assert cell is not None
            counts.append(cell)
        return Tried(sum(each.success for each in counts), sum(each.n for each in counts))

    few = options.demos[i].most
    return Scratch(options.contracts[i].name, over_seeds('few', few) if few else None,
                   over_seeds('all', 0))


def _driven(options: StageOptions, policy: Checkpoint, task: Contract) -> Tried | None:
    """Return how a policy does in a task; ``None``: it cannot drive it."""
    if why_it_cannot_drive(policy.contract, task):
        return None
    key = f'{policy.hash} {task.hash} {options.env_spec} {options.eval_seed} {options.episodes}'
    path = options.out / 'driven' / f'{hashlib.sha256(key.encode()).hexdigest()[:32]}.json'
    if path.exists():
        try:
            return Tried(**read_json(path, _MAX_BYTES))
        except (ValueError, TypeError) as error:
            raise IlwError(f'{path} is damaged. Remove it: the task is driven again.') from error
    options.say(f'drives {task.name}.')
    own = PolicyRunner(policy.path, policy.contract, own=True)
    runner: Drives = own if policy.contract.hash == task.hash else OtherTask(own, task)
    env = make_env(options.env_spec, task)
    runs = evaluate(env, task, runner,
                    range(options.eval_seed, options.eval_seed + options.episodes))
    env.close()
    found = Tried(sum(run.success for run in runs), len(runs))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_file(path, json_text(found._asdict()))
    return found


def few_of(demos: Sequence[OldDemos], most: int) -> tuple[OldDemos, ...]:
    """Return the same with at most so many of each task but the first; 0: all."""
    return tuple(replace(each, most=most if i else 0) for i, each in enumerate(demos))
