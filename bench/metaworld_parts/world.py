"""A task of Meta-World as an environment, whose simulator runs in a process of its own."""

import json
import os
from pathlib import Path
import subprocess
from typing import Any

import numpy as np

PYTHON = Path(__file__).resolve().parents[1] / '.venv-metaworld' / 'bin' / 'python'
RATE_HZ = 80
"""Steps per simulated second: five of the physics' 2.5 ms each"""
SUITE = ('reach-v3', 'push-v3', 'pick-place-v3', 'door-open-v3', 'drawer-open-v3',
         'drawer-close-v3', 'button-press-topdown-v3', 'peg-insert-side-v3', 'window-open-v3',
         'window-close-v3')
"""MT10"""


class Worlds:
    """The process; worlds of several tasks take turns in it. Close it, or use ``with``."""

    def __init__(self) -> None:
        variables = {name: value for name, value in os.environ.items() if name != 'PYTHONPATH'}
        self._process = subprocess.Popen(
            [PYTHON, Path(__file__).with_name('worlds.py')], text=True, bufsize=1,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=variables | {'OMP_NUM_THREADS': '1'})

    def ask(self, **what: Any) -> dict[str, Any]:
        """Return the answer to one line; see ``worlds.py``."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + '\n')
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def __enter__(self) -> 'Worlds':
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class World:
    """One task; an episode ends with its first success, or after Meta-World's 500 steps."""

    def __init__(self, worlds: Worlds, task: str) -> None:
        self.task, self._worlds, self._steps = task, worlds, 0
        self.expert = np.zeros(4, np.float32)
        """(4,) what the scripted expert would do now, within -1 and 1"""

    def reset(self, *, seed: int) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin the episode of a seed; return ``(39,)`` float32 and no more."""
        self._steps = 0
        return self._taken(self._worlds.ask(task=self.task, seed=seed))[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Make a step with ``(4,)``; the fields of ``info`` are those of ``Rollout``."""
        self._steps += 1
        obs, success, truncated = self._taken(
            self._worlds.ask(action=np.asarray(action, np.float64).tolist()))
        return obs, 0.0, success, truncated, {
            'success': success, 'stop_reason': 'goal' if success else 'timeout',
            'time_s': self._steps / RATE_HZ, 'path_length_m': 0.0,
            'shortest_path_m': float('nan')}

    def _taken(self, answer: dict[str, Any]) -> tuple[np.ndarray, bool, bool]:
        self.expert = np.array(answer['expert'], np.float32)
        return np.array(answer['obs'], np.float32), answer['success'], answer['truncated']
