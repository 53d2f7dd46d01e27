"""Jobs are real commands: one at a time, seen by all, ended when asked, bounded."""

import asyncio
import json
import os
from pathlib import Path
import sys
import threading
import time

import psutil
import pytest

from ilw_core.errors import IlwError
from ilw_web.jobs import job as job_module
from ilw_web.jobs.job import MOST_LINE_BYTES, MOST_LINES, MOST_POINTS, Job, pages_in
from ilw_web.jobs.jobs import MOST_KEPT, MOST_WAITING, Jobs
from ilw_web.jobs.known_folders import KnownFolders
from ilw_web.server import desk

SOON_S = 60.0
EVALUATE = {'checkpoint': 'idle', 'task': 'clutter'}


def queue(folder):
    """Return the jobs of a cockpit in a folder, and what viewers were told."""
    for name in ('demos', 'runs', 'deployed'):
        (folder / name).mkdir(exist_ok=True)
    known = KnownFolders(folder / 'demos', folder / 'runs', folder / 'deployed', 'clutter')
    jobs, told = Jobs(known, lambda left: 'key', lambda: 'now'), []
    jobs.begin(lambda text: told.append(json.loads(text)['jobs']))
    return jobs, told


async def until(holds):
    async with asyncio.timeout(SOON_S):
        while not holds():
            await asyncio.sleep(0.02)


def state(jobs, number):
    return jobs.show({'job': str(number)})['state']


@pytest.mark.long
def test_jobs_run_one_after_the_other_and_tell_their_results(tmp_path):
    async def play():
        jobs, told = queue(tmp_path)
        first = jobs.start('evaluate', {**EVALUATE, 'episodes': '2'}, leases=False)
        second = jobs.start('promote', EVALUATE, leases=False)
        await until(lambda: state(jobs, first) == 'running')
        assert state(jobs, second) == 'waiting'
        await until(lambda: state(jobs, second) == 'failed')
        return jobs.show({'job': str(first)}), jobs.show({'job': str(second)}), told
    done, failed, told = asyncio.run(play())
    assert (done['state'], done['result']['n'], done['progress']['done']) == ('done', 2, 2)
    assert done['words'] == ['./ilw', 'eval', '--task=clutter', '--episodes=2', '--', 'idle']
    assert failed['text'].startswith('idle is not a checkpoint') and failed['result'] is None
    assert not any(sum(each['state'] == 'running' for each in jobs) > 1 for jobs in told)


@pytest.mark.long
def test_a_cancelled_job_ends_and_one_that_waits_never_begins(tmp_path):
    async def play():
        jobs, _ = queue(tmp_path)
        first = jobs.start('evaluate', {**EVALUATE, 'episodes': '99999'}, leases=False)
        second = jobs.start('evaluate', EVALUATE, leases=False)
        await until(lambda: jobs.show({'job': '1'})['progress'])
        pid = jobs._jobs[first]._process.pid
        assert os.getpgid(pid) == pid and os.getpriority(os.PRIO_PROCESS, pid) == 10
        jobs.cancel({'job': str(second)}, leases=False)
        jobs.cancel({'job': str(first)}, leases=False)
        await until(lambda: state(jobs, first) == 'cancelled')
        assert state(jobs, second) == 'cancelled' and not psutil.pid_exists(pid)
    asyncio.run(play())


@pytest.fixture
def odd(monkeypatch, tmp_path):
    """Make a job of any program."""
    def make(text):
        monkeypatch.setattr(job_module, '_LEASH', ('-c', text))
        return Job(1, 'odd', [], tmp_path, 0, lambda: None)
    return make


def test_one_that_does_not_end_when_asked_is_killed_with_its_children(odd):
    job = odd('import signal, subprocess, sys, time\n'
              'signal.signal(signal.SIGTERM, signal.SIG_IGN)\n'
              'child = subprocess.Popen(["sleep", "600"])\n'
              'print(child.pid, flush=True)\ntime.sleep(600)')

    async def play():
        running = asyncio.create_task(job.run())
        await until(lambda: job.lines)
        begun = time.monotonic()
        job.cancel(0.1)
        await asyncio.wait_for(running, 5.0)
        assert time.monotonic() - begun < 5.0
        child = int(job.lines[0])
        await until(lambda: not psutil.pid_exists(child)
                    or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)
    asyncio.run(play())
    assert job.state == 'cancelled'


def test_one_that_leaves_a_program_behind_ends_all_the_same(odd):
    job = odd('import subprocess\n'
              'print(subprocess.Popen(["sleep", "60"], start_new_session=True).pid)')
    begun = time.monotonic()
    asyncio.run(job.run())
    assert job.state == 'done' and time.monotonic() - begun < 30.0
    psutil.Process(int(job.lines[0])).kill()


def test_what_it_says_is_bounded(odd):
    job = odd('import json, sys\n'
              'for n in range(5000): print("line", n, "x" * 2000)\n'
              f'print("y" * {3 * MOST_LINE_BYTES})\n'
              'for n in range(3000): print(json.dumps({"progress": {"update": n, "updates": 1,'
              ' "loss": 0.5, "success_ratio": None}}))\n'
              'print(json.dumps({"success": 1}))')
    asyncio.run(job.run())
    assert (job.state, job.result) == ('done', {'success': 1})
    assert len(job.lines) == MOST_LINES and max(map(len, job.lines)) <= 500
    assert len(job.curve) <= MOST_POINTS + 1 and job.curve[0][0] == 0
    assert job.curve[-1][0] == 2999


