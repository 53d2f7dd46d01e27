"""How an arm is drawn for cameras: ``drawing`` in its file, in ``config/arms``."""

from dataclasses import dataclass

from ilw_core.contract.schema import Section


@dataclass(frozen=True)
class DrawnBox:
    """A box that stands for a link's mesh."""

    link: str
    size_m: tuple[float, float, float]
    at_m: tuple[float, float, float]
    """Its middle in the frame of the link"""
    colour: tuple[float, float, float, float]


@dataclass(frozen=True)
class ArmLook:
    """How an arm is drawn; ``drawing`` in its file."""

    radius_m: float = 0.05
    """Of the capsules from joint to joint"""
    boxes: tuple[DrawnBox, ...] = ()


def read_look(section: Section) -> ArmLook:
    """Take everything out of ``drawing``; :raises ContractError: it has a mistake."""
    look = ArmLook(section.number('radius_m', 0.05, low=0.005, high=0.3), tuple(
        _box(entry) for entry in (section.sections('boxes') if section.has('boxes') else ())))
    section.take('boxes')
    section.done()
    return look


def _box(entry: Section) -> DrawnBox:
    (w, d, h), (x, y, z), (red, green, blue) = (
        entry.numbers(key, 3) for key in ('size_m', 'at_m', 'colour'))
    box = DrawnBox(entry.text('link'), (w, d, h), (x, y, z), (red, green, blue, 1.0))
    entry.done()
    return box
