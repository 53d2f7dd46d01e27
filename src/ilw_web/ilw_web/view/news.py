"""From messages to what the page is told: small JSON objects, one kind each."""

from collections.abc import Sequence
import json
import math
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_teleop.joystick.keyboard import moves_of
from ilw_teleop.joystick.layout import Joystick
from ilw_teleop.recording.words import Phase

SOURCES = ('nobody', 'person', 'policy', 'estop')
LEVELS = ('ok', 'warn', 'error', 'stale')
MOST_URDF_CHARS = 1_000_000
_FARTHEST_M = 1000.0


def hello(contract: Contract, joystick: Joystick) -> dict[str, Any]:
    """Return what a page has to know before anything else."""
    action = contract.action
    return {
        'task': contract.name, 'rate': contract.rate_hz,
        'pad': {'name': joystick.name, 'axes': dict(joystick.axes),
                'buttons': dict(joystick.buttons), 'mapping': dict(joystick.mapping),
                'rest': dict(zip(('a', 'b'), joystick.at_rest(), strict=True))},
        'moves': moves_of(contract),
        'action': [{'name': name, 'unit': unit, 'low': float(low), 'high': float(high)}
                   for name, unit, low, high in zip(
                       action.names, action.units, action.low, action.high, strict=True)],
        'observation': [{'name': name, 'low': float(low), 'high': float(high)}
                        for name, low, high in zip(
                            contract.obs_names, contract.obs_low, contract.obs_high,
                            strict=True)]}


def arbiter(said: Any) -> dict[str, Any]:
    """Return an ``ArbiterState``."""
    return {'source': SOURCES[min(said.source, len(SOURCES) - 1)], 'armed': said.armed,
            'estopped': said.estopped, 'why': said.estop_why, 'sent': said.published,
            'requested': _numbers(said.requested), 'applied': _numbers(said.applied),
            'reasons': list(said.reasons)}


def recorder(said: Any) -> dict[str, Any]:
    """Return an ``EpisodeStatus``."""
    phase = Phase(said.phase) if said.phase in Phase._value2member_map_ else Phase.UNKNOWN
    return {'phase': phase.name.lower(), 'episode': said.episode, 'step': said.step,
            'saved': said.saved, 'discarded': said.discarded, 'failed': said.failed,
            'attempted': said.attempted, 'messages': said.messages, 'bytes': said.bytes,
            'dropped': said.dropped, 'problems': list(said.problems),
            'suspect': list(said.suspect), 'refusal': said.refusal, 'path': said.path}


def scan(said: Any) -> dict[str, Any]:
    """Return a ``LaserScan``; distances in whole centimetres, 0 where nothing was measured."""
    ranges = np.asarray(said.ranges, dtype=np.float64)
    with np.errstate(invalid='ignore'):
        seen = (ranges > said.range_min) & (ranges < min(said.range_max, _FARTHEST_M))
    return {'from': _number(said.angle_min), 'step': _number(said.angle_increment),
            'cm': np.where(seen, np.nan_to_num(ranges, posinf=0.0, neginf=0.0) * 100.0, 0.0
                           ).astype(int).tolist()}


def joints(said: Any) -> dict[str, Any]:
    """Return a ``JointState``."""
    return {'at': dict(zip(said.name, _numbers(said.position), strict=False))}


def chunk(said: Any) -> dict[str, Any]:
    """Return an ``ActionChunk`` of a policy: the actions it predicts, in order."""
    dim = max(1, len(said.names))
    values = _numbers(said.values)
    return {'active': said.active, 'period': _number(said.period),
            'actions': [values[at:at + dim] for at in range(0, len(values), dim)]}


def policy(said: Any) -> dict[str, Any]:
    """Return a ``PolicyStatus``."""
    return {'acting': said.acting, 'reason': said.reason, 'ms': _number(said.latency * 1e3),
            'checkpoint': said.checkpoint}


def urdf(said: Any) -> dict[str, Any]:
    """Return a ``robot_description``; nothing of one that is too long."""
    return {'xml': said.data if len(said.data) <= MOST_URDF_CHARS else ''}


def status(said: Any) -> dict[str, Any]:
    """Return one ``DiagnosticStatus``."""
    level = said.level[0] if isinstance(said.level, bytes) else int(said.level)
    return {'level': LEVELS[min(level, len(LEVELS) - 1)], 'name': said.name,
            'text': said.message, 'values': {each.key: each.value for each in said.values[:40]}}


def text(kind: str, news: dict[str, Any]) -> str:
    """Return news as the page gets them."""
    return json.dumps({'t': kind, **news}, separators=(',', ':'))


def frame(head: dict[str, Any], body: bytes) -> bytes:
    """Return a picture as the page gets it: length of the head (2 bytes, big end), head, body."""
    words = json.dumps(head, separators=(',', ':')).encode()
    return len(words).to_bytes(2, 'big') + words + body


def _number(value: float) -> float | None:
    """Return a number as JSON has it: NaN and the infinite are ``None``."""
    return round(float(value), 4) if math.isfinite(value) else None


def _numbers(values: Sequence[float]) -> list[float | None]:
    return [_number(value) for value in values]


def observation(values: np.ndarray, valid: np.ndarray) -> dict[str, Any]:
    """Return what a policy would see: ``(Do,)`` numbers, ``None`` where not valid."""
    return {'values': [_number(value) if good else None
                       for value, good in zip(values.tolist(), valid.tolist(), strict=True)]}
