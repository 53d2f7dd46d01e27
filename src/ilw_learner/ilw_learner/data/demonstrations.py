"""Recorded episodes as transitions for a learner from reward."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from ilw_core.contract.action import nearest_choice
from ilw_core.contract.end_rules import OUTCOMES, reward_key
from ilw_core.contract.file import Contract
from ilw_core.episode import Episode
from ilw_core.errors import NotFiniteError
from ilw_learner.data.n_step import NStepWalk
from ilw_learner.data.replay_buffer import Transitions


def task_rewards(episode: Episode, contract: Contract) -> np.ndarray:
    """Return the contract's reward of each step, and a person's, (T,) float32."""
    rewards = np.full(len(episode.actions), contract.reward['step'], dtype=np.float32)
    ended = episode.stop_reason
    if ended == 'rule' and episode.outcome in OUTCOMES.values():
        ended = reward_key(episode.outcome)
    rewards[-1] += contract.reward.get(ended, 0.0)
    if episode.person_rewards is not None:
        rewards += episode.person_rewards
    return rewards


def to_transitions(
    episodes: Sequence[Episode], contract: Contract, table: np.ndarray,
    encode: Callable[[Tensor], Tensor], *, gamma: float, n_step: int = 1, history: int = 1,
    potential: int | None = None, shaping: float = 0.0,
    rewards: Callable[[Episode], np.ndarray] | None = None,
) -> Transitions:
    """
    Return the steps at which all was seen and a command was given.

    An action becomes the choice nearest to it. Rewards reach over up to ``n_step`` steps; one
    that would need a step which is missing ends before it.

    :param table: ``(K, Da)`` what each choice means.
    :param encode: of (N, To * Do) observations, the newest last.
    :param gamma: discount per step.
    :param potential: observation index whose fall is rewarded by ``shaping`` per unit.
    :param rewards: (T,) of each step of an episode [the contract's, and a person's].
    :raises NotFiniteError: a reward that was recorded is NaN or infinite.
    """
    span = contract.action.high - contract.action.low
    parts: list[tuple[np.ndarray, ...]] = []
    for episode in episodes:
        earned = rewards(episode) if rewards else task_rewards(episode, contract)
        if not np.isfinite(earned).all():
            at = int(np.flatnonzero(~np.isfinite(earned))[0])
            raise NotFiniteError(f'{episode.name}: the reward of step {at} is {earned[at]}. '
                                 f'Take the episode out of training: ./ilw episodes drop')
        terminated = episode.stop_reason in ('goal', 'collision', 'rule')
        if potential is not None and shaping:
            distance = episode.obs[:, potential].copy()
            distance[-1] *= not terminated
            earned += shaping * (distance[:-1] - gamma * distance[1:])
        choices = nearest_choice(episode.actions, table, span)
        before = [np.maximum(np.arange(len(episode.obs)) - age, 0)
                  for age in reversed(range(history))]
        seen = np.concatenate([episode.obs[rows] for rows in before], axis=1)  # (T + 1, To * Do)
        whole = np.logical_and.reduce([episode.whole[rows] for rows in before])
        usable = whole[:-1] & whole[1:] & episode.action_valid
        parts += _windows(seen, choices, earned, usable, terminated, gamma, n_step)
    obs, choice, reward, discount, after = (np.stack(v) for v in zip(*parts, strict=True))
    return Transitions(
        encode(torch.from_numpy(obs)), torch.from_numpy(choice), torch.from_numpy(reward),
        torch.from_numpy(discount), encode(torch.from_numpy(after)))


def _windows(obs: np.ndarray, choices: np.ndarray, rewards: np.ndarray, usable: np.ndarray,
             terminated: bool, gamma: float, n_step: int) -> list[tuple[np.ndarray, ...]]:
    rows, walk, count = [], NStepWalk(n_step, gamma), len(choices)
    for t in np.flatnonzero(usable):
        last = t + 1 == count
        rows += [(each.obs, np.int64(each.action), np.float32(each.reward),
                  np.float32(each.discount), each.after) for each in walk.push(
                      obs[t], choices[t], float(rewards[t]), terminated=last and terminated,
                      ended=last or not usable[t + 1], after=obs[t + 1])]
    return rows
