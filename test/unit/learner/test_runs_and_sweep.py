"""Runs are found, listed and drawn; a search goes on where it stopped and prunes."""

import json
import math
import os
from pathlib import Path
import subprocess
import sys
from types import SimpleNamespace

from click.testing import CliRunner
import pytest

from ilw_core.errors import ContractError, IlwError
from ilw_core.scores.statistics import wilson
from ilw_learner.cli import learner
from ilw_learner.training.progress import CancelledError, Progress
from ilw_learner.training.runs import draw_runs, find_runs
from ilw_learner.training.sweep import SweepOptions, load_space, sweep
from ilw_learner.training.tracking import Tracker


def make_run(folder, success, task='maze'):
    with Tracker(folder) as tracker:
        for step in (100, 200):
            tracker.write(step, {'eval/success_rate': success * step / 200}, update=step)
    (folder / 'training.json').write_text(json.dumps({
        'task': task, 'algorithm': 'dqn', 'seed': 0, 'train_s': 1.0, 'success': int(10 * success),
        'episodes_eval': 10, 'checkpoint': str(folder)}))


def test_runs_are_listed_best_first_and_drawn(tmp_path):
    make_run(tmp_path / 'a', 0.4)
    make_run(tmp_path / 'b', 0.9)
    (tmp_path / 'c').mkdir()
    (tmp_path / 'c' / 'training.json').write_text('{')
    plot = tmp_path / 'curves.png'
    done = CliRunner().invoke(learner, ['runs', str(tmp_path), '--plot', str(plot)])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert [line.split('/')[-1] for line in lines[:2]] == ['b', 'a']
    assert '90.0%' in lines[0]
    assert lines[2].startswith('2 runs')
    assert plot.read_bytes().startswith(b'\x89PNG')
    found = {run.path.name: run for run in find_runs(tmp_path)}
    assert found['b'].curve('step') == [(100, 0.45), (200, 0.9)]


@pytest.mark.parametrize('change', [
    {'algorithm': None}, {'mean_return': None}, {'mean_return': 1.5}, {'algorithm': ['x']},
    {'seed': None}, {'train_s': 10 ** 400}, {'success': math.nan, 'episodes_eval': 1}], ids=str)
def test_a_summary_of_others_is_listed_or_left_out(tmp_path, change):
    (tmp_path / 'training.json').write_text(json.dumps({
        'task': 'c', 'seed': 0, 'train_s': 1, **change}))
    (tmp_path / 'metrics.jsonl').touch()
    done = CliRunner().invoke(learner, ['runs', str(tmp_path)])
    assert done.exit_code == 0, done.exception


def test_numbers_of_a_run_that_goes_on_are_not_glued_to_half_a_line(tmp_path):
    make_run(tmp_path, 0.5)
    with (tmp_path / 'metrics.jsonl').open('a') as stream:
        stream.write('{"step": 3')
    make_run(tmp_path, 0.5)
    assert len(find_runs(tmp_path)[0].metrics) == 4


def test_nothing_to_draw_is_said(tmp_path):
    with pytest.raises(IlwError, match='nothing to draw'):
        draw_runs([], tmp_path / 'x.png')


def space(tmp_path, text='rate: {low: 0.0, high: 1.0}\n'):
    path = tmp_path / 'space.yaml'
    path.write_text(text)
    return path


@pytest.mark.long
def test_a_search_finds_the_best_value_and_goes_on_where_it_stopped(tmp_path):
    tried = []

    def train(values, folder, on_progress):
        tried.append(values['rate'])
        return 1.0 - abs(values['rate'] - 0.3)

    def options(trials):
        return SweepOptions(space(tmp_path), tmp_path / 'sweep', 'test', trials)

    assert len(sweep(options(15), train).trials) == 15
    study = sweep(options(15), train)
    assert len(study.trials) == 30
    assert study.best_params['rate'] == pytest.approx(0.3, abs=0.1)
    assert len(tried) == 30
    assert (tmp_path / 'sweep' / 'sweep.png').read_bytes().startswith(b'\x89PNG')


def test_a_search_that_goes_on_tries_nothing_again(tmp_path):
    tried = []

    def train(values, folder, on_progress):
        tried.append(values['rate'])
        return values['rate']

    for _ in range(2):  # so few that each is drawn by chance
        sweep(SweepOptions(space(tmp_path), tmp_path / 'sweep', 'test', 3), train)
    assert len(set(tried)) == 6


TOGETHER = """
import os, sys, time
from pathlib import Path
from ilw_learner.training.sweep import SweepOptions, sweep

folder, name = Path(sys.argv[1]), sys.argv[2]

def train(values, trial, on_progress):
    (folder / f'began-{name}').touch()
    while len(list(folder.glob('began-*'))) < 2:  # both are at work before one is done
        time.sleep(0.02)
    trial.mkdir(parents=True)
    print(trial.name, values['rate'])
    return values['rate']

sweep(SweepOptions(folder / 'space.yaml', folder / 'sweep', 'test', 4,
                   storage=f'sqlite:///{folder}/shared.db'), train)
"""


