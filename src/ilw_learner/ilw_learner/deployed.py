"""
The policy that is deployed for each task: ``deployed/<task>/current``, and how it came there.

A link that is replaced in one step, to a copy of the checkpoint that nothing else writes to;
``history.jsonl`` beside it says who replaced what, when and why. No torch, no ROS.
"""

from collections.abc import Mapping
from datetime import datetime, timezone
import json
import os
from pathlib import Path
import shutil
from typing import Any
import uuid

from ilw_core.errors import CheckpointError, IlwError
from ilw_learner.checkpoint import Checkpoint, load_checkpoint

DEPLOYED = 'deployed'
"""As a checkpoint it means: the one that is deployed for the task; also the folder's name"""


def find_checkpoint(name: str, task: str, root: Path = Path(DEPLOYED)) -> str:
    """
    Return ``name``, or the folder of the deployed checkpoint of a task if it is ``deployed``.

    :raises CheckpointError: nothing is deployed for the task.
    """
    if name != DEPLOYED:
        return name
    current = Deployed(root, task).current()
    if current is None:
        raise CheckpointError(f'Nothing is deployed for {task} in {root.absolute()}. Promote a '
                              f'checkpoint first: ./ilw promote CHECKPOINT --task {task}')
    return str(current)


class Deployed:
    """The deployed policies of one task."""

    def __init__(self, root: Path, task: str) -> None:
        self.folder = root / task
        self._link = self.folder / 'current'
        self._history = self.folder / 'history.jsonl'

    def current(self) -> Path | None:
        """Return the folder of the checkpoint in use; ``None`` if there is none."""
        return self._link.resolve() if self._link.exists() else None

    def history(self) -> list[dict[str, Any]]:
        """Return what was done, oldest first."""
        try:
            lines = self._history.read_text(encoding='utf-8').splitlines()
            return [json.loads(line) for line in lines]
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise IlwError(f'{self._history} cannot be read: {error}. Repair its last '
                           f'line.') from error

    def promote(self, checkpoint: Checkpoint, evidence: Mapping[str, Any]) -> Path:
        """Copy a checkpoint here and make it the current one, all or nothing; return its place."""
        place = self.folder / checkpoint.hash[:16]
        if not place.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            staging = self.folder / f'.{place.name}.{uuid.uuid4().hex[:8]}'
            try:
                shutil.copytree(checkpoint.path, staging, symlinks=True)
                if load_checkpoint(staging).hash != checkpoint.hash:
                    raise CheckpointError(f'{checkpoint.path} changed while it was copied. Wait '
                                          f'until its training is over.')
                staging.rename(place)
            except BaseException:
                shutil.rmtree(staging, ignore_errors=True)
                raise
        self._point(place, 'promote', evidence)
        return place

    def rollback(self, why: str) -> Path:
        """
        Go back to what was deployed before the current checkpoint.

        :raises IlwError: there is nothing to go back to.
        """
        stack: list[str] = []
        for entry in self._happened():
            if entry['action'] == 'promote':
                stack.append(entry['checkpoint'])
            else:
                stack.pop()
        if len(stack) < 2:
            raise IlwError(f'{self.folder} has nothing to go back to: rollback needs two '
                           f'promotions. Got {len(stack)}.')
        place = self.folder / stack[-2]
        load_checkpoint(place)  # before it drives a robot: still the one that was promoted?
        self._point(place, 'rollback', {'because': why})
        return place

    def _happened(self) -> list[dict[str, Any]]:
        """Return the entries that came true: a crash can part an entry from its step."""
        entries, current = self.history(), self.current()
        after = [e['before'] for e in entries[1:]] + [current.name if current else None]
        return [e for e, now in zip(entries, after, strict=True) if e['checkpoint'] == now]

    def _point(self, place: Path, action: str, evidence: Mapping[str, Any]) -> None:
        before = self.current()
        new = self.folder / f'.current.{uuid.uuid4().hex[:8]}'
        new.symlink_to(place.name)
        entry = {'time': datetime.now(timezone.utc).isoformat(timespec='seconds'),
                 'action': action, 'checkpoint': place.name,
                 'before': before.name if before else None, **evidence}
        # First what is meant, then the step itself: `before` of the next entry tells if it came.
        with self._history.open('ab') as stream:
            stream.write(json.dumps(entry).encode() + b'\n')
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(new, self._link)
        handle = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
