"""What an edit would change, said before anything is changed."""

from dataclasses import asdict, dataclass
import json
from pathlib import Path

from ilw_core.text.printable import pasteable
from ilw_core.text.terminal import echo
from ilw_data.episode.bin import plan_drop, plan_restore


@dataclass(frozen=True)
class EpisodeChange:
    """What becomes of one episode."""

    episode: str
    """Its folder's name; empty for one that would be made"""
    before: str
    """What it is now; empty for one that would be made"""
    after: str


@dataclass(frozen=True)
class EditPlan:
    """Everything that an edit would change; nothing where there are no changes."""

    changes: tuple[EpisodeChange, ...]
    command: str
    """Does exactly that"""
    undo: str
    """Brings all of it back to what it is now"""


def drop_plan(path: Path, verb: str, options: tuple[str, ...], *also: EpisodeChange) -> EditPlan:
    """
    Return what taking an episode out of training changes.

    :param verb: of the command that does it; ``options`` likewise.
    :param also: what it changes besides.
    :raises EpisodeError: it cannot be done.
    """
    source, target = plan_drop(path)
    return EditPlan((_out(source, target), *also),
                    edit_command(verb, path, *options), edit_command('restore', target))


def restore_plan(path: Path) -> EditPlan:
    """
    Return what bringing an episode back changes.

    :raises EpisodeError: it cannot be done.
    """
    source, target, replacement = plan_restore(path)
    back = EpisodeChange(source.name, f'out of training: {source}', f'in training: {target}')
    if replacement is None:
        return EditPlan((back,), edit_command('restore', path), edit_command('drop', target))
    place, out = plan_drop(replacement)
    return EditPlan((back, _out(place, out)), edit_command('restore', path),
                    edit_command('restore', out))


def say_plan(plan: EditPlan, as_json: bool) -> None:
    """Print it: for programs, or for a person."""
    if as_json:
        echo(json.dumps(asdict(plan)))
        return
    for each in plan.changes:
        echo(f'{each.episode or "a new one"}: {each.before}{" -> " if each.before else ""}'
             f'{each.after}')
    echo(f'Nothing was changed. Do it: {plan.command}' if plan.changes else 'Nothing to change.')
    if plan.changes:
        echo(f'Undo it then: {plan.undo}')


def edit_command(verb: str, path: Path, *options: str) -> str:
    """Return a command line that edits an episode, as a person can paste it."""
    return f'./ilw {pasteable("episodes", verb, path, *options)}'


def _out(source: Path, target: Path) -> EpisodeChange:
    return EpisodeChange(source.name, f'in training: {source}', f'out of training: {target}')
