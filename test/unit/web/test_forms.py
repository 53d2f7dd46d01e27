"""What the page says becomes words of a command that ILW knows, or is refused in one sentence."""

from pathlib import Path

import pytest

from ilw_core.errors import IlwError
from ilw_web.jobs.forms import FORMS
from ilw_web.jobs.known_folders import KnownFolders


@pytest.fixture
def places(tmp_path):
    for name in ('demos/clutter', 'runs/one/checkpoint', 'deployed'):
        (tmp_path / name).mkdir(parents=True)
    return KnownFolders(tmp_path / 'demos', tmp_path / 'runs', tmp_path / 'deployed', 'clutter')


def line(name, places, **given):
    return FORMS[name].line({key.replace('_', '-'): value for key, value in given.items()},
                            places, Path('left'))


def test_each_value_stands_in_the_word_of_its_option(places):
    demos = str(places.demos / 'clutter')
    assert line('train', places, task='clutter', algo='bc', demos=demos, seed='007') == [
        'train', '--task=clutter', '--algo=bc', f'--demos={demos}', '--seed=7', '--out=left']
    assert line('compare', places, first='idle', second='random', robot='yes') == [
        'compare', '--robot', '--out=left/trials.jsonl', '--', 'idle', 'random']
    assert line('rollback', places, because='--floor=0; rm -rf /') == [
        'promote', '--rollback', '--because=--floor=0; rm -rf /', f'--root={places.deployed}']


@pytest.mark.parametrize(('name', 'given', 'says'), [
    ('train', {'task': '../../etc/passwd'}, 'task: There is no'),
    ('train', {'algo': '/tmp/mine.yaml'}, 'algo: There is no'),
    ('train', {'demos': '/etc'}, 'demos: The page may name folders'),
    ('train', {'demos': 'demos/../../../etc'}, 'demos: '),
    ('train', {'demos': 'a\0b'}, 'demos: There is no folder'),
    ('train', {'seed': '-1'}, 'seed: It must be a whole number'),
    ('train', {'seed': '1e3'}, 'seed: It must be'),
    ('train', {'env': 'os:system'}, "has no 'env'"),
    ('evaluate', {'checkpoint': '--help'}, 'checkpoint: There is no folder'),
    ('evaluate', {}, 'checkpoint: Choose a folder'),
    ('promote', {'checkpoint': 'idle', 'because': 'a\nb'}, 'because: It must be one line'),
    ('promote', {'checkpoint': 'idle', 'floor': 'nan'}, 'floor: It must be a number'),
    ('correct', {'checkpoint': 'idle', 'rounds': '101'}, 'rounds: It must be')])
def test_what_is_no_value_of_it_is_refused(places, name, given, says):
    with pytest.raises(IlwError, match=says):
        line(name, places, **given)


def test_a_link_out_of_the_folders_is_no_way_out(places):
    (places.runs / 'out').symlink_to('/etc')
    with pytest.raises(IlwError, match='may name folders'):
        line('evaluate', places, checkpoint=str(places.runs / 'out'))
    inside = places.deployed / 'current'
    inside.symlink_to(places.runs / 'one')
    assert line('evaluate', places, checkpoint=str(inside))[-1] == str(inside)


def test_only_a_comparison_on_the_robot_drives_it():
    assert {name: form.drives for name, form in FORMS.items() if form.drives} == {
        'compare': 'robot'}


@pytest.mark.parametrize('name', FORMS)
def test_every_form_is_of_options_that_its_command_has(name):
    from ilw_bringup.cli import ilw

    form = FORMS[name]
    command = ilw.get_command(None, form.words[0])
    has = {opt for param in command.params for opt in param.opts}
    wanted = {f'--{each}' for each in (*form.options, *form.flags, form.out, form.root) if each}
    assert wanted | {*form.words[1:]} <= has
    asked = [param for param in command.params if param.param_type_name == 'argument'
             and param.name != 'further']
    assert len(form.named) == len(asked) or form.words[1:]
