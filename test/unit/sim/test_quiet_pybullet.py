"""PyBullet's greeting does not cut a progress bar or a JSON line; errors are still shown."""

import subprocess
import sys

import pytest

pytest.importorskip('pybullet')

PRINTS = 'import ctypes, os; c = ctypes.CDLL(None); c.puts(b"greeting"); os.write(2, b"err")'


def run(code):
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          check=False, timeout=300)
    return done.stdout, done.stderr


@pytest.mark.parametrize('code', [
    'import ilw_sim.physics.world',
    'from ilw_sim.env import make_env; env = make_env("maze"); env.reset(seed=1); env.close()'])
def test_the_physics_says_nothing_by_itself(code):
    assert run(code) == ('', '')


def test_what_comes_before_and_after_is_printed():
    out, err = run('from ilw_sim.physics.quiet_pybullet import quiet\nprint("before")\n'
                   f'with quiet():\n    {PRINTS}\nprint("after")')
    assert (out, err) == ('before\nafter\n', '')


def test_what_was_printed_before_an_error_is_shown():
    _, err = run(f'from ilw_sim.physics.quiet_pybullet import quiet\nwith quiet():\n    {PRINTS}\n'
                 '    raise ImportError("no library")')
    assert 'greeting' in err and 'no library' in err


def test_closed_streams_are_no_error():
    out, _ = run('import os; os.close(2); import ilw_sim.physics.world; print("done")')
    assert out == 'done\n'
