"""
Q-learning beside the DQN of Stable-Baselines3 and of SBX (JAX): bench/dqn.py [--json].

Run ``bench/setup ilw sbx`` first; without ``sbx`` that peer is left out. Each training in a
process of its own, one thread (SBX's on one core, and compiled before its clock starts),
alternating, every seed counts, CPU-seconds (they equal seconds on an idle core). All are scored
alike: every twentieth of the steps, twenty episodes driven greedily; that time is left out. (a)
All with the values of RL Baselines3 Zoo, a network of 256-256 each: steps per second. (b) Ours
with ``config/train/dqn.yaml``, once with the smaller network that it names for the task and once
with 256-256: seconds until those twenty first reach the return wanted. The peers' seconds are
those of (a), the best values that are known of them. Not alike: SBX clips no gradient.
"""

import argparse
import json
import math
import os
from pathlib import Path
import statistics
import subprocess
import sys

from machine import machine_line

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / 'bench' / '.venv' / 'bin' / 'python'
SBX_PYTHON = ROOT / 'bench' / '.venv-sbx' / 'bin' / 'python'
WANTED = {'CartPole-v1': 475.0, 'LunarLander-v3': 200.0}

OURS = """
import dataclasses, json, pathlib, sys, tempfile, time
import torch
torch.set_num_threads(1)
from ilw_learner.algorithms import dqn as ours
from ilw_learner.training.progress import CancelledError
from ilw_learner.training.config import load_config
env, seed, config, stop = sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4])
_, values = load_config(pathlib.Path(config), env)
values = dataclasses.replace(values, **json.loads(sys.argv[5]))
curve, paused, drive = [], 0.0, ours.drive_greedily

def judged(dqn, *rest):
    global paused
    begin = time.process_time()
    score = drive(dqn, *rest)
    curve.append((begin - cpu - paused, score.mean_return))
    paused += time.process_time() - begin
    return score

ours.drive_greedily = judged
summary = {'steps': None, 'updates': None}
with tempfile.TemporaryDirectory() as folder:
    cpu = time.process_time()
    try:
        made = ours.train_on_gymnasium(
            env, values, pathlib.Path(folder), seed,
            lambda now: not curve or curve[-1][1] < stop)
        summary = {'steps': made.steps, 'updates': made.updates}
    except CancelledError:
        pass
    spent = time.process_time() - cpu - paused
print(json.dumps({'cpu_s': spent, 'curve': curve, **summary}))
"""

PEER = """
import json, os, sys, time
if sys.argv[4] == 'sbx':  # XLA makes as many threads as it has cores
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
import gymnasium, numpy as np, torch
torch.set_num_threads(1)
if sys.argv[4] == 'sbx':
    import jax
    from sbx import DQN
else:
    from stable_baselines3 import DQN
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import configure
env, seed, values = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
steps = values.pop('steps')
curve, paused, unseen = [], 0.0, gymnasium.make(env)

class Judge(BaseCallback):
    def _on_step(self):
        global paused
        if self.num_timesteps % (steps // 20) == 0:
            begin = time.process_time()
            mean, _ = evaluate_policy(self.model, unseen, n_eval_episodes=20)
            curve.append((begin - cpu - paused, float(mean)))
            paused += time.process_time() - begin
        return True

model = DQN('MlpPolicy', gymnasium.make(env), policy_kwargs={'net_arch': [256, 256]}, seed=seed,
            device='cpu', **values)
if sys.argv[4] == 'sbx':  # compile all that learning calls, and leave no trace of it
    state, key, buffer = model.policy.qf_state, model.key, model.replay_buffer
    obs, action = np.zeros((1, *model.observation_space.shape), np.float32), 0
    for _ in range(2):
        buffer.add(obs, obs, np.array([action]), np.zeros(1), np.zeros(1), [{}])
    each = values['gradient_steps']
    model._logger = configure(None, [])
    model.train(values['batch_size'], values['train_freq'] if each < 0 else each)
    model._on_step()
    model.policy.qf_state = DQN.soft_update(1.0, model.policy.qf_state)
    model.predict(obs, deterministic=True)
    jax.block_until_ready(model.policy.qf_state)
    model.policy.qf_state, model.key, model._n_updates, model._n_calls = state, key, 0, 0
    buffer.reset()
cpu = time.process_time()
model.learn(steps, callback=Judge())
spent = time.process_time() - cpu - paused
print(json.dumps({'cpu_s': spent, 'curve': curve, 'steps': model.num_timesteps,
                  'updates': model._n_updates}))
"""

