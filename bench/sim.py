"""How many simulated seconds the simulator runs per second of one core: bench/sim.py [--json]."""

import argparse
import json
from pathlib import Path
import statistics
import subprocess
import sys
import time

from machine import machine_line
import numpy as np

SOURCES = Path(__file__).resolve().parents[1] / 'src'
sys.path[:0] = [str(SOURCES / 'ilw_core'), str(SOURCES / 'ilw_sim')]

from ilw_sim.env import make_env  # noqa: E402

NODE = '''
import sys, time, rclpy
from rclpy.parameter import Parameter
from nav_msgs.msg import Odometry
from sensor_msgs.msg import LaserScan
from ilw_ros.qos import STATE
from ilw_ros.spinning.executor import OneThreadExecutor
from ilw_ros.transport import start_ros
from ilw_sim.nodes.sim_node import SimNode
start_ros()
values = dict(contract=sys.argv[1], real_time_factor=0.0, lockstep=False, auto_reset=True)
sim = SimNode(parameter_overrides=[Parameter(k, value=v) for k, v in values.items()])
executor = OneThreadExecutor()
executor.add_node(sim)
listener = rclpy.create_node('listener')  # so that scan and odom are really sent
listener.create_subscription(LaserScan, 'scan', lambda m: None, STATE)
listener.create_subscription(Odometry, 'odom', lambda m: None, STATE)
steps, begin = 0, time.process_time()
last = sim.simulation.tick
while steps < int(sys.argv[2]):
    executor.spin_once()
    steps += sim.simulation.tick is not last
    last = sim.simulation.tick
print(steps * sim.simulation.period_s / (time.process_time() - begin))
'''


def environment(task: str, rays: int, steps: int) -> float:
    """Return simulated seconds per CPU second of ``env.step``, one core, in process."""
    env = make_env(task, lidar_rays=rays)
    rng = np.random.default_rng(0)
    spec = env.contract.action
    env.reset(seed=0)
    spent = 0.0
    for _ in range(steps):
        action = (int(rng.integers(len(spec.discrete))) if spec.discrete
                  else rng.uniform(spec.low, spec.high).astype(np.float32))
        begin = time.process_time()
        *_, terminated, truncated, _ = env.step(action)
        spent += time.process_time() - begin
        if terminated or truncated:
            env.reset(seed=int(rng.integers(1000)))
    env.close()
    return steps * env.simulation.period_s / spent


def node(task: str, steps: int) -> float:
    """Return simulated seconds per CPU second of the free-running node, resets included."""
    result = subprocess.run([sys.executable, '-c', NODE, task, str(steps)], check=False,
                            capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f'The node did not run:\n{result.stderr[-2000:]}')
    return float(result.stdout.split()[-1])


def main() -> None:
    """Measure, alternating, and print medians and ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--json', action='store_true', help='print one object')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--steps', type=int, default=400)
    options = parser.parse_args()
    cases = {f'{task}, {rays} rays, env.step': (environment, task, rays, options.steps)
             for task in ('clutter', 'maze') for rays in (36, 360)}
    cases |= {f'{task}, 36 rays, sim_node': (node, task, options.steps)
              for task in ('clutter', 'maze')}
    found: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(options.rounds):
        for name, (measure, *arguments) in cases.items():
            found[name].append(measure(*arguments))
    machine = machine_line()
    if options.json:
        print(json.dumps({'machine': machine, 'times_real_time': found}))
        return
    print(f'Simulated seconds per second of one core ({machine}):')
    for name, values in found.items():
        print(f'  {name:32} median {statistics.median(values):6.0f}   '
              f'[{min(values):.0f}, {max(values):.0f}]')


if __name__ == '__main__':
    main()
