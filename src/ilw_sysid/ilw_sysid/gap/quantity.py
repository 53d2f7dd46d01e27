"""What each number of a contract measures, so that two bags are held to what it can show."""

from dataclasses import dataclass

from ilw_core.contract.file import Contract
from ilw_core.contract.planar_twist import FORWARD, TURN

_PLACES = ('pose2d',)
"""Kinds of features that tell where on a map a robot is: two bags may well be elsewhere"""
_ENDINGS = (('_mps', 'm/s'), ('_radps', 'rad/s'), ('_rad', 'rad'), ('_m', 'm'))
_SPEEDS = {'forward_mps': FORWARD, 'turn_radps': TURN}
"""End of a measured speed's name -> of the action that asks for it"""
_REACH = 3.0
"""Times the contract's limits: faster is no way to drive this robot"""
ACTION = 'action '
"""What the name of a number begins with that was commanded"""


@dataclass(frozen=True)
class Quantity:
    """One number of an observation, or one field of the action."""

    unit: str
    """``m``, ``m/s``, ``rad``, ``rad/s``, or what the contract says; empty: a plain number"""
    low: float
    """Of the contract"""
    high: float
    place: bool = False
    """Whether it is a coordinate: where that is says nothing of how it is measured"""
    command: str = ''
    """Of a measured speed: the name of the action that asks for it"""

    def comparable(self, size: float) -> bool:
        """
        Tell whether another size in another bag speaks for another unit.

        Speeds and commands differ as one drives, so there it does only beyond what the robot can
        reach; a place never does.

        :param size: the larger one.
        """
        if self.place or not self.unit:
            return False
        return not self.unit.endswith('/s') or size > _REACH * max(abs(self.low), abs(self.high))


def quantities(contract: Contract) -> dict[str, Quantity]:
    """Return the numbers of observation and action by name, ``ACTION`` before those of actions."""
    found, bounds = {}, iter(zip(contract.obs_low, contract.obs_high, strict=True))
    for source in contract.sources:
        for name in source.feature.names:
            low, high = map(float, next(bounds))
            tail = _SPEEDS.get(name.rpartition('.')[2])
            asked = next((f'{ACTION}{each}' for each in contract.action.names
                          if tail and each.endswith(tail)), '')
            unit = next((unit for end, unit in _ENDINGS if name.endswith(end)), '')
            found[name] = Quantity(unit, low, high, source.feature.kind in _PLACES, asked)
    action = contract.action
    for name, unit, low, high in zip(action.names, action.units, action.low, action.high,
                                     strict=True):
        found[f'{ACTION}{name}'] = Quantity(unit, float(low), float(high))
    return found