@pytest.mark.long
def test_two_processes_on_one_storage_divide_the_trials(tmp_path):
    space(tmp_path)
    both = [subprocess.Popen([sys.executable, '-c', TOGETHER, str(tmp_path), name], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE) for name in 'ab']
    try:
        ends = [process.communicate(timeout=100) for process in both]
    finally:
        for process in both:
            process.kill()
    assert [process.returncode for process in both] == [0, 0], ends
    done = [dict(line.split() for line in out.splitlines()) for out, _ in ends]
    assert [len(each) for each in done] == [4, 4]
    assert {**done[0], **done[1]}.keys() == {f'trial-{n}' for n in range(8)}
    assert len({*done[0].values(), *done[1].values()}) == 8, 'nothing is tried twice'


@pytest.mark.parametrize('url', ['nonsense', 'postgresql://u:secret@127.0.0.1:1/x', 'http://x',
                                 'sqlite:////nosuch/folder/x.db'])
def test_a_storage_that_cannot_be_used_is_one_line_without_its_password(tmp_path, url):
    with pytest.raises(IlwError, match='--storage must be the URL') as caught:
        sweep(SweepOptions(space(tmp_path), tmp_path / 'sweep', 'test', 1, storage=url),
              lambda *_: 0.0)
    assert 'secret' not in str(caught.value) and len(str(caught.value).splitlines()) == 1


def test_a_trial_that_drives_worse_than_the_others_is_cut_short(tmp_path):
    finished = []

    def train(values, folder, on_progress):
        bad = len(finished) >= 6
        for evaluation in range(1, 4):
            ratio = 0.1 if bad else 0.8
            if not on_progress(Progress(evaluation, 3, 0.0, ratio, evaluation)):
                raise CancelledError
        finished.append(bad)
        return 0.1 if bad else 0.8

    study = sweep(SweepOptions(space(tmp_path), tmp_path / 'sweep', 'test', 8), train)
    assert [t.state.name for t in study.trials] == ['COMPLETE'] * 6 + ['PRUNED'] * 2


@pytest.mark.parametrize('text', ['[]', 'rate: 3', 'rate: {low: 1}', 'a: {choices: [1], low: 2}',
                                  '{'])
def test_a_space_with_a_mistake_is_refused(tmp_path, text):
    with pytest.raises(ContractError):
        load_space(space(tmp_path, text))


def test_weights_and_biases_gets_the_numbers_without_an_account(tmp_path, monkeypatch):
    calls = []

    class Run:
        def log(self, metrics, *, step):
            calls.append((step, metrics))

        def finish(self):
            calls.append('finished')

    def init(*, project, name, dir):  # as wandb's own
        assert (project, name, dir) == ('ilw', tmp_path.name, str(tmp_path))
        return Run()

    monkeypatch.setitem(sys.modules, 'wandb', SimpleNamespace(init=init))
    monkeypatch.setattr(Path, 'home', lambda: tmp_path)
    monkeypatch.delenv('WANDB_API_KEY', raising=False)
    monkeypatch.setenv('WANDB_MODE', '')
    monkeypatch.delenv('WANDB_MODE')
    with Tracker(tmp_path, 'wandb') as tracker:
        tracker.write(3, {'eval/success_rate': 0.5, 'train/td_error': float('nan')})
    assert calls == [(3, {'eval/success_rate': 0.5}), 'finished']
    assert os.environ['WANDB_MODE'] == 'offline'


def test_only_a_q_network_learns_in_a_gymnasium_environment(tmp_path):
    done = CliRunner().invoke(learner, ['train', '--algo', 'bc', '--env', 'CartPole-v1',
                                        '--out', str(tmp_path / 'run')])
    assert done.exit_code == 2 or isinstance(done.exception, IlwError)
    assert 'dqn' in (done.output + str(done.exception))


