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
"""A start or an end that stands still for longer than this teaches standing still"""
_ENOUGH = 20
"""Ticks at which a command changes, to tell a copy from chance"""
_SAME = 5e-3
"""Closer than this part of an action's range is the same: odometry has some noise"""


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
    gap = _longest_run(~episode.obs_valid.all(axis=1)) / contract.rate_hz
    if gap > _IDLE_S:
        found.append(Finding('warn', name, f'has a gap of {gap:.1f} s in what was observed. '
                             f'Record it again if much of the task falls into it.'))
    found += _commands(episode, contract)
    return found


def _commands(episode: Episode, contract: Contract) -> list[Finding]:
    """Return what is wrong with the labels of one episode."""
    name, given = episode.name, episode.actions[episode.action_valid]
    silent = 1.0 - episode.action_valid.mean()
    found = []
    if not len(given):
        return [Finding('bad', name, f'no command on {contract.action.topic} falls into any tick: '
                        f'do its stamps come from another clock? See ./ilw episodes show.')]
    if silent > 0.05:
        at = np.flatnonzero(episode.action_valid)
        head, tail = at[0] / contract.rate_hz, (len(episode.actions) - 1 - at[-1])
        found.append(Finding('warn', name, f'{silent:.0%} of its ticks have no command (the first '
                             f'{head:.1f} s, the last {tail / contract.rate_hz:.1f} s, gaps '
                             f'between); they are left out of training.'))
    head, tail = _idle_ends(given)
    for part, ticks in (('starts', head), ('ends', tail)):
        if ticks / contract.rate_hz > _IDLE_S:
            found.append(Finding('warn', name, f'{part} with {ticks / contract.rate_hz:.1f} s of '
                                 f'commands to stand still, which the policy will learn too. '
                                 f'Start and stop recording closer to the drive.'))
    return found


def _idle_ends(actions: np.ndarray) -> tuple[int, int]:
    """Return how many of ``(T, Da)`` actions at the start and at the end do nothing."""
    moving = np.flatnonzero(np.abs(actions).max(axis=1) > 1e-3)
    if not len(moving):
        return len(actions), 0
    return int(moving[0]), int(len(actions) - 1 - moving[-1])


def _longest_run(flags: np.ndarray) -> int:
    """Return the length of the longest run of true values in ``(T,)``."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return int((edges[1::2] - edges[::2]).max(initial=0))


def _copies(episodes: list[Episode], contract: Contract) -> list[Finding]:
    """Return observations that give the command away: the policy would copy, not look."""
    found = []
    both = [e.obs_valid[1:-1].all(axis=1) & e.action_valid[:-1] & e.action_valid[1:]
            for e in episodes]
    seen = np.concatenate([e.obs[1:-1][rows] for e, rows in zip(episodes, both, strict=True)])
    before = np.concatenate([e.actions[:-1][r] for e, r in zip(episodes, both, strict=True)])
    now = np.concatenate([e.actions[1:][r] for e, r in zip(episodes, both, strict=True)])
    for i, name in enumerate(contract.action.names):
        span = contract.action.high[i] - contract.action.low[i]
        moving = np.abs(np.diff(now[:, i], prepend=now[:1, i])) > 1e-3 * span
        if moving.sum() < _ENOUGH:
            continue
        for j, observed in enumerate(contract.obs_names):
            for command, word in ((now, 'the command of the same tick: it is the label'),
                                  (before, 'the command before: the policy may copy it')):
                equal = np.abs(seen[moving, j] - command[moving, i]) < _SAME * span
                if equal.mean() > 0.5:
                    found.append(Finding('warn', '', f'{observed} mostly equals {word} ({name}). '
                                         f'Compare the held-out error with repeating the last '
                                         f'command, or leave it out of the contract.'))
    return found


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
    found += _copies(episodes, contract)
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