def test_how_it_ended_is_told_in_its_own_words(odd):
    for code, wanted in ((1, 'refused'), (2, 'failed'), (0, 'done')):
        job = odd(f'import sys; sys.stderr.write("error: The rule.\\n"); sys.exit({code})')
        asyncio.run(job.run())
        assert (job.state, job.text) == (wanted, '' if wanted == 'done' else 'The rule.')


def test_the_end_of_the_cockpit_ends_its_job(odd, tmp_path, monkeypatch):
    async def play():
        jobs, _ = queue(tmp_path)
        monkeypatch.setattr(job_module, '_LEASH', ('-c', 'import time; time.sleep(600)'))
        number = jobs.start('evaluate', EVALUATE, leases=False)
        await until(lambda: state(jobs, number) == 'running')
        pid = jobs._jobs[number]._process.pid
        await jobs.close()
        assert not psutil.pid_exists(pid)
    asyncio.run(play())


@pytest.mark.parametrize('steps', range(6))
@pytest.mark.parametrize('what', ['job', 'answer'])
def test_an_end_just_while_a_process_begins_waits_for_nobody(odd, what, steps):
    work = odd('import time; time.sleep(600)').run() if what == 'job' else desk._run(
        ['-c', 'import time; time.sleep(600)'])

    async def play():
        task = asyncio.create_task(work)
        for _ in range(steps):
            await asyncio.sleep(0)
        return task
    before = set(psutil.Process().children())
    ending = threading.Thread(target=lambda: asyncio.run(play()), daemon=True)
    ending.start()
    ending.join(SOON_S)
    assert not ending.is_alive()
    _, left = psutil.wait_procs(set(psutil.Process().children()) - before, SOON_S)
    assert not left


@pytest.mark.parametrize(('text', 'says'), [
    ('print("[" + "1," * 50 + "1]")', r'more than 100 bytes. Look at it in a terminal'),
    ('import sys; sys.exit("error: The rule.")', r'^The rule.$'), ('', r'^it said nothing$')])
def test_an_answer_is_bounded_or_the_commands_own_words(monkeypatch, text, says):
    monkeypatch.setattr(desk, 'MOST_BYTES', 100)
    assert asyncio.run(desk._run(['-c', 'print("[1]")'])) == [1]
    with pytest.raises(IlwError, match=says):
        asyncio.run(desk._run(['-c', text]))


def test_a_job_whose_cockpit_was_killed_ends_by_itself(tmp_path):
    started = tmp_path / 'pid'
    (tmp_path / 'parent.py').write_text(
        'import os, subprocess, sys, time\n'
        'child = subprocess.Popen([sys.executable, "-m", "ilw_web.jobs.leash", str(os.getpid()),'
        ' "eval", "idle", "--episodes", "99999"], start_new_session=True)\n'
        f'open({str(started)!r}, "w").write(str(child.pid))\ntime.sleep(600)\n')

    async def play():
        parent = await asyncio.create_subprocess_exec(sys.executable, tmp_path / 'parent.py')
        await until(lambda: started.exists() and started.read_text())
        child = psutil.Process(int(started.read_text()))
        parent.kill()
        await parent.wait()
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)
    asyncio.run(play())


def test_only_so_many_wait_and_are_kept(tmp_path, monkeypatch):
    async def play():
        jobs, _ = queue(tmp_path)
        monkeypatch.setattr(job_module, '_LEASH', ('-c', 'import time; time.sleep(600)'))
        for _ in range(MOST_WAITING):
            jobs.start('evaluate', EVALUATE, leases=False)
        with pytest.raises(IlwError, match='wait already'):
            jobs.start('evaluate', EVALUATE, leases=False)
        await jobs.close()
        monkeypatch.setattr(job_module, '_LEASH', ('-c', ''))
        for _ in range(MOST_KEPT + 3):
            number = jobs.start('evaluate', EVALUATE, leases=False)
            await until(lambda number=number: state(jobs, number) == 'done')
        assert len(jobs._jobs) <= MOST_KEPT
        with pytest.raises(IlwError, match='no job'):
            jobs.show({'job': '1'})
    asyncio.run(play())


def test_what_drives_the_robot_is_for_whoever_has_the_wheel(tmp_path, monkeypatch):
    given = {'first': 'idle', 'second': 'random', 'robot': 'yes'}

    async def play():
        jobs, _ = queue(tmp_path)
        monkeypatch.setattr(job_module, '_LEASH', ('-c', 'import time; time.sleep(600)'))
        with pytest.raises(IlwError, match='Take the wheel'):
            jobs.start('compare', given, leases=False)
        number = jobs.start('compare', given, leases=True)
        with pytest.raises(IlwError, match='Take the wheel'):
            jobs.cancel({'job': str(number)}, leases=False)
        jobs.cancel({'job': str(number)}, leases=True)
        assert jobs.start('compare', {**given, 'robot': ''}, leases=False) == 2
        await jobs.close()
    asyncio.run(play())


def test_the_pages_of_a_folder_are_found_pages_first(tmp_path):
    (tmp_path / 'round-1').mkdir()
    for name in ('a.png', 'round-1/round.html', 'c.yaml'):
        (tmp_path / Path(name)).write_text('')
    assert pages_in(tmp_path) == ['round-1/round.html', 'a.png']
    assert pages_in(tmp_path / 'nothing') == []
