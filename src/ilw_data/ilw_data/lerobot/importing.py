"""A data set of LeRobot into episodes: a bag each, whose ticks are the steps of the data set."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
import shutil
from typing import Any

import numpy as np

from ilw_core.contract.file import Contract, parse_contract
from ilw_core.episode import Outcome
from ilw_core.errors import EpisodeError, IlwError
from ilw_core.storage.episode_folder import read_episode
from ilw_core.storage.files import write_file
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.made import MadeRecording
from ilw_data.lerobot.draft import contract_text
from ilw_data.lerobot.layout import SUCCESS, layout_of, read_notes
from ilw_data.lerobot.messages import Fitting
from ilw_data.lerobot.side import LeRobotSide

CONTRACT_FILE = 'contract.yaml'
"""In the folder of the episodes, where it was drafted"""
_BEGIN_NS = 1_000_000_000
"""Of an episode that does not tell; a stamp of 0 is none"""
_OFF_S = 1e-3
"""A step may be so far from its number over the rate"""
_OUTCOMES = {outcome.name.lower(): outcome for outcome in Outcome}


@dataclass(frozen=True)
class Imported:
    """What came of it; ``--json`` shows it under these names."""

    folder: str
    episodes: int
    steps: int
    task: str
    """The contract: a path, or the name that was given"""
    left_out: tuple[str, ...]
    """Why some episodes are not in it, a sentence each"""


def import_set(source: Path, out: Path, given: Contract | None, task: str, side: LeRobotSide,
               progress: Callable[[int, int], None]) -> Imported:
    """
    Write the episodes of a data set.

    LeRobot keeps no observation after the last action: the last one is repeated there.

    :param source: of version 3.
    :param out: a new folder.
    :param given: the contract; ``None``: one is drafted, and put into ``out``.
    :param task: what the given one is called.
    :raises IlwError: the data set cannot be read, or the contract cannot hold its numbers.
    """
    answer = side.ask('open', root=str(source.resolve()))
    layout = layout_of(answer, source)
    names = [each.key for each in (*layout.observed, layout.action)]
    told = [SUCCESS] if layout.told else []
    numbers, _ = side.read('numbers', names=[*names, *told])
    numbers = {key: each.reshape(len(each), -1) if key in names else each.reshape(-1)
               for key, each in numbers.items()}
    lengths = answer['lengths']
    notes = read_notes(source)
    contract = given or parse_contract(contract_text(
        layout, numbers, source.resolve().name, max(lengths) / layout.fps,
        parse_contract(notes['contract_text']).action if notes else None), f'draft of {source}')
    if contract.rate_hz != layout.fps:
        raise IlwError(f'rate_hz must be the fps of {source}, {layout.fps:g}. Got '
                       f'{contract.rate_hz:g} in the contract {contract.name}.')
    fitting = Fitting(contract, layout, drafted=given is None)
    out.mkdir(parents=True, exist_ok=True)
    if given is None:
        write_file(out / CONTRACT_FILE, contract.text)
    made, steps, left_out = 0, 0, []
    for number in range(len(lengths)):
        rows = np.flatnonzero(numbers['episode_index'] == number)
        columns = {key: each[rows] for key, each in numbers.items()}
        pictures, about = side.read('pictures', episode=number,
                                    names=sorted(fitting.pictures.values()))
        note = dict(enumerate(notes.get('episodes', ()))).get(number, {})
        try:
            _require_steps(columns, layout.fps, number)
            write_episode(
                out / f'episode-{number:06d}', contract, fitting, columns, layout.action.key,
                pictures, {
                    'lerobot': {'data_set': str(source), 'episode': number,
                                'task': about['task'], 'of': note.get('episode', '')},
                    'begin_ns': note.get('begin_ns', _BEGIN_NS),
                    'outcome': note.get('outcome') or _judged(columns.get(SUCCESS)),
                    'stop_reason': note.get('stop_reason', '')})
            made, steps = made + 1, steps + len(rows)
        except EpisodeError as error:
            left_out.append(str(error))
        progress(number + 1, len(lengths))
    if not made:
        shutil.rmtree(out)
        raise EpisodeError(f'No episode of {source} can be imported. {left_out[0]}')
    return Imported(str(out), made, steps, task if given else str(out / CONTRACT_FILE),
                    tuple(left_out))


def _judged(success: np.ndarray | None) -> str:
    """Return the outcome by ``next.success``: it comes true where the task is done."""
    if success is None:
        return 'unknown'
    return 'success' if bool(success.any()) else 'failure'


def _require_steps(columns: Mapping[str, np.ndarray], fps: float, number: int) -> None:
    stamps_s = columns['timestamp'].astype(np.float64)
    off_s = np.abs(stamps_s - np.arange(len(stamps_s)) / fps)
    if len(stamps_s) < 1 or off_s.max() > _OFF_S:
        raise EpisodeError(f'Episode {number} must have steps every {1e3 / fps:.1f} ms. Got one '
                           f'that is {off_s.max(initial=0.0) * 1e3:.1f} ms off.')
    for key, each in columns.items():
        if not np.isfinite(each).all():
            raise EpisodeError(f'Episode {number} must hold numbers. Got one in {key} that is '
                               f'none.')


def write_episode(
    folder: Path, contract: Contract, fitting: Fitting, columns: Mapping[str, np.ndarray],
    action: str, pictures: Mapping[str, np.ndarray], about: dict[str, Any],
) -> None:
    """
    Write one episode, and read it back.

    :param columns: feature -> ``(T, D)``; ``action`` names that of the actions.
    :param pictures: feature -> ``(T, H, W, 3)`` uint8.
    :param about: ``begin_ns``, ``outcome``, ``stop_reason``, and as ``lerobot`` where it is from.
    :raises EpisodeError: the contract reads other numbers out of it; nothing stays.
    """
    observed, actions = fitting.observed(columns), fitting.actions(columns[action])
    outcome = _OUTCOMES.get(about['outcome'], Outcome.UNKNOWN)
    bag = MadeRecording(folder, contract, {source.topic: source.type
                                           for source in contract.sources})
    for step in range(len(actions) + 1):
        stamp_ns, row = about['begin_ns'] + step * contract.period_ns, min(step, len(actions) - 1)
        bag.tick(stamp_ns, fitting.readings(observed[row], {
            entry: pictures[key][row] for entry, key in fitting.pictures.items()}))
        if step < len(actions):
            bag.command(stamp_ns, actions[step])
    bag.finish(outcome, about['stop_reason'], operator='lerobot',
               source={'foreign': outcome is Outcome.UNKNOWN, **about['lerobot']})
    read = load_episode(read_episode(folder), contract)
    if (read.actions.tobytes() != actions.tobytes() or not read.whole.all()
            or read.obs[:-1].tobytes() != observed.tobytes()):
        shutil.rmtree(folder)
        raise EpisodeError(f'Episode {about["lerobot"]["episode"]} cannot be told by the contract '
                           f'{contract.name} to the bit. Leave --task out: a contract is drafted.')
