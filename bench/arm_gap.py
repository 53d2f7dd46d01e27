"""
What a policy of an arm loses from the simulator to the emulated arm, with and without its profile.

    python bench/arm_gap.py lift_state --demonstrations 60 --episodes 100 --json

The emulated arm is one machine of ``config/emulated_arms``. The expert drives it a few times,
``./ilw identify`` makes a profile of the recordings. Then ``bc`` learns twice as in ``arm.py``:
from demonstrations in the simulator as it is, and in the simulator with that profile. Each policy
is scored where it learned and on the emulated arm, in the same worlds.
"""

import json
from pathlib import Path
import sys
import tempfile
import time

import click

sys.path.insert(0, str(Path(__file__).parent))
from arm import cloned, driven_by_joy, row
from machine import machine_line

from ilw_bringup.emulator_worlds import make_env as emulated
from ilw_core import world_seeds
from ilw_core.contract.file import named_contract
from ilw_core.storage.locate import config_file
from ilw_learner.algorithms.cloned_policy import BcConfig
from ilw_learner.rollout.evaluate import evaluate
from ilw_learner.training.config import load_config
from ilw_sim.env import make_env
from ilw_sysid.arm.estimate import identify_arm
from ilw_sysid.arm.moves import read_moves


@click.command()
@click.argument('task', default='lift_state')
@click.option('--demonstrations', type=click.IntRange(2), default=60, show_default=True)
@click.option('--recorded', type=click.IntRange(1), default=10, show_default=True,
              help='Drives on the emulated arm to identify it from.')
@click.option('--episodes', type=click.IntRange(1), default=100, show_default=True)
@click.option('--profile', default='typical', show_default=True, help='In config/emulated_arms/.')
@click.option('--machine', default=7, show_default=True, help='Which arm of the profile.')
@click.option('--json', 'as_json', is_flag=True)
def main(task: str, demonstrations: int, recorded: int, episodes: int, profile: str, machine: int,
         as_json: bool) -> None:
    """Identify the emulated arm, train with and without what was found, and drive it."""
    contract, began = named_contract(task), time.process_time()
    _, config = load_config(config_file('train', 'bc'), contract.name)
    assert isinstance(config, BcConfig)
    unseen = range(world_seeds.SCORE, world_seeds.SCORE + episodes)
    shown = range(world_seeds.DEMONSTRATE, world_seeds.DEMONSTRATE + demonstrations)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driven_by_joy(contract, range(machine, machine + recorded), 1.0, keep=folder / 'real',
                      env=emulated(contract, profile=profile, seed=machine))
        found = identify_arm(read_moves(folder / 'real', contract))
        rows = []
        for label, plant in (('as it is', None), ('with the profile', found.profile('found'))):
            drives = driven_by_joy(contract, shown, 1.0, env=make_env(contract, plant=plant))
            runner = cloned(drives, contract, config, 0, folder / label)
            for where, env in (('simulator', make_env(contract, plant=plant)),
                               ('emulated arm', emulated(contract, profile=profile,
                                                         seed=machine))):
                runs = evaluate(env, contract, runner, unseen)
                env.close()
                rows.append({'simulator': label, 'driven': where, 'demonstrated': sum(
                    each.outcome.name == 'SUCCESS' for each in drives), **row(
                        f'{label}: {where}', [run.success for run in runs],
                        [run.time_s for run in runs])})
                print(rows[-1], file=sys.stderr, flush=True)
    report = {'task': contract.name, 'found': found.intervals, 'plant': vars(found.plant),
              'left_ratio': found.left_ratio, 'default_ratio': found.default_ratio,
              'rows': rows, 'cpu_s': round(time.process_time() - began, 1),
              'machine': machine_line()}
    if as_json:
        click.echo(json.dumps(report))
        return
    for key, (low, high) in found.intervals.items():
        click.echo(f'{key:<16} {low:.4g} to {high:.4g}')
    for each in rows:
        click.echo(f'{each["driver"]:<32} {each["success"]} of {each["n"]}')
    click.echo(f'{report["cpu_s"]} CPU seconds. {report["machine"]}')


if __name__ == '__main__':
    main()
