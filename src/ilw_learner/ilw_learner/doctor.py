"""Is this folder of episodes fit to train from? Findings, each with the command that mends it."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ilw_core.contract import Contract
from ilw_core.episode import Episode, Outcome
from ilw_core.episode_folder import EpisodeFolder, find_episodes
from ilw_core.errors import ContractError, EpisodeError
from ilw_learner.dataset import load_episode

_IDLE_S = 1.0
"""A start or an end without a command for longer than this teaches standing still"""


@dataclass(frozen=True)
class Finding:
    """One thing found."""

    level: str
    """``bad``: leave it out; ``warn``: training works but suffers"""
    episode: str
    """Folder name; empty when it concerns the whole set"""
    text: str
    """What, and what to do"""


def check_episodes(root: Path, contract: Contract) -> tuple[list[Finding], list[Episode]]:
    """
    Look through every episode at or below a folder.

    :returns: findings, worst first, and the episodes that can be used.
    :raises EpisodeError: the folder is missing or holds no episode.
    """
    folders = find_episodes(root)
    if not folders:
        raise EpisodeError(f'{root} holds no episode. Record some: ./ilw up record --task '
                           f'{contract.name}.')
    findings: list[Finding] = []
    episodes: list[Episode] = []
    for folder in folders:
        name = folder.path.name
        try:
            episode = load_episode(folder, contract)
        except (EpisodeError, ContractError) as error:
            findings.append(Finding('bad', name, str(error)))
            continue
        episodes.append(episode)
        findings += _one(folder, episode, contract)
    if episodes:
        findings += _all(episodes, contract)
    return sorted(findings, key=lambda f: f.level), episodes


def _one(folder: EpisodeFolder, episode: Episode, contract: Contract) -> list[Finding]:
    name, found = episode.name, []
    if folder.meta.get('recovered'):
        found.append(Finding('warn', name, 'was cut short by a crash and repaired; it is left '
                             'out of training.'))
    elif folder.meta and episode.outcome is not Outcome.SUCCESS:
        found.append(Finding('warn', name, f'ended in {episode.outcome.name.lower()} '
                             f'({episode.stop_reason}); it is left out of training.'))
    missing = 1.0 - episode.obs_valid.all(axis=1).mean()
    if missing > 0.01:
        worst = int(np.argmin(episode.obs_valid.mean(axis=0)))
        found.append(Finding('bad' if missing > 0.2 else 'warn', name,
                             f'{missing:.0%} of its ticks lack something, most often '
                             f'{contract.obs_names[worst]}. Check that topic\'s rate, or raise '
                             f'its tolerance_ms.'))
    silent = 1.0 - episode.action_valid.mean()
    if silent > 0.05:
        found.append(Finding('warn', name, f'{silent:.0%} of its ticks have no command.'))
    head, tail = _idle_ends(episode)
    for part, ticks in (('starts', head), ('ends', tail)):
        if ticks / contract.rate_hz > _IDLE_S:
            found.append(Finding('warn', name, f'{part} with {ticks / contract.rate_hz:.1f} s of '
                                 f'standing still, which the policy will learn too.'))
    return found


def _idle_ends(episode: Episode) -> tuple[int, int]:
    moving = np.flatnonzero(np.abs(episode.actions).max(axis=1) > 1e-3)
    if not len(moving):
        return len(episode.actions), 0
    return int(moving[0]), int(len(episode.actions) - 1 - moving[-1])


def _all(episodes: list[Episode], contract: Contract) -> list[Finding]:
    found = []
    obs = np.concatenate([e.obs[e.obs_valid.all(axis=1)] for e in episodes])
    actions = np.concatenate([e.actions[e.action_valid] for e in episodes])
    if len(obs):
        still = [n for n, s in zip(contract.obs_names, obs.std(axis=0), strict=True) if s < 1e-7]
        if still:
            found.append(Finding('warn', '', f'{", ".join(still[:5])} never changed: is the '
                                 f'sensor alive?'))
        beyond = (obs < contract.obs_low - 1e-3) | (obs > contract.obs_high + 1e-3)
        for i in np.flatnonzero(beyond.mean(axis=0) > 0.01):
            found.append(Finding('warn', '', f'{contract.obs_names[i]} leaves the range of the '
                                 f'contract in {beyond[:, i].mean():.0%} of ticks (from '
                                 f'{obs[:, i].min():.3g} to {obs[:, i].max():.3g}).'))
    if len(actions):
        spec = contract.action
        for i, name in enumerate(spec.names):
            low, high = float(actions[:, i].min()), float(actions[:, i].max())
            if low < spec.low[i] - 1e-6 or high > spec.high[i] + 1e-6:
                found.append(Finding('warn', '', f'{name} leaves the limits of the contract '
                                     f'(from {low:.3g} to {high:.3g}): widen min and max.'))
            if high - low < 1e-9:
                found.append(Finding('warn', '', f'{name} was {low:.3g} throughout: nothing to '
                                     f'learn there.'))
    return found
