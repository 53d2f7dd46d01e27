"""What a shell completes after ./ilw."""

import os
import subprocess
import sys

import pytest

from ilw_core.storage.locate import config_folder

SHELL = ('bash', 'zsh', 'fish')


def completed(*words):
    """Return what bash would be offered for the last of the words."""
    done = subprocess.run(
        [sys.executable, '-m', 'ilw_bringup.cli'], capture_output=True, text=True, timeout=60,
        env={**os.environ, '_ILW_COMPLETE': 'bash_complete',
             'COMP_WORDS': ' '.join(('./ilw', *words)), 'COMP_CWORD': str(len(words))})
    assert done.returncode == 0, done.stderr
    return [line.partition(',')[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(('words', 'offered'), [
    (('tra',), ['train', 'transfer']),
    (('episodes', 'sho'), ['show']),
    (('up', 'depl'), ['deploy']),
    (('train', '--keep', 're'), ['replay']),
    (('train', '--task', 'clut'), ['clutter', 'clutter_hard']),
    (('train', '--algo', 'dq'), ['dqfd', 'dqn']),
    (('up', 'record', '--task', 'maz'), ['maze']),
    (('up', 'record', '--joystick', 'ps'), ['ps4', 'ps5']),
    (('episodes', 'check', '--profile', 'turtlebot'), ['turtlebot3', 'turtlebot4']),
    (('config', 'show', 'bc_q'), ['bc_quick']),
])
def test_commands_options_and_names_in_config_are_completed(words, offered):
    assert completed(*words) == offered


def test_every_task_is_offered_and_a_path_is_left_to_the_shell():
    there = sorted(path.stem for path in (config_folder() / 'tasks').glob('*.yaml'))
    assert completed('demo', '--task', '') == there
    assert completed('demo', '--task', 'my/') == ['my/'], 'of the type file: the shell lists it'


@pytest.mark.parametrize('shell', SHELL)
def test_what_is_printed_asks_by_the_variable_that_is_answered(shell):
    if shell == 'bash':
        assert 'complete -o nosort -F _ilw_completion ilw' in printed(shell)
    assert '_ILW_COMPLETE' in printed(shell)


def printed(shell):
    return subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', 'completion', shell],
                          capture_output=True, text=True, timeout=60, check=True).stdout


def test_bash_completes_a_line_by_it(tmp_path):
    """As by pressing Tab: the function it defines is called as bash calls it."""
    called = tmp_path / 'ilw'
    called.write_text(f'#!/bin/sh\nexec {sys.executable} -m ilw_bringup.cli "$@"\n')
    called.chmod(0o755)
    script = (f'{printed("bash")}\nCOMP_WORDS=(./ilw train --task clutter_h); COMP_CWORD=3\n'
              f'_ilw_completion ./ilw clutter_h --task; printf "%s\\n" "${{COMPREPLY[@]}}"')
    done = subprocess.run(['bash', '-c', script], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60, check=True)
    assert done.stdout.split() == ['clutter_hard']
