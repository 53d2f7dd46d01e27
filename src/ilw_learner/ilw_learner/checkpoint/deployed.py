"""
The policy that is deployed for each task: ``deployed/<task>/current``, and how it came there.

A link that is replaced in one step, to a copy of the checkpoint that nothing else writes to;
``history.jsonl`` beside it says who replaced what, when and why. No torch, no ROS.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
import os
from pathlib import Path
import re
import shutil
from typing import Any
import uuid

from ilw_core.contract.schema import shown
from ilw_core.errors import CheckpointError, IlwError
from ilw_core.storage.bag_files import sync_folder
from ilw_core.storage.files import end_torn_line, json_text, open_to_append, parse_json, read_bytes
from ilw_core.text.printable import pasteable
from ilw_learner.checkpoint.folder import Checkpoint, copy_checkpoint, load_checkpoint
from ilw_learner.checkpoint.signing import TrustedKeys

DEPLOYED = 'deployed'
"""As a checkpoint it means: the one that is deployed for the task; also the folder's name"""
_NAME = re.compile(r'[0-9a-f]{16}')
"""Of a checkpoint here: the beginning of its hash, and never a path"""
_MAX_HISTORY_BYTES = 10_000_000


def find_checkpoint(name: str, task: str, root: Path = Path(DEPLOYED)) -> str:
    """
    Return ``name``, or the folder of the deployed checkpoint of a task if it is ``deployed``.

    :raises CheckpointError: nothing is deployed for the task, or no longer what was promoted.
    """
    if name != DEPLOYED:
        return name
    deployed = Deployed(root, task)
    current = deployed.current()
    if current is None:
        raise CheckpointError(f'Nothing is deployed for {task} in {root.absolute()}. Promote a '
                              f'checkpoint first: ./ilw promote CHECKPOINT --task '
                              f'{pasteable(task)}')
    deployed.verify(current)
    return str(current)


def deployed_tasks(root: Path = Path(DEPLOYED)) -> list[str]:
    """Return the tasks for which a policy is deployed, by name."""
    return sorted(link.parent.name for link in root.glob('*/current'))


