"""
Does a recovered reward say what was wanted? bench/irl.py maze|clutter|learn [--json].

``maze``: the maze in bins, 60 demonstrations of a driver who wants what the contract says and
slips 5 % of the time, 20 seeds: how much of the contract's return the recovered reward's best
policy regains from every state that can reach the goal, and how the states rank. ``clutter FILE``:
by the reward in FILE (``./ilw reward recover``), the scripted expert in 200 rooms that nobody
demonstrated or learned in, above the same expert with a share of its actions random, in the same
room. ``learn FILE``: ``dqn`` from that reward alone (``--contract``: from the contract's instead),
and how often what it learned arrives in unseen worlds.
"""

import argparse
from dataclasses import asdict
import json
from pathlib import Path
import statistics
import sys
import time

from irl_parts.known_maze import figures
from machine import machine_line
import numpy as np

from ilw_core.contract.file import named_contract
from ilw_learner.algorithms.qtable import MODEL, QTableConfig
from ilw_learner.rewards.binned_maze import paying_ends
from ilw_learner.rollout.evaluate import make_env


def maze(seeds: range, count: int) -> dict:
    """Return the figures of each seed."""
    contract, config = named_contract('maze'), QTableConfig()
    model = make_env(MODEL, paying_ends(contract), bins=config.bins, hold=config.hold)
    rows = []
    for seed in seeds:
        begin = time.process_time()
        row = asdict(figures(contract, model, config.hold, seed, count))
        rows.append(row | {'cpu_s': round(time.process_time() - begin, 2)})
        print(f'seed {seed}: regained {row["regained"]:.4f}, rank {row["rank"]:.4f}, '
              f'{rows[-1]["cpu_s"]} CPU-s', file=sys.stderr)
    regained, rank = ([row[key] for row in rows] for key in ('regained', 'rank'))
    return {'demonstrations': count, 'seeds': rows,
            'regained': {'mean': statistics.fmean(regained), 'worst': min(regained)},
            'rank': {'mean': statistics.fmean(rank), 'worst': min(rank)}}


def clutter(file: Path, rooms: int) -> dict:
    """Return how often the expert is above the perturbed expert, by share of random actions."""
    from irl_parts.known_driver import driven_sums

    from ilw_core import world_seeds
    from ilw_learner.rewards.ranking import rank_pairs
    from ilw_learner.rewards.reward_file import load_reward

    reward = load_reward(file)
    names, weights = list(reward.weights), np.array(list(reward.weights.values()))
    worlds = range(world_seeds.SCORE, world_seeds.SCORE + rooms)
    good, arrived = driven_sums(reward.contract, worlds, names, 0.0, reward.discount, 0)
    rows = {}
    for share in (0.1, 0.2, 0.3, 0.5, 0.8):
        worse, success = driven_sums(reward.contract, worlds, names, share, reward.discount, 1)
        rows[share] = asdict(rank_pairs(good @ weights, worse @ weights,
                                        np.random.default_rng(0))) | {
                                            'success': float(success.mean())}
        print(f'{share:.0%} random, {success.mean():.0%} arrive: expert above in '
              f'{rows[share]["ratio"]:.1%}', file=sys.stderr)
    return {'reward': reward.hash, 'rooms': rooms, 'expert_success': float(arrived.mean()),
            'by_random_share': rows}


def learn(file: Path, seeds: range, steps: int, episodes: int, from_contract: bool) -> dict:
    """Return what ``dqn`` learned from a reward alone, seed by seed."""
    from irl_parts.learner import learned_from

    from ilw_learner.rewards.reward_file import load_reward

    reward, rows = load_reward(file), []
    for seed in seeds:
        rows.append(asdict(learned_from(reward, seed, steps, episodes, from_contract)))
        print(f'seed {seed}: {rows[-1]["success"]}/{episodes} arrive, above '
              f'{rows[-1]["first_above"]}, {rows[-1]["cpu_s"]} CPU-s', file=sys.stderr)
    success = [row['success'] / episodes for row in rows]
    return {'reward': 'of the contract' if from_contract else reward.hash, 'steps': steps,
            'seeds': rows, 'success': {'mean': statistics.fmean(success), 'worst': min(success)}}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('what', choices=['maze', 'clutter', 'learn'])
    parser.add_argument('file', nargs='?', type=Path)
    parser.add_argument('--seeds', type=int, default=20)
    parser.add_argument('--first-seed', type=int, default=0)
    parser.add_argument('--demonstrations', type=int, default=60)
    parser.add_argument('--rooms', type=int, default=200)
    parser.add_argument('--steps', type=int, default=300_000)
    parser.add_argument('--contract', action='store_true')
    parser.add_argument('--json', action='store_true')
    given = parser.parse_args()
    if given.what != 'maze' and given.file is None:
        parser.error(f'{given.what} needs the file of a reward, as ./ilw reward recover writes it')
    seeds = range(given.first_seed, given.first_seed + given.seeds)
    if given.what == 'maze':
        found = maze(seeds, given.demonstrations)
    elif given.what == 'clutter':
        found = clutter(given.file, given.rooms)
    else:
        found = learn(given.file, seeds, given.steps, given.rooms, given.contract)
    found['machine'] = machine_line()
    if given.json:
        print(json.dumps(found))
        return
    for key, value in found.items():
        if key != 'seeds':
            print(f'{key}: {value}')


if __name__ == '__main__':
    main()
