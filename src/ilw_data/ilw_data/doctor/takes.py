"""How each take ended and was recorded: outcome, repairs, the recorder's doubts, copies."""

from collections import Counter
import json

from ilw_core.episode import Outcome
from ilw_data.doctor.finding import Demos, Finding, Take
from ilw_data.episode.dataset import usable

_MAX_REASONS = 3
_MOSTLY = 0.5


def check_take(take: Take, torn: str) -> list[Finding]:
    """Return what is known of how one was recorded; ``torn`` is what its bag has lost."""
    folder, name, found = take.folder, take.name, []
    if folder.meta.get('recovered'):
        found.append(Finding('warn', 'recovered', name, 'was cut short by a crash and repaired; '
                             'it is left out of training.', take.command('redo')))
    elif not usable([folder]):
        found.append(Finding(
            'note', 'outcome', name, f'ended in {folder.outcome.name.lower()} '
            f'({folder.stop_reason or "nobody said why"}); it is left out of training.',
            take.command('redo')))
    if torn:
        found.append(Finding(
            'warn', 'unfinished', name, f'is an unfinished recording, read as far as it goes '
            f'({torn}). Make a whole episode of it.', take.command('import')))
    quality = folder.quality
    if quality.get('verdict') == 'suspect' and not folder.meta.get('recovered'):
        reasons = folder.suspect[:_MAX_REASONS]
        found.append(Finding('warn', 'suspect', name, 'is suspect to the recorder: '
                             + (' '.join(reasons) or 'it does not say why.'),
                             take.command('redo')))
    return found


def check_outcomes(demos: Demos) -> list[Finding]:
    """Return what is wrong with how the set as a whole ended, and takes that count twice."""
    folders = [take.folder for take in demos.takes]
    counts = Counter(folder.outcome for folder in folders)
    good, total = len(usable(folders)), len(folders)
    numbers = {'episodes': total, 'usable': good, 'successes': counts[Outcome.SUCCESS],
               'failures': counts[Outcome.FAILURE], 'unknown': counts[Outcome.UNKNOWN]}
    said = (f'{counts[Outcome.SUCCESS]} successes, {counts[Outcome.FAILURE]} failures, '
            f'{counts[Outcome.UNKNOWN]} of unknown outcome')
    record = demos.command('up', 'record')
    found = []
    if not good:
        found.append(Finding('bad', 'outcomes', '', f'none of {total} episodes can be learnt '
                             f'from ({said}).', record, numbers))
    elif good < _MOSTLY * total:
        found.append(Finding('warn', 'outcomes', '', f'only {good} of {total} episodes can be '
                             f'learnt from ({said}): is the task too hard to demonstrate?',
                             record, numbers))
    present = {name: take for take in demos.takes if (name := _text(take.folder.meta, 'episode'))}
    for take in demos.takes:
        source = take.folder.meta.get('source')
        twin = present.get(_text(source, 'episode'))
        if twin is not None and twin is not take:
            found.append(Finding('bad', 'twice', twin.name, f'is here beside {take.name}, which '
                                 f'was made from it: the same steps would count twice.',
                                 twin.command('drop', '--why', f'{take.name} replaces it')))
    seen: dict[str, Take] = {}
    for take in demos.takes:
        source = take.folder.meta.get('source')
        if not isinstance(source, dict) or not source.get('sha256'):
            continue
        first = seen.setdefault(json.dumps([source['sha256'], source.get('cut')]), take)
        if first is not take:
            found.append(Finding('bad', 'twice', take.name, f'was made from the same recording '
                                 f'as {first.name}: the same steps would count twice.',
                                 take.command('drop', '--why', f'the same as {first.name}')))
    return found


def _text(values: object, key: str) -> str:
    """Return a text that a file holds under a key; empty if it holds none, or something else."""
    found = values.get(key) if isinstance(values, dict) else None
    return found if isinstance(found, str) else ''