class Deployed:
    """The deployed policies of one task."""

    def __init__(self, root: Path, task: str) -> None:
        self.folder = root / task
        self._link = self.folder / 'current'
        self._history = self.folder / 'history.jsonl'

    def current(self) -> Path | None:
        """
        Return the folder of the checkpoint in use; ``None`` if there is none.

        :raises CheckpointError: what says which it is leads somewhere else.
        """
        if not os.path.lexists(self._link):
            return None
        name = os.readlink(self._link) if self._link.is_symlink() else ''
        if not _NAME.fullmatch(name):
            raise CheckpointError(f'{self._link} must be a link to a checkpoint beside it, by its '
                                  f'name. Got {shown(name) if name else "no link"}. Remove it, '
                                  f'and promote a checkpoint.')
        return self._place(name).resolve()

    def history(self) -> list[dict[str, Any]]:
        """
        Return what was done, oldest first.

        :raises IlwError: it cannot be read, or an entry is none; says which line.
        """
        try:
            data = read_bytes(self._history, _MAX_HISTORY_BYTES)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise IlwError(f'{self._history} cannot be read: {error}.') from error
        lines = data.splitlines()
        if lines and not data.endswith(b'\n') and not _is_json(lines[-1]):
            del lines[-1]  # a crash left half of it, so what it says did not happen
        return [self._entry(number, line) for number, line in enumerate(lines, 1)]

    def promote(self, checkpoint: Checkpoint, evidence: Mapping[str, Any],
                trusted: TrustedKeys | None = None) -> Path:
        """
        Copy a checkpoint here and make it the current one, all or nothing; return its place.

        :param trusted: one of these keys must have signed it; ``None`` takes it unsigned.
        :raises CheckpointError: what lies in its place then is not that checkpoint.
        """
        place = self.folder / checkpoint.hash[:16]
        if not os.path.lexists(place):
            self.folder.mkdir(parents=True, exist_ok=True)
            staging = self.folder / f'.{place.name}.{uuid.uuid4().hex[:8]}'
            try:
                copy_checkpoint(checkpoint, staging)
                staging.rename(place)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
        self._point(place, 'promote', evidence, trusted)
        return place

    def rollback(self, why: str, trusted: TrustedKeys | None = None) -> Path:
        """
        Go back to what was deployed before the current checkpoint.

        :raises IlwError: there is nothing to go back to, or it is no longer what it was.
        """
        stack: list[str] = []
        for entry in self._happened():
            if entry['action'] == 'promote':
                stack.append(entry['checkpoint'])
            elif stack:
                stack.pop()
        if len(stack) < 2:
            raise IlwError(f'{self.folder} has nothing to go back to: rollback needs two '
                           f'promotions. Got {len(stack)}.')
        place = self.folder / stack[-2]
        self._point(place, 'rollback', {'because': why}, trusted)
        return place

    def verify(self, place: Path, trusted: TrustedKeys | None = None) -> Checkpoint:
        """
        Return the checkpoint in a place here, once it was found to be the one of its name.

        :raises CheckpointError: it is not, or no trusted key signed it.
        """
        found = load_checkpoint(self._place(place.name), trusted=trusted)
        if found.hash[:16] != place.name:
            raise CheckpointError(f'{place} must hold the checkpoint {place.name}. Got '
                                  f'{found.hash[:16]}. Remove the folder, and promote the '
                                  f'checkpoint again.')
        return found

    def _place(self, name: str) -> Path:
        place = self.folder / name
        if place.is_symlink() or not place.is_dir():
            raise CheckpointError(f'{place} must be the folder of a checkpoint. Got '
                                  f'{"a link" if place.is_symlink() else "none"} there. Promote '
                                  f'another checkpoint, or remove {self._link}.')
        return place

    def _entry(self, number: int, line: bytes) -> dict[str, Any]:
        try:
            entry = parse_json(line)
            names = [entry['checkpoint'], *([entry['before']] if entry['before'] else [])]
            good = entry['action'] in ('promote', 'rollback') and all(
                isinstance(name, str) and _NAME.fullmatch(name) for name in names)
        except (ValueError, KeyError, TypeError):
            good = False
        if not good:
            raise IlwError(f'{self._history}, line {number}: it must say the action (promote or '
                           f'rollback), and checkpoint and before by their names of 16 digits. '
                           f'Got {shown(line.decode(errors="replace"))}. Repair or remove the '
                           f'line.')
        return dict(entry)

    def _happened(self) -> list[dict[str, Any]]:
        """Return the entries that came true: a crash can part an entry from its step."""
        entries, current = self.history(), self.current()
        if not entries:
            return []
        after = [e['before'] for e in entries[1:]] + [current.name if current else None]
        return [e for e, now in zip(entries, after, strict=True) if e['checkpoint'] == now]

    def _point(self, place: Path, action: str, evidence: Mapping[str, Any],
               trusted: TrustedKeys | None) -> None:
        before = self.current()
        new = self.folder / f'.current.{uuid.uuid4().hex[:8]}'
        entry = {**evidence, 'time': datetime.now(timezone.utc).isoformat(timespec='seconds'),
                 'action': action, 'checkpoint': place.name,
                 'before': before.name if before else None}
        self.verify(place, trusted)  # what drives from here on, not what was looked at before
        # First what is meant, then the step itself: `before` of the next entry tells if it came.
        with open_to_append(self._history) as stream:
            end_torn_line(stream)
            stream.write(json_text(entry).encode() + b'\n')
            os.fsync(stream.fileno())
        new.symlink_to(place.name)
        os.replace(new, self._link)
        sync_folder(self.folder)


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except ValueError:
        return False
    return True
