"""
Q-learning beside Stable-Baselines3's DQN, same network and values: bench/dqn.py [--json].

Run ``bench/setup`` first. Both train for the same environment steps with the hyper-parameters of
RL Baselines3 Zoo, alternating, each in a process of its own with one thread; every seed counts.
"""

import argparse
import json
import os
from pathlib import Path
import platform
import statistics
import subprocess
import sys

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / 'bench' / '.venv' / 'bin' / 'python'
EPISODES = 20

OURS = """
import sys, time, json, tempfile, pathlib, statistics
import torch
torch.set_num_threads(1)
from ilw_learner.train_config import load_config
from ilw_learner.q_training import train_on_gymnasium
from dataclasses import replace
env, seed, config = sys.argv[1], int(sys.argv[2]), sys.argv[3]
_, values = load_config(pathlib.Path(config), env)
values = replace(values, candidates=1, eval_episodes=EPISODES)  # scored once, at the end
with tempfile.TemporaryDirectory() as folder:
    ends = []
    begin, cpu = time.perf_counter(), time.process_time()
    summary = train_on_gymnasium(env, values, pathlib.Path(folder), seed, lambda now: True)
    spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
print(json.dumps({'wall_s': spent, 'cpu_s': cpu, 'steps': summary['steps'],
                  'updates': summary['updates'], 'return': summary['mean_return']}))
"""

PEER = """
import sys, time, json
import gymnasium, torch
torch.set_num_threads(1)
from stable_baselines3 import DQN
from stable_baselines3.common.evaluation import evaluate_policy
env, seed, values = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
model = DQN('MlpPolicy', gymnasium.make(env), policy_kwargs={'net_arch': [256, 256]}, seed=seed,
            device='cpu', **{k: v for k, v in values.items() if k != 'steps'})
begin, cpu = time.perf_counter(), time.process_time()
model.learn(values['steps'])
mean, _ = evaluate_policy(model, gymnasium.make(env), n_eval_episodes=EPISODES)
spent, cpu = time.perf_counter() - begin, time.process_time() - cpu
print(json.dumps({'wall_s': spent, 'cpu_s': cpu, 'steps': model.num_timesteps,
                  'updates': model._n_updates, 'return': float(mean)}))
"""

# As in RL Baselines3 Zoo; ``config/train/dqn.yaml`` says the same in our names.
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


def measure(code: str, *arguments: str) -> dict[str, float]:
    """Run one training in a process of its own and return what it printed."""
    sources = [ROOT / 'src' / name for name in ('ilw_core', 'ilw_learner')]
    environment = os.environ | {
        'PYTHONPATH': os.pathsep.join(map(str, sources)), 'OMP_NUM_THREADS': '1',
        'ILW_CONFIG': str(ROOT / 'config')}
    done = subprocess.run([str(PYTHON), '-c', code.replace('EPISODES', str(EPISODES)), *arguments],
                          env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'A training failed:\n{done.stderr[-2000:]}')
    return json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    """Measure, alternating, and print medians and every run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--env', default='CartPole-v1', choices=list(ZOO))
    parser.add_argument('--seeds', type=int, default=5)
    options = parser.parse_args()
    if not PYTHON.exists():
        sys.exit('Run bench/setup first: the peers have an environment of their own.')
    config = str(ROOT / 'config' / 'train' / 'dqn.yaml')
    runs: dict[str, list[dict[str, float]]] = {'ours': [], 'stable-baselines3': []}
    for seed in range(options.seeds):
        runs['ours'].append(measure(OURS, options.env, str(seed), config))
        runs['stable-baselines3'].append(
            measure(PEER, options.env, str(seed), json.dumps(ZOO[options.env])))
        for name in runs:
            print(name, seed, runs[name][-1], file=sys.stderr)
    rate = {name: statistics.median(r['steps'] / r['cpu_s'] for r in found)
            for name, found in runs.items()}
    peer = {'stable-baselines3': rate['stable-baselines3']}
    result = {
        'ours': rate['ours'], 'peers': peer,
        'ratio': {name: rate['ours'] / value for name, value in peer.items()},
        'limit_share': None, 'unit': f'{options.env} steps per CPU-second, updates included',
        'returns': {name: [r['return'] for r in found] for name, found in runs.items()},
        'machine': f'{platform.machine()}, {os.cpu_count()} cores, '
                   f'Python {platform.python_version()}',
        'runs': runs}
    if options.json:
        print(json.dumps(result))
        return
    print(f'{result["unit"]} ({result["machine"]}):')
    for name, value in rate.items():
        returns = sorted(r['return'] for r in runs[name])
        print(f'  {name:20} {value:7.0f}   returns {returns}')
    print(f'  ratio {result["ratio"]["stable-baselines3"]:.2f}')


if __name__ == '__main__':
    main()
