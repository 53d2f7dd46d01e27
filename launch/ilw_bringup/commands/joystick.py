"""``./ilw joystick``: which gamepads are there, what is pressed, teach a layout, test one."""

from collections.abc import Callable
import json
from pathlib import Path
import re
import sys
import time

import click
import evdev

from ilw_core.contract.yaml_data import parse_yaml
from ilw_core.errors import IlwError
from ilw_core.storage.files import create
from ilw_core.storage.locate import config_file, config_folder
from ilw_core.text.terminal import echo
from ilw_teleop.joystick.exam import Exam
from ilw_teleop.joystick.fit import (
    advice,
    best_device,
    fitting_device,
    let_go,
    why_not_device,
)
from ilw_teleop.joystick.layout import Joystick, known_joysticks, load_joystick, parse_joystick
from ilw_teleop.joystick.lesson import Lesson
from ilw_teleop.joystick.pad import EV_ABS
from ilw_teleop.joystick.raw_pad import RawPad
from ilw_teleop.joystick.stranger import describe

POLL_S = 0.01
_DEVICE = click.option('--device', default='', help='As in /dev/input/event5 [the only pad].')


@click.group()
def joystick() -> None:
    """
    Look at gamepads: which are there, what is pressed; teach and test layouts.

    Example: ./ilw joystick list
    """


@joystick.command('list')
@click.option('--json', 'as_json', is_flag=True, help='One JSON list on standard output.')
def list_pads(as_json: bool) -> None:
    """
    List the gamepads of this machine and the layouts that fit each.

    Example: ./ilw joystick list
    """
    known, rows = known_joysticks(), []
    for device in _pads():
        facts = describe(device)
        device.close()
        rows.append({'path': facts.path, 'device': facts.text,
                     'layouts': fitting_device(known, let_go(facts))})
    if as_json:
        echo(json.dumps(rows))
        return
    for row in rows:
        echo(f'{row["path"]}  {row["device"]}: {advice(row["layouts"])}')
    if not rows:
        raise IlwError(_NONE)


@joystick.command()
@_DEVICE
@click.option('--joystick', 'name', default='', help='Name what is pressed by this layout.')
@click.option('--seconds', type=click.FloatRange(0.1, 86_400.0), help='End after [Ctrl-C].')
def show(device: str, name: str, seconds: float | None) -> None:
    """
    Show what is pressed, by the names of the layout that fits.

    Example: ./ilw joystick show --seconds 10
    """
    source = _open(device)
    facts = describe(source)
    layout = _named(name) if name else best_device(known_joysticks(), facts)
    why = why_not_device(layout, facts, by_name=not name) if layout else 'No layout fits.'
    echo(f'{facts.text}: ' + (why or f'layout {layout.name}.' if layout else why), err=True)
    pad, end = RawPad(facts), time.monotonic() + (seconds or float('inf'))
    pad.set_keys(source.active_keys())
    exam, shown = None if why or layout is None else Exam(layout, facts), ''

    def on_event(kind: int, code: int, value: int) -> bool:
        nonlocal shown
        lost = pad.on_event(kind, code, value)
        if exam is not None:
            exam.on_event(kind, code, value)
        text = _pressed(pad, layout, exam)
        if text != shown:
            shown = text
            echo(text)
        return lost

    _feed(source, on_event, lambda now: now > end, reread=pad.set_keys)


@joystick.command()
@click.argument('name')
@_DEVICE
def teach(name: str, device: str) -> None:
    """
    Make the layout NAME of a pad by pressing each control once.

    Example: ./ilw joystick teach my_pad
    """
    if not re.fullmatch('[a-z0-9_]{1,40}', name) or name == 'auto':
        raise click.BadParameter('a name is of small letters, digits and _, and is not auto.')
    path = config_folder() / 'joysticks' / f'{name}.yaml'
    if path.exists():
        raise IlwError(f'{path} exists and is not overwritten. Choose another name.')
    source = _open(device)
    lesson = Lesson(describe(source))
    lesson.set_keys(set(source.active_keys()))
    said = ''

    def over(now_s: float) -> bool:
        nonlocal said
        lesson.on_time(now_s)
        text = ' '.join(filter(None, (lesson.complaint, lesson.prompt)))
        if text != said:
            said = text
            echo(text)
        return lesson.done

    _feed(source, lambda *event: lesson.on_event(*event, time.monotonic()), over,
          reread=lambda keys: lesson.set_keys(set(keys)))
    save(lesson.layout(name), path)
    echo(f'Written: {path}. Try it: ./ilw joystick test {name}')


