"""A layout taught by pressing each control once is the pad's; an exam tells what is wrong."""

from click.testing import CliRunner
from fake_pads import BLUETOOTH_AXES, FakeInput, FakePad, device_of, sent
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from ilw_bringup.commands import joystick as commands_joystick
from ilw_bringup.commands.joystick import joystick as command
from ilw_bringup.commands.joystick import save
from ilw_core.contract.yaml_data import parse_yaml
from ilw_core.errors import IlwError
from ilw_teleop.joystick.exam import Exam
from ilw_teleop.joystick.fit import why_not, why_not_device
from ilw_teleop.joystick.layout import BUTTON_CONTROLS, known_joysticks, parse_joystick
from ilw_teleop.joystick.lesson import ASKED, FAR, Lesson
from ilw_teleop.joystick.pad import EV_ABS, EV_KEY, EV_SYN, SYN_DROPPED
from ilw_teleop.joystick.stranger import describe

KNOWN = known_joysticks()
CODED = sorted(name for name, one in KNOWN.items() if one.axis_codes is not None)


def raw(device, code, deflection):
    low, high = device.axes[code]
    return round(low + (1.0 - deflection) / 2.0 * (high - low))


def moves(layout, device, control):
    """Return the events of pressing a control and letting go of it."""
    name = layout.mapping[control]
    if control in ('forward', 'turn') or name[0] in '+-':
        axis = name.lstrip('+-')
        code, rest = layout.axis_codes[axis], layout.rest.get(axis, 0.0)
        at = -1.0 if name[0] == '-' else 1.0
        return [(EV_ABS, code, raw(device, code, (rest + at) / 2)),
                (EV_ABS, code, raw(device, code, at)), (EV_ABS, code, raw(device, code, rest))]
    code = layout.button_codes[name]
    return [(EV_KEY, code, 1), (EV_KEY, code, 2), (EV_KEY, code, 0)]


def warm_up(layout, device):
    """Return the events of moving every axis once, back to where it rests."""
    rests = {layout.axis_codes[name]: layout.rest.get(name, 0.0) for name in layout.axes}
    return [(EV_ABS, code, raw(device, code, at)) for code, rest in rests.items()
            for at in (-rest or 1.0, rest)]


def lesson_of(layout):
    device = device_of(layout)
    lesson = Lesson(describe(device))
    for event in warm_up(layout, device):
        lesson.on_event(*event, 1.0)
    lesson.on_time(2.0)
    assert 'Turn both' in lesson.prompt  # not still for long enough
    lesson.on_time(3.0)
    return lesson, device


@pytest.mark.parametrize('name', CODED)
def test_a_layout_that_was_taught_means_the_same_and_fits_the_pad(name):
    layout = KNOWN[name]
    lesson, device = lesson_of(layout)
    for control in ASKED:
        for event in moves(layout, device, control):
            lesson.on_event(*event, 3.0)
        assert lesson.complaint == ''
    assert lesson.done
    text = lesson.layout('mine')
    mine = parse_joystick(parse_yaml(text, 'mine'), 'mine', name='mine')
    assert mine.meaning() == layout.meaning()
    assert why_not_device(mine, describe(device)) == ''
    assert why_not(mine, *sent(layout, 'deadman', forward=1.0)) == ''
    for control in BUTTON_CONTROLS:
        assert mine.pressed(control, *sent(layout, control))


def taught(*events, layout='xbox'):
    lesson, device = lesson_of(KNOWN[layout])
    for event in events:
        lesson.on_event(*event, 3.0)
    return lesson, device


@pytest.mark.parametrize(('events', 'complaint'), [
    ([(EV_KEY, 304, 1), (EV_KEY, 304, 0)], 'a button, no stick'),
    ([(EV_ABS, 1, 128), (EV_ABS, 1, 0)], 'other way round'),
    ([(EV_ABS, 2, 128), (EV_ABS, 2, -128)], 'a trigger'),
    ([(EV_ABS, 1, -128), (EV_ABS, 3, -128), (EV_ABS, 1, 0), (EV_ABS, 3, 0)], 'One at a time'),
])
def test_a_press_that_is_none_of_what_was_asked_is_asked_again(events, complaint):
    lesson, _ = taught(*events)
    assert complaint in lesson.complaint
    assert lesson.prompt == ASKED['forward']


