"""Checkpoints that somebody else made: the card, the graph with right hashes, files gone wrong."""

from collections.abc import Callable
import hashlib
import os
from pathlib import Path
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from fuzz.target import Pieces, Target
from ilw_core.align import Observation
from ilw_core.contract.file import Contract, load_contract
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.folder import CARD, GRAPH, WEIGHTS, load_checkpoint, save_checkpoint
from ilw_learner.runtime.runner import PolicyRunner

_CARD_WORDS = (b'../../etc/passwd: 0', b'history: 1000', b'horizon: 1000', b'history: true',
               b'files: {policy.onnx: a}', b'schema: ilw.checkpoint/2', b'contract_hash: ""')
_GRAPH_WORDS = (b'Loop', b'Expand', b'ConstantOfShape', b'/etc/passwd', b'\x7f\xff\xff\xff',
                b'location', b'Gemm', b'MatMul', b'observation', b'action')


def targets(folder: Path) -> list[Target]:
    """Return the targets; they write checkpoints into an empty folder."""
    contract = load_contract(config_file('tasks', 'clutter'))
    graph = network(contract)
    weights = b'\x02\0\0\0\0\0\0\0{}'
    saved = save_checkpoint(folder / 'good', contract, {
        'algorithm': 'bc', 'history': 1, 'horizon': 1, 'metrics': {'success': 0.9}},
        {GRAPH: graph, WEIGHTS: weights})
    card = (saved.path / CARD).read_bytes()
    digest = hashlib.sha256(graph).hexdigest().encode()
    runs = folder / 'c'
    seen = Observation(0, np.zeros(contract.obs_dim, np.float32),
                       np.ones(contract.obs_dim, bool), 0)

    def drive() -> None:
        runner = PolicyRunner(runs, contract)
        runner.observe(seen)
        actions, why = runner.act()
        assert (actions is None and why) or np.isfinite(actions).all()

    def fresh(**files: bytes) -> None:
        runs.mkdir(exist_ok=True)
        for name, content in {CARD: card, GRAPH: graph, WEIGHTS: weights, **files}.items():
            (runs / name).write_bytes(content)

    def with_card(data: bytes) -> None:
        fresh(**{CARD: data})
        drive()

    def with_graph(data: bytes) -> None:
        """The hashes are right: whoever made it could make those, too."""
        own = hashlib.sha256(data).hexdigest().encode()
        fresh(**{CARD: card.replace(digest, own), GRAPH: data})
        drive()

    return [
        Target('checkpoint_card', with_card, (card,), words=_CARD_WORDS, weight=0.2),
        Target('checkpoint_graph', with_graph, (graph, network(contract, deep=True)),
               words=_GRAPH_WORDS, weight=0.02),
        Target('checkpoint_files', _files(saved.path, folder / 'f'), (b'\0' * 8, b'\5' * 60),
               weight=0.5),
    ]


def _files(good: Path, folder: Path) -> Callable[[bytes], None]:
    """One file of a checkpoint is cut, flipped, replaced by a link, a pipe, a folder, or gone."""
    whole = {name: (good / name).read_bytes() for name in (CARD, GRAPH, WEIGHTS)}

    def run(data: bytes) -> None:
        pieces = Pieces(data)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for name, content in whole.items():
            (folder / name).write_bytes(content)
        name = (CARD, GRAPH, WEIGHTS)[pieces.byte() % 3]
        file, content, how = folder / name, bytearray(whole[name]), pieces.byte() % 7
        file.unlink()
        at = abs(pieces.whole()) % len(content)
        if how == 0:
            file.write_bytes(content[:at])
        elif how == 1:
            content[at] ^= 1 + pieces.byte() % 255
            file.write_bytes(content)
        elif how == 2:
            file.symlink_to(good / name)
        elif how == 3:
            os.mkfifo(file)
        elif how == 4:
            file.mkdir()
        elif how == 5:
            with file.open('wb') as stream:
                stream.truncate(10 ** 13)  # sparse
        load_checkpoint(folder)
        if (how, name) == (1, CARD):  # its hash is the checkpoint's name: only a signature tells
            return
        raise AssertionError(f'{name} was changed ({how}) and accepted')
    return run


def network(contract: Contract, *, deep: bool = False) -> bytes:
    """Return a small policy as an ONNX graph; ``deep`` has more kinds of operators."""
    rng, dim = np.random.default_rng(0), contract.action.dim

    def weights(name: str, *shape: int) -> TensorProto:
        return numpy_helper.from_array(rng.normal(0, 0.1, shape).astype(np.float32), name)

    shape = helper.make_tensor('shape', TensorProto.INT64, [3], [-1, 1, dim])
    nodes = [helper.make_node('Flatten', ['observation'], ['flat'], axis=1),
             helper.make_node('Gemm', ['flat', 'w1', 'b1'], ['h1']),
             helper.make_node('Relu', ['h1'], ['h2']),
             helper.make_node('Gemm', ['h2', 'w2'], ['h3'])]
    if deep:
        nodes += [helper.make_node('Shape', ['h3'], ['size']),
                  helper.make_node('Unsqueeze', ['h3', 'axis'], ['wide']),
                  helper.make_node('Squeeze', ['wide', 'axis'], ['narrow']),
                  helper.make_node('Div', ['narrow', 'scale'], ['h4'])]
    nodes.append(helper.make_node('Reshape', ['h4' if deep else 'h3', 'shape'], ['action']))
    one = helper.make_tensor('axis', TensorProto.INT64, [1], [1])
    scale = numpy_helper.from_array(np.ones(dim, np.float32), 'scale')
    graph = helper.make_graph(
        nodes, 'policy',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT,
                                       ['B', 1, contract.obs_dim])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['B', 1, dim])],
        [weights('w1', contract.obs_dim, 8), weights('b1', 8), weights('w2', 8, dim), shape,
         *((one, scale) if deep else ())])
    model: onnx.ModelProto = helper.make_model(
        graph, opset_imports=[helper.make_opsetid('', 13)], ir_version=8)
    return bytes(model.SerializeToString())
