"""
Take episodes out of training and put them back. Nothing is deleted, no bag is touched.

A dropped episode lies in ``.dropped/`` beside where it was, where nobody looks for episodes;
``.dropped/log.jsonl`` remembers when and why, one line each.
"""

from dataclasses import dataclass
import os
from pathlib import Path
import time
from typing import Any

from ilw_core.errors import EpisodeError
from ilw_core.storage.bag_files import sync_folder
from ilw_core.storage.episode_folder import META_FILE, read_episode
from ilw_core.storage.files import end_torn_line, json_text, open_to_append, parse_json, read_bytes
from ilw_core.text.printable import pasteable

BIN = '.dropped'
_LOG = 'log.jsonl'
_MAX_LOG_BYTES = 100_000_000


@dataclass(frozen=True)
class Dropped:
    """One episode that is out of training."""

    path: Path
    why: str
    at_s: float
    """Seconds since 1970; 0 if nobody noted it"""
    replaced_by: str
    """Name of the episode that is in its place; empty if there is none"""


def drop(path: Path, why: str, *, replaced_by: str = '') -> Path:
    """
    Take an episode out of training.

    :param replaced_by: folder name of the episode that is in its place.
    :returns: where it is now.
    :raises EpisodeError: it is no episode, is out already, or is a loose file.
    """
    path, target = plan_drop(path)
    target.parent.mkdir(exist_ok=True)
    _note(target.parent, {'what': 'drop', 'name': target.name, 'why': why,
                          'replaced_by': replaced_by})
    os.rename(path, target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target


def plan_drop(path: Path) -> tuple[Path, Path]:
    """
    Return where an episode is and where ``drop`` would take it.

    :raises EpisodeError: as of ``drop``.
    """
    path = place_in_training(path)
    if not (path / META_FILE).is_file():  # one that cannot be read must go, too
        read_episode(path)
    return path, free_name(path.parent / BIN / path.name)


def place_in_training(path: Path) -> Path:
    """
    Return where an episode lies, as a whole path.

    :raises EpisodeError: it is out of training, or is a loose file.
    """
    path = path.expanduser().resolve()
    if path.parent.name == BIN:
        raise EpisodeError(f'{path} is out of training already. ./ilw episodes restore '
                           f'{pasteable(path)} brings it back.')
    if path.is_file():
        raise EpisodeError(f'{path} must be a folder. Got a file. Make an episode of it first: '
                           f'./ilw episodes import {pasteable(path)} --task TASK.')
    return path


def restore(path: Path) -> tuple[Path, Path | None]:
    """
    Bring a dropped episode back; what was trimmed from it is dropped instead, and the other way.

    :param path: where it is, or where it was.
    :returns: where it is now, and where its replacement went; ``None``: there is none.
    :raises EpisodeError: it is not there, or its place is taken.
    """
    source, target, replacement = plan_restore(path)
    _note(source.parent, {'what': 'restore', 'name': source.name})
    moved = None
    if replacement is not None:
        moved = drop(replacement, f'{source.name} was restored in its place',
                     replaced_by=source.name)
    os.rename(source, target)
    sync_folder(source.parent)
    sync_folder(target.parent)
    return target, moved


def plan_restore(path: Path) -> tuple[Path, Path, Path | None]:
    """
    Return where an episode is, where ``restore`` would take it, and what goes for it.

    :param path: where it is, or where it was.
    :raises EpisodeError: as of ``restore``.
    """
    path = path.expanduser().absolute()
    source = path if path.parent.name == BIN else path.parent / BIN / path.name
    target = source.parent.parent / source.name
    if not source.is_dir():
        raise EpisodeError(f'{source} must be a dropped episode. Got nothing there. See '
                           f'./ilw episodes list {pasteable(target.parent)} --dropped.')
    if target.exists():
        raise EpisodeError(f'{target} must be free to restore to. Something is there. Drop it '
                           f'first: ./ilw episodes drop {pasteable(target)}.')
    entry = next((d for d in dropped(target.parent) if d.path.name == source.name), None)
    replacement = target.parent / entry.replaced_by if entry and entry.replaced_by else None
    return source, target, replacement if replacement and replacement.is_dir() else None


def dropped(root: Path) -> list[Dropped]:
    """
    Return what is out of training at or below a folder, sorted by path.

    :raises EpisodeError: there is no such folder.
    """
    if not root.is_dir():
        raise EpisodeError(f'{root} must be a folder of episodes. '
                           f'Got {"a file" if root.exists() else "nothing"} there.')
    found = []
    for folder in sorted(root.rglob(BIN)):
        notes = _notes(folder)
        for path in sorted(each for each in folder.iterdir() if each.is_dir()):
            note = notes.get(_noted(path.name), {})
            at_s = note.get('at_s', 0.0)
            found.append(Dropped(
                path, str(note.get('why', '')),
                float(at_s) if type(at_s) in (int, float) else 0.0,
                Path(str(note.get('replaced_by', ''))).name))
    return found


def free_name(path: Path) -> Path:
    """Return a path that is not taken: this, or with a number behind."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f'{path.name}-{number}')
    return free


def _noted(name: str) -> str:
    """Return a name as the log holds it."""
    return str(parse_json(json_text(name)))


def _note(folder: Path, line: dict[str, Any]) -> None:
    with open_to_append(folder / _LOG) as file:
        end_torn_line(file)
        file.write(json_text({'at_s': round(time.time(), 3), **line}).encode() + b'\n')
        os.fsync(file.fileno())


def _notes(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the newest note of each dropped name."""
    notes: dict[str, dict[str, Any]] = {}
    try:
        lines = read_bytes(folder / _LOG, _MAX_LOG_BYTES).splitlines()
    except OSError:
        return notes
    for line in lines:
        try:
            note = parse_json(line)
            if note['what'] == 'drop':
                notes[str(note['name'])] = note
        except (ValueError, KeyError, TypeError):
            continue  # a torn line tells nothing; the episode is there all the same
    return notes
