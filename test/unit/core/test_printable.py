"""What is shown cannot act on a terminal; what is pasted runs nothing of its own."""

import io
import json
import os
import subprocess

from hypothesis import given
from hypothesis import strategies as st
import pytest
from rich.table import Table

from ilw_core.text.printable import pasteable, printable
from ilw_core.text.terminal import PlainConsole, echo

HOSTILE = ['\x1b[2J', '\x1b]0;title\x07', '\x9b31m', '\u202egnp.exe', '\u2066a\u2069', '\u200e',
           '\u200b', '\ufeff', '\u2028', '\u2029', '\x7f', '\x00', '\r', '\n', '\t', '\b',
           '\udcff', '\ud800', '\U000e0041', '\xad', '\u061c', '\x85']


@pytest.mark.parametrize('text', HOSTILE, ids=ascii)
def test_what_shows_nothing_is_shown_as_its_code(text):
    shown = printable(f'a{text}b')
    assert shown.isprintable() and shown.startswith('a') and shown.endswith('b')
    assert '\\' in shown
    shown.encode()


@pytest.mark.parametrize('text', ['Fahrt nach Süden', '日本語', 'é', 'a\u0301', '95 % ±3 µs',
                                  '🤖'])
def test_ordinary_text_of_any_language_stays_as_it_is(text):
    assert printable(text) == text


@given(st.text())
def test_everything_shown_is_printable(text):
    assert printable(text).isprintable()


@given(st.text(st.characters(exclude_characters='\x00', exclude_categories=['Cs'])))
def test_what_is_pasted_is_one_word_of_a_shell_and_printable(text):
    assert pasteable(text).isprintable()
    done = subprocess.run(['bash', '-c', f'printf %s {pasteable(text)}'], capture_output=True,
                          check=True)
    assert done.stdout.decode() == text


@pytest.mark.parametrize('name', [b'$(touch x)', b'`touch x`', b'a; touch x', b"it's", b'a b',
                                  b'"', b'-rf', b'a\nb', b'\xff\xfe', b'\x1b[31m\'$(touch x)', b'',
                                  b'a\\', b'!!', b'*', b'~'])
def test_a_file_name_that_is_pasted_names_that_file(tmp_path, name):
    done = subprocess.run(['bash', '-c', f'printf %s {pasteable(os.fsdecode(name))}'],
                          capture_output=True, check=True, cwd=tmp_path)
    assert done.stdout == name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('text', HOSTILE, ids=ascii)
def test_the_command_line_and_its_console_print_nothing_that_acts(text, capsys):
    echo(f'one{text}line')
    echo(f'one{text}line', err=True)
    screen = io.StringIO()
    table = Table(title=f'a{text}')
    table.add_column(f'b{text}')
    table.add_row(f'c{text}')
    console = PlainConsole(file=screen, width=200, force_terminal=False)
    console.print(table)
    console.print(f'd{text}e')
    said = capsys.readouterr()
    assert said.out.count('\n') == said.err.count('\n') == 1
    everything = said.out + said.err + screen.getvalue()
    assert (everything.replace('\n', '').replace('\t', '')).isprintable()


def test_markup_in_a_name_is_shown_and_not_obeyed():
    screen = io.StringIO()
    PlainConsole(file=screen, force_terminal=True, color_system='truecolor', highlight=False,
                 width=200).print('[red]a[/red] [link=x]b[/link] :smile:')
    assert screen.getvalue() == '[red]a[/red] [link=x]b[/link] :smile:\n'


def test_json_stays_json_whatever_it_holds(capsys):
    echo(json.dumps({'a': ''.join(HOSTILE)}))
    assert json.loads(capsys.readouterr().out) == {'a': ''.join(HOSTILE)}
