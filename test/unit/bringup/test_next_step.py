"""What to do next follows from what lies in the folder."""

import json
import os

from click.testing import CliRunner
import pytest

from ilw_bringup.cli import ilw
from ilw_bringup.next_step import FEW, look_around


def record(bags, folder, task, count, outcome='success', at_s=1000.0):
    """Write recordings that were saved at a time."""
    for number in range(count):
        path = folder / 'demos' / task / f'{outcome}-{number}'
        path.parent.mkdir(parents=True, exist_ok=True)
        bags.write(path, ticks=3, meta={'outcome': outcome, 'stop_reason': 'goal'})
        os.utime(path, (at_s, at_s))


def train(folder, name='20261101-bc', at_s=2000.0, below=''):
    card = folder / 'runs' / name / below / 'checkpoint' / 'policy.yaml'
    card.parent.mkdir(parents=True)
    card.write_text('{}')
    os.utime(card, (at_s, at_s))
    return str(card.parent.relative_to(folder))


def commands(folder):
    return [step.command.removeprefix('./ilw ') for step in look_around(folder).steps]


def test_an_empty_folder_begins_with_the_demo_and_the_keyboard(tmp_path):
    assert commands(tmp_path) == ['demo --quick', 'up record --task maze --input keyboard --view',
                                  'joystick list']


def test_few_recordings_ask_for_more_then_to_be_checked_and_trained_from(tmp_path, bags):
    record(bags, tmp_path, 'maze', 2)
    record(bags, tmp_path, 'maze', 1, 'failure')
    here = look_around(tmp_path)
    assert [(r.task, r.episodes, r.successes) for r in here.recorded] == [('maze', 3, 2)]
    assert commands(tmp_path) == ['up record --task maze', 'episodes check demos/maze',
                                  'train --task maze --demos demos/maze']
    assert here.steps[0].why.startswith('2 successful')


def test_enough_recordings_ask_for_no_more(tmp_path, bags):
    record(bags, tmp_path, 'maze', FEW)
    assert commands(tmp_path)[0] == 'episodes check demos/maze'


@pytest.mark.parametrize(('trained_s', 'again'), [(2000.0, False), (500.0, True)])
def test_recordings_are_trained_from_once(tmp_path, bags, trained_s, again):
    record(bags, tmp_path, 'maze', FEW, at_s=1000.0)
    checkpoint = train(tmp_path, at_s=trained_s)
    said = commands(tmp_path)
    assert ('train --task maze --demos demos/maze' in said) is again
    assert said[-2:] == [f'eval {checkpoint}', f'promote {checkpoint}']


def test_the_newest_checkpoint_counts_also_that_of_a_demo(tmp_path):
    train(tmp_path, 'old', 1.0)
    newest = train(tmp_path, '20261101-demo-maze', 3.0, 'training')
    train(tmp_path, 'older', 0.5)
    assert look_around(tmp_path).checkpoint == newest


def test_what_is_deployed_drives_and_gets_better(tmp_path):
    (tmp_path / 'deployed/maze/v1').mkdir(parents=True)
    (tmp_path / 'deployed/maze/current').symlink_to('v1')
    assert commands(tmp_path) == ['up deploy --checkpoint deployed --task maze',
                                  'correct deployed --task maze']


def test_a_damaged_recording_is_named_and_the_rest_goes_on(tmp_path, bags):
    record(bags, tmp_path, 'maze', 1)
    record(bags, tmp_path, 'office', FEW)
    (tmp_path / 'demos/maze/success-0/episode.json').write_text('{')
    steps = look_around(tmp_path).steps
    assert steps[0].command == './ilw episodes list demos/maze'
    assert 'episode.json' in steps[0].why
    assert './ilw train --task office --demos demos/office' in [s.command for s in steps]


def test_the_command_prints_them_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = CliRunner().invoke(ilw, ['next']).output
    assert './ilw demo --quick' in text
    told = json.loads(CliRunner().invoke(ilw, ['next', '--json']).output)
    assert told['steps'][0]['command'] == './ilw demo --quick'
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('typed', 'meant'), [
    ('trian', 'train'), ('evla', 'eval'), ('episode', 'episodes'), ('demoo', 'demo'),
    ('joystik', 'joystick')])
def test_a_slip_of_the_keyboard_is_understood(typed, meant):
    outcome = CliRunner().invoke(ilw, [typed])
    assert outcome.exit_code == 2
    assert meant in outcome.output.split('Did you mean')[1]


def test_what_is_near_nothing_gets_no_guess():
    assert 'Did you mean' not in CliRunner().invoke(ilw, ['xyzzy']).output
