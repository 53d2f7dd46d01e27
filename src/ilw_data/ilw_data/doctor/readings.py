"""Does a recording tell what cannot be so? By the rules that look at the live robot."""

from collections.abc import Collection, Mapping

from ilw_core.contract.file import Contract
from ilw_data.bag.reader import Bag
from ilw_data.doctor.finding import Finding, Take
from ilw_data.episode.dataset import as_recorded
from ilw_data.episode.readings import read_problems


def check_take(take: Take, bag: Bag, contract: Contract, told: Collection[str]) -> list[Finding]:
    """
    Return what of one recording cannot be so.

    :param told: topics of which that was found already.
    """
    return [Finding('bad' if problem.bad else 'warn', 'reading', take.name, str(problem),
                    take.command('redo'))
            for problem in read_problems(bag, as_recorded(take.folder, contract))
            if problem.topic not in told]


def causes(findings: list[Finding], contract: Contract) -> Mapping[str, str]:
    """Return contract entry -> why it may observe nothing, of those findings."""
    topics = {source.name: source.topic for source in contract.sources}
    texts = {finding.text.partition(':')[0]: finding.text for finding in findings}
    return {source.name: texts[topics[need]] for source in contract.sources
            for need in source.feature.needs if topics[need] in texts}