def test_one_control_is_not_taken_twice_and_a_driving_stick_is_no_button():
    lesson, device = taught()
    xbox = KNOWN['xbox']
    for control in ('forward', 'forward'):
        for event in moves(xbox, device, control):
            lesson.on_event(*event, 3.0)
    assert 'forward already' in lesson.complaint
    for event in moves(xbox, device, 'turn') + moves(xbox, device, 'forward'):
        lesson.on_event(*event, 3.0)
    assert 'forward already' in lesson.complaint  # half of its axis for the deadman
    for control in ('deadman', 'deadman'):
        for event in moves(xbox, device, control):
            lesson.on_event(*event, 3.0)
    assert 'deadman already' in lesson.complaint
    assert lesson.prompt == ASKED['turbo']


def test_a_pad_that_is_held_crookedly_is_not_learnt_as_at_rest():
    xbox, device = KNOWN['xbox'], device_of(KNOWN['xbox'])
    lesson = Lesson(describe(device))
    for event in [*warm_up(xbox, device), (EV_ABS, 1, 55)]:
        lesson.on_event(*event, 1.0)
    lesson.on_time(9.0)
    assert 'not at rest' in lesson.complaint
    lesson.on_event(EV_ABS, 1, 0, 9.0)
    lesson.on_time(20.0)
    assert lesson.prompt == ASKED['forward']


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, EV_KEY, EV_ABS, 4, 21]), st.integers(0, 400),
                          st.integers(-2**31, 2**31)), max_size=60))
def test_no_events_break_a_lesson_or_an_exam(events):
    lesson, device = taught()
    exam = Exam(KNOWN['xbox'], describe(device))
    for event in events:
        lesson.on_event(*event, 4.0)
        exam.on_event(*event)
    assert FAR > 0.5  # what was pressed in a lesson is pressed for the teleop node, too
    assert not exam.passed


def test_an_exam_tells_which_control_does_something_else():
    xbox, device = KNOWN['xbox'], device_of(KNOWN['xbox'])
    exam = Exam(xbox, describe(device))
    for control in ASKED:
        wrong = {'estop': 'arm', 'arm': 'estop'}.get(control, control)
        if control == 'reward_minus':
            exam.skip()
            continue
        for event in moves(xbox, device, wrong):
            exam.on_event(*event)
    assert exam.done
    assert not exam.passed
    assert {control: result for control, result in exam.results.items() if result != 'ok'} == {
        'estop': 'was arm', 'arm': 'was estop', 'reward_minus': 'nothing was seen'}


def test_a_stick_that_goes_the_other_way_does_not_pass():
    exam = Exam(KNOWN['xbox'], describe(device_of(KNOWN['xbox'])))
    exam.on_event(EV_ABS, 1, 128)
    exam.on_event(EV_ABS, 1, 0)
    assert exam.results == {'forward': 'was forward, backwards'}


# -- the command line


class Clock:
    """In the place of the module ``time``: waiting is what makes it go on."""

    def __init__(self):
        self.now_s = 0.0

    def monotonic(self):
        self.now_s += 0.001
        return self.now_s

    def sleep(self, seconds):
        self.now_s += seconds


class Played(FakePad):
    """A pad that a script plays: one event each time it is read, then a pause."""

    def play(self, events):
        self.script = list(events)
        self.pause = 0
        return self

    def read(self):
        self._check()
        self.pause += 1
        if not self.script:
            raise BlockingIOError
        if self.script[0] is None:
            self.pause = self.pause if self.pause < 400 else 0
            if self.pause:
                raise BlockingIOError
            self.script.pop(0)
            return []
        kind, code, value = self.script.pop(0)
        if kind == EV_ABS:
            self.values[code] = value
        return [_event(kind, code, value)]


