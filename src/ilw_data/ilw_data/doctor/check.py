"""Look through every episode of a folder, with everything the doctor knows to look for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ilw_core.base.base_fit import BaseFigures, misfits, scene_base
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import (
    ContractError,
    ContractMisfitError,
    EpisodeError,
    FeatureMisfitError,
)
from ilw_core.storage.episode_folder import EpisodeFolder, find_episodes
from ilw_data.bag.message_types import TypeUnknownError
from ilw_data.bag.reader import Bag
from ilw_data.doctor import (
    clocks,
    contradictions,
    foreign,
    goals,
    labels,
    lag,
    leaks,
    lidars,
    readings,
    sensing,
    starts,
    takes,
)
from ilw_data.doctor.finding import LEVELS, Demos, Finding, Take, command
from ilw_data.doctor.sensors import cameras
from ilw_data.episode.dataset import load_episode, usable
from ilw_data.episode.judge import judged

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
    fit: list[Episode]
    """Those to train from: a success, or judged by nobody; with a step; not bad"""

    @property
    def usable(self) -> int:
        """Episodes to train from."""
        return len(self.fit)

    @property
    def steps(self) -> int:
        """Steps to train from: those with a command."""
        return sum(episode.steps_to_train for episode in self.fit)

    @property
    def verdict(self) -> str:
        """Of the set: ``bad``, ``warn`` or ``good``."""
        return _worst(self.findings)

    @property
    def set_is_bad(self) -> bool:
        """Something is wrong that no episode has alone."""
        return any(each.level == 'bad' and not each.episode for each in self.findings)

    def __iter__(self) -> Iterator[list[Finding] | list[Episode]]:
        """Give findings and episodes, for those who want these two."""
        return iter((self.findings, self.episodes))


def check_episodes(root: Path, contract: Contract, task: str = '',
                   base: BaseFigures | None = None) -> Report:
    """
    Look through every episode at or below a folder.

    :param task: how the contract was named, for the commands of the findings.
    :param base: what the URDF of the robot says, to hold the contract to; ``None``: that of the
        contract's ``scene.robot``, if it names one.
    :raises EpisodeError: the folder is missing or holds no episode, or a feature of the contract
        reads what no recording has.
    """
    folders = find_episodes(root)
    task = task or contract.name
    if not folders:
        raise EpisodeError(f'{root} holds no episode. Record some: ./ilw up record --task '
                           f'{task}.')
    demos, findings = Demos(root, task, contract, []), []
    misfitting: list[FeatureMisfitError] = []
    for folder in folders:
        try:
            bag = Bag(folder.path)
            whole = load_episode(folder, contract, bag=bag).without_images()
            episode = judged(whole, contract)
            take = Take(folder, episode, task, lag.read_signals(bag, contract, episode),
                        cameras.read_pictures(bag, contract, (
                            int(episode.stamps_ns[0]), int(episode.stamps_ns[-1]))))
            scans = lidars.check_take(take, bag, contract)
            odd = readings.check_take(take, bag, contract, lidars.topics(scans, contract))
        except (EpisodeError, ContractError) as error:
            if isinstance(error, FeatureMisfitError):
                misfitting.append(error)
            findings.append(_unreadable(folder, error))
            continue
        demos.takes.append(take)
        findings += takes.check_take(take, bag.torn)
        findings += clocks.check_take(take) + foreign.check_take(take, bag, contract)
        findings += scans + odd + sensing.check_take(
            take, contract, {**readings.causes(odd, contract), **lidars.causes(scans)})
        findings += labels.check_take(take, contract) + goals.check_take(take, bag, contract)
        findings += goals.check_reach(take, contract) + cameras.check_take(take, contract)
    if len(misfitting) == len(folders):
        raise misfitting[0]  # the contract is wrong, not the recordings
    base = base or scene_base(contract)
    findings += [Finding('warn', 'base', '', text, demos.command('episodes', 'check', str(root)))
                 for text in (misfits(contract, base) if base else ())]
    if demos.takes:
        for part in (takes.check_outcomes, sensing.check_set, labels.check_set, leaks.check_set,
                     lag.check_set, cameras.check_set, contradictions.check_set, starts.check_set):
            findings += part(demos)
    findings.sort(key=lambda each: (LEVELS.index(each.level), each.episode))
    verdicts = {folder.path.name: _worst([f for f in findings if f.episode == folder.path.name])
                for folder in folders}
    fit = [take.episode for take in demos.takes if verdicts[take.name] != 'bad'
           and usable([take.folder])
           and (take.episode.action_valid & take.episode.whole[:-1]).any()]
    return Report(findings, [take.episode for take in demos.takes], verdicts, fit)


def _unreadable(folder: EpisodeFolder, error: Exception) -> Finding:
    if isinstance(error, ContractMisfitError):
        return Finding('bad', 'contract', folder.path.name, str(error),
                       command('contract', 'draft', folder.path))
    if isinstance(error, ContractError):  # nothing is wrong with it: `show` reads it by its own
        return Finding('bad', 'contract', folder.path.name, str(error),
                       command('episodes', 'show', folder.path))
    if isinstance(error, TypeUnknownError):
        return Finding('bad', 'type', folder.path.name, str(error),
                       command('episodes', 'show', folder.path))
    return Finding('bad', 'unreadable', folder.path.name, str(error),
                   command('episodes', 'drop', folder.path, '--why', 'cannot be read'))


def _worst(findings: list[Finding]) -> str:
    levels = {each.level for each in findings} - {'note'}
    return next((level for level in LEVELS if level in levels), GOOD)
