"""A checkpoint as a policy of LeRobot: a folder that its evaluation loads; asked and compared."""

from dataclasses import dataclass
from pathlib import Path
import shutil

import numpy as np

from ilw_core.align import Observation
from ilw_core.errors import GraphError
from ilw_data.lerobot.layout import ACTION, IMAGES, STATE, shown_and_hidden
from ilw_data.lerobot.side import LeRobotSide
from ilw_learner.checkpoint.folder import Checkpoint, copy_checkpoint
from ilw_learner.runtime.runner import PolicyRunner

FOLDER = 'checkpoint'
"""Of the copy, beside LeRobot's files"""
_TOLERANCE = 1e-6
"""Between LeRobot's side and ours; of values above 1 as a part of them"""
_COMPARED, _COMPARED_WITH_IMAGES = 64, 8
"""Random observations"""


@dataclass(frozen=True)
class ExportedPolicy:
    """What came of it; ``--json`` shows it under these names."""

    folder: str
    task: str
    state: int
    """Numbers of ``observation.state``"""
    cameras: tuple[str, ...]
    horizon: int
    """Actions of a chunk"""
    compared: int
    """Random observations that both sides were asked about"""
    difference: float
    """The largest between the two, in units of the contract"""


def export_policy(checkpoint: Checkpoint, out: Path, side: LeRobotSide) -> ExportedPolicy:
    """
    Write a folder that LeRobot loads as the policy ``ilw``.

    :param checkpoint: under the contract of the task that it is to do.
    :param out: a new folder.
    :raises IlwError: its graph may not act, or LeRobot's side gives other actions; nothing stays.
    """
    contract = checkpoint.contract
    runner = PolicyRunner(checkpoint.path, contract)
    shown, rng = shown_and_hidden(contract)[0], np.random.default_rng(0)
    sizes = {source.name: source.feature.shape for source in contract.images}
    count = _COMPARED_WITH_IMAGES if sizes else _COMPARED
    obs = rng.uniform(contract.obs_low, contract.obs_high,
                      (count, contract.obs_dim)).astype(np.float32)
    images = {name: rng.integers(0, 256, (count, *shape), dtype=np.uint8)
              for name, shape in sizes.items()}
    seen = {STATE: obs[:, shown]} if len(shown) else {}
    seen |= {f'{IMAGES}{name}': _as_lerobot(each) for name, each in images.items()}
    out.mkdir(parents=True)
    try:
        copy_checkpoint(checkpoint, out / FOLDER)
        made, _ = side.read(
            'ilw_policy', list(seen.values()), root=str(out.absolute()),
            shapes={**{key: each.shape[1:] for key, each in seen.items()},
                    ACTION: [contract.action.dim]},
            task=contract.name if checkpoint.several else '', fps=contract.rate_hz,
            state_names=[contract.obs_names[row] for row in shown],
            action_names=contract.action.names)
        wanted = np.stack([_chunk(runner, obs[i], {name: each[i] for name, each in images.items()})
                           for i in range(count)])
        difference = float(np.abs(made['chunks'] - wanted).max())
        if not np.allclose(made['chunks'], wanted, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise GraphError(f'{checkpoint.path} must act in LeRobot as it does here, within '
                             f'{_TOLERANCE:g}. Got {difference:.2g} off; nothing was written.')
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
    return ExportedPolicy(str(out), contract.name, len(shown), tuple(sizes), runner.horizon,
                          count, difference)


def _as_lerobot(images: np.ndarray) -> np.ndarray:
    """Return ``(N, 3, H, W)`` float32 in [0, 1] of ``(N, H, W, C)`` uint8."""
    three = np.repeat(images, 3, axis=3) if images.shape[3] == 1 else images
    return three.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255.0)


def _chunk(runner: PolicyRunner, values: np.ndarray, images: dict[str, np.ndarray]) -> np.ndarray:
    """Return the actions from an episode's first observation on, ``(Ta, Da)``."""
    runner.reset()
    runner.observe(Observation(0, values, np.ones(len(values), dtype=bool), 0, images))
    actions, why = runner.act()
    if actions is None:
        raise GraphError(f'The policy must act on every observation of its contract. Got none: '
                         f'{why}. Train it again.')
    return actions
