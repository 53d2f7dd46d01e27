"""A contract for each of Meta-World's tasks, and its expert's episodes as recordings under it."""

import math
from pathlib import Path
from types import SimpleNamespace as Plain

from metaworld_parts.world import RATE_HZ, World
import numpy as np

from ilw_core.contract.file import Contract, parse_contract
from ilw_core.episode import Outcome
from ilw_data.episode.made import MadeRecording

_TOPIC, _TYPE = 'metaworld/state', 'std_msgs/msg/Float64MultiArray'
_PARTS = (('hand', 3), ('gripper', 1), ('objects', 14), ('before', 18), ('goal', 3))
"""What Meta-World's 39 numbers are, in their order; ``before``: the first 18 a step ago"""
_CONTRACT = """
contract: {task}
version: 1
rate_hz: {rate}
observation:
{parts}
action:
  commands:
    hand: {{topic: metaworld/action, type: {kind}}}
  fields:
{fields}
  on_stale: stop
termination: {{goal_radius_m: 0.0, timeout_s: 6.25}}
"""
_BEGIN_NS = 1_000_000_000
_LINGER = 20
"""Steps that the expert drives on after its success: what to do there is shown, too"""


def contract_of(task: str) -> Contract:
    """Return the contract of a task; those of all tasks are one family."""
    parts, first = [], 0
    for name, length in _PARTS:
        parts.append(f'  {name}: {{topic: {_TOPIC}, type: {_TYPE}, feature: field, field: data, '
                     f'first: {first}, length: {length}, range: [-1.0, 1.0]}}')
        first += length
    fields = [f"    - {{name: {name}, command: hand, field: 'data[{i}]', unit: '1', min: -1.0, "
              f'max: 1.0, max_rate: {2.0 * RATE_HZ}}}'
              for i, name in enumerate(('x', 'y', 'z', 'grip'))]
    return parse_contract(_CONTRACT.format(task=task, rate=RATE_HZ, kind=_TYPE,
                                           parts='\n'.join(parts), fields='\n'.join(fields)))


def show(world: World, contract: Contract, seed: int, folder: Path) -> bool:
    """Let the expert drive an episode and record it; return whether it succeeded."""
    recording = MadeRecording(folder, contract, {_TOPIC: _TYPE})
    obs, _ = world.reset(seed=seed)
    stamp_ns, left, succeeded = _BEGIN_NS, math.inf, False
    recording.tick(stamp_ns, _state(obs))
    while left > 0:
        action = world.expert
        obs, _, success, truncated, _ = world.step(action)
        recording.command(stamp_ns, action)
        stamp_ns += contract.period_ns
        recording.tick(stamp_ns, _state(obs))
        if success and not succeeded:
            succeeded, left = True, _LINGER
        left = 0 if truncated else left - 1
    recording.finish(Outcome.SUCCESS if succeeded else Outcome.FAILURE,
                     'goal' if succeeded else 'timeout')
    return succeeded


def _state(obs: np.ndarray) -> dict[str, Plain]:
    return {_TOPIC: Plain(data=obs.astype(np.float64))}