@joystick.command('test')
@click.argument('name')
@_DEVICE
@click.option('--patience-s', type=click.FloatRange(1.0, 600.0), default=15.0, show_default=True,
              help='A control that is not pressed for so long is not there [s].')
def try_layout(name: str, device: str, patience_s: float) -> None:
    """
    Ask for each control of the layout NAME and say whether it does what it should.

    Example: ./ilw joystick test xbox
    """
    source = _open(device)
    facts, layout = describe(source), _named(name)
    why = why_not_device(layout, facts, by_name=not device)
    if why and not why_not_device(layout, let_go(facts), by_name=not device):
        raise IlwError(f'{facts.text} is not at rest. {why}')
    if why:
        raise IlwError(f'{facts.text} does not fit the layout {layout.name}. {why} '
                       f'{advice(fitting_device(known_joysticks(), let_go(facts)))}')
    exam = Exam(layout, facts)
    exam.set_keys(source.active_keys())
    said, asked_s = 0, time.monotonic()
    echo(exam.prompt)

    def over(now_s: float) -> bool:
        nonlocal said, asked_s
        if now_s - asked_s > patience_s:
            exam.skip()
        if len(exam.results) > said:
            said, asked_s = len(exam.results), now_s
            echo(': '.join(list(exam.results.items())[-1]))
            echo(exam.prompt)
        return exam.done

    _feed(source, exam.on_event, over, reread=exam.set_keys)
    good = sum(result == 'ok' for result in exam.results.values())
    echo(f'{good} of {len(exam.results)} controls do what {name} says.')
    if not exam.passed:
        sys.exit(1)


def save(text: str, path: Path) -> None:
    """
    Write a layout that was taught, once it was read back.

    :raises IlwError: it would not be one, or the file is there.
    """
    parse_joystick(parse_yaml(text, str(path)), str(path), name=path.stem)
    try:
        with create(path) as stream:
            stream.write(text.encode())
    except FileExistsError as error:
        raise IlwError(f'{path} exists and is not overwritten. Choose another name.') from error


_NONE = ('No gamepad is there, or this user may not read it (group input). Plug one in, or use '
         '--input keyboard.')


def _pads() -> list[evdev.InputDevice]:
    found = []
    for path in sorted(evdev.list_devices()):
        try:
            device = evdev.InputDevice(path)
            if describe(device).is_pad:
                found.append(device)
            else:
                device.close()
        except OSError:  # unplugged just now, or not for this user
            continue
    return found


def _open(path: str) -> evdev.InputDevice:
    if path:
        try:
            return evdev.InputDevice(path)
        except (OSError, ValueError) as error:
            raise IlwError(f'{path} cannot be read: {error}. See ./ilw joystick list.') from error
    pads = _pads()
    if len(pads) == 1:
        return pads[0]
    paths = ', '.join(pad.path for pad in pads)
    raise IlwError(f'Several gamepads are there: {paths}. Choose with --device.' if pads
                   else _NONE)


def _named(name: str) -> Joystick:
    return load_joystick(config_file('joysticks', name))


def _pressed(pad: RawPad, layout: Joystick | None, exam: Exam | None) -> str:
    """Return what is held: names of the layout and what they do, else codes."""
    if exam is not None and layout is not None:
        does = {control: name for control, name in layout.mapping.items()}
        return ', '.join(f'{control} ({does[control]})' for control in exam.active) or '-'
    keys = [f'button {code}' for code in sorted(pad.down)]
    rest = {code: round(pad.facts.deflection(code)) if code in pad.facts.values else 0
            for code in pad.deflection}
    axes = [f'axis {code} {at:+.1f}' for code, at in pad.deflection.items()
            if abs(at - rest[code]) > 0.3]
    return ', '.join([*keys, *axes]) or '-'


def _feed(source: evdev.InputDevice, on_event: Callable[[int, int, int], bool],
          over: Callable[[float], bool], *, reread: Callable[[list[int]], None]) -> None:
    """
    Feed events until it is over.

    :param reread: takes the codes of all keys that are down, after the kernel dropped events.
    :raises IlwError: the device was unplugged.
    """
    try:
        while not over(time.monotonic()):
            try:
                lost = [on_event(e.type, e.code, e.value) for e in source.read()]
            except BlockingIOError:  # nothing happened
                time.sleep(POLL_S)
                continue
            if any(lost):
                for code, _ in source.capabilities().get(EV_ABS, []):
                    on_event(EV_ABS, code, source.absinfo(code).value)
                reread(source.active_keys())
    except OSError as error:
        raise IlwError(f'The gamepad was unplugged ({error}). Plug it in and begin again.') \
            from error
    finally:
        source.close()
