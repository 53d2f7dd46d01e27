"""From a recording to a contract, and what the recording is worth under it."""

from dataclasses import dataclass
from pathlib import Path

from ilw_core.base.base_fit import BaseFigures
from ilw_core.contract.file import Contract, parse_contract
from ilw_core.errors import EpisodeError
from ilw_core.storage.episode_folder import find_episodes
from ilw_data.bag.reader import Bag
from ilw_data.doctor import Report, check_episodes
from ilw_data.drafting.choices import find_topics
from ilw_data.drafting.writing import contract_text


@dataclass(frozen=True)
class Draft:
    """A contract and what was found by it."""

    contract: Contract
    """Its ``text`` has the evidence in comments"""
    report: Report
    """What ``episodes check`` says of the recording under this contract"""

    @property
    def steps(self) -> int:
        """To train from: all was seen, and a command was given."""
        return self.report.steps

    @property
    def usable(self) -> bool:
        """Whether one can train from it."""
        return self.report.verdict != 'bad' and self.steps > 0


def draft_contract(path: Path, base: BaseFigures | None = None, task: str = '') -> Draft:
    """
    Draft a contract from a recording; of several in a folder, from the largest.

    :param base: sizes and limits out of a URDF.
    :param task: how the contract will be named, for the commands of the findings.
    :raises EpisodeError: there is no recording, it is damaged, or it lacks odometry or commands.
    """
    folders = find_episodes(path)
    if not folders:
        raise EpisodeError(f'{path} holds no recording. Name the folder of a bag, or its .mcap or '
                           f'.db3 file.')
    largest = max(folders, key=lambda each: each.size_bytes).path
    name = (largest if largest.is_dir() else largest.with_suffix('')).resolve().name
    text = contract_text(find_topics(Bag(largest)), name, base)
    contract = parse_contract(text, f'the draft of {path}')
    report = check_episodes(path, contract, task or contract.name, base)
    return Draft(contract, report)

