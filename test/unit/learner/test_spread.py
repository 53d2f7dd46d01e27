"""Work in many places gives what it gives in one: seed by seed, to the bit."""

from importlib.util import find_spec
import json
import operator
import os
import socket
import subprocess
import sys
import threading
import time

import psutil
import pytest

from ilw_cli.options import SeedList
from ilw_core.contract.file import named_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_learner.rollout.evaluate import evaluate, make_env
from ilw_learner.runtime.runner import PolicyRunner
from ilw_learner.spread.episodes import drive_apart, parts, sent_policy
from ilw_learner.spread.place import spread_on
from ilw_learner.spread.spread import InProcess, InProcesses

SUCCESS = {'outcome': 'success', 'stop_reason': 'goal'}
NO_RAY = 'needs Ray: .venv/bin/pip install -r requirements/ray.txt'
QUICK = 'algorithm: bc\nupdates: 60\nhidden: 16\ncandidates: 1\n'


def require_ray():
    if find_spec('ray') is None:  # and not imported: what it reads as it is, the product sets
        pytest.skip(NO_RAY)


@pytest.fixture(scope='module')
def ray_alone():
    """Return Ray on this machine alone, started once."""
    require_ray()
    with spread_on('ray') as spread:
        yield spread


@pytest.mark.parametrize('spread', [InProcess(), pytest.param(
    InProcesses(2), marks=pytest.mark.long)], ids=['here', '2'])
def test_results_are_in_the_order_of_the_jobs_and_each_is_told(spread):
    told = []
    assert spread.map(operator.add, 100, [5, 1, 4], told.append) == [105, 101, 104]
    assert sorted(told) == [101, 104, 105]
    assert spread.map(operator.add, 100, []) == []


@pytest.mark.parametrize('spread', [InProcess(), pytest.param(
    InProcesses(2), marks=pytest.mark.long)], ids=['here', '2'])
def test_a_problem_of_a_job_is_told_where_it_was_asked(spread):
    with pytest.raises(IlwError, match="no 'nosuch'"):
        spread.map(config_file, 'tasks', ['maze', 'nosuch'])


@pytest.mark.long
def test_a_process_that_was_ended_is_told_in_a_line():
    with pytest.raises(IlwError, match='want of memory'):
        InProcesses(1).map(os.execv, '/bin/false', [['false']])


@pytest.mark.parametrize(('seeds', 'count', 'lengths'), [
    (10, 4, [2, 3, 2, 3]), (3, 8, [1, 1, 1]), (5, 1, [5]), (8, 8, [1] * 8)])
def test_parts_are_alike_and_hold_every_seed_in_order(seeds, count, lengths):
    found = parts(range(7, 7 + seeds), count)
    assert [len(part) for part in found] == lengths
    assert [seed for part in found for seed in part] == list(range(7, 7 + seeds))


@pytest.mark.parametrize(('text', 'seeds'), [
    ('0-4', (0, 1, 2, 3, 4)), ('3', (3,)), ('5,0-1, 5', (5, 0, 1))])
def test_seeds_are_numbers_and_ranges(text, seeds):
    assert SeedList().convert(text, None, None) == seeds


@pytest.mark.parametrize('words', [
    ['train', '--seeds', '4-0'], ['train', '--seeds', 'a'], ['train', '--seeds', '0-99999999'],
    ['train', '--seeds', ''], ['train', '--seeds', '0-1', '--seed', '3'],
    ['eval', 'idle', '--on', 'moon'], ['eval', 'idle', '--on', '0'],
    ['eval', 'idle', '--on', 'ray://'], ['eval', 'idle', '--on', '']], ids=' '.join)
def test_a_wrong_place_or_list_is_one_line(typed, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, error = typed(*words)
    assert (code, out) == (2, '')
    assert 'rror: ' in error.strip().splitlines()[-1] and 'Traceback' not in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('address', ['ray://127.0.0.1:{}', '127.0.0.1:{}'])
def test_an_address_where_nobody_is_is_one_line_at_once(typed, address):
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))  # bound, and not listening: refused
        where = address.format(free.getsockname()[1])
        begin = time.monotonic()
        code, out, error = typed('eval', 'idle', '--on', where)
    assert (code, out, len(error.strip().splitlines())) == (2, '', 1)
    assert f'No Ray answers at {where}' in error
    assert time.monotonic() - begin < 15.0