def _event(kind, code, value):
    return type('Event', (), {'type': kind, 'code': code, 'value': value})


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return a function that runs ``./ilw joystick ...`` with these pads plugged in."""
    (tmp_path / 'joysticks').mkdir()
    monkeypatch.setattr(commands_joystick, 'config_folder', lambda: tmp_path)
    monkeypatch.setattr(commands_joystick, 'time', Clock())

    def invoke(*words, pads=()):
        fake = FakeInput(*pads)
        monkeypatch.setattr(commands_joystick.evdev, 'InputDevice', fake.InputDevice)
        monkeypatch.setattr(commands_joystick.evdev, 'list_devices', fake.list_devices)
        return CliRunner().invoke(command, words)

    invoke.folder = tmp_path / 'joysticks'
    return invoke


def played(name, *events):
    made = Played(name='xbox', axes={}).play(events)
    made.__dict__.update({key: value for key, value in vars(device_of(KNOWN[name])).items()})
    return made


def test_list_names_the_layouts_that_fit_each_pad(run):
    result = run('list', pads=[FakePad('/dev/input/event1'),
                               FakePad('/dev/input/event2', bus=5, axes=BLUETOOTH_AXES,
                                       keys=range(304, 319), product=0x0b13),
                               FakePad('/dev/input/event3', name='odd', keys=[288]),
                               FakePad('/dev/input/event4', name='mouse', keys=[272])])
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert [line.split()[0] for line in lines] == [f'/dev/input/event{i}' for i in (1, 2, 3)]
    assert 'May fit: xbox.' in lines[0]
    assert './ilw joystick test xbox_bluetooth.' in lines[1]
    assert 'teach' in lines[2]


def test_without_a_gamepad_each_command_says_so(run):
    for words in (['list'], ['show'], ['teach', 'mine'], ['test', 'xbox']):
        result = run(*words)
        assert isinstance(result.exception, IlwError)
        assert 'No gamepad' in str(result.exception)


def test_show_names_what_is_pressed(run):
    xbox, device = KNOWN['xbox'], device_of(KNOWN['xbox'])
    pad = played('xbox', *moves(xbox, device, 'estop'), *moves(xbox, device, 'forward'))
    result = run('show', '--seconds', '5', pads=[pad])
    assert result.exit_code == 0
    assert 'estop (x)' in result.output
    assert 'forward (left_stick_y)' in result.output


def test_teach_writes_a_layout_and_never_over_another(run):
    xbox, device = KNOWN['ps4'], device_of(KNOWN['ps4'])
    script = [*warm_up(xbox, device), None]
    for control in ASKED:
        script += moves(xbox, device, control)
    result = run('teach', 'mine', pads=[played('ps4', *script)])
    assert result.exit_code == 0, result.output
    made = parse_joystick(parse_yaml((run.folder / 'mine.yaml').read_text(), 'mine'), 'mine')
    assert made.meaning() == xbox.meaning()
    result = run('teach', 'mine', pads=[played('ps4', *script)])
    assert 'not overwritten' in str(result.exception)
    with pytest.raises(IlwError, match='not overwritten'):
        save((run.folder / 'mine.yaml').read_text(), run.folder / 'mine.yaml')
    for name in ('../mine', 'auto', 'a/b', ''):
        assert run('teach', name, pads=[played('ps4')]).exit_code == 2


def test_teach_and_test_say_that_the_pad_was_unplugged(run):
    for words in (['teach', 'mine'], ['test', 'xbox']):
        pad = played('xbox')
        pad.read = _unplugged
        assert 'unplugged' in str(run(*words, pads=[pad]).exception)
    assert list(run.folder.iterdir()) == []


def _unplugged():
    raise OSError(19, 'No such device')


def test_test_passes_a_pad_that_does_what_its_layout_says(run):
    xbox, device = KNOWN['xbox'], device_of(KNOWN['xbox'])
    script = [event for control in ASKED for event in moves(xbox, device, control)]
    result = run('test', 'xbox', pads=[played('xbox', (EV_SYN, SYN_DROPPED, 0), *script)])
    assert result.exit_code == 0, result.output
    assert '15 of 15' in result.output
    result = run('test', 'xbox', pads=[played('xbox', *script[:-3])])
    assert result.exit_code == 1
    assert 'reward_minus: nothing was seen' in result.output
    result = run('test', 'xbox', pads=[played('switch_pro')])
    assert 'switch_pro' in str(result.exception)
