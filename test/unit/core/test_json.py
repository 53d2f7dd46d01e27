"""JSON of others holds only what can be used, and what is written is read back."""

import json
import math

import pytest

from ilw_core.storage.files import end_torn_line, json_text, open_to_append, parse_json


@pytest.mark.parametrize('text', [
    'NaN', '{"a": -Infinity}', '[1e999]', '1' * 400, str(2 ** 63), '"\\ud800"',
    '{"\\uDFff": 1}', '"\\ude00\\ud83d"', '[' * 100_000, '"\ud800"', ''])
def test_what_no_program_could_go_on_with_is_refused(text):
    with pytest.raises(ValueError):
        parse_json(text)


@pytest.mark.parametrize('value', [
    {'a': [1, -2.5, None, True]}, 2 ** 63 - 1, '\U0001f600 \u00e4 \\ud800', 1e308])
def test_ordinary_values_are_read(value):
    assert parse_json(json.dumps(value)) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


def test_what_is_written_is_ascii_and_can_be_read():
    text = json_text({'a\udc80': (math.nan, [-math.inf, 'b\ud800\u00e4'], 1)})
    assert text.isascii()
    assert parse_json(text) == {'a\\udc80': [None, [None, 'b\\ud800\u00e4'], 1]}


@pytest.mark.parametrize('left, there', [
    (b'', b''), (b'{"a": 1}\n', b'{"a": 1}\n'), (b'{"a": 1}\n{"b', b'{"a": 1}\n'), (b'{"a', b''),
    (b'{"a": 1}', b'{"a": 1}\n'), (b'1\n' + b'{"' + b'x' * 200_000, b'1\n'),
    (b'1\n' + b'"' + b'x' * 200_000 + b'"', b'1\n"' + b'x' * 200_000 + b'"\n')])
def test_half_a_line_is_not_glued_to_the_next(tmp_path, left, there):
    (tmp_path / 'lines').write_bytes(left)
    with open_to_append(tmp_path / 'lines') as stream:
        end_torn_line(stream)
        stream.write(b'2\n')
    assert (tmp_path / 'lines').read_bytes() == there + b'2\n'
