"""
A checkpoint: a folder that acts without its training code.

``policy.onnx`` (normalisation and limits inside), ``weights.safetensors`` for further training,
``policy.yaml`` with the contract, where it all came from, and the hash of each file, and perhaps
the signature of ``signing.py``. Reading one runs no code from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
import hashlib
import os
from pathlib import Path
import shutil
from typing import Any
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
import numpy as np

from ilw_core.contract.family import require_family, task_values, with_task_entry
from ilw_core.contract.file import Contract, parse_contract
from ilw_core.contract.schema import shown
from ilw_core.contract.yaml_data import parse_yaml, yaml_text
from ilw_core.errors import CheckpointError, ContractError
from ilw_core.storage.bag_files import sync_folder
from ilw_core.storage.files import FileRefusedError, create, read_bytes
from ilw_learner.checkpoint.signing import SIGNATURE, SIGNATURE_BYTES, TrustedKeys, write_signature
from ilw_learner.runtime.chunk_executor import Execution, execution_of

SCHEMA = 'ilw.checkpoint/1'
CARD, GRAPH, WEIGHTS = 'policy.yaml', 'policy.onnx', 'weights.safetensors'
FURTHER = 'further_tasks'
"""Key of a card: the texts of the contracts of the tasks after the first"""
_MAX_FURTHER = 255
_MAX_CARD_BYTES = 4_000_000
_MAX_FILE_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose files were found to be the ones it was saved with."""

    path: Path
    card: dict[str, Any]
    contract: Contract
    """Of the task it is loaded for; of several tasks the first, unless another was asked for"""
    hash: str
    """sha256 hex of ``policy.yaml``, which holds the hashes of the other files"""
    graph: bytes = field(repr=False)
    """The ``policy.onnx`` that was verified: what is run is this, not the file read again"""
    signer: str = ''
    """File name of the trusted key that signed it; empty when none was asked for"""
    tasks: tuple[Contract, ...] = ()
    """(K,) the contracts of all tasks that its network learned, in its order; mostly one"""

    @property
    def several(self) -> bool:
        """Tell whether its network has to be told which task it is to do."""
        return len(self.tasks) > 1

    @property
    def task_names(self) -> tuple[str, ...]:
        """(K,) what its tasks are called."""
        return tuple(each.name for each in self.tasks)

    @property
    def seen(self) -> Contract:
        """The contract as its network sees it: of several tasks with the entry ``task``."""
        return with_task_entry(self.contract, self.task_names) if self.several else self.contract

    @property
    def told(self) -> np.ndarray:
        """What its network is told of the task, after each observation: (K,), or none of it."""
        return task_values(self.contract.name, self.task_names if self.several else ())

    def under(self, contract: Contract) -> 'Checkpoint':
        """Return the same for the task of a contract; :raises ContractError: it has it not."""
        for each in self.tasks:
            if each.hash == contract.hash:
                return replace(self, contract=each)
        made = (f'was made for the contract {self.contract.name} ({self.contract.hash[:12]})'
                if not self.several else f'has learned {", ".join(self.task_names)}')
        raise ContractError(f'{self.path} {made}, but {contract.name} ({contract.hash[:12]}) is '
                            f'in use. Train for this one.')

    def doing(self, task: str) -> 'Checkpoint':
        """Return the same for another of its tasks; :raises ContractError: it has it not."""
        for each in self.tasks:
            if each.name == task:
                return replace(self, contract=each)
        raise ContractError(f'The policy has learned {", ".join(self.task_names)}. Got '
                            f'{shown(task)}, which is none of its tasks.')

    @property
    def history(self) -> int:
        """Observations it wants to see, To."""
        return int(self.card['history'])

    @property
    def horizon(self) -> int:
        """Actions it gives at once, Ta."""
        return int(self.card['horizon'])

    @property
    def execution(self) -> Execution:
        """How its chunks are driven."""
        return execution_of(self.card, str(self.path / CARD))

    def weights(self) -> bytes:
        """Return ``weights.safetensors``; :raises CheckpointError: it changed since."""
        content = _read(self.path / WEIGHTS, _MAX_FILE_BYTES)
        if hashlib.sha256(content).hexdigest() != self.card['files'][WEIGHTS]:
            raise CheckpointError(f'{self.path / WEIGHTS} changed while it was read. Wait until '
                                  f'its training is over.')
        return content


