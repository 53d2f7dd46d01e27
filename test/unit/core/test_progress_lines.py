"""A program that follows a command is told how far it is, line by line."""

import json

from ilw_bringup.progress import StageProgress
from ilw_cli.progress import progress_bar
from ilw_core.text.terminal import PlainConsole


def told(capfd):
    return [json.loads(line)['progress'] for line in capfd.readouterr().out.splitlines()]


def test_each_step_is_a_line_with_what_is_being_done(capfd):
    with progress_bar(PlainConsole(stderr=True), 'drive', 3, as_json=True) as show:
        show(1)
        show(2, 'draw')
        show(3)
    assert told(capfd) == [{'what': 'drive', 'done': 1, 'total': 3},
                           {'what': 'draw', 'done': 2, 'total': 3},
                           {'what': 'draw', 'done': 3, 'total': 3}]


def test_nothing_is_told_to_a_person_without_a_terminal(capfd):
    with progress_bar(PlainConsole(stderr=True), 'drive', None, as_json=False) as show:
        show(1)
    assert told(capfd) == []


def test_a_command_of_stages_tells_each(capfd):
    with StageProgress(PlainConsole(stderr=True), as_json=True) as progress:
        progress.show('round 1: attempts', 1, 2)
        progress.show('round 1: training', 5, 9)
    assert told(capfd) == [{'what': 'round 1: attempts', 'done': 1, 'total': 2},
                           {'what': 'round 1: training', 'done': 5, 'total': 9}]