# The products of an update, and nothing else: two networks forward, one backward. The last weights
# lie by output, which takes a fraction of the time where outputs are few.
LIMIT = """
import sys, time
import torch
torch.set_num_threads(1)
inputs, choices, batch = map(int, sys.argv[1:4])
sizes = [inputs, 256, 256, choices]
layers = [torch.randn(batch, size) for size in sizes]
weights = [torch.randn(a, b) for a, b in zip(sizes, sizes[1:])]
grads = [torch.empty_like(w) for w in weights]
weights[-1], grads[-1] = (torch.randn(choices, 256).t() for _ in range(2))
best = 1e9
for _ in range(5):
    begin = time.process_time()
    for _ in range(500):
        for _ in range(2):
            for i, weight in enumerate(weights):
                torch.mm(layers[i], weight, out=layers[i + 1])
        for i in (2, 1, 0):
            torch.mm(layers[i].t(), layers[i + 1], out=grads[i])
            if i:
                torch.mm(layers[i + 1], weights[i].t(), out=layers[i])
    best = min(best, (time.process_time() - begin) / 500)
print(1.0 / best)
"""

ZOO = {
    'CartPole-v1': {
        'steps': 50_000, 'learning_rate': 2.3e-3, 'batch_size': 64, 'buffer_size': 100_000,
        'learning_starts': 1000, 'gamma': 0.99, 'target_update_interval': 10, 'train_freq': 256,
        'gradient_steps': 128, 'exploration_fraction': 0.16, 'exploration_final_eps': 0.04},
    'LunarLander-v3': {
        'steps': 100_000, 'learning_rate': 6.3e-4, 'batch_size': 128, 'buffer_size': 50_000,
        'learning_starts': 0, 'gamma': 0.99, 'target_update_interval': 250, 'train_freq': 4,
        'gradient_steps': -1, 'exploration_fraction': 0.12, 'exploration_final_eps': 0.1},
}
FREE = {'ours, own values': {'candidates': 20, 'eval_episodes': 20},
        'ours, own values, 256-256': {'candidates': 20, 'eval_episodes': 20, 'hidden': 256,
                                      'layers': 2}}
"""What part (b) changes in ``config/train/dqn.yaml``"""
PEERS = {'stable-baselines3': PYTHON, 'sbx': SBX_PYTHON}
SIZES = {'CartPole-v1': ('4', '2', '64'), 'LunarLander-v3': ('8', '4', '128')}


def measure(code: str, *arguments: str, python: Path = PYTHON) -> str:
    """Run some code in a process of its own and return its last line."""
    sources = [ROOT / 'src' / name for name in ('ilw_core', 'ilw_data', 'ilw_learner')]
    environment = os.environ | {
        'PYTHONPATH': os.pathsep.join(map(str, sources)), 'OMP_NUM_THREADS': '1',
        'ILW_CONFIG': str(ROOT / 'config')}
    done = subprocess.run([str(python), '-c', code, *arguments], env=environment,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'A training failed:\n{done.stderr[-2000:]}')
    return done.stdout.strip().splitlines()[-1]


def seconds_to(run: dict, wanted: float) -> float:
    """Return when a run's twenty episodes first reached a return; infinite if never."""
    return next((at for at, score in run['curve'] if score >= wanted), math.inf)