def save_checkpoint(path: Path, contract: Contract, card: dict[str, Any],
                    files: dict[str, bytes]) -> Checkpoint:
    """
    Write a checkpoint whole or not at all.

    :param card: what ``policy.yaml`` says besides schema, contract and file hashes.
    :param files: name -> content, ``policy.onnx`` and ``weights.safetensors`` among them.
    """
    staging = path.parent / f'.{path.name}.{uuid.uuid4().hex[:8]}'
    staging.mkdir(parents=True)
    try:
        for name, content in files.items():
            _write(staging / name, content)
        full = {'schema': SCHEMA, 'contract_hash': contract.hash, **card,
                'files': {n: hashlib.sha256(c).hexdigest() for n, c in files.items()},
                'contract_text': contract.text}
        _write(staging / CARD, yaml_text(full).encode())
        if path.exists():
            shutil.rmtree(path)
        staging.rename(path)
        sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return load_checkpoint(path)


def _write(path: Path, content: bytes) -> None:
    with create(path) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def sign_checkpoint(path: Path, key: Ed25519PrivateKey) -> Path:
    """
    Vouch for a checkpoint with a private key; return the file of the signature.

    :raises CheckpointError: not a checkpoint, or a file is not the one that was saved.
    """
    load_checkpoint(path)
    return write_signature(path, _read(path / CARD, _MAX_CARD_BYTES), key)


def load_checkpoint(path: Path, contract: Contract | None = None,
                    trusted: TrustedKeys | None = None) -> Checkpoint:
    """
    Read and verify a checkpoint.

    :param contract: the contract in use; ``None`` accepts any.
    :param trusted: one of these keys must have signed it; ``None`` accepts it unsigned.
    :raises CheckpointError: not a checkpoint, not signed by whom it should be, or a file is not
        the one that was saved.
    :raises ContractError: it was made for another contract.
    """
    card_path = path / CARD
    raw = _read(card_path, _MAX_CARD_BYTES)
    signer = trusted.verify(path, raw, _signature(path)) if trusted is not None else ''
    try:
        card = parse_yaml(raw.decode(), str(card_path))
    except (ContractError, UnicodeDecodeError) as error:
        raise CheckpointError(f'{card_path} is damaged: it is not YAML. '
                              f'Train again or copy it anew.') from error
    if not isinstance(card, dict) or card.get('schema') != SCHEMA:
        got = card.get('schema') if isinstance(card, dict) else type(card).__name__
        raise CheckpointError(f'{card_path}: schema must be {SCHEMA!r}. Got {shown(got)}.')
    graph = _verify_files(path, card)
    own = parse_contract(str(card.get('contract_text', '')), f'{card_path}: contract_text')
    if own.hash != card.get('contract_hash'):
        raise CheckpointError(f'{card_path} is damaged: contract_hash is not that of its '
                              f'contract_text. Copy the checkpoint anew.')
    tasks = (own, *_further_tasks(card, own, str(card_path)))
    digest = hashlib.sha256(raw).hexdigest()
    found = Checkpoint(path, card, own, digest, graph, signer, tasks)
    if contract is not None:
        found = found.under(contract)
    for key in ('history', 'horizon'):
        if not isinstance(card.get(key), int) or not 1 <= card[key] <= 1000:
            raise CheckpointError(f'{card_path}: {key} must be a whole number from 1 to 1000. '
                                  f'Got {shown(card.get(key))}.')
    return found


def card_of_tasks(tasks: Sequence[Contract]) -> dict[str, Any]:
    """Return what a card says of the tasks beside the one whose contract it holds."""
    return {FURTHER: [each.text for each in tasks[1:]]} if len(tasks) > 1 else {}


