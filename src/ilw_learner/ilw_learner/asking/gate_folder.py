"""A gate on disk: the networks that tell novelty and risk, and what a policy met before."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.storage.files import json_text, read_bytes, read_json, write_file
from ilw_learner.asking.help_gate import HelpGate
from ilw_learner.asking.robot_gate import RobotGate
from ilw_learner.checkpoint.graph_trial import try_graph
from ilw_learner.runtime.graph import Graph
from ilw_learner.runtime.runner import image_shapes

SCHEMA = 'ilw.gate/1'
CARD = 'gate.json'
_GOAL = 'goal.onnx'
_KEYS = frozenset({'contract', 'history', 'horizon', 'budget', 'agrees', 'graphs', 'novelty',
                   'risk'})
_MAX_CARD_BYTES, _MAX_GRAPH_BYTES = 10_000_000, 500_000_000


def save_gate(folder: Path, contract: Contract, *, policy: str, history: int, horizon: int,
              members: list[bytes], goal: bytes, budget: float, agrees: float,
              novelty: np.ndarray, risk: np.ndarray) -> None:
    """
    Write a gate; its card is the last file.

    :param policy: hash of the checkpoint that it was learned beside.
    :param members: ONNX graphs of policies; ``goal``: that of the chance to reach the goal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {**{f'member-{number}.onnx': each for number, each in enumerate(members)},
              _GOAL: goal}
    for name, graph in graphs.items():
        write_file(folder / name, graph)
    write_file(folder / CARD, json_text({
        'schema': SCHEMA, 'contract': contract.hash, 'policy': policy, 'history': history,
        'horizon': horizon, 'budget': budget, 'agrees': agrees,
        'graphs': {name: hashlib.sha256(graph).hexdigest() for name, graph in graphs.items()},
        'novelty': np.round(novelty, 7).tolist(), 'risk': np.round(risk, 7).tolist()}) + '\n')


def load_gate(folder: Path, contract: Contract) -> RobotGate:
    """Return a gate; :raises IlwError: it is none, or was made for another contract."""
    card = _card(folder, contract)
    size = (1, card['history'], contract.obs_dim)
    images = image_shapes(contract, card['history'])

    def graph(name: str, digest: str) -> Graph:
        path = folder / name
        content = read_bytes(path, _MAX_GRAPH_BYTES)
        if hashlib.sha256(content).hexdigest() != digest:
            raise CheckpointError(f'{path} is not the file that the gate was saved with. Learn '
                                  f'the gate again: ./ilw correct with another --out.')
        if name != _GOAL:
            try_graph(content, contract, card['history'], card['horizon'], path)
        return Graph(content, size, path, images)

    graphs = {name: graph(name, digest) for name, digest in card['graphs'].items()}
    goal = graphs.pop(_GOAL)
    gate = HelpGate(card['novelty'], card['risk'], budget=card['budget'], agrees=card['agrees'],
                    rate_hz=contract.rate_hz)
    return RobotGate(contract, list(graphs.values()), goal, gate)


def _card(folder: Path, contract: Contract) -> dict[str, Any]:
    try:
        card = read_json(folder / CARD, _MAX_CARD_BYTES)
    except (IlwError, OSError) as error:
        raise CheckpointError(f'{folder} must hold a gate, {CARD} and its networks, as ./ilw '
                              f'correct --gate robot makes it. {error}') from error
    known = isinstance(card, dict) and card.get('schema') == SCHEMA and card.keys() >= _KEYS
    graphs = card['graphs'] if known else None
    if not isinstance(graphs, dict) or _GOAL not in graphs or any(
            Path(name).name != name for name in graphs):
        raise CheckpointError(f'{folder / CARD} must be a gate of the schema {SCHEMA}. Make one: '
                              f'./ilw correct --gate robot.')
    if card['contract'] != contract.hash:
        raise CheckpointError(f'{folder} is the gate of another contract than {contract.name} as '
                              f'it is. Make one for it: ./ilw correct --gate robot.')
    return card
