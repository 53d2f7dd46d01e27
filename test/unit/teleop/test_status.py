"""The status line: what is said of what is heard."""

import math

import pytest

from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.recording.words import Phase
from ilw_teleop.terminal.map import MapView
from ilw_teleop.terminal.status import HELD, ArbiterSaid, RecorderSaid, Status
from ilw_teleop.terminal.status_text import coloured, gist, picture, steady

S = 1_000_000_000


def arbiter(**changed):
    said = {'source': 0, 'armed': False, 'estopped': False, 'estop_why': '', 'published': True,
            'reasons': (), 'wall_ns': 0}
    return ArbiterSaid(**{**said, **changed})


def recorder(phase, **changed):
    said = {'phase': phase, 'begin_ns': 0, 'kept': False, 'outcome': 0, 'attempted': 0,
            'saved': 0, 'problems': (), 'wall_ns': 0}
    return RecorderSaid(**{**said, **changed})


def line(status, now_ns=0, wall_ns=0):
    return ' | '.join(part.text for part in status.parts(now_ns, wall_ns))


@pytest.mark.parametrize(('begin_s', 'now_s', 'text'), [
    (10, 22.34, '12.3 of 60 s'), (0, 0, '0.0 of 60 s'), (5, 4, '0.0 of 60 s')])
def test_a_take_shows_its_seconds(maze, begin_s, now_s, text):
    status = Status(maze, recorder=recorder(Phase.RECORDING, begin_ns=begin_s * S))
    assert line(status, round(now_s * S)) == f'RECORDING | {text} | saved 0'


def test_the_seconds_count_from_the_world_that_began_anew_in_the_take(maze):
    status = Status(maze, recorder=recorder(Phase.RECORDING, begin_ns=10 * S),
                    world_began_ns=12 * S)
    assert '3.0 of 60 s' in line(status, 15 * S)
    status.recorder = recorder(Phase.READY)
    assert ' of 60 s' not in line(status, 15 * S), 'no take, no seconds'
    status.recorder = None
    assert line(status, 15 * S) == '3.0 of 60 s', 'without a recorder, those of the world'


@pytest.mark.parametrize(('kept', 'outcome', 'text'), [
    (True, 1, 'success'), (True, 2, 'failure'), (True, 0, 'not judged'),
    (False, 0, 'discarded'), (True, 9, 'not judged')])
def test_how_the_last_take_ended_is_shown_until_the_next_begins(maze, kept, outcome, text):
    status = Status(maze, recorder=recorder(Phase.READY, attempted=3, saved=2, kept=kept,
                                            outcome=outcome))
    assert line(status) == f'ready | saved 2, last {text}'
    status.recorder.phase = Phase.RECORDING
    assert 'last' not in line(status)


def test_who_drives_and_whether_a_policy_is_armed(maze):
    status = Status(maze, policy=True, arbiter=arbiter(source=1))
    assert line(status) == 'you drive | not armed'
    status.arbiter = arbiter(source=2, armed=True, published=False)
    assert line(status) == 'the policy drives | armed | dry run'
    status.policy = False
    status.arbiter = arbiter()
    assert line(status) == 'nobody drives', 'without a policy there is nothing to arm'


@pytest.mark.parametrize(('keys', 'how'), [(True, 'u releases it'), (False, 'reset releases it')])
def test_the_emergency_stop_comes_first_with_its_reason_and_its_release(maze, keys, how):
    status = Status(maze, keys=keys, arbiter=arbiter(
        source=3, estopped=True, estop_why='a person\x1b[2J asked', reasons=('estop',)),
        recorder=recorder(Phase.RECORDING))
    assert line(status).startswith(f'EMERGENCY STOP (a person\\u001b[2J asked); {how} | REC')
    assert status.parts(0, 0)[0].level == 'bad'


@pytest.mark.parametrize(('reasons', 'text'), [
    (('obstacle',), 'something is in the way'), (('rate', 'near'), 'too near to measure'),
    (('workspace', 'range'), 'edge of the workspace'),
    (('unseen',), 'nothing sees that way'), (('rival',), 'another node commands'),
    (('length',), 'another number of actions')])
def test_what_holds_the_robot_is_said(maze, reasons, text):
    assert text in line(Status(maze, arbiter=arbiter(source=1, reasons=reasons)))


@pytest.mark.parametrize('reasons', [(), ('rate',), ('range', 'smooth', 'wheels'), ('silent',),
                                     ('disarmed',)])
def test_limits_of_ordinary_driving_are_no_news(maze, reasons):
    assert 'held' not in line(Status(maze, arbiter=arbiter(source=1, reasons=reasons)))