def _further_tasks(card: dict[str, Any], own: Contract, where: str) -> list[Contract]:
    texts = card.get(FURTHER, [])
    if not isinstance(texts, list) or len(texts) > _MAX_FURTHER or not all(
            isinstance(text, str) for text in texts):
        raise CheckpointError(f'{where}: {FURTHER} must be a list of contracts, {_MAX_FURTHER} at '
                              f'most. Copy the checkpoint anew.')
    found = [parse_contract(text, f'{where}: {FURTHER}[{i}]') for i, text in enumerate(texts)]
    require_family([own, *found])
    return found


def learned_from(checkpoint: Checkpoint) -> list[str]:
    """Return the names of the folders of demonstrations that its card names, the first first."""
    card = checkpoint.card.get('provenance')
    card = card if isinstance(card, dict) else {}
    before = card.get('before')
    names = [*(before if isinstance(before, list) else []), card.get('demos')]
    return list(dict.fromkeys(name for name in names if name))


def copy_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """
    Write the files of a checkpoint, and its signature, into a new folder.

    :raises CheckpointError: they are no longer those that were verified.
    """
    write_checkpoint(folder, checkpoint_files(checkpoint))
    if load_checkpoint(folder).hash != checkpoint.hash:
        raise CheckpointError(f'{folder} is not the copy of {checkpoint.path} that it should be. '
                              f'Try again.')


def checkpoint_files(checkpoint: Checkpoint) -> dict[str, bytes]:
    """
    Return name -> content of a checkpoint's files, its signature among them.

    :raises CheckpointError: its card is no longer the one that was verified.
    """
    card = _read(checkpoint.path / CARD, _MAX_CARD_BYTES)
    if hashlib.sha256(card).hexdigest() != checkpoint.hash:
        raise CheckpointError(f'{checkpoint.path} changed while it was copied. Wait until its '
                              f'training is over.')
    files = {name: _read(checkpoint.path / name, _MAX_FILE_BYTES)
             for name in checkpoint.card['files']}
    signature = _signature(checkpoint.path)
    return {**files, **({} if signature is None else {SIGNATURE: signature}), CARD: card}


def write_checkpoint(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write what ``checkpoint_files`` returned into a new folder; ``load_checkpoint`` judges."""
    folder.mkdir()
    for name, content in files.items():
        _write(folder / name, content)


def _signature(path: Path) -> bytes | None:
    file = path / SIGNATURE
    return _read(file, SIGNATURE_BYTES) if os.path.lexists(file) else None


def _verify_files(path: Path, card: dict[str, Any]) -> bytes:
    """Return the content of the graph, once every file was found to be the one saved."""
    files = card.get('files')
    if not isinstance(files, dict) or not {GRAPH, WEIGHTS} <= set(files):
        raise CheckpointError(f'{path / CARD}: files must list {GRAPH} and {WEIGHTS} with their '
                              f'hashes. Got {shown(files)}.')
    graph = b''
    for name, digest in files.items():
        if not isinstance(name, str) or Path(name).name != name or name in ('.', '..'):
            raise CheckpointError(f'{path / CARD}: {shown(name)} leaves the folder. Refused.')
        content = _read(path / name, _MAX_FILE_BYTES)
        if hashlib.sha256(content).hexdigest() != digest:
            raise CheckpointError(f'{path / name} is not the file that was saved (its hash '
                                  f'differs). Copy the checkpoint anew.')
        if name == GRAPH:
            graph = content
    return graph


def _read(path: Path, limit: int) -> bytes:
    try:
        return read_bytes(path, limit)
    except FileNotFoundError as error:
        raise CheckpointError(
            f'{path.parent} is not a checkpoint: it has no {path.name}. A training leaves one in '
            f'its folder, as runs/ID/checkpoint; ./ilw runs lists trainings.') from error
    except FileRefusedError as error:
        raise CheckpointError(str(error)) from error
    except OSError as error:
        raise CheckpointError(f'{path} cannot be read: {error}.') from error
