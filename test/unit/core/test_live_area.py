"""Lines at the foot of a terminal, seen as a terminal shows them."""

import importlib.util
import os
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from ilw_core.text.live_area import LiveArea, cut, decode, encode

SPEC = importlib.util.spec_from_file_location(
    'screen_reader', Path(__file__).resolve().parents[2] / 'screen_reader.py')
READER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(READER)


class Seen:
    """A live area and the terminal that it writes to."""

    def __init__(self, columns=40, rows=10):
        self.glass, self.written = READER.Glass(columns, rows), []
        self.size = columns, rows
        self.area = LiveArea(self.write, lambda: os.terminal_size(self.size))

    def write(self, text):
        self.written.append(text)
        self.glass.feed(text.replace('\n', '\r\n').encode())

    @property
    def lines(self):
        return [line for line in self.glass.lines if line]


@pytest.mark.parametrize('lines', [[], ['a'], ['a', ''], ['▀█ ×', '\x1b[31mred\x1b[0m', 'b']])
def test_lines_come_out_of_a_pipe_as_they_went_in(lines):
    assert decode(encode('name', lines)) == ('name', lines)


@pytest.mark.parametrize('line', ['', 'a log line', '\x1b[31m[WARN] arbiter: x\x1b[0m'])
def test_what_a_node_logs_is_no_live_line(line):
    assert decode(line) is None


@pytest.mark.parametrize(('line', 'columns', 'shown'), [
    ('abcdef', 4, 'abcd'), ('abc', 4, 'abc'), ('', 4, ''),
    ('\x1b[31mabcdef\x1b[0m', 4, '\x1b[31mabcd\x1b[0m'),
    ('ab\x1b[31mcdef', 3, 'ab\x1b[31mc\x1b[0m')])
def test_a_line_is_cut_by_what_is_seen_of_it_and_leaves_no_colour_behind(line, columns, shown):
    assert cut(line, columns) == shown


def test_live_lines_are_drawn_anew_in_place():
    seen = Seen()
    for i in range(25):
        seen.area.show('1', [f'status {i}', 'second'])
    assert seen.lines == ['status 24', 'second']


def test_text_scrolls_by_above_and_the_live_lines_stay_at_the_foot():
    seen = Seen(rows=6)
    seen.area.show('1', ['status', 'more'])
    for i in range(20):
        seen.area.scroll(f'log {i}')
        assert seen.lines[-3:] == [f'log {i}', 'status', 'more']
    assert seen.lines == ['log 16', 'log 17', 'log 18', 'log 19', 'status', 'more'][-6:]


def test_several_nodes_have_lines_in_the_order_of_their_names():
    seen = Seen()
    seen.area.show('2 keys', ['key b'])
    seen.area.show('1 status', ['ready'])
    assert seen.lines == ['ready', 'key b']
    seen.area.show('1 status', ['map', 'ready'])
    assert seen.lines == ['map', 'ready', 'key b']
    seen.area.show('1 status', ['ready'])
    assert seen.lines == ['ready', 'key b'], 'nothing is left of a larger one'


def test_only_what_changed_is_written():
    seen = Seen(columns=200)
    seen.area.show('1', ['x' * 100, 'a 1'])
    seen.area.show('1', ['x' * 100, 'a 2'])
    assert 'xx' not in seen.written[-1] and 'a 2' in seen.written[-1]
    assert seen.lines == ['x' * 100, 'a 2']
    count = len(seen.written)
    seen.area.show('1', ['x' * 100, 'a 2'])
    assert len(seen.written) == count


def test_more_lines_than_the_terminal_has_show_their_last():
    seen = Seen(rows=5)
    for _ in range(3):
        seen.area.show('1', [f'line {i}' for i in range(30)])
    assert seen.lines == ['line 26', 'line 27', 'line 28', 'line 29']


def test_after_the_end_only_what_scrolled_by_is_left():
    seen = Seen()
    seen.area.show('1', ['status', 'second'])
    seen.area.scroll('saved')
    seen.area.close()
    assert seen.lines == ['saved']


@pytest.mark.parametrize('size', [(20, 10), (80, 10), (40, 5), (40, 24)])
def test_another_size_of_the_terminal_leaves_nothing_of_the_lines_drawn_before(size):
    seen = Seen(columns=40, rows=10)
    seen.area.show('1', ['x' * 39] * 4)
    seen.glass.resize(*size)
    seen.size = size
    seen.area.show('1', ['x' * 39] * 4)
    assert seen.lines == ['x' * min(39, size[0] - 1)] * 4


@pytest.mark.parametrize('size', [(0, 0), (80, 0), (1, 1)])
def test_a_terminal_of_no_size_breaks_nothing(size):
    seen = Seen()
    seen.size = size
    seen.area.show('1', ['ready', 'key'])
    seen.area.scroll('a log')
    assert 'a log' in seen.lines


@settings(deadline=None)
@given(st.lists(st.one_of(
    st.tuples(st.just('show'), st.lists(st.text('ab', max_size=50), max_size=7)),
    st.tuples(st.just('scroll'), st.text('cd', min_size=1, max_size=30))), max_size=15))
def test_whatever_comes_the_live_lines_are_the_last_ones_shown(steps):
    seen, last, logged = Seen(), [], []
    for what, value in steps:
        if what == 'show':
            last = [line[:39] for line in value]
            seen.area.show('1', value)
        else:
            logged.append(value)
            seen.area.scroll(value)
        shown = seen.glass.lines[:seen.glass.y + 1]
        assert shown[len(shown) - len(last):] == last
        above = [line for line in shown[:len(shown) - len(last)] if line]
        assert above == logged[len(logged) - len(above):]
