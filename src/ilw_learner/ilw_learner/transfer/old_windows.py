"""Windows of earlier tasks' demonstrations, in the numbers of the contract that is learned now."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ilw_core.contract.by_name import places, same_observed
from ilw_core.contract.file import Contract, parse_contract
from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError, ContractError, EpisodeError
from ilw_data.episode.dataset import Dataset, build_dataset, joined
from ilw_learner.checkpoint.folder import Checkpoint, learned_from
from ilw_learner.correction.weights import failed_teach, step_weights
from ilw_learner.training.options import TrainOptions, find_demonstrations, load_demonstrations

KEEPS = ('none', 'replay', 'ewc')
"""What holds a training to what it began with"""


@dataclass(frozen=True)
class OldWindows:
    """Windows of the tasks before."""

    keep: str
    """``replay``: they are learned with the new ones; ``ewc``: they tell which weights matter"""
    data: Dataset
    """In the numbers of the new contract; of ``ewc`` with actions that nobody did, NaN"""


def remembered_demos(checkpoint: Checkpoint, beside: Path) -> tuple[Path, ...]:
    """
    Return the folders of all demonstrations that a checkpoint has learned from, the first first.

    :param beside: folder of episodes of the new task, which the others lie beside.
    :raises CheckpointError: its card names none, or one is not there.
    """
    card = checkpoint.card.get('provenance')
    names = learned_from(checkpoint)
    if not names or not all(isinstance(name, str) and Path(name).name == name for name in names):
        raise CheckpointError(f'{checkpoint.path} does not say what it has learned from. Name the '
                              f'folders: --old-demos FOLDER. Got {shown(card)}.')
    found = tuple(beside.parent / name for name in names)
    for folder in found:
        if not folder.is_dir():
            raise CheckpointError(f'{checkpoint.path} has learned from {folder.name}, which is '
                                  f'not in {beside.parent}. Say where: --old-demos FOLDER.')
    return found


def old_windows(options: TrainOptions, new: Dataset) -> OldWindows | None:
    """
    Return the windows of ``options.old_demos``; ``None`` where nothing is kept.

    :param new: windows of the new task.
    :raises EpisodeError: no usable episode.
    :raises ContractError: the new contract's commands or images are not in them.
    """
    if options.keep == 'none':
        return None
    rng = np.random.default_rng(options.seed)
    labelled = options.keep == 'replay'
    parts = []
    for demos in options.old_demos:
        contract = _recorded_under(demos.folder, options)
        episodes = load_demonstrations(replace(
            options, contract=contract, demos=demos.folder, max_demos=demos.most))
        windows = build_dataset(episodes, contract, history=new.obs.shape[1],
                                horizon=new.actions.shape[1], weights=step_weights(
                                    episodes, options.labels, 1.0 / contract.rate_hz))
        parts.append(translated(windows, contract, new, options.seen, rng, labelled=labelled))
    return OldWindows(options.keep, joined(parts))


def translated(old: Dataset, contract: Contract, new: Dataset, into: Contract,
               rng: np.random.Generator, *, labelled: bool = True) -> Dataset:
    """
    Return windows of one contract as windows of another.

    Numbers are matched by name. What was not observed then is drawn from the windows of now, so
    that nothing about it can be learned from those of before.

    :param old: windows recorded under ``contract``; ``new``: under ``into``.
    :param labelled: their actions are wanted, too; else they are NaN.
    :raises ContractError: they lack a command, or the images of a camera.
    """
    seen = same_observed(into, contract)
    obs = old.obs[..., seen]
    if (unseen := seen < 0).any():
        drawn = new.obs[rng.integers(0, len(new.obs), len(obs))]
        obs[..., unseen] = drawn[..., unseen]
    given = places(into.action.names, contract.action.names)
    if labelled and (given < 0).any():
        lacks = into.action.names[int(np.argmin(given))]
        raise ContractError(f'Demonstrations of {contract.name} have no {lacks}, which '
                            f'{into.name} commands, so they cannot be learned again. Use --keep '
                            f'ewc, or none.')
    actions = old.actions[..., given] if labelled else np.full(
        (*old.actions.shape[:2], len(given)), np.nan, dtype=np.float32)
    previous = old.previous[..., given] if labelled else actions[:, 0]
    for camera in into.images:
        images = old.images.get(camera.name)
        if images is None or images.shape[1:] != camera.feature.shape:
            raise ContractError(f'Demonstrations of {contract.name} have no images of '
                                f'{camera.name} as {into.name} has them. Use --keep none.')
    return replace(old, obs=obs, actions=actions, previous=previous,
                   images={camera.name: old.images[camera.name] for camera in into.images},
                   frames=old.frames if into.images else None)


def _recorded_under(folder: Path, options: TrainOptions) -> Contract:
    """Return the contract of a folder's episodes; of others' bags that of the old policy."""
    assert options.begin is not None
    contract = options.begin.contract
    first = find_demonstrations(folder, contract.name, failed=failed_teach(options.labels))[0]
    if not first.contract_text or first.contract_hash == contract.hash:
        return contract
    found = parse_contract(first.contract_text, f'{first.path}: its contract')
    if found.hash != first.contract_hash:
        raise EpisodeError(f'{first.path} is damaged: the contract that it holds is not the one '
                           f'it was recorded under. Copy it anew.')
    return found
