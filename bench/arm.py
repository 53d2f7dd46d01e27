"""
An arm's expert and a policy cloned from it, in process: minutes, where the demo takes more.

    python bench/arm.py lift_state --demonstrations 60 --episodes 100 --seeds 1 --json

The expert presses the gamepad of ``config/joysticks/xbox.yaml``; what it presses goes through the
teleoperation and the contract's limits, as over the nodes. ``bc`` learns from that with the values
of ``config/train``; no candidate is chosen: the last one is scored, in worlds nobody has seen.
"""

import json
from pathlib import Path
import sys
import tempfile
import time
from typing import Any

import click
import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine_line

from ilw_core import world_seeds
from ilw_core.contract.file import Contract, named_contract
from ilw_core.episode import Episode, Outcome
from ilw_core.scores.statistics import wilson
from ilw_core.storage.locate import config_file
from ilw_data.episode.dataset import build_dataset, split_episodes
from ilw_data.episode.made import MadeRecording
from ilw_learner.algorithms.bc import cloning_step
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.rollout.evaluate import evaluate, make_env, parted
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.training.config import load_config
from ilw_learner.training.imitation import Imitation
from ilw_learner.training.options import training_math
from ilw_sim.arm.hand import ArmHand
from ilw_sim.driver.stick import Stick
from ilw_teleop.joystick.layout import known_joysticks
from ilw_teleop.joystick.teleop import Teleop

_ENV = 'ilw_sim.env:make_env'
_PAUSE_NS = 1_000_000_000
"""Between two episodes the clock leaps, as the simulator's does"""


def driven_by_joy(contract: Contract, seeds: range, imperfection: float, *,
                  env: Any = None, keep: Path | None = None) -> list[Episode]:
    """
    Return the expert's episodes in the worlds of some seeds; labels are what was applied.

    :param env: another environment of the contract than the plain one; it is closed.
    :param keep: a folder that receives a recording of each.
    """
    env = (env or make_env(_ENV, contract)).unwrapped
    kinds = {offer.topic: offer.type for offer in env.simulation.offers
             if offer.topic in contract.topics}
    hand = ArmHand(contract, Stick(config_file('joysticks', 'xbox')), seed=0,
                   imperfection=imperfection)
    teleop = Teleop(contract, known_joysticks()['xbox'], timeout_ns=500_000_000)
    episodes, begin_ns = [], _PAUSE_NS
    for seed in seeds:
        shown, info = env.reset(seed=seed)
        env.simulation.restamp(begin_ns)
        hand.on_reset()
        seen, valid, applied, stamps = [parted(shown)], [info['valid']], [], [begin_ns]
        bag = MadeRecording(keep / f'{seed}', contract, kinds) if keep else None
        if bag:
            bag.tick(begin_ns, env.simulation.tick.readings)
        while not env.simulation.tick.ended:
            now_ns = env.simulation.tick.stamp_ns
            teleop.notice_applied(info['applied'])
            for axes, buttons in hand.on_tick(now_ns, env.simulation.tick.readings):
                sample = teleop.on_sample(now_ns, axes, buttons)
            shown, _, _, _, info = env.step(
                sample.values if sample.active
                    else contract.action.halted(info['applied']))
            seen.append(parted(shown))
            valid.append(info['valid'])
            applied.append(info['applied'])
            stamps.append(env.simulation.tick.stamp_ns)
            if bag:
                bag.command(now_ns, info['applied'])
                bag.tick(stamps[-1], env.simulation.tick.readings)
        episodes.append(Episode(
            str(seed), np.array([values for values, _ in seen]), np.array(valid),
            np.array(applied, dtype=np.float32),
            np.ones(len(applied), dtype=bool), np.array(stamps),
            Outcome.SUCCESS if info['success'] else Outcome.FAILURE, info['stop_reason'],
            contract.hash, images={
                source.name: np.array([images[source.name] for _, images in seen])
                for source in contract.images},
            images_valid={source.name: np.ones(len(seen), dtype=bool)
                          for source in contract.images}))
        if bag:
            bag.finish(episodes[-1].outcome, episodes[-1].stop_reason)
        begin_ns = stamps[-1] + _PAUSE_NS
    env.close()
    return episodes


@training_math()
def cloned(episodes: list[Episode], contract: Contract, config: BcConfig, seed: int,
           out: Path) -> PolicyRunner:
    """Return the policy at the end of a training on the successes."""
    good = [each for each in episodes if each.outcome is Outcome.SUCCESS]
    data = build_dataset(good, contract, history=config.history, horizon=config.horizon)
    kept, held = split_episodes(len(good), config.held_out_ratio, np.random.default_rng(seed))
    learner = Imitation(contract, 'bc', config, cloning_step(contract, config, seed),
                        data.pick(kept), data.pick(held), out, seed=seed)
    while learner.done < learner.planned:
        learner.advance()
    learner.judge()
    return PolicyRunner(out / f'candidate-{learner.done}', contract, own=True)


def row(driver: str, good: list[bool], seconds: list[float]) -> dict[str, object]:
    """Return how one driver did: successes, their interval, and the median time of these [s]."""
    low, high = wilson(sum(good), len(good))
    took = [each for each, ok in zip(seconds, good, strict=True) if ok]
    return {'driver': driver, 'success': sum(good), 'n': len(good), 'wilson95': [low, high],
            'median_s': round(float(np.median(took)), 2) if took else None}


@click.command()
@click.argument('task', default='lift_state')
@click.option('--demonstrations', type=click.IntRange(2), default=60, show_default=True)
@click.option('--episodes', type=click.IntRange(1), default=100, show_default=True)
@click.option('--seeds', type=click.IntRange(0), default=1, show_default=True,
              help='Of trainings, each with its own demonstrations; 0: the expert only.')
@click.option('--json', 'as_json', is_flag=True)
def main(task: str, demonstrations: int, episodes: int, seeds: int, as_json: bool) -> None:
    """Let the expert drive, train, let the policies drive, and show a row for each."""
    contract, begin = named_contract(task), time.process_time()
    _, config = load_config(config_file('train', 'bc'), contract.name)
    assert isinstance(config, BcConfig)
    unseen = range(world_seeds.SCORE, world_seeds.SCORE + episodes)
    shown = driven_by_joy(contract, unseen, imperfection=0.0)
    rows = [row('expert', [each.outcome is Outcome.SUCCESS for each in shown],
                [len(each.actions) / contract.rate_hz for each in shown])]
    for seed in range(seeds):
        first = world_seeds.DEMONSTRATE + seed * demonstrations
        episodes_shown = driven_by_joy(contract, range(first, first + demonstrations), 1.0)
        with tempfile.TemporaryDirectory() as folder:
            runner = cloned(episodes_shown, contract, config, seed, Path(folder))
            env = make_env(_ENV, contract)
            runs = evaluate(env, contract, runner, unseen)
            env.close()
        rows.append(row(f'policy {seed}', [run.success for run in runs],
                        [run.time_s for run in runs]))
    found = {'task': contract.name, 'demonstrations': demonstrations, 'rows': rows,
             'cpu_s': round(time.process_time() - begin, 1), 'machine': machine_line()}
    if as_json:
        click.echo(json.dumps(found))
        return
    for each in rows:
        low, high = each['wilson95']  # type: ignore[misc]
        click.echo(f'{each["driver"]:<10} {each["success"]} of {each["n"]} '
                   f'(95 %: {low:.0%} to {high:.0%}), median {each["median_s"]} s')
    click.echo(f'{found["cpu_s"]} CPU seconds. {found["machine"]}')


if __name__ == '__main__':
    main()
