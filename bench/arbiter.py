"""
What the arbiter adds to a request: from the request's arrival to its decision, without DDS.

bench/arbiter.py [--json], with the environment of ``./ilw shell``. The arbiter of the simulated
robot under the contract ``clutter``, a lidar of 360 beams 20 times a second with noise, a policy
at 10 Hz that heads for a wall and away from it again. A scan is taken in when it comes, not in
the decision; it is timed, too.
"""

import argparse
import json
import os
from pathlib import Path
import sys
import time

ROOT = Path(__file__).resolve().parents[1]
os.environ.setdefault('ILW_CONFIG', str(ROOT / 'config'))
sys.path[:0] = [str(ROOT / 'src' / name) for name in ('ilw_core', 'ilw_data', 'ilw_teleop')]

from machine import machine_line  # noqa: E402
import numpy as np  # noqa: E402

from ilw_core.contract.file import load_contract  # noqa: E402
from ilw_core.episode import Source  # noqa: E402
from ilw_core.storage.locate import config_file  # noqa: E402
from ilw_teleop.arbiter.arbiter import Arbiter  # noqa: E402
from ilw_teleop.arbiter.request import Request  # noqa: E402
from ilw_teleop.arbiter.robot_profile import load_profile  # noqa: E402

BEAMS = 360
SCAN_NS, BEGIN_NS = 50_000_000, 10**9


def main() -> None:
    """Print the times."""
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--ticks', type=int, default=5000, help='decisions')
    parser.add_argument('--json', action='store_true', help='print one object')
    options = parser.parse_args()
    result = measure(options.ticks)
    if options.json:
        print(json.dumps({'machine': machine_line(), **result}))
        return
    print(machine_line())
    for name in ('decision', 'scan'):
        print(f'  {name:<9} {result[f"{name}_us_p50"]:.0f} us, 99 % within '
              f'{result[f"{name}_us_p99"]:.0f} us')
    print(f'  {options.ticks} decisions, {result["slowed"]} slowed by what was ahead')


def measure(ticks: int) -> dict[str, float]:
    """Drive so many decisions; returns percentiles in microseconds, and how many were slowed."""
    rng = np.random.default_rng(0)
    contract = load_contract(config_file('tasks', 'clutter'))
    profile = load_profile(config_file('robots', 'sim_diff_drive'))
    arbiter = Arbiter(contract, profile=profile, armed=True)
    angles = np.linspace(-np.pi, np.pi, BEAMS, endpoint=False)
    step, now = float(angles[1] - angles[0]), BEGIN_NS
    decision, scan, slowed = [], [], 0
    for tick in range(ticks):
        for _ in range(contract.period_ns // SCAN_NS):
            wall_m = 2.0 + 1.9 * np.sin(tick / 20)
            ranges = np.minimum(10.0, wall_m / np.maximum(np.cos(angles), 1e-3))
            ranges = (ranges + 0.01 * rng.standard_normal(BEAMS)).astype(np.float32)
            begin = time.perf_counter_ns()
            arbiter.ahead.see(now, ranges, float(angles[0]), step, 0.1, 12.0, float(angles[-1]))
            scan.append(time.perf_counter_ns() - begin)
            now += SCAN_NS
        request = Request(
            Source.POLICY, now, True, contract.hash, contract.action.names,
            contract.period_ns / 1e9, 1, [0.5, 1.5 * np.sin(tick / 7)], observation_ns=now)
        begin = time.perf_counter_ns()
        arbiter.offer(request, now, now)
        made = arbiter.decide(now, now)
        decision.append(time.perf_counter_ns() - begin)
        slowed += 'obstacle' in made.reasons
    if not 0 < slowed < ticks:
        raise SystemExit(f'{slowed} of {ticks} decisions met the wall: this measures nothing.')
    found = {f'{name}_us_p{p}': float(np.percentile(times, p)) / 1e3
             for name, times in (('decision', decision), ('scan', scan)) for p in (50, 99)}
    return {**found, 'slowed': slowed}


if __name__ == '__main__':
    main()
