"""Marks of a person: confirmed where they can hardly be meant, never lost without a word."""

import pytest

from ilw_teleop.recording.mark_check import WAIT_NS, MarkCheck

S = 1_000_000_000


def press(check, control, at_s=0.0, heard=True, recording=True, to_goal_m=None):
    return check.press(control, round(at_s * S), heard=heard, recording=recording,
                       to_goal_m=to_goal_m)


@pytest.mark.parametrize(('radius_m', 'to_goal_m'), [(0.4, 2.7), (0.4, 0.61), (1.0, 1.6)])
def test_a_success_far_from_the_goal_is_asked_about_and_saved_at_the_second_press(
        radius_m, to_goal_m):
    check = MarkCheck(radius_m)
    sent, text = press(check, 'save_success', to_goal_m=to_goal_m)
    assert not sent and f'{to_goal_m:.2f} m away' in text and f'{radius_m:g} m' in text
    assert press(check, 'save_success', 3.0, to_goal_m=to_goal_m) == (True, '')


def test_a_question_is_forgotten_after_a_while_and_by_another_key():
    check = MarkCheck(0.4)
    press(check, 'save_success', 0.0, to_goal_m=3.0)
    assert not press(check, 'save_success', WAIT_NS / S + 0.1, to_goal_m=3.0)[0]
    assert press(check, 'save_failure', 6.0, to_goal_m=3.0) == (True, '')
    assert not press(check, 'save_success', 6.5, to_goal_m=3.0)[0]


@pytest.mark.parametrize('to_goal_m', [None, 0.0, 0.39, 0.55])
def test_a_success_at_the_goal_or_without_one_is_saved_at_once(to_goal_m):
    assert press(MarkCheck(0.4), 'save_success', to_goal_m=to_goal_m) == (True, '')


@pytest.mark.parametrize('control', ['save_failure', 'discard'])
def test_other_ends_are_never_asked_about(control):
    assert press(MarkCheck(0.4), control, to_goal_m=9.0) == (True, '')


@pytest.mark.parametrize('control', ['save_success', 'save_failure', 'discard'])
def test_an_end_of_nothing_says_so_and_asks_nothing(control):
    sent, text = press(MarkCheck(0.4), control, recording=False, to_goal_m=9.0)
    assert sent and 'Nothing is being recorded' in text


def due(check, at_s, heard=True, answered=False):
    return check.start_due(round(at_s * S), heard=heard, answered=answered)


@pytest.mark.parametrize('comes_s', [0.2, 3.0, 4.9])
def test_a_start_that_no_recorder_heard_is_sent_again_to_one_that_comes(comes_s):
    check = MarkCheck(0.4)
    sent, text = press(check, 'start', heard=False)
    assert sent and 'No recorder is heard' in text
    assert due(check, comes_s - 0.1, heard=False) == (False, '')
    assert due(check, comes_s) == (True, '')
    assert due(check, comes_s + 0.05, answered=True) == (False, '')
    assert due(check, comes_s + 2.0) == (False, ''), 'it was answered'


def test_a_start_that_no_recorder_ever_hears_says_so_once():
    check = MarkCheck(0.4)
    press(check, 'start', heard=False)
    sent, text = due(check, 5.0, heard=False)
    assert not sent and './ilw up record' in text
    assert due(check, 10.0, heard=False) == (False, '')


def test_a_start_that_is_not_answered_is_sent_again_each_second_and_then_told_of():
    check = MarkCheck(0.4)
    assert press(check, 'start') == (True, '')
    asked = [due(check, at_s) for at_s in (0.5, 1.0, 1.5, 2.0, 3.9, 4.5, 5.0, 6.0)]
    assert [sent for sent, _ in asked] == [False, True, False, True, True, False, False, False]
    assert [bool(text) for _, text in asked] == [False] * 6 + [True, False]
    assert 'does not answer' in asked[6][1]


@pytest.mark.parametrize('at_s', [0.05, 0.9, 3.0])
def test_a_start_that_is_answered_is_not_sent_again(at_s):
    check = MarkCheck(0.4)
    press(check, 'start')
    assert due(check, at_s, answered=True) == (False, '')
    assert due(check, at_s + 1.5) == (False, '')
