"""
Q-learning with a table, as in the textbook.

C. J. C. H. Watkins, "Learning from delayed rewards", 1989; R. S. Sutton and A. G. Barto,
"Reinforcement learning", 2nd edition, section 6.5:
``Q(s, a) += alpha * (r + gamma * max Q(s', .) - Q(s, a))``.
"""

from dataclasses import dataclass
import math
from typing import Protocol

from numba import njit
import numpy as np
import torch
from torch import Tensor, nn

from ilw_core.contract.file import Contract


@dataclass(frozen=True)
class QTableConfig:
    """Hyper-parameters; ``config/train/qtable.yaml`` has the reasons."""

    alpha: float = 0.1
    """Learning rate"""
    gamma: float = 0.9
    """Discount per held action"""
    epsilon: float = 0.5
    """Chance of a random action while learning"""
    bins: tuple[int, ...] = (28, 28, 12)
    """Of x, y and heading"""
    hold: int = 5
    """Ticks for which an action is held while learning"""
    updates: int = 40_000_000
    """Single updates of the table"""
    horizon: int = 5
    """Actions per episode"""
    candidates: int = 20
    """Times along the way that the table is compared with the best there is"""
    eval_episodes: int = 200
    """Simulated episodes to score it"""

    def __post_init__(self) -> None:
        if len(self.bins) != 3 or min(*self.bins, self.hold, self.updates, self.horizon,
                                      self.candidates, self.eval_episodes) < 1:
            raise ValueError('bins must be three numbers; they and all counts at least 1.')
        if not (0.0 < self.alpha <= 1.0 and 0.0 < self.gamma < 1.0):
            raise ValueError('alpha must be within (0, 1], gamma within (0, 1).')


class Model(Protocol):
    """A Markov decision process with S states and K actions."""

    shape: tuple[int, int, int]
    origin: np.ndarray
    size: np.ndarray
    goal: np.ndarray
    after: np.ndarray
    reward: np.ndarray
    ended: np.ndarray
    free: np.ndarray


@njit(cache=True)
def learn(q: np.ndarray, after: np.ndarray, reward: np.ndarray, ended: np.ndarray,
          starts: np.ndarray, alpha: float, gamma: float, epsilon: float, horizon: int,
          updates: int, seed: int) -> None:
    """
    Improve ``q`` (S, K) by driving: episodes from random starts, each action now and then random.

    :param starts: states an episode may begin in.
    """
    np.random.seed(seed)
    state, left = 0, 0
    for _ in range(updates):
        if left == 0:
            state, left = starts[np.random.randint(len(starts))], horizon
        if np.random.random() < epsilon:
            action = np.random.randint(q.shape[1])
        else:
            action = int(np.argmax(q[state]))
        target = reward[state, action]
        then = after[state, action]
        if not ended[state, action]:
            target += gamma * q[then].max()
        q[state, action] += alpha * (target - q[state, action])
        left = 0 if ended[state, action] else left - 1
        state = then


def value_iteration(model: Model, gamma: float) -> np.ndarray:
    """Return the values of the best policy for every action, (S, K), to rounding."""
    q = np.zeros(model.after.shape)
    while True:
        new = model.reward + gamma * ~model.ended * q.max(1)[model.after]
        if np.max(np.abs(new - q)) < 1e-13:
            return new
        q = new


def reaching(best: np.ndarray, model: Model) -> np.ndarray:
    """Return the states from which the goal can be reached, (S,) bool."""
    return model.free & (best.max(1) > 1e-12)


def is_optimal(q: np.ndarray, best: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Return where the greedy action of ``q`` is one of the best, (S,) bool, of some states."""
    chosen = np.take_along_axis(best, q.argmax(1)[:, None], 1)[:, 0]
    return (chosen >= best.max(1) - 1e-9) & states


class TablePolicy(nn.Module):
    """
    The table's greedy action, as deployed: ``(B, 1, Do)`` poses to ``(B, 1, Da)``.

    :param actions: ``(S,)`` the action of each state.
    """

    def __init__(self, contract: Contract, model: Model, actions: np.ndarray) -> None:
        super().__init__()
        self.discrete = len(contract.action.discrete)
        names = contract.obs_names
        self._columns = [next(i for i, name in enumerate(names) if name.endswith(tail))
                         for tail in ('.x_m', '.y_m', '.yaw_sin', '.yaw_cos')]
        self._bins = model.shape
        for name, value in (('origin', model.origin), ('size', model.size),
                            ('table', contract.action.table)):
            self.register_buffer(name, torch.as_tensor(np.asarray(value, dtype=np.float32)))
        self.register_buffer('actions', torch.as_tensor(actions, dtype=torch.int64))

    def forward(self, obs: Tensor) -> Tensor:
        """Return the action of the bin that holds each pose."""
        x, y, sin, cos = (obs[:, 0, column] for column in self._columns)
        nx, ny, nyaw = self._bins
        ix = ((x - self.origin[0]) / self.size[0]).floor().clamp(0, nx - 1).long()
        iy = ((y - self.origin[1]) / self.size[1]).floor().clamp(0, ny - 1).long()
        # An exported atan2(0, 0) is no number.
        cos = torch.where((sin == 0.0) & (cos == 0.0), 1.0, cos)
        turn = torch.atan2(sin, cos) * (nyaw / (2.0 * math.pi))
        bins = (turn + nyaw + 0.5).floor()  # within two turns; graphs do not divide whole numbers
        iyaw = torch.where(bins < nyaw, bins, bins - nyaw).long()
        state = (ix * ny + iy) * nyaw + iyaw
        return self.table[self.actions[state]].unsqueeze(1)