def main() -> None:
    """Measure, alternating, and print medians and every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--env', default='CartPole-v1', choices=list(ZOO))
    parser.add_argument('--seeds', type=int, default=5)
    parser.add_argument('--only-free', action='store_true', help='part (b), ours alone')
    options = parser.parse_args()
    if not PYTHON.exists():
        sys.exit('Run bench/setup first: the peers have an environment of their own.')
    env, wanted = options.env, WANTED[options.env]
    zoo, own = ROOT / 'bench' / 'zoo_dqn.yaml', ROOT / 'config' / 'train' / 'dqn.yaml'
    peers = {name: python for name, python in PEERS.items() if python.exists()}
    for name in PEERS.keys() - peers.keys():
        print(f'{name} is not installed: left out', file=sys.stderr)
    runs: dict[str, list[dict]] = {name: [] for name in ('ours', *FREE, *peers)}
    for seed in map(str, range(options.seeds)):
        for name, changes in FREE.items():
            runs[name].append(json.loads(measure(OURS, env, seed, str(own), str(wanted),
                                                 json.dumps(changes))))
            print(name, seed, seconds_to(runs[name][-1], wanted), file=sys.stderr)
        if options.only_free:
            continue
        runs['ours'].append(json.loads(measure(OURS, env, seed, str(zoo), 'inf', '{}')))
        for name, python in peers.items():
            runs[name].append(json.loads(measure(PEER, env, seed, json.dumps(ZOO[env]), name,
                                                 python=python)))
        for name in ('ours', *peers):
            run = runs[name][-1]
            print(name, seed, run['steps'] / run['cpu_s'], run['curve'][-1],
                  seconds_to(run, wanted), file=sys.stderr)
    if options.only_free:
        return
    floor = float(measure(LIMIT, *SIZES[env]))

    def median(name: str, value: str) -> float:
        return statistics.median(run[value] / run['cpu_s'] for run in runs[name])

    reached = {name: statistics.median(seconds_to(run, wanted) for run in found)
               for name, found in runs.items()}
    peer = {name: median(name, 'steps') for name in peers}
    result = {
        'ours': median('ours', 'steps'), 'peers': peer,
        'ratio': {name: median('ours', 'steps') / value for name, value in peer.items()},
        'limit_share': median('ours', 'updates') / floor,
        'limit_shares': {name: median(name, 'updates') / floor for name in ('ours', *peer)},
        'unit': f'{env} steps per CPU-second, updates included',
        'updates_per_s': {name: median(name, 'updates') for name in ('ours', *peer)},
        'best_return': {name: [max(score for _, score in run['curve']) for run in found]
                        for name, found in runs.items()},
        'last_return': {name: [run['curve'][-1][1] for run in found]
                        for name, found in runs.items()},
        'cpu_s_to_return': {
            'wanted': wanted, **{name: None if math.isinf(value) else value
                                 for name, value in reached.items()},
            'share_of_peer': {peer: {
                name: reached[name] / reached[peer] if math.isfinite(reached[peer]) else None
                for name in FREE} for peer in peers}},
        'machine': machine_line(),
        'runs': runs}
    if options.json:
        print(json.dumps(result))
        return
    print(f'{result["unit"]} ({result["machine"]}):')
    for name, value in (('ours', result['ours']), *peer.items()):
        print(f'  {name:20} {value:7.0f}   last return of each seed '
              f'{[round(v) for v in result["last_return"][name]]}')
    for name, share in result['limit_shares'].items():
        ratio = f'ours is {result["ratio"][name]:.2f} times as fast; ' if name in peers else ''
        print(f'  {name:20} {ratio}{share:.2f} of what the matrix products alone would allow')
    print(f'CPU-seconds until twenty episodes return {wanted:.0f}:')
    for name, value in reached.items():
        print(f'  {name:26} {value:7.1f}   of each seed '
              f'{[round(seconds_to(run, wanted), 1) for run in runs[name]]}')


if __name__ == '__main__':
    main()
