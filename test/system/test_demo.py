"""The README's command, as a user runs it: it must end well, and its numbers must hold."""

import json
from pathlib import Path
import signal
import subprocess
import sys
import time

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
KEYS = {'task', 'seed', 'episodes_recorded', 'episodes_eval', 'record_s', 'train_s', 'eval_s',
        'peak_memory_mb', 'results', 'looks', 'looks_s', 'forecast'}


def demo(tmp_path, *options):
    done = subprocess.run(
        [sys.executable, '-m', 'ilw_bringup.cli', 'demo', '--runs', str(tmp_path), '--json',
         *options], capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr[-3000:]
    assert len(done.stdout.strip().splitlines()) == 1, 'one object and nothing else on stdout'
    return json.loads(done.stdout), next(tmp_path.iterdir())


def test_the_quick_demo_ends_with_a_policy_that_drives(tmp_path):
    report, folder = demo(tmp_path, '--quick')
    results = report['results']
    assert results['expert']['success'] == results['expert']['n'] == 5, results
    assert results['policy']['success'] >= 4, results
    assert results['idle']['success'] == 0, results
    assert results['random']['success'] <= 2, results
    assert len(list((folder / 'demos' / 'clutter').glob('*/*.mcap'))) == 25
    assert set(report) == KEYS
    assert report == json.loads((folder / 'report.json').read_text())
    assert report['peak_memory_mb'] < 3000
    assert (folder / 'paths.png').stat().st_size > 10_000
    assert (folder / 'demo.gif').stat().st_size > 10_000
    assert report['looks'] is None and report['looks_s'] < 1.0
    assert all(report['forecast'][name] > 1.0 for name in ('record_s', 'train_s', 'eval_s'))


@pytest.mark.slow
def test_a_demo_with_cameras_also_drives_without_its_pictures(tmp_path):
    report, _ = demo(tmp_path, '--quick', '--task', 'lift', '--episodes', '4',
                     '--episodes-eval', '2')
    assert report['episodes_recorded'] == 4
    assert report['results']['expert']['success'] == 2
    assert set(report['looks']['blind']) == {'black', 'frozen', 'swapped'}
    assert report['looks']['episodes'] == 2
    assert report['looks_s'] > 1.0 and report['forecast']['looks_s'] > 0.0


def command_of(process):
    try:
        return process.cmdline()
    except psutil.Error:  # it has just ended
        return []


@pytest.mark.slow
def test_a_demo_that_is_asked_to_end_leaves_no_training_behind(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-m', 'ilw_bringup.cli', 'demo', '--quick', '--task', 'lift_state',
         '--episodes', '4', '--episodes-eval', '1', '--runs', str(tmp_path)])
    training, deadline = [], time.monotonic() + 300
    while not training:
        assert time.monotonic() < deadline and process.poll() is None
        training = [each for each in psutil.Process(process.pid).children()
                    if {'ilw_learner.cli', 'train'} <= {*command_of(each)}]
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)  # to it alone, as no terminal does
    assert process.wait(60) == 130
    assert not psutil.wait_procs(training, timeout=30)[1]


@pytest.mark.slow
@pytest.mark.parametrize('task', ['clutter', 'maze'])
def test_the_demo_ends_with_a_policy_that_drives(tmp_path, task):
    report, folder = demo(tmp_path, '--task', task, '--episodes', '60', '--episodes-eval', '20')
    assert set(report) == KEYS
    assert report == json.loads((folder / 'report.json').read_text())
    results = report['results']
    assert results['expert']['success'] >= 18
    assert results['policy']['success'] >= 16, 'far below the 90 % that 100 episodes show'
    assert results['idle']['success'] == 0
    assert results['random']['success'] <= 6
    assert report['peak_memory_mb'] < 3000
    assert (folder / 'paths.png').stat().st_size > 10_000
    assert (folder / 'demo.gif').stat().st_size > 10_000
    assert len(list((folder / 'demos' / task).glob('*/*.mcap'))) == 60


@pytest.mark.slow
@pytest.mark.parametrize('task', ['clutter', 'maze'])
@pytest.mark.parametrize('seed', [0, 1])
def test_ninety_of_a_hundred_unseen_episodes_succeed(tmp_path, task, seed):
    report, _ = demo(tmp_path, '--task', task, '--seed', str(seed), '--episodes-eval', '100')
    assert report['results']['expert']['success'] >= 98
    assert report['results']['policy']['success'] >= 90
