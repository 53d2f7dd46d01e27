"""``./ilw episodes multiply``: demonstrations of an arm made of recorded ones, by simulation."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.progress import Progress

from ilw_cli.config_name import ConfigName
from ilw_cli.options import json_option
from ilw_core import world_seeds
from ilw_core.contract.file import named_contract
from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import find_episodes
from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import PlainConsole, echo
from ilw_data.commands.episodes import episodes

if TYPE_CHECKING:
    from ilw_data.episode.made import MadeRecording
    from ilw_sim.arm.multiply import Multiplier, RecordedDrive
    from ilw_sim.env import IlwEnv
    from ilw_sim.simulated import Tick

_ERR = PlainConsole(stderr=True)
_BEGIN_NS = 1_000_000_000
"""A stamp of 0 is none"""
_TRIES = 5
"""For each demonstration that is wanted: fewer than a fifth that succeed are no use"""


@dataclass(frozen=True)
class Multiplied:
    """What came of it; ``--json`` shows it under these names."""

    folder: str
    recorded: int
    made: int
    """Successes, kept"""
    tried: int
    left_out: tuple[str, ...]
    """Why a recording is not among them"""


@episodes.command()
@click.argument('demos', type=click.Path(path_type=Path))
@click.option('--task', type=ConfigName('tasks'), required=True,
              help='A contract in config/tasks/, or a path, whose scene is one of an arm.')
@click.option('--count', type=click.IntRange(1, 100_000), default=200, show_default=True,
              help='Demonstrations to make.')
@click.option('--out', type=click.Path(path_type=Path), required=True,
              help='A new folder for them.')
@click.option('--seed', type=click.IntRange(0, 1000), default=0, show_default=True,
              help='Of the worlds, and of which recording is taken for each.')
@json_option
def multiply(demos: Path, task: str, count: int, out: Path, seed: int, as_json: bool) -> None:
    """
    Make demonstrations of an arm out of a few recorded ones, in the simulator.

    In a new world each part of a recorded drive is moved with the thing that it is about, and
    driven; what succeeds is kept, and says in episode.json that and from what it was made.

    Example: ./ilw episodes multiply demos/lift_state --task lift_state --count 50 --out demos/more
    """
    if out.exists() and any(out.iterdir()):
        raise IlwError(f'--out must be a new folder. There is something in {out}. Name another.')
    made = _multiplied(demos, task, count, out, seed)
    if as_json:
        echo(json.dumps(asdict(made)))
    else:
        for why in made.left_out:
            echo(f'left out: {why}')
        echo(f'{made.made} demonstrations made of {made.recorded} recorded ones, in {made.tried} '
             f'worlds: {out}')
        echo(f'next: ./ilw train --task {task} --demos {pasteable(out)}')
    if made.made < count:
        sys.exit(1)


def _multiplied(demos: Path, task: str, count: int, out: Path, seed: int) -> Multiplied:
    from ilw_data.episode.made import MadeRecording
    from ilw_sim.arm.multiply import Multiplier  # a robot has no simulator
    from ilw_sim.env import make_env

    contract = named_contract(task)
    multiplier = Multiplier(contract)
    sources, left_out = _recorded(multiplier, demos, task)
    rng, env = np.random.default_rng(seed), make_env(contract)
    kinds = {offer.topic: offer.type for offer in env.simulation.offers
             if offer.topic in contract.topics}
    first = seed * world_seeds.PER_RUN + world_seeds.LEARN  # not those of recorded demonstrations
    made = tried = 0
    out.mkdir(parents=True, exist_ok=True)
    with Progress(console=_ERR, transient=True, disable=not _ERR.is_terminal) as bar:
        row = bar.add_task('make demonstrations', total=count)
        while made < count and tried < _TRIES * count:
            world = first + tried
            source = sources[int(rng.integers(len(sources)))]
            success, ticks, applied = _driven(env, multiplier, source, world)
            if success:
                _write(MadeRecording(out / f'made-{world}', contract, kinds), ticks, applied,
                       {'from': source.name, 'world': world})
                made += 1
                bar.update(row, completed=made)
            tried += 1
    env.close()
    return Multiplied(str(out), len(sources), made, tried, tuple(left_out))


def _recorded(multiplier: 'Multiplier', demos: Path,
              task: str) -> tuple[list['RecordedDrive'], list[str]]:
    """Return the recordings that can be used, and why the others cannot."""
    sources, left_out = [], []
    for each in find_episodes(demos):
        try:
            if each.outcome is not Outcome.SUCCESS:
                raise EpisodeError(f'{each.path} did not succeed.')
            sources.append(multiplier.read(each.path))
        except EpisodeError as error:
            left_out.append(str(error))
    if not sources:
        raise EpisodeError(f'{demos} must hold a demonstration of {task} that succeeded. Got none '
                           f'that can be used{": " + left_out[0] if left_out else "."}')
    return sources, left_out


def _driven(env: 'IlwEnv', multiplier: 'Multiplier', source: 'RecordedDrive',
            world: int) -> tuple[bool, list['Tick'], list[np.ndarray]]:
    """Drive a recording in a world; returns the success, ticks, and what all but the last did."""
    env.reset(seed=world)
    ticks: list[Tick] = [env.simulation.tick]
    applied: list[np.ndarray] = []

    def take(action: np.ndarray) -> None:
        applied.append(action)
        ticks.append(env.simulation.tick)

    return multiplier.drive(env, source, take), ticks, applied


def _write(bag: 'MadeRecording', ticks: list['Tick'], applied: list[np.ndarray],
           made: dict[str, str | int]) -> None:
    for tick, action in zip(ticks[:-1], applied, strict=True):
        bag.tick(_BEGIN_NS + tick.stamp_ns, tick.readings)
        bag.command(_BEGIN_NS + tick.stamp_ns, action)
    bag.tick(_BEGIN_NS + ticks[-1].stamp_ns, ticks[-1].readings)
    bag.finish(Outcome.SUCCESS, ticks[-1].verdict.stop_reason, operator='multiply', made=made)
