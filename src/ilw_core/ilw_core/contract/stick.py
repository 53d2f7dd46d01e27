"""
Which control of a joystick moves which field of the action: the ``teleop`` part of a contract.

It is not part of the contract's hash: a policy learns nothing from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ilw_core.contract.action import ActionSpec
from ilw_core.contract.planar_twist import FORWARD, TURN, field_index
from ilw_core.contract.schema import Section


@dataclass(frozen=True)
class Moved:
    """One field and the direction in which a deflection moves it."""

    field: int
    sign: float = 1.0


@dataclass(frozen=True)
class StickSpec:
    """See ``docs/reference/contract.md``."""

    modes: Mapping[str, Mapping[str, Moved]]
    """Mode -> axis, or ``forward`` or ``turn`` of the layout -> what it moves"""
    buttons: Mapping[str, Moved] = field(default_factory=dict)
    """Button, or ``+axis`` or ``-axis`` -> what it moves while it is held, in every mode"""
    mode_button: str = ''
    """Goes to the next mode; empty where there is one"""
    idle: tuple[str, ...] = ()
    """Controls of a layout that this contract has no use for: their buttons may move fields"""

    @property
    def names(self) -> tuple[str, ...]:
        """Axes and buttons that a layout must have."""
        axes = [axis for mode in self.modes.values() for axis in mode]
        return tuple(dict.fromkeys([*axes, *self.buttons, *filter(None, [self.mode_button])]))


def base_stick(action: ActionSpec) -> StickSpec:
    """Return the sticks of a base: forward and turn; of other actions, the first two fields."""
    found = {'forward': field_index(action, FORWARD), 'turn': field_index(action, TURN)}
    for place, control in enumerate(found):
        if found[control] is None and place < action.dim:
            found[control] = place
    return StickSpec({'': {control: Moved(i) for control, i in found.items() if i is not None}})


def read_stick(section: Section, action: ActionSpec) -> StickSpec:
    """Check the ``teleop`` section; an empty one means the sticks of a base."""
    if not section.keys():
        return base_stick(action)
    if action.discrete:
        raise section.error('axes', 'left out where the action has named choices: forward and '
                            'turn choose among them', section.take('axes'))
    if section.has('axes') == section.has('modes'):
        raise section.error('axes', 'given, or `modes`, but not both', section.take('axes'))
    if section.has('axes'):
        modes = {'': _axes(section.section('axes'), action)}
    else:
        named = section.section('modes')
        modes = {name: _axes(named.section(name), action) for name in named.keys()}  # noqa: SIM118
    buttons: dict[str, Moved] = {}
    pairs = section.section('buttons', required=False)
    for name in pairs.keys():  # noqa: SIM118 - a method, not a dict
        where = _moved(pairs, name, name, action)
        pair = pairs.take(name)
        if not (isinstance(pair, list) and len(pair) == 2
                and all(isinstance(each, str) and each for each in pair)):
            raise pairs.error(name, 'two buttons, the one that raises it first', pair)
        for button, sign in zip(pair, (1.0, -1.0), strict=True):
            if button in buttons:
                raise pairs.error(name, f'buttons that move nothing else ({button} does)', pair)
            buttons[button] = Moved(where.field, sign)
    mode_button = ''
    if len(modes) > 1:
        mode_button = section.text('mode_button')
        if mode_button in buttons:
            raise section.error('mode_button', 'a button that moves nothing', mode_button)
    section.done()
    return StickSpec(modes, buttons, mode_button)


def _axes(section: Section, action: ActionSpec) -> dict[str, Moved]:
    found = {axis: _moved(section, axis, section.text(axis), action)
             for axis in section.keys()}  # noqa: SIM118
    fields = [moved.field for moved in found.values()]
    for axis, moved in found.items():
        if fields.count(moved.field) > 1:
            raise section.error(axis, 'a field that no other axis moves',
                                action.names[moved.field])
    if not found:
        raise section.error('axes', 'at least one axis and the field that it moves', {})
    return found


def _moved(section: Section, key: str, text: str, action: ActionSpec) -> Moved:
    name = text.removeprefix('-')
    if name not in action.names:
        raise section.error(key, f'an action field, `-` before it to turn it round '
                            f'({", ".join(action.names)})', text)
    return Moved(action.names.index(name), -1.0 if text.startswith('-') else 1.0)
