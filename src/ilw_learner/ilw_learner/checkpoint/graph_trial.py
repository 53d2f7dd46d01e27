"""
Try a graph that came with a file in a process of its own, before it may act. No torch, no ROS.

What ``graph_check.py`` lets through still runs in a library of C++: a graph may take memory or
time without end, or end the process that computes it. Here that is a child with limits, and
however it ends, it is an answer.
"""

from dataclasses import asdict, dataclass
import hashlib
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
from typing import IO

from ilw_core.contract.file import Contract
from ilw_core.errors import GraphError

MEMORY_BYTES = 2_000_000_000
"""Address space of the child, beside three times the graph's file; its libraries map 0.2 GB"""
CPU_S = 3
"""Computing time of the child, beside a second per 100 MB of file; 0.4 s is for its libraries"""
WALL_S = 30.0
"""The machine may be busy; after this the child is killed"""
_ANSWER_BYTES = 20_000
_START = ('import json, sys; sys.path[:] = json.loads(sys.argv[1]); '
          'from ilw_learner.checkpoint.graph_child import main; main()')
_DEATHS: dict[int, str] = {
    signal.SIGXCPU: f'it computes for more than {CPU_S} s',
    signal.SIGFPE: 'a whole number divided by zero',
    signal.SIGABRT: 'the library gave up, most often for want of memory',
    signal.SIGKILL: 'it was killed, most often for want of memory or time',
}


@dataclass(frozen=True)
class GraphTrial:
    """What the child is told, beside the graph itself."""

    path: str
    """Where the graph came from, for texts"""
    history: int
    horizon: int
    action_dim: int
    period_s: float
    """An action that takes longer comes too late, always"""
    low: list[float]
    """(Do,) of the observation"""
    high: list[float]
    images: dict[str, tuple[int, ...]]
    """Entry -> (1, To, H, W, C)"""
    memory_bytes: int
    cpu_s: int
    answer_bytes: int = _ANSWER_BYTES


_passed: set[str] = set()


def try_graph(model: bytes, contract: Contract, history: int, horizon: int, path: Path) -> None:
    """
    Have a child compute a graph on observations of a contract; once per graph and process.

    :param history: observations it sees, To.
    :param horizon: actions it must give, Ta.
    :param path: where it came from, for the error's text.
    :raises GraphError: it is none for this contract, took too much, or ended the child.
    """
    trial = GraphTrial(
        str(path), history, horizon, contract.action.dim, contract.period_ns / 1e9,
        contract.obs_low.tolist(), contract.obs_high.tolist(), image_shapes(contract, history),
        MEMORY_BYTES + 3 * len(model), CPU_S + len(model) // 100_000_000)
    told = json.dumps(asdict(trial)).encode()
    digest = hashlib.sha256(f'{contract.hash} {history} {horizon}\n'.encode() + model).hexdigest()
    if digest in _passed:
        return
    refusal = _ask_child(told, model)
    if refusal:
        raise GraphError(refusal if str(path) in refusal else
                              f'{path} failed its trial: {refusal}. It must not drive. Train '
                              f'again, or use another checkpoint.')
    _passed.add(digest)


def image_shapes(contract: Contract, history: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each image as a graph takes it: entry -> (1, To, H, W, C)."""
    return {source.name: (1, history, *source.feature.shape) for source in contract.images}


def _ask_child(told: bytes, model: bytes) -> str:
    """Return why the graph is refused; empty if it passed."""
    paths = [str(Path(__file__).parents[2]), *(os.path.abspath(p) for p in sys.path if p)]
    keep = {k: v for k, v in os.environ.items() if k in ('PATH', 'LD_LIBRARY_PATH', 'LANG')}
    try:
        # Files in memory, not pipes: neither side waits for the other, and the kernel bounds them.
        with _memory_file() as given, _memory_file() as answer:
            given.write(told + b'\n' + model)
            given.seek(0)
            process = subprocess.Popen(
                [sys.executable, '-I', '-S', '-B', '-c', _START, json.dumps(paths)],
                stdin=given, stdout=answer, stderr=subprocess.DEVNULL, cwd='/',
                start_new_session=True,
                env={**keep, 'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1'})
            try:
                code = process.wait(WALL_S)
            except subprocess.TimeoutExpired:
                return f'no answer within {WALL_S:.0f} s'
            finally:
                process.kill()
                process.wait()
            answer.seek(0)
            return _understood(code, answer.read(_ANSWER_BYTES))
    except OSError as error:
        return f'it cannot be tried ({error.strerror})'


def _understood(code: int, answer: bytes) -> str:
    """Return what the end of the child means."""
    if code < 0:
        known = -code in list(signal.Signals)
        name = signal.Signals(-code).name if known else f'signal {-code}'
        return f'its process ended by {name}: {_DEATHS.get(-code, "a crash")}'
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        said = None
    if code == 0 and isinstance(said, dict) and said.get('passed') is True and len(said) == 1:
        return ''
    refused = said.get('refused') if isinstance(said, dict) else None
    if isinstance(refused, str) and refused:
        return ''.join(c if c.isprintable() else ' ' for c in refused[:1000])
    return f'its process ended with exit code {code} and without an answer'


def _memory_file() -> IO[bytes]:
    return os.fdopen(os.memfd_create('ilw-trial'), 'w+b')