def test_a_search_without_demonstrations_says_so_in_one_line_and_leaves_nothing(
        tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(learner, ['sweep', '--task', 'maze', '--trials', '1'])
    assert isinstance(done.exception, IlwError) and 'demos/maze' in str(done.exception)
    assert not list(tmp_path.iterdir())
    assert 'Traceback' not in done.output + ''.join(capfd.readouterr())


def test_a_trial_that_fails_is_told_in_one_line(tmp_path, capfd):
    said = []

    def train(values, folder, on_progress):
        raise ValueError('too large')

    with pytest.raises(IlwError, match='No trial ended well'):
        sweep(SweepOptions(space(tmp_path), tmp_path / 'sweep', 'test', 1, say=said.append), train)
    assert len(said) == 1 and said[0].endswith('too large')
    assert 'Traceback' not in ''.join(capfd.readouterr())


def evaluated(folder, algorithm, points, episodes=None):
    folder.mkdir()
    per_update = 16 if algorithm in ('dqn', 'dqfd') else 1
    rows = [{'step': at, 'update': at // per_update, 'train_s': at / 10,
             'eval/success_rate': ratio,
             **({} if episodes is None else {'eval/episodes': episodes})} for at, ratio in points]
    (folder / 'metrics.jsonl').write_text(''.join(json.dumps(row) + '\n' for row in rows))
    (folder / 'training.json').write_text(json.dumps({
        'task': 'maze', 'algorithm': algorithm, 'seed': 0, 'train_s': 1.0,
        'success': 5, 'episodes_eval': 10}))


@pytest.mark.parametrize(('algorithms', 'axes'), [
    (('bc',), {'updates (gradient steps)', 'seconds of training'}),
    (('bc', 'qtable'), {'updates (gradient steps)', 'seconds of training'}),
    (('dqn', 'bc'), {'environment steps', 'updates (gradient steps)', 'seconds of training'}),
    (('dqfd',), {'environment steps', 'updates (gradient steps)', 'seconds of training'}),
])
def test_each_axis_of_a_curve_means_one_thing(tmp_path, monkeypatch, algorithms, axes):
    from matplotlib.axes import Axes

    labels, lines = [], []
    monkeypatch.setattr(Axes, 'set_xlabel', lambda axis, text: labels.append(text))
    monkeypatch.setattr(Axes, 'plot', lambda axis, x, y, **_: lines.append(x))
    for algorithm in algorithms:
        evaluated(tmp_path / algorithm, algorithm, [(100, 0.1), (200, 0.5)])
    draw_runs(find_runs(tmp_path), tmp_path / 'curves.png')
    assert set(labels) == axes
    learners = sum(algorithm in ('dqn', 'dqfd') for algorithm in algorithms)
    assert len(lines) == 2 * len(algorithms) + learners


@pytest.mark.parametrize(('episodes', 'ratio'), [(10, 0.5), (512, 0.9), (30, 1.0), (200, 0.0)])
def test_bands_are_the_intervals_of_the_counts(tmp_path, monkeypatch, episodes, ratio):
    from matplotlib.axes import Axes

    bands = []
    monkeypatch.setattr(Axes, 'fill_between', lambda axis, x, low, high, **_: bands.append(
        (low[0], high[0])))
    evaluated(tmp_path / 'a', 'dqn', [(100, ratio)], episodes)
    draw_runs(find_runs(tmp_path), tmp_path / 'curves.png')
    assert set(bands) == {wilson(round(ratio * episodes), episodes)}


def test_without_a_count_there_is_no_band(tmp_path, monkeypatch):
    from matplotlib.axes import Axes

    bands = []
    monkeypatch.setattr(Axes, 'fill_between', lambda axis, x, low, high, **_: bands.extend(low))
    evaluated(tmp_path / 'a', 'bc', [(100, 0.5)])
    draw_runs(find_runs(tmp_path), tmp_path / 'curves.png')
    assert bands and all(map(math.isnan, bands))


@pytest.mark.parametrize('there', ['nothing', 'a file'])
def test_runs_of_no_folder_is_an_error_and_not_an_empty_list(run, tmp_path, there):
    from ilw_learner.commands.runs import runs

    if there == 'a file':
        (tmp_path / 'x').write_text('')
    code, out, error = run(runs, tmp_path / 'x')
    assert (code, out) == (2, '') and f'Got {there} there' in error


def test_a_program_gets_the_curves_of_a_run_and_what_it_was_trained_with(tmp_path):
    make_run(tmp_path / 'a', 0.4)
    with Tracker(tmp_path / 'a') as tracker:
        for step in range(1000, 2001):
            tracker.write(step, {'train/loss': 1.0 / step}, update=step)
    (tmp_path / 'a' / 'checkpoint').mkdir()
    (tmp_path / 'a' / 'checkpoint' / 'policy.yaml').write_text(
        'network: {batch: 256, without: "", hidden: [64, 64], odd: {a: 1}}\n')
    make_run(tmp_path / 'b', 0.2)
    asked = ['runs', str(tmp_path), '--curves']
    a, b = json.loads(CliRunner().invoke(learner, [*asked, '--json']).output)['runs']
    assert a['curves']['eval/success_rate'] == [[100, 0.2], [200, 0.4]]
    loss = a['curves']['train/loss']
    assert len(loss) <= 200 and loss[-1] == [2000, 1 / 2000] and loss[0][0] < 1010
    assert a['values'] == {'batch': 256, 'without': '', 'hidden': [64, 64]}
    assert b['values'] == {}
    assert CliRunner().invoke(learner, asked).exit_code == 2
