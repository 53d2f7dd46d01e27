"""The terminal of a bring-up: logs of several nodes and live lines, none garbled."""

import contextlib
import importlib.util
import os
from pathlib import Path
import pty
import threading
import time

import pytest

from ilw_bringup.start.screen import Plain, Screen, screen
from ilw_core.text.live_area import encode

SPEC = importlib.util.spec_from_file_location(
    'screen_reader', Path(__file__).resolve().parents[2] / 'screen_reader.py')
READER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(READER)


class Bench:
    """A screen on a pseudo-terminal, and what it shows."""

    def __init__(self):
        self.ours, self.theirs = pty.openpty()
        READER.fcntl.ioctl(self.theirs, READER.termios.TIOCSWINSZ,
                           READER.struct.pack('HHHH', 12, 60, 0, 0))
        self.glass, self.screen = READER.Glass(60, 12), Screen(self.theirs)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while data := os.read(self.ours, 65536):
                self.glass.feed(data)

    def shows(self, *lines):
        deadline = time.monotonic() + 20
        while self.seen() != list(lines):
            assert time.monotonic() < deadline, self.seen()
            time.sleep(0.005)

    def seen(self):
        return [line for line in self.glass.lines if line]

    def end(self, *pipes):
        for pipe in pipes:
            os.close(pipe)
        self.screen.close()


@pytest.fixture
def bench():
    made = Bench()
    yield made
    os.close(made.theirs)


def test_what_nodes_log_scrolls_by_above_the_live_line(bench):
    status, arbiter = bench.screen.pipe(), bench.screen.pipe()
    os.write(status, encode('1', ['ready']).encode())
    os.write(arbiter, b'[WARN] arbiter: Refused\n')
    bench.shows('[WARN] arbiter: Refused', 'ready')
    os.write(status, encode('1', ['you drive']).encode())
    bench.shows('[WARN] arbiter: Refused', 'you drive')
    bench.screen.say('Ending.')
    bench.shows('[WARN] arbiter: Refused', 'Ending.', 'you drive')
    bench.end(status, arbiter)
    bench.shows('[WARN] arbiter: Refused', 'Ending.')


@pytest.mark.parametrize('cuts', [(1,), (5, 9), (3, 4, 20)])
def test_lines_that_come_in_pieces_from_two_nodes_stay_whole(bench, cuts):
    one, two = bench.screen.pipe(), bench.screen.pipe()
    first, second = encode('1', ['ready ▀▄', 'b']).encode(), 'a log of some length ×\n'.encode()
    for begin, end in zip((0, *cuts), (*cuts, 99), strict=True):
        os.write(one, first[begin:end])
        os.write(two, second[begin:end])
        time.sleep(0.01)
    bench.shows('a log of some length ×', 'ready ▀▄', 'b')
    bench.end(one, two)


def test_the_last_words_of_a_node_are_shown_without_a_line_feed(bench):
    node = bench.screen.pipe()
    os.write(node, b'first\nTraceback: it fell')
    bench.end(node)
    bench.shows('first', 'Traceback: it fell')


def test_more_than_a_pipe_holds_gets_through(bench):
    node = bench.screen.pipe()
    data = b''.join(b'line %d\n' % i for i in range(20_000))
    while data:
        data = data[os.write(node, data):]
    bench.shows(*(f'line {i}' for i in range(19_989, 20_000)))
    bench.end(node)


def test_a_node_that_outlives_the_screen_holds_nobody_up(bench):
    node = bench.screen.pipe()
    begun = time.monotonic()
    bench.screen.close()
    assert time.monotonic() - begun < 10
    os.close(node)


def test_a_terminal_that_hangs_holds_nobody_up():
    ours, theirs = pty.openpty()  # nobody reads it
    here = Screen(theirs)
    begun = time.monotonic()
    for i in range(20_000):
        here.say(f'line {i}')
    here.close()
    assert time.monotonic() - begun < 20
    os.close(ours)
    os.close(theirs)


def test_where_there_is_no_terminal_lines_are_printed_as_they_come(capsys, monkeypatch):
    with screen(wanted=True) as here:
        assert isinstance(here, Plain)
        here.say('Up: sim.')
    monkeypatch.setattr('sys.stderr.isatty', lambda: True, raising=False)
    with screen(wanted=False) as here:
        assert isinstance(here, Plain), 'nodes that outlive it write for themselves'
    assert 'Up: sim.' in capsys.readouterr().err