@pytest.mark.parametrize('reason', ['stale', 'expired', 'observation', 'blind'])
def test_one_late_command_is_no_news_but_late_ones_for_long_are(maze, reason):
    status = Status(maze)
    for wall_ns in (0, S // 10, S // 5):
        status.hear(arbiter(reasons=(reason,), wall_ns=wall_ns))
        assert 'held' not in line(status)
    status.hear(arbiter(reasons=(reason,), wall_ns=S // 2))
    assert 'held' in line(status)
    status.hear(arbiter(source=1, wall_ns=S))
    status.hear(arbiter(reasons=(reason,), wall_ns=2 * S))
    assert 'held' not in line(status), 'it begins anew'


def test_every_reason_that_the_arbiter_gives_to_stand_has_words(maze):
    import inspect

    from ilw_teleop.arbiter import request
    text = inspect.getsource(Arbiter) + inspect.getsource(request.refusal)
    said = {reason for reason in HELD if f"'{reason}'" in text}
    assert {'rival', 'expired', 'length', 'contract', 'nonfinite', 'stale'} <= said


@pytest.mark.parametrize(('pose', 'goal', 'text'), [
    ((0.0, 0.0, 0.0), (0.0, 2.0), 'goal 2.00 m 90° left'),
    ((1.0, 1.0, math.pi), (0.0, 1.0), 'goal 1.00 m ahead'),
    ((0.0, 0.0, math.pi / 2), (3.0, 4.0), 'goal 5.00 m 37° right')])
def test_distance_and_bearing_of_the_goal(maze, pose, goal, text):
    status = Status(maze, pose=pose, goal=goal)
    assert line(status) == text
    assert line(status, wall_ns=3 * S) == 'odometry is silent'


def test_who_falls_silent_is_said(maze):
    status = Status(maze, arbiter=arbiter(source=1), recorder=recorder(Phase.RECORDING))
    assert line(status, wall_ns=2 * S) == 'RECORDER SILENT | ARBITER SILENT | saved 0'


def test_what_is_waited_for_is_said(maze):
    status = Status(maze, recorder=recorder(Phase.WAITING, problems=['odom is silent.', 'b']))
    assert line(status) == 'waiting: odom is silent. | saved 0'
    status.recorder = recorder(Phase.FAULT, problems=['The disk is full.'])
    assert line(status) == 'FAULT: The disk is full. | saved 0'
    status.recorder = recorder(Phase.READY)
    status.keys = True
    assert line(status) == 'ready, b begins | saved 0'


def test_where_a_take_begins_is_a_sentence(maze):
    assert 'does not say' in Status(maze).where()
    status = Status(maze, pose=(0.7, 0.72, -math.pi / 2))
    assert status.where() == 'Robot at x 0.70 m, y 0.72 m, heading 270°.'
    status.goal = (0.7, 4.72)
    assert status.where().endswith('goal at x 0.70 m, y 4.72 m: 4.00 m, behind.')


def test_on_a_log_only_what_happens_makes_a_new_line(maze):
    status = Status(maze, arbiter=arbiter(source=1), recorder=recorder(Phase.RECORDING),
                    pose=(0.0, 0.0, 0.0), goal=(1.0, 0.0))
    early, late = (steady(status.parts(now * S, 0)) for now in (1, 9))
    assert early == late == 'RECORDING | you drive | saved 0'
    status.arbiter = arbiter(source=1, reasons=('obstacle',))
    assert steady(status.parts(9 * S, 0)) != late


@pytest.mark.parametrize(('one', 'other', 'same'), [
    ('waiting: odom is 0.53 s old | saved 0', 'waiting: odom is 12 s old | saved 0', True),
    ('waiting: odom is 0.5 s old', 'waiting: scan is 0.5 s old', False),
    ('ready | saved 1, last success', 'ready | saved 2, last failure', False)])
def test_on_a_log_numbers_that_run_are_no_news(one, other, same):
    assert (gist(one) == gist(other)) is same


@pytest.mark.parametrize('columns', [20, 40, 79, 200])
def test_the_line_fits_the_terminal(maze, columns):
    status = Status(maze, arbiter=arbiter(source=1), recorder=recorder(
        Phase.WAITING, problems=['word ' * 40]))
    text = plain(coloured(status.parts(0, 0), columns))
    assert len(text) <= columns and text.startswith('waiting: word')


def test_colours_are_left_out_where_nobody_wants_them(maze, monkeypatch):
    status = Status(maze, arbiter=arbiter(source=3, estopped=True))
    assert '\x1b[' in coloured(status.parts(0, 0), 80)
    monkeypatch.setenv('NO_COLOR', '1')
    assert '31m' not in coloured(status.parts(0, 0), 80)


def test_before_anything_is_known_the_map_says_so():
    assert picture(MapView(), 80, 20) == ['(no map, no odometry yet)']


def plain(text):
    import re

    return re.sub(r'\x1b\[[0-9;]*m', '', text)
