"""The learner's commands: one object on standard output, one clear line, exit codes 0, 1 and 2."""

import json

import pytest

from ilw_core.errors import ContractError
from ilw_core.storage.locate import config_file
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.checkpoint.signing import load_trusted_keys, make_key_pair

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}


@pytest.mark.parametrize('command', [
    ['train'], ['eval'], ['episodes'], ['episodes', 'list'], ['episodes', 'show'],
    ['episodes', 'check'], ['episodes', 'trim'], ['episodes', 'drop'], ['episodes', 'restore'],
    ['episodes', 'redo'], ['episodes', 'import']])
def test_every_help_has_an_example(typed, command):
    code, out, _ = typed(*command, '--help')
    assert code == 0
    assert 'Example: ./ilw ' in ' '.join(out.split())


def test_list_gives_one_object(typed, bags, tmp_path):
    bags.write(tmp_path / 'one', meta=SUCCESS)
    bags.write(tmp_path / 'two')
    code, out, _ = typed('episodes', 'list', tmp_path, '--json')
    assert code == 0
    assert [e['outcome'] for e in json.loads(out)['episodes']] == ['success', 'unknown']


def test_show_names_the_topics(typed, bags, tmp_path):
    bags.write(tmp_path / 'one', meta=SUCCESS)
    code, out, _ = typed('episodes', 'show', tmp_path / 'one', '--json')
    assert code == 0
    assert json.loads(out)['topics']['odom'] == 'nav_msgs/msg/Odometry'


def test_check_exits_with_1_when_something_is_bad_and_tells_the_verdicts(typed, bags, tmp_path):
    bags.write(tmp_path / 'good', meta=SUCCESS, drive=lambda i: (0.4, 1.0 if i % 3 else -1.0))
    assert typed('episodes', 'check', tmp_path, '--task', 'maze')[0] == 0
    broken = next(bags.write(tmp_path / 'broken', meta=SUCCESS).glob('*.mcap'))
    broken.write_bytes(broken.read_bytes()[:300])
    code, out, _ = typed('episodes', 'check', tmp_path, '--task', 'maze', '--json')
    assert code == 1
    assert json.loads(out)['verdicts'] == {'good': 'good', 'broken': 'bad'}


