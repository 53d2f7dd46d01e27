"""bench/sim.py still runs its node, for a few steps: nothing else calls it."""

import importlib.util
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / 'bench'


def test_the_simulator_runs_as_the_benchmark_runs_it(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    spec = importlib.util.spec_from_file_location('bench_sim', BENCH / 'sim.py')
    sim = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sim)
    assert sim.node('clutter', 30) > 0.0, 'simulated seconds per CPU-second'
    assert sim.environment('maze', 36, 30) > 0.0
