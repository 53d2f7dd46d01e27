"""What a contract observes: its topics, how messages meet the ticks, and the feature of each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ilw_core.contract.schema import Section
from ilw_core.errors import ContractError
from ilw_core.features.codecs import CODECS
from ilw_core.features.spec import FeatureSpec


@dataclass(frozen=True)
class Align:
    """How the message of one tick is chosen."""

    how: str
    """``asof``: newest at or before the tick, within the tolerance; ``hold``: newest, any age."""
    tolerance_ns: int
    """Largest age at the tick [ns]; unused by ``hold``."""


@dataclass(frozen=True)
class ObservedTopic:
    """One observed topic."""

    name: str
    topic: str
    """Relative name, without a leading slash."""
    type: str
    """As in ``sensor_msgs/msg/LaserScan``."""
    align: Align
    feature: FeatureSpec
    hidden: bool = False
    """Whether it only says how an episode ends: no policy sees it"""


def read_sources(section: Section, rate_hz: float) -> tuple[ObservedTopic, ...]:
    """Take every entry out of ``observation``."""
    sources = []
    for name in section.keys():  # noqa: SIM118 - a method, not a dict
        entry = section.section(name)
        topic, kind = entry.topic(), entry.message_type()
        align_section = entry.section('align', required=False)
        how = align_section.text('how', 'asof', choices=('asof', 'hold'))
        # Two periods: one late message is normal, two mean the sensor is gone.
        tolerance_ms = align_section.number('tolerance_ms', 2000.0 / rate_hz, low=0.0,
                                            high=1e6)
        align_section.done()
        hidden = entry.flag('hidden')
        codec = entry.text('feature', choices=tuple(CODECS))
        options = Section(entry.rest(), entry.where, kind)
        feature = CODECS[codec](name, options)
        options.done()
        sources.append(ObservedTopic(name, topic, kind, Align(how, round(tolerance_ms * 1e6)),
                                     feature, hidden))
    known = {source.name for source in sources}
    for source in sources:
        missing = [need for need in source.feature.needs if need not in known]
        if missing:
            raise ContractError(f'{section.where}.{source.name} reads {missing[0]!r}, which is '
                                f'not an observation. Known: {", ".join(sorted(known))}.')
    types: dict[str, str] = {}
    for source in sources:
        if types.setdefault(source.topic, source.type) != source.type:
            raise ContractError(f'{section.where}.{source.name}.type must be that of the other '
                                f'entries of {source.topic}, {types[source.topic]}. '
                                f'Got {source.type}.')
    if not sources:
        raise ContractError(f'{section.where} must name at least one topic. Got none.')
    return tuple(sources)


def making(sources: Sequence[ObservedTopic],
           names: Collection[str]) -> tuple[ObservedTopic, ...]:
    """Return the entries that make some observed numbers, and those that they are made from."""
    wanted = {source.name for source in sources if set(names) & set(source.feature.names)}
    found: tuple[ObservedTopic, ...] = ()
    while len(wanted) > len(found):
        found = tuple(source for source in sources if source.name in wanted)
        wanted.update(need for source in found for need in source.feature.needs)
    return found
