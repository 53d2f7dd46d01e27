"""Checkpoints that must not drive, loaded while another policy does."""

from collections.abc import Callable
import math
from pathlib import Path
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ilw_bringup.loading import load
from ilw_core.contract.file import Contract, load_contract
from ilw_core.storage.files import read_bytes, write_file
from ilw_core.storage.locate import config_file
from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen
from ilw_learner.checkpoint.folder import GRAPH, WEIGHTS, save_checkpoint

_MAX_BYTES = 1_000_000
EXPECTED = 'refused with a reason; the old policy drives on without a gap'


def constant_policy(contract: Contract, folder: Path, weight: float = 0.0) -> Path:
    """Save a checkpoint that always turns left, and return its folder."""
    shapes = {'observation': ['B', 1, contract.obs_dim], 'action': ['B', 1, contract.action.dim]}
    ends = {name: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in shapes.items()}
    weights = np.full((contract.obs_dim, contract.action.dim), weight, np.float32)
    bias = np.array([0.2, 0.5], np.float32)
    graph = helper.make_graph(
        [helper.make_node('MatMul', ['observation', 'weights'], ['product']),
         helper.make_node('Add', ['product', 'bias'], ['action'])],
        'constant', [ends['observation']], [ends['action']],
        [numpy_helper.from_array(weights, 'weights'), numpy_helper.from_array(bias, 'bias')])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    onnx.checker.check_model(model)
    card = {'algorithm': 'constant', 'history': 1, 'horizon': 1}
    return save_checkpoint(folder, contract, card, {
        GRAPH: model.SerializeToString(), WEIGHTS: bias.tobytes()}).path


def _truncated(contract: Contract, folder: Path) -> None:
    file = constant_policy(contract, folder) / GRAPH
    write_file(file, read_bytes(file, _MAX_BYTES)[:-40])


def _tampered(contract: Contract, folder: Path) -> None:
    file = constant_policy(contract, folder) / GRAPH
    data = bytearray(read_bytes(file, _MAX_BYTES))
    data[len(data) // 2] ^= 1
    write_file(file, bytes(data))


def _nan(contract: Contract, folder: Path) -> None:
    constant_policy(contract, folder, weight=math.nan)


def _another(contract: Contract, folder: Path) -> None:
    constant_policy(load_contract(config_file('tasks', 'maze')), folder)


def _refused(fault: str, make: Callable[[Contract, Path], None]) -> Fault:
    def inject(loop: Loop) -> Seen:
        good, bad = loop.place / 'good', loop.place / 'bad'
        constant_policy(loop.contract, good)
        make(loop.contract, bad)
        loaded = load(loop.call, str(good))
        loop.arm()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        at = time.monotonic()
        answer = load(loop.call, str(bad))
        reaction = time.monotonic() - at
        time.sleep(0.5)
        gap, bound = loop.longest_gap_s(at), bound + loop.late_s(at)
        text = (f'{answer.error_msg or "LOADED"}; the longest gap between commands was '
                f'{1000 * gap:.0f} ms (bound {1000 * bound:.0f})')
        return loop.seen(text.replace(str(loop.place), 'DIR'), reaction,
                        bool(answer.error_code) and not loaded.error_code and gap <= bound
                        and loop.spy.moving())

    return Fault(fault, EXPECTED, inject, nodes={'with_policy': True})


FAULTS = (
    _refused('checkpoint for another contract', _another),
    _refused('checkpoint with NaN weights', _nan),
    _refused('checkpoint truncated', _truncated),
    _refused('checkpoint tampered with', _tampered),
)
