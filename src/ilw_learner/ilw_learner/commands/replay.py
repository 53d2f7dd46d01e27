"""The command that holds a policy to recorded observations: replay."""

from dataclasses import asdict
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING

import click

from ilw_cli.options import checkpoint_task_option, trusted_keys_option
from ilw_core.errors import EpisodeError
from ilw_core.text.terminal import echo

if TYPE_CHECKING:
    from ilw_learner.rollout.replay import ActionGap, ReplayReport


@click.command()
@click.option('--bag', 'bags', type=click.Path(path_type=Path), multiple=True, required=True,
              help='An episode, or a folder of them; may be given again.')
@click.option('--policy', required=True, help='Checkpoint folder, deployed, idle or random.')
@click.option('--against', help='Another, as the one in use now [what was recorded].')
@checkpoint_task_option
@click.option('--mean', type=click.FloatRange(0.0), default=0.05, show_default=True,
              help='Largest mean difference, part of each field\'s range.')
@click.option('--p95', type=click.FloatRange(0.0), default=0.2, show_default=True,
              help='Largest difference but for 5 % of the ticks, the same.')
@click.option('--max', 'largest', type=click.FloatRange(0.0), default=1.0, show_default=True,
              help='Largest difference at all, the same.')
@click.option('--trips', type=click.FloatRange(0.0, 1.0), default=0.01, show_default=True,
              help='Part of the ticks at which the arbiter may newly step in, for each reason.')
@click.option('--latency', type=click.FloatRange(0.0, min_open=True),
              help='99 % of the answers come within [s; half a period].')
@click.option('--allow-other-contract', is_flag=True,
              help='Use episodes recorded under another contract.')
@trusted_keys_option
@click.option('--json', 'as_json', is_flag=True, help='One JSON object on standard output.')
def replay(bags: tuple[Path, ...], policy: str, against: str | None, task: str | None, mean: float,
           p95: float, largest: float, trips: float, latency: float | None,
           allow_other_contract: bool, trusted_keys: str, as_json: bool) -> None:
    """
    Ask a policy what it would have done; exit code 1 when it differs too much.

    Example: ./ilw replay --bag demos/clutter --policy runs/<id>/checkpoint --against deployed
    """
    from ilw_core.storage.episode_folder import find_episodes
    from ilw_data.episode.dataset import load_episode
    from ilw_learner.checkpoint.contract import contract_of
    from ilw_learner.checkpoint.deployed import find_checkpoint
    from ilw_learner.checkpoint.signing import find_trusted_keys
    from ilw_learner.rollout import replay as core
    from ilw_learner.runtime.runner import PolicyRunner

    contract = contract_of(task, [policy, against])
    trusted = find_trusted_keys(trusted_keys)
    folders = [folder for bag in bags for folder in find_episodes(bag)]
    if not folders:
        raise EpisodeError(f'No episode in {", ".join(map(str, bags))}. Name a folder of bags.')
    episodes = [load_episode(folder, contract, allow_other_contract=allow_other_contract)
                for folder in folders]
    runners = [PolicyRunner(find_checkpoint(name, contract.name), contract, trusted=trusted)
               for name in (policy, against) if name]
    first, *rest = (core.replay(episodes, contract, runner) for runner in runners)
    other = rest[0] if rest else None
    recorded = core.recorded_actions(episodes)
    gaps = core.difference(first.actions, other.actions if other else recorded, contract)
    limits = core.Thresholds(mean, p95, largest, trips, latency)
    faults = core.broken(gaps, first, other, contract, limits)
    report = core.ReplayReport(
        task=contract.name, episodes=len(episodes), ticks=len(first.actions),
        policy=core.described(policy, first, recorded, contract),
        against=core.described(against, other, recorded, contract) if against and other else None,
        difference=gaps, broken=faults)
    if as_json:
        echo(json.dumps(asdict(report)))
    else:
        _print(report)
    if faults:
        sys.exit(1)


def _print(report: 'ReplayReport') -> None:
    echo(f'{report.episodes} episodes, {report.ticks} ticks of {report.task}')
    if report.against:
        echo(f'{report.policy.name} and {report.against.name} differ by')
        _print_gaps(report.difference)
    for row in (report.policy, report.against):
        if row:
            echo(f'{row.name} differs from what was recorded by')
            _print_gaps(row.from_recorded)
            trips = ', '.join(f'{k} {v}' for k, v in row.trips.items()) or 'none'
            echo(f'  the arbiter would step in: {trips}; latency p50 '
                 f'{row.latency_p50_s * 1e3:.3f} ms, p99 {row.latency_p99_s * 1e3:.3f} ms')
    for text in report.broken:
        echo(f'broken: {text}')


def _print_gaps(gaps: dict[str, 'ActionGap']) -> None:
    for name, row in gaps.items():
        numbers = ', '.join(f'{key} {value:.4f}' for key, value in
                            (('mean', row.mean), ('p95', row.p95), ('max', row.max))
                            if value is not None)
        echo(f'  {name} [{row.unit}]: {numbers or "no tick in common"}')
