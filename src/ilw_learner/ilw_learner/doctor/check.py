"""Look through every episode of a folder, with everything the doctor knows to look for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ilw_core.base_fit import Base, misfits, scene_base
from ilw_core.contract import Contract
from ilw_core.episode import Episode
from ilw_core.episode_folder import EpisodeFolder, find_episodes
from ilw_core.errors import ContractError, EpisodeError
from ilw_learner.bag_reader import Bag
from ilw_learner.dataset import load_episode, usable
from ilw_learner.doctor import (
    contradictions,
    labels,
    lag,
    leaks,
    lidars,
    reach,
    sensing,
    starts,
    takes,
)
from ilw_learner.doctor.finding import LEVELS, Demos, Finding, Take, command

GOOD = 'good'


@dataclass(frozen=True)
class Report:
    """What was found."""

    findings: list[Finding]
    """Worst first"""
    episodes: list[Episode]
    """Those that can be read"""
    verdicts: dict[str, str]
    """Episode -> ``bad``, ``warn`` or ``good``"""
    usable: int
    """Episodes that training would use"""

    @property
    def verdict(self) -> str:
        """Of the set: ``bad``, ``warn`` or ``good``."""
        return _worst(self.findings)

    def __iter__(self) -> Iterator[list[Finding] | list[Episode]]:
        """Give findings and episodes, for those who want these two."""
        return iter((self.findings, self.episodes))


def check_episodes(root: Path, contract: Contract, task: str = '',
                   base: Base | None = None) -> Report:
    """
    Look through every episode at or below a folder.

    :param base: what the URDF of the robot says, to hold the contract to; ``None``: of the contract's
        ``scene.robot``, if it names one.
    :param task: how the contract was named, for the commands of the findings.
    :raises EpisodeError: the folder is missing or holds no episode.
    """
    folders = find_episodes(root)
    task = task or contract.name
    if not folders:
        raise EpisodeError(f'{root} holds no episode. Record some: ./ilw up record --task '
                           f'{task}.')
    demos, findings = Demos(root, task, contract, []), []
    for folder in folders:
        try:
            bag = Bag(folder.path)
            take = Take(folder, load_episode(folder, contract, bag=bag), task)
            scans = lidars.check_take(take, bag, contract)
        except (EpisodeError, ContractError) as error:
            findings.append(_unreadable(folder, error))
            continue
        demos.takes.append(take)
        findings += takes.check_take(take, bag.torn)
        findings += scans + sensing.check_take(take, contract, lidars.causes(scans))
        findings += labels.check_take(take, contract) + reach.check_take(take, contract)
    base = base or scene_base(contract)
    findings += [Finding('warn', 'base', '', text, demos.command('episodes', 'check', str(root)))
                 for text in (misfits(contract, base) if base else ())]
    if demos.takes:
        for part in (takes.check_outcomes, sensing.check_set, labels.check_set, leaks.check_set,
                     lag.check_set, contradictions.check_set, starts.check_set):
            findings += part(demos)
    findings.sort(key=lambda each: (LEVELS.index(each.level), each.episode))
    verdicts = {folder.path.name: _worst([f for f in findings if f.episode == folder.path.name])
                for folder in folders}
    return Report(findings, [take.episode for take in demos.takes], verdicts,
                  len(usable([take.folder for take in demos.takes])))


def _unreadable(folder: EpisodeFolder, error: Exception) -> Finding:
    return Finding('bad', 'unreadable', folder.path.name, str(error),
                   command('episodes', 'drop', folder.path, '--why', 'cannot be read'))


def _worst(findings: list[Finding]) -> str:
    levels = {each.level for each in findings} - {'note'}
    return next((level for level in LEVELS if level in levels), GOOD)
