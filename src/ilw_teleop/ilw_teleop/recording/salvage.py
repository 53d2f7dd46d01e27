"""Make whole what a crash or a failing disk left in the staging folder."""

from contextlib import suppress
import errno
from pathlib import Path
import shutil
import time
from typing import Any

from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import (
    MAX_JSON_BYTES,
    META_FILE,
    QUALITY_FILE,
    SCHEMA,
    calendar_s,
)
from ilw_core.storage.files import read_json
from ilw_data.bag.repair import read_contents, repair
from ilw_teleop.recording.episode_store import START_FILE, EpisodeStore, staging_name

KILLED = 'The recorder was killed; the end is missing.'
_GIVE_UP = (0, 1, 2, 4, 8, 16, 32, 64)
"""Chunks to give up, one try after the other, to make room on a full disk"""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def salvage(store: EpisodeStore) -> list[Path]:
    """
    Turn every leftover into an episode; what holds no message has failed.

    What the disk does not let us mend now stays for the next time and counts as failed until then.

    :returns: the folders of the episodes.
    """
    found = []
    store.release()
    for folder in sorted(store.staging.iterdir()):
        if folder.is_dir():
            try:
                path = _recover(store, folder)
            except OSError:
                store.ledger.end(_episode_in(store, folder), 'failed')
                continue
            if path is not None:
                found.append(path)
    _balance(store)
    return found


def rescue(store: EpisodeStore, folder: Path, reason: str, received: int = 0) -> Path | None:
    """
    Make an episode of what is in one staging folder.

    :param reason: why its end is missing, a sentence.
    :param received: messages that had come; 0 when nobody knows.
    :returns: its folder; ``None`` if there was no message to keep: then it has failed.
    :raises OSError: the disk refuses; the leftover stays.
    """
    start = _read_json(folder / START_FILE) or _read_json(folder / META_FILE)
    episode = _episode_in(store, folder)
    files = sorted(folder.glob('*.mcap'))
    store.release()
    for give_up in _GIVE_UP:
        try:
            return _rescue(store, folder, files, start, episode, (reason, received), give_up)
        except EpisodeError:
            store.set_aside(episode, folder)
            return None
        except OSError as error:
            if error.errno not in _FULL or give_up == _GIVE_UP[-1]:
                raise
    return None


def _rescue(store: EpisodeStore, folder: Path, files: list[Path], start: dict[str, Any],
            episode: str, why: tuple[str, int], give_up: int) -> Path | None:
    found = repair(files[0], give_up=give_up) if files else None
    if found is None or found.messages == 0:
        if give_up:  # rather wait for room than lose it all
            raise OSError(errno.ENOSPC, 'No space left to finish the bag')
        store.drop(episode, folder, 'failed')
        return None
    meta = {**start, 'schema': SCHEMA,
            'recorded_at_s': calendar_s(start.get('recorded_at_s'), time.time()),
            'episode': episode, 'outcome': 'unknown', 'stop_reason': 'fault', 'recovered': True,
            'messages': found.messages, 'bytes': found.data_bytes}
    reason, received = why
    if received:
        reason += f' {found.messages} of {received} messages are kept.'
    quality = {'verdict': 'suspect', 'reasons': [reason], 'topics': {}}
    return store.commit(folder, meta, quality, what='recovered')


def _recover(store: EpisodeStore, folder: Path) -> Path | None:
    episode = _episode_in(store, folder)
    if store.ledger.end_of(episode) in ('saved', 'discarded', 'recovered'):
        shutil.rmtree(folder, ignore_errors=True)  # the crash came before the deletion
        return None
    if (path := _commit_again(store, folder)) is not None:
        return path
    return rescue(store, folder, KILLED)


def _commit_again(store: EpisodeStore, folder: Path) -> Path | None:
    """Finish a commit that was cut short after its last file: the episode is whole."""
    meta, quality = _read_json(folder / META_FILE), _read_json(folder / QUALITY_FILE)
    files = sorted(folder.glob('*.mcap'))
    if not quality or not files or meta.get('schema') != SCHEMA or meta.get('recovered'):
        return None
    if read_contents(files[0]).messages != meta.get('messages'):
        return None
    repair(files[0])
    meta['recorded_at_s'] = calendar_s(meta.get('recorded_at_s'), time.time())
    return store.commit(folder, meta, quality)


def _balance(store: EpisodeStore) -> None:
    """Give every attempt without an end the one that the folders tell, and count lost lines."""
    ledger = store.ledger
    there = {}
    for file in store.folder.glob(f'*/{META_FILE}'):
        meta = _read_json(file)
        if meta.get('source'):
            continue  # made from another recording: that one was the attempt
        if isinstance(meta.get('episode'), str) and meta['episode']:
            there[meta['episode']] = 'recovered' if meta.get('recovered') else 'saved'
    for episode in ledger.open_attempts():
        # Renamed, but the ledger line did not make it; or nothing is left at all.
        ledger.end(episode, there.get(episode, 'failed'))
    for episode, what in there.items():
        if ledger.end_of(episode) in ('', 'failed', 'discarded'):
            ledger.end(episode, what)


def _episode_in(store: EpisodeStore, folder: Path) -> str:
    """Return whose staging folder this is, even if its description is damaged."""
    for name in (START_FILE, META_FILE):
        episode = _read_json(folder / name).get('episode')
        if isinstance(episode, str) and episode:
            return episode
    for episode in store.ledger.open_attempts():
        if folder.name.startswith(staging_name(episode)):
            return episode
    return folder.name


def _read_json(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        data = read_json(file, MAX_JSON_BYTES)
        return data if isinstance(data, dict) else {}
    return {}