def test_ray_that_is_not_there_is_one_line_that_says_how_to_install_it(typed, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ray', None)  # as Python does: ImportError
    monkeypatch.delenv('RAY_ADDRESS', raising=False)
    code, _, error = typed('eval', 'idle', '--on', 'ray')
    assert (code, len(error.strip().splitlines())) == (2, 1)
    assert 'pip install -r requirements/ray.txt' in error


@pytest.mark.parametrize('said', [b'', b'HTTP/1.1 400 Bad Request\r\n\r\n'],
                         ids=['nothing', 'a web page'])
@pytest.mark.parametrize('address', ['ray://127.0.0.1:{}', '127.0.0.1:{}'])
def test_what_answers_and_is_not_ray_is_one_line_within_15_s(typed, monkeypatch, address, said):
    monkeypatch.setattr('ilw_learner.spread.on_ray._ANSWER_S', 0.5)
    with socket.create_server(('127.0.0.1', 0)) as other:
        where = address.format(other.getsockname()[1])
        answer = threading.Thread(target=lambda: other.accept()[0].sendall(said))
        answer.start()
        begin = time.monotonic()
        code, _, error = typed('eval', 'idle', '--on', where)
        assert time.monotonic() - begin < 15.0
        answer.join()
    assert (code, len(error.strip().splitlines())) == (2, 1)
    assert f'No Ray answers at {where}' in error


def turning(constant, contract):
    """Return a policy that drives arcs: some worlds it collides in, late or early."""
    return constant(contract, 'turning', 0.35, 0.4)


def driven_here(checkpoint, contract, seeds):
    runner = PolicyRunner(checkpoint, contract, seed=3)
    return evaluate(make_env('ilw_sim.env:make_env', contract), contract, runner, seeds)


def driven_apart(spread, checkpoint, contract, seeds):
    return drive_apart(spread, sent_policy(
        checkpoint, contract, seed=3, env_spec='ilw_sim.env:make_env', plant=None,
        slower_s=0.0), seeds)


@pytest.mark.long
@pytest.mark.parametrize('what', ['turning', 'random'])
def test_episodes_in_parts_are_those_of_one_process(constant, what):
    contract = named_contract('maze')
    checkpoint = turning(constant, contract) if what == 'turning' else what
    seeds = range(400_000, 400_005)
    here = driven_here(checkpoint, contract, seeds)
    assert len({run.path_length_m for run in here}) == 5
    assert driven_apart(InProcess(), checkpoint, contract, seeds) == here


@pytest.mark.slow
def test_episodes_on_ray_are_those_of_one_process(constant, ray_alone):
    contract = named_contract('maze')
    checkpoint = turning(constant, contract)
    seeds = range(400_000, 400_010)
    assert driven_apart(ray_alone, checkpoint, contract, seeds) == driven_here(
        checkpoint, contract, seeds)


@pytest.mark.slow
def test_ray_on_this_machine_alone_is_heard_on_loopback_only(ray_alone):
    assert ray_alone.map(operator.add, 1, [1]) == [2]  # a worker is there, too
    heard = [at.laddr.ip for each in psutil.Process().children(recursive=True)
             for at in each.net_connections('inet') if at.status == psutil.CONN_LISTEN]
    assert len(heard) > 3
    assert {ip.removeprefix('::ffff:') for ip in heard} == {'127.0.0.1'}


@pytest.mark.slow
def test_ray_tells_the_problem_of_a_job_and_the_order_of_results(ray_alone):
    assert ray_alone.map(operator.add, 100, [5, 1, 4]) == [105, 101, 104]
    with pytest.raises(IlwError, match="no 'nosuch'"):
        ray_alone.map(config_file, 'tasks', ['maze', 'nosuch'])
    with pytest.raises(ZeroDivisionError):
        ray_alone.map(operator.truediv, 1, [0])


@pytest.mark.slow
def test_a_job_whose_process_ends_again_and_again_is_told_in_a_line(ray_alone):
    with pytest.raises(IlwError, match='Ray lost a part of the work'):
        ray_alone.map(os.execv, '/bin/false', [['false']])


def files_of(run):
    return [(run / 'checkpoint' / name).read_bytes()
            for name in ('policy.onnx', 'weights.safetensors')]


@pytest.fixture
def lesson(bags, tmp_path, monkeypatch):
    """Return the words of a short training in a folder with its demonstrations."""
    monkeypatch.chdir(tmp_path)
    for name in ('a', 'b', 'c'):
        bags.write(tmp_path / 'demos/maze' / name, ticks=40, meta=SUCCESS,
                   drive=lambda i: (0.4, 0.0) if i % 8 < 4 else (0.15, 1.2))
    (tmp_path / 'quick.yaml').write_text(QUICK)
    return ['train', '--task', 'maze', '--config', './quick.yaml', '--env', 'none']


@pytest.mark.long
@pytest.mark.parametrize('on', ['here', '2', pytest.param('ray', marks=pytest.mark.slow)])
def test_trainings_of_several_seeds_are_those_of_each_seed(typed, lesson, tmp_path, on):
    if on == 'ray':
        require_ray()
    done = subprocess.run(
        [sys.executable, '-m', 'ilw_bringup.cli', *lesson, '--seeds', '1,0', '--on', on, '--out',
         'runs/all'], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [row.split() for row in done.stdout.splitlines()]
    assert [row[row.index('seed') + 1] for row in rows] == ['1', '0']
    for seed in (0, 1):
        assert typed(*lesson, '--seed', seed, '--out', f'runs/one-{seed}')[0] == 0
        assert files_of(tmp_path / f'runs/all/seed-{seed}') == files_of(
            tmp_path / f'runs/one-{seed}')
    assert files_of(tmp_path / 'runs/one-0') != files_of(tmp_path / 'runs/one-1')


def test_several_trainings_are_one_object_and_signed(typed, lesson, tmp_path):
    from ilw_learner.checkpoint.folder import load_checkpoint
    from ilw_learner.checkpoint.signing import load_trusted_keys, make_key_pair

    private, _ = make_key_pair(tmp_path / 'keys' / 'alice')
    code, out, error = typed(*lesson, '--seeds', '0-1', '--out', 'runs/x', '--json',
                             '--sign-key', private)
    assert code == 0, error
    assert [run['seed'] for run in json.loads(out)['runs']] == [0, 1]
    trusted = load_trusted_keys(tmp_path / 'keys')
    for seed in (0, 1):
        assert load_checkpoint(tmp_path / f'runs/x/seed-{seed}/checkpoint',
                               trusted=trusted).signer == 'alice.pub'
