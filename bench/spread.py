"""
Episodes in several processes and with Ray, beside the same episodes in one process.

    python bench/spread.py idle --task maze --episodes 80 --workers 2 --json

Part of perfect = seconds in one process / (workers x seconds spread out). Ray and the workers are
up before the clock runs; how long that takes is a figure of its own. What the three drive is
compared episode by episode. Say the load: two workers need two cores that nobody else uses.
"""

import json
from pathlib import Path
import statistics
import sys
import time

import click

sys.path.insert(0, str(Path(__file__).parent))
from machine import machine_line

from ilw_core import world_seeds
from ilw_core.contract.file import named_contract
from ilw_learner.spread.episodes import SentPolicy, drive_apart, sent_policy
from ilw_learner.spread.place import spread_on
from ilw_learner.spread.spread import InProcess, Spread


def seconds(spread: Spread, sent: SentPolicy, seeds: range) -> tuple[float, object]:
    """Return how long some episodes take in a place, and how they went."""
    begin = time.perf_counter()
    runs = drive_apart(spread, sent, seeds)
    return time.perf_counter() - begin, runs


@click.command()
@click.argument('checkpoint')
@click.option('--task', default='maze', show_default=True)
@click.option('--episodes', type=click.IntRange(1), default=80, show_default=True)
@click.option('--workers', type=click.IntRange(1), default=2, show_default=True)
@click.option('--repeats', type=click.IntRange(1), default=3, show_default=True)
@click.option('--json', 'as_json', is_flag=True)
def main(checkpoint: str, task: str, episodes: int, workers: int, repeats: int,
         as_json: bool) -> None:
    """Drive in turn here, in processes and on Ray, and show a row per place."""
    sent = sent_policy(checkpoint, named_contract(task), seed=0, plant=None, slower_s=0.0,
                       env_spec='ilw_sim.env:make_env')
    seeds = range(world_seeds.SCORE, world_seeds.SCORE + episodes)
    begin = time.perf_counter()
    with spread_on('ray') as ray, spread_on(str(workers)) as processes:
        ray.workers = workers
        first = seeds[:8 * workers]
        expected = seconds(InProcess(), sent, first)[1]
        assert seconds(ray, sent, first)[1] == expected, 'Ray drove otherwise'
        start_s = time.perf_counter() - begin
        places = {'one process': InProcess(), f'{workers} processes': processes, 'Ray': ray}
        took: dict[str, list[float]] = {name: [] for name in places}
        for _ in range(repeats):
            went = []
            for name, spread in places.items():
                spent, runs = seconds(spread, sent, seeds)
                took[name].append(spent)
                went.append(runs)
            assert went[0] == went[1] == went[2], 'a place drove otherwise'
    alone = statistics.median(took['one process'])
    rows = [{'place': name, 'seconds': [round(each, 2) for each in all_of],
             'median_s': round(statistics.median(all_of), 2),
             'part_of_perfect': round(alone / (workers * statistics.median(all_of)), 3)}
            for name, all_of in took.items()]
    found = {'episodes': episodes, 'workers': workers, 'rows': rows,
             'start_s': round(start_s, 1), 'machine': machine_line()}
    if as_json:
        click.echo(json.dumps(found))
        return
    for row in rows:
        click.echo(f'{row["place"]:<14}{row["median_s"]:8.2f} s  {row["part_of_perfect"]:.0%} of '
                   f'perfect with {workers}  {row["seconds"]}')
    click.echo(f'start, with the first episodes: {start_s:.1f} s; {found["machine"]}')


if __name__ == '__main__':
    main()