@pytest.mark.parametrize('words', [
    ['episodes', 'list', 'absent'],
    ['episodes', 'check', 'absent', '--task', 'maze'],
    ['train', '--task', 'nosuch'],
    ['train', '--task', 'maze', '--demos', 'absent'],
    ['train', '--task', 'maze', '--config', 'nosuch'],
    ['eval', 'absent', '--task', 'maze'],
    ['eval', 'idle', '--task', 'maze', '--env', 'no_such_module:make'],
    ['train', '--no-such-option'],
])
def test_a_wrong_call_gives_one_clear_line_and_code_2(typed, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = typed(*words)
    assert code == 2
    assert out == ''
    assert 'rror: ' in err.strip().splitlines()[-1]
    assert 'Traceback' not in err
    assert not list(tmp_path.iterdir()), 'nothing half written is left'


def test_train_writes_a_run_and_prints_one_object(typed, bags, tmp_path):
    for name in ('a', 'b', 'c'):
        bags.write(tmp_path / 'demos' / name, ticks=40, meta=SUCCESS,
                   drive=lambda i: (0.4, 0.0) if i % 8 < 4 else (0.15, 1.2))
    config = tmp_path / 'quick.yaml'
    config.write_text('algorithm: bc\nupdates: 60\nhidden: 16\ncandidates: 1\n')
    code, out, err = typed('train', '--task', 'maze', '--demos', tmp_path / 'demos', '--config',
                          config, '--env', 'none', '--out', tmp_path / 'runs/x', '--json')
    assert code == 0, err
    summary = json.loads(out)
    assert summary['windows'] == 3 * 39
    assert set(summary['held_out']['mae']) == {'twist.linear.x', 'twist.angular.z'}
    assert (tmp_path / 'runs/x/checkpoint/policy.onnx').is_file()
    assert json.loads((tmp_path / 'runs/x/training.json').read_text()) == summary
    # A bag lost on the way is said and left out; the others are still trained on.
    broken = next((tmp_path / 'demos/b').glob('*.mcap'))
    broken.write_bytes(broken.read_bytes()[:300])
    code, out, err = typed('train', '--task', 'maze', '--demos', tmp_path / 'demos', '--config',
                          config, '--env', 'none', '--out', tmp_path / 'runs/y', '--json')
    assert code == 0
    assert json.loads(out)['episodes'] == 2
    assert 'left out' in err


def test_train_signs_what_it_made_when_told_a_key(typed, bags, tmp_path):
    for name in ('a', 'b'):
        bags.write(tmp_path / 'demos' / name, ticks=20, meta=SUCCESS)
    (tmp_path / 'quick.yaml').write_text('algorithm: bc\nupdates: 2\nhidden: 16\ncandidates: 1\n')
    private, _ = make_key_pair(tmp_path / 'keys' / 'alice')
    words = ['train', '--task', 'maze', '--demos', tmp_path / 'demos', '--config',
             tmp_path / 'quick.yaml', '--env', 'none', '--sign-key', private]
    code, _, err = typed(*words, '--out', tmp_path / 'x', '--json')
    assert code == 0, err
    trusted = load_trusted_keys(tmp_path / 'keys')
    assert load_checkpoint(tmp_path / 'x/checkpoint', trusted=trusted).signer == 'alice.pub'
    private.unlink()
    code, _, err = typed(*words, '--out', tmp_path / 'y')
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert 'alice.key' in err
    assert not (tmp_path / 'y').exists(), 'said before an hour of training, not after'


@pytest.mark.parametrize(('text', 'said'), [
    ('algorithm: bc\nupdate: 3\n', "unknown key 'update'"),
    ('algorithm: bc\nupdates: many\n', 'updates must be a int'),
    ('algorithm: ppo\n', 'algorithm must be one of bc'),
    ('algorithm: bc\nupdates: 0\n', 'at least 1'),
    ('algorithm: bc\ntasks: {maze: {layer: 3}}\n', "unknown key 'tasks.maze.layer'"),
    ('[', 'is not valid YAML'),
])
def test_a_wrong_training_configuration_is_refused_with_its_key(tmp_path, text, said):
    from ilw_learner.training.config import load_config

    path = tmp_path / 'bc.yaml'
    path.write_text(text)
    with pytest.raises(ContractError, match=said):
        load_config(path, 'maze')


@pytest.mark.parametrize(('own', 'task', 'origins'), [
    ('base: dqn\n', 'maze', {'gamma': 'dqn.yaml', 'n_step': 'dqn.yaml, tasks.maze',
                             'alpha': 'default'}),
    ('base: dqn\nn_step: 2\n', 'maze', {'n_step': 'own.yaml'}),
    ('base: dqn\nn_step: 2\ntasks: {maze: {n_step: 3}}\n', 'maze',
     {'n_step': 'own.yaml, tasks.maze'}),
    ('base: dqn\ntasks: {maze: {n_step: 3}}\n', 'clutter', {'n_step': 'dqn.yaml'})])
def test_config_show_tells_where_each_value_comes_from(typed, tmp_path, own, task, origins):
    (tmp_path / 'own.yaml').write_text(f'algorithm: dqfd\n{own}')
    code, out, _ = typed('config', 'show', tmp_path / 'own.yaml', '--task', task, '--json')
    assert code == 0
    found = json.loads(out)
    assert (found['algorithm'], found['task']) == ('dqfd', task)
    for name, origin in origins.items():
        assert found['values'][name]['from'].endswith(origin)
    code, out, _ = typed('config', 'show', tmp_path / 'own.yaml', '--task', task)
    assert all(f'  {name} ' in out for name in found['values'])


@pytest.mark.parametrize(('text', 'said'), [
    ('base: ../dqn', 'name of a file in config/train'), ('base: 5', 'name of a file'),
    ('base: dqfd', 'without a base'), ('base: bc', 'with the same values as dqfd. Got bc'),
    ('base: nothing', "no 'nothing'")])
def test_a_base_that_is_none_is_refused(typed, tmp_path, text, said):
    (tmp_path / 'own.yaml').write_text(f'algorithm: dqfd\n{text}\n')
    code, _, error = typed('config', 'show', tmp_path / 'own.yaml')
    assert code == 2 and said in ' '.join(error.split())


def test_a_task_overrides_the_shipped_configuration():
    from ilw_learner.training.config import load_config

    path = config_file('train', 'bc')
    assert load_config(path, 'clutter')[1].mirror
    assert not load_config(path, 'maze')[1].mirror
    assert load_config(path, 'maze')[1].fourier > 0
    assert load_config(path, 'another')[1].fourier == 0
