"""Does the lidar of a recording say what scans say: distances, angles, a way to say nothing?"""

from collections.abc import Mapping

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.contract.observed import ObservedTopic
from ilw_core.features.lidar import unread, why_no_evidence
from ilw_core.features.lidar_sectors import unseen_sectors
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.doctor.finding import Finding, Take
from ilw_data.episode.dataset import as_recorded
from ilw_data.episode.readings import scan_of

_LOOKED_AT = 60
"""Scans of a recording, evenly spread"""
_OFTEN = 0.02
"""Part of them that may be odd, as when a lidar starts"""


def check_take(take: Take, bag: Bag, contract: Contract) -> list[Finding]:
    """Return what is wrong with one episode's scans; each finding names the contract's entry."""
    contract = as_recorded(take.folder, contract)
    sources = [s for s in contract.sources if s.feature.sectors is not None]
    topics = bag.topics({source.topic for source in sources})
    return [finding for source in sources if source.topic in topics
            for finding in _check(take, source, topics[source.topic], contract)]


def causes(findings: list[Finding]) -> Mapping[str, str]:
    """Return contract entry -> why its scans are no observations, of those findings."""
    return {finding.text.partition(' ')[0]: finding.text for finding in findings
            if finding.kind == 'lidar' and finding.level == 'bad'}


def topics(findings: list[Finding], contract: Contract) -> set[str]:
    """Return the topics whose scans are no observations, of those findings."""
    return {source.topic for source in contract.sources if source.name in causes(findings)}


def _check(take: Take, source: ObservedTopic, topic: BagTopic,
           contract: Contract) -> list[Finding]:
    lidar, told = contract.lidar, [0, 0, 0]
    texts = ['', '', '']
    rows = np.unique(np.linspace(0, len(topic.fields) - 1, _LOOKED_AT).round().astype(int))
    for row in rows.tolist():
        ranges, geometry = scan_of(topic, row)
        found = [why_no_evidence(ranges, geometry, lidar), '', '']
        if not found[0]:
            found[1] = ' '.join(unread(ranges, geometry, lidar))
            found[2] = unseen_sectors(source.name, source.feature.sectors, geometry, lidar) \
                if source.feature.sectors else ''
        for i, text in enumerate(found):
            told[i] += bool(text)
            texts[i] = texts[i] or text
    if 'no_return' in texts[0]:
        told[1] = 0  # the same, of scans that show a little more
    ratios = np.array(told) / max(len(rows), 1)
    levels = ('bad', 'bad' if _misses(take, source, contract) else 'warn', 'bad')
    return [Finding(level, 'lidar', take.name, f'{source.name} ({source.topic}) {text}',
                    take.command('show'), {'scans_ratio': float(ratio)})
            for level, text, ratio in zip(levels, texts, ratios, strict=True) if ratio > _OFTEN]


def _misses(take: Take, source: ObservedTopic, contract: Contract) -> bool:
    """Tell whether much of what one entry should observe is missing."""
    begin = next(i for i, name in enumerate(contract.obs_names)
                 if name == source.feature.names[0])
    valid = take.episode.obs_valid[:, begin:begin + source.feature.dim]
    return bool((~valid.all(axis=1)).mean() > 0.2)
