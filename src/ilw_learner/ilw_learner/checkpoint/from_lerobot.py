"""A pretrained ACT policy of LeRobot as a checkpoint: fitted to a contract, compared, tried."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError, GraphError, IlwError
from ilw_core.storage.files import read_bytes
from ilw_data.lerobot.layout import IMAGES, shown_and_hidden
from ilw_data.lerobot.pretrained import WEIGHTS_FILE, PretrainedAct
from ilw_data.lerobot.side import LeRobotSide
from ilw_learner.checkpoint.folder import GRAPH, WEIGHTS, save_checkpoint
from ilw_learner.checkpoint.graph_trial import image_shapes, try_graph
from ilw_learner.runtime.chunk_executor import Execution
from ilw_learner.runtime.graph import Graph

ALGORITHM = 'lerobot act'
"""On the card: no training of ILW goes on from it"""
_TOLERANCE = 1e-4
"""Between the graph and LeRobot's own chunks; of values above 1 as a part of them"""
_COMPARED, _COMPARED_WITH_IMAGES = 64, 8
"""Random observations"""
_AT_ONCE = 2
"""Of them, within the memory that a graph may take; more than one, as some who ask it do"""
_MAX_WEIGHTS = 2_000_000_000


@dataclass(frozen=True)
class ImportedPolicy:
    """What came of it; ``--json`` shows it under these names."""

    checkpoint: str
    task: str
    horizon: int
    """Actions of a chunk"""
    execute: int
    """Of them so many are driven, if the next chunk is ready by then"""
    join: str
    """How a chunk is joined to the last; see ``Execution``"""
    compared: int
    """Random observations that LeRobot itself was asked about, too"""
    difference: float
    """The largest between the two, in units of the contract"""


def import_pretrained(policy: PretrainedAct, contract: Contract, fps: float | None, out: Path,
                      side: LeRobotSide) -> ImportedPolicy:
    """
    Write a checkpoint that gives what LeRobot's own policy does.

    :param fps: rate that it was trained at, where its folder does not tell.
    :param out: a new folder.
    :raises ContractError: it is none for this contract.
    :raises GraphError: the graph gives other actions, or may not drive; nothing is saved.
    """
    vectors, cameras = fit(policy, contract, fps)
    rng = np.random.default_rng(0)
    count = _COMPARED_WITH_IMAGES if cameras else _COMPARED
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (count, 1, contract.obs_dim)).astype(np.float32)
    shapes = image_shapes(contract, 1)
    images = {name: rng.integers(0, 256, (count, *shapes[name][1:]), dtype=np.uint8)
              for name in cameras.values()}
    made, _ = side.read('act_policy', [obs, *images.values()], root=str(policy.folder.resolve()),
                        vectors=vectors, cameras=cameras)
    graph, wanted = made['graph'].tobytes(), made['chunks']
    path = policy.folder / WEIGHTS_FILE
    try_graph(graph, contract, 1, policy.chunk, path)
    some = Graph(graph, (_AT_ONCE, *obs.shape[1:]), path, {
        name: (_AT_ONCE, *each.shape[1:]) for name, each in images.items()})
    got = np.concatenate([some.batch(obs[i:i + _AT_ONCE], {
        name: each[i:i + _AT_ONCE] for name, each in images.items()}).copy()
        for i in range(0, count, _AT_ONCE)])
    difference = float(np.abs(got - wanted).max())
    if not np.allclose(got, wanted, rtol=_TOLERANCE, atol=_TOLERANCE):
        raise GraphError(f'{path}: the graph must give what LeRobot gives, within '
                         f'{_TOLERANCE:g}. Got {difference:.2g} off; nothing was saved.')
    execution = Execution(policy.driven) if policy.ensemble is None else Execution(
        1, 'ensemble', policy.ensemble)
    saved = save_checkpoint(out, contract, {
        'algorithm': ALGORITHM, 'network': policy.settings, 'history': 1,
        'horizon': policy.chunk, 'execution': asdict(execution),
        'metrics': {'lerobot': {'compared': count, 'difference': difference}},
        'provenance': {'lerobot': str(policy.folder)},
    }, {GRAPH: graph, WEIGHTS: read_bytes(path, _MAX_WEIGHTS)})
    return ImportedPolicy(str(saved.path), contract.name, policy.chunk, execution.execute,
                          execution.join, count, difference)


def fit(policy: PretrainedAct, contract: Contract,
        fps: float | None) -> tuple[dict[str, list[int]], dict[str, str]]:
    """
    Return what of an observation each feature of a policy is: vectors, then cameras.

    :returns: feature -> its numbers of the flat observation, as an export writes them: all that is
        not hidden, in the contract's order; feature -> entry of its camera.
    :raises ContractError: rate, action, numbers or cameras differ.
    """
    what = f'for {policy.folder}'
    _require_rate(policy, contract, fps)
    if contract.action.discrete:
        raise ContractError(f'The action of the contract {contract.name} must be continuous '
                            f'{what}. Got named choices. Name another task.')
    if policy.actions != contract.action.dim:
        raise ContractError(f'The contract {contract.name} must command {policy.actions} numbers '
                            f'{what}. Got {contract.action.dim}: '
                            f'{", ".join(contract.action.names)}.')
    rows = shown_and_hidden(contract)[0].tolist()
    ends = np.cumsum([0, *policy.vectors.values()]).tolist()
    if ends[-1] != len(rows):
        saw = ', '.join(f'{count} of {key}' for key, count in policy.vectors.items()) or 'none'
        raise ContractError(f'The contract {contract.name} must observe {ends[-1]} numbers {what} '
                            f'({saw}). Got {len(rows)}, without what is hidden.')
    for end in ends[1:-1]:
        if contract.entry_names[rows[end - 1]] == contract.entry_names[rows[end]]:
            raise ContractError(
                f'The contract {contract.name} must observe what follows its first {end} numbers '
                f'as another entry {what}. Got {contract.entry_names[rows[end]]} across that end.')
    vectors = {key: rows[first:end] for key, first, end in zip(
        policy.vectors, ends, ends[1:], strict=False)}
    cameras = {key: key.removeprefix(IMAGES) for key in policy.cameras}
    own = {source.name: source.feature.shape[:2] for source in contract.images}
    wanted = {cameras[key]: size for key, size in policy.cameras.items()}
    if own != wanted:
        raise ContractError(f'The cameras of the contract {contract.name} must be {_seen(wanted)} '
                            f'{what}. Got {_seen(own)}. Set their names and `size`.')
    return vectors, cameras


def _require_rate(policy: PretrainedAct, contract: Contract, fps: float | None) -> None:
    if policy.fps is None and fps is None:
        raise IlwError(f'{policy.folder} does not tell the rate that it was trained at: its data '
                       f'set is not on this machine. Say it: --fps NUMBER.')
    for told in (policy.fps, fps):
        if told is not None and told != contract.rate_hz:
            raise ContractError(f'rate_hz must be the fps that {policy.folder} was trained at, '
                                f'{told:g}. Got {contract.rate_hz:g} in the contract '
                                f'{contract.name}.')


def _seen(cameras: dict[str, tuple[int, int]]) -> str:
    return ', '.join(f'{name} ({width} x {height})' for name, (height, width) in
                     sorted(cameras.items())) or 'none'
