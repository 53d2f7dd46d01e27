"""Episodes of an evaluation driven in several places: the same worlds, in the same order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
import tempfile
from typing import Any

from ilw_core.base.plant import PlantProfile
from ilw_core.contract.file import Contract, parse_contract
from ilw_core.errors import CheckpointError
from ilw_learner.checkpoint.folder import checkpoint_files, load_checkpoint, write_checkpoint
from ilw_learner.rollout.evaluate import Rollout, evaluate, make_env
from ilw_learner.rollout.looks import BLINDS, Looks, drive_blind
from ilw_learner.runtime.runner import BASELINES, PolicyRunner
from ilw_learner.spread.spread import Spread

PARTS_EACH = 4
"""Parts per worker: who is done early takes another, as episodes differ in length"""


@dataclass(frozen=True)
class SentPolicy:
    """What drives, and in what: values to make both of, wherever they are driven."""

    checkpoint: str
    """One of ``BASELINES``, or the hash that the checkpoint of ``files`` has"""
    files: dict[str, bytes]
    """Name -> content; of a baseline none"""
    contract_text: str
    folder: Path | None
    """Where the contract was; elsewhere its scene is looked for in ``config/tasks``"""
    seed: int
    env_spec: str
    plant: PlantProfile | None
    slower_s: float

    @contextmanager
    def ready(self) -> Iterator[tuple[Any, Contract, PolicyRunner]]:
        """
        Give environment, contract and runner.

        The graph was tried where the policy comes from: that it is this one its hash tells.

        :raises IlwError: the policy is another one, or there is no such environment.
        """
        contract = replace(parse_contract(self.contract_text), folder=self.folder)
        with tempfile.TemporaryDirectory(prefix='ilw-policy-') as folder:
            name: str | Path = self.checkpoint
            if name not in BASELINES:
                name = Path(folder) / 'checkpoint'
                write_checkpoint(name, self.files)
                if load_checkpoint(name).hash != self.checkpoint:
                    raise CheckpointError('What came to drive here is not the checkpoint that '
                                          'was sent. Try again.')
            runner = PolicyRunner(name, contract, seed=self.seed, own=True,
                                  slower_s=self.slower_s)
        env = make_env(self.env_spec, contract, plant=self.plant)
        try:
            yield env, contract, runner
        finally:
            env.close()


def sent_policy(checkpoint: str | Path, contract: Contract, *, seed: int, env_spec: str,
                plant: PlantProfile | None, slower_s: float) -> SentPolicy:
    """Return a policy to be driven elsewhere, its graph tried and its signature looked at here."""
    found = None if str(checkpoint) in BASELINES else load_checkpoint(Path(checkpoint), contract)
    return SentPolicy(
        str(checkpoint) if found is None else found.hash,
        {} if found is None else checkpoint_files(found), contract.text, contract.folder, seed,
        env_spec, plant, slower_s)


def drive_apart(spread: Spread, sent: SentPolicy, seeds: Sequence[int],
                progress: Callable[[list[Rollout]], None] = lambda runs: None) -> list[Rollout]:
    """
    Drive an episode per seed, each as ``evaluate`` drives it, in the order of the seeds.

    :param progress: called with all so far, in whatever order they came.
    """
    so_far: list[Rollout] = []

    def come(runs: list[Rollout]) -> None:
        so_far.extend(runs)
        progress(so_far)

    # The draws of `random` go on from episode to episode: it stays in one piece.
    count = 1 if sent.checkpoint == 'random' else PARTS_EACH * spread.workers
    return [run for part in spread.map(drive_part, sent, parts(seeds, count), come)
            for run in part]


def judge_looks_apart(spread: Spread, sent: SentPolicy, runs: Sequence[Rollout],
                      progress: Callable[[int], None] = lambda done: None) -> Looks:
    """
    Drive the worlds of a policy's episodes again without its sight, each way in one place.

    What is shown in an episode can be what was seen in the one before: they stay together.

    :param progress: called with how many were driven.
    """
    done = 0

    def come(_: int) -> None:
        nonlocal done
        done += len(runs)
        progress(done)

    seeds = tuple(run.seed for run in runs)
    good = spread.map(blind_part, sent, [(how, seeds) for how in BLINDS], come)
    return Looks(sum(run.success for run in runs), len(runs),
                 dict(zip(BLINDS, good, strict=True)))


def parts(seeds: Sequence[int], count: int) -> list[Sequence[int]]:
    """Return seeds in so many parts, or one per seed, whose lengths differ by one at most."""
    count = max(1, min(count, len(seeds)))
    ends = [len(seeds) * k // count for k in range(count + 1)]
    return [seeds[a:b] for a, b in pairwise(ends)]


def drive_part(sent: SentPolicy, seeds: Sequence[int]) -> list[Rollout]:
    """Drive some of the episodes; a job of ``drive_apart``."""
    with sent.ready() as (env, contract, runner):
        return evaluate(env, contract, runner, seeds)


def blind_part(sent: SentPolicy, way: tuple[str, Sequence[int]]) -> int:
    """Return the successes of one way of ``BLINDS``; a job of ``judge_looks_apart``."""
    with sent.ready() as (env, contract, runner):
        how, seeds = way
        return drive_blind(env, contract, runner, how, seeds)
