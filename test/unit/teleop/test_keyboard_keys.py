"""Which keys a contract has a use for, what a press is answered, and that none is lost."""

import re

import pytest

from ilw_core.contract.file import parse_contract
from ilw_core.storage.locate import config_file
from ilw_teleop.joystick.keyboard import BUTTONS, TEXTS, EarlyKeys, Keyboard, help_of, moves_of
from ilw_teleop.joystick.layout import load_joystick

MS = 1_000_000
XBOX = load_joystick(config_file('joysticks', 'xbox'))


def changed(contract, *replaced):
    text = contract.text
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return parse_contract(text)


@pytest.fixture
def reversing(maze):
    """Return a contract whose base drives backward, too, and has no named actions."""
    return changed(maze, ('unit: m/s, min: 0.0,', 'unit: m/s, min: -0.2,'),
                   ('  discrete: {stop: [0.0, 0.0], forward: [0.4, 0.0], left: [0.15, 1.2], '
                    'right: [0.15, -1.2]}\n', ''))


def test_no_key_drives_backward_where_the_contract_has_no_backward(maze, clutter):
    for contract in (maze, clutter):
        assert 'backward' not in help_of(contract) and '  s / down' not in help_of(contract)
        assert moves_of(contract)['s'] == ''


def test_a_base_that_reverses_has_the_key(reversing):
    assert '  s / down    backward' in help_of(reversing)
    assert '  q           forward, turn left' in help_of(reversing)
    assert 'turbo' in help_of(reversing)


def test_named_actions_are_named_and_keys_that_do_the_same_are_left_out(maze):
    lines = help_of(maze).splitlines()
    assert lines[:3] == ['  w / up      forward', '  a / left    left', '  d / right   right']
    assert not any(line.startswith(('  q', '  e ')) for line in lines)
    assert 'turbo' not in help_of(maze), 'named actions have one speed'


@pytest.mark.parametrize(('low', 'high', 'lines'), [
    ('min: -1.2', 'max: 1.2', ['turn left', 'turn right']),
    ('min: 0.0', 'max: 1.2', ['turn left']), ('min: -1.2', 'max: 0.0', ['turn right'])])
def test_turns_are_those_that_the_range_has(reversing, low, high, lines):
    one = changed(reversing, ('min: -1.2, max: 1.2', f'{low}, {high}'))
    alone = [key for key in ('a', 'd') if moves_of(one)[key]]
    assert [moves_of(one)[key] for key in alone] == lines


def test_fields_of_another_kind_are_called_by_their_names(reversing):
    safety = reversing.text[reversing.text.index('safety:'):reversing.text.index('scene:')]
    arm = changed(reversing, ('twist.linear.x', 'twist.linear.z'), (safety, ''))
    assert moves_of(arm)['w'] == 'twist.linear.z up'
    assert moves_of(arm)['s'] == 'twist.linear.z down'


def test_every_button_has_words():
    assert set(TEXTS) == set(BUTTONS)


@pytest.mark.parametrize(('typed', 'answer'), [
    ('w', 'w / up: forward'), ('a', 'a / left: left'), ('\x1b[C', 'd / right: right'),
    ('s', 's / down: stands, this robot has no such motion'), ('q', 'q: forward'),
    ('b', 'b: begin an episode'), ('x', 'x: EMERGENCY STOP'), ('Y', 'y: save it: success'),
    (' ', 'space: stop'), ('z', 'z: no key of these, stop; h shows them'),
    ('\x01', 'that key: no key of these, stop; h shows them'), ('h', 'h: all keys, above'),
    ('wb', 'b: begin an episode')])
def test_every_press_is_answered_at_once_and_for_a_while(maze, typed, answer):
    keyboard = Keyboard(XBOX, moves_of(maze))
    assert keyboard.answer(10_000 * MS) == ''
    keyboard.type(typed, 10_000 * MS)
    assert keyboard.answer(10_000 * MS) == answer
    assert keyboard.answer(11_900 * MS) == answer
    assert keyboard.answer(12_100 * MS) == ''


def test_with_turbo_the_answer_says_so(clutter):
    keyboard = Keyboard(XBOX, moves_of(clutter))
    keyboard.type('W', 0)
    assert keyboard.answer(1) == 'w / up: forward, turbo'


def test_a_button_pressed_before_anybody_listens_is_pressed_when_somebody_does():
    early = EarlyKeys()
    assert early.take('b', 0, heard=False) == ''
    assert early.take('', 3000 * MS, heard=True) == '', 'a keyboard at rest first'
    assert early.take('m', 3400 * MS, heard=True) == ''
    assert early.take('', 3500 * MS, heard=True) == 'bm'
    assert early.take('w', 3600 * MS, heard=True) == 'w'


@pytest.mark.parametrize('key', ['x', 'X', 'wx', 'xb'])
def test_the_emergency_stop_waits_for_nothing_but_somebody_who_hears(key):
    early = EarlyKeys()
    assert early.take('', 0, heard=True) == ''
    assert early.take(key, 100 * MS, heard=True) == 'x'
    assert 'x' not in early.take('', 600 * MS, heard=True), 'once'
    deaf = EarlyKeys()
    assert deaf.take(key, 0, heard=False) == ''
    deaf.take('', 100 * MS, heard=True)
    assert 'x' in deaf.take('', 600 * MS, heard=True).lower()


def test_movements_before_anybody_listens_move_nothing_later():
    early = EarlyKeys()
    assert early.take('wwbW\x1b[A', 0, heard=False) == ''
    early.take('', 1000 * MS, heard=True)
    assert re.sub('b', '', early.take('', 2000 * MS, heard=True)) == ''


def test_who_comes_back_is_let_see_a_keyboard_at_rest_again():
    early = EarlyKeys()
    early.take('', 0, heard=True)
    assert early.take('w', 600 * MS, heard=True) == 'w'
    assert early.take('n', 700 * MS, heard=False) == ''
    assert early.take('', 800 * MS, heard=True) == ''
    assert early.take('', 1300 * MS, heard=True) == 'n'
