"""The identity task: the right one of the named actions is told by where the robot is."""

import gymnasium
import numpy as np

EDGE_M = 1.4
"""Each action has a strip of x so wide"""


def right_choice(x_m, contract):
    """Return the index of the action that is right at x: ``(N,)`` for ``(N,)``."""
    return np.clip(np.asarray(x_m) // EDGE_M, 0, len(contract.action.discrete) - 1).astype(int)


def places(contract, count, seed=0, spare_m=0.1):
    """Return observations ``(count, Do)`` that are not within ``spare_m`` of an edge."""
    rng = np.random.default_rng(seed)
    obs = rng.uniform(contract.obs_low, contract.obs_high, (count, contract.obs_dim))
    strip = rng.integers(len(contract.action.discrete), size=count)
    obs[:, 0] = EDGE_M * strip + rng.uniform(spare_m, EDGE_M - spare_m, count)
    yaw = rng.uniform(-np.pi, np.pi, count)
    obs[:, 2:] = np.stack([np.sin(yaw), np.cos(yaw)], axis=1)
    return obs.astype(np.float32)


def show(bags, folder, chosen, at):
    """Write an episode of a robot that leaps between places ``(T, Do)``, doing what is chosen."""
    table = bags.contract.action.table
    return bags.write(
        folder, ticks=len(at), drive=lambda i: tuple(table[chosen[i]].tolist()),
        place=lambda i: (*at[i, :2].tolist(), float(np.arctan2(at[i, 2], at[i, 3]))),
        meta={'outcome': 'success', 'stop_reason': 'goal'})


class ManyPlaces(gymnasium.vector.VectorEnv):
    """Robots that are somewhere, act once, are told whether that was right, and are elsewhere."""

    def __init__(self, contract, robots, seed, paid=True):
        self.num_envs, self._contract, self._paid = robots, contract, paid
        self.single_action_space = gymnasium.spaces.Discrete(len(contract.action.discrete))
        self.single_observation_space = gymnasium.spaces.Box(
            contract.obs_low.astype(np.float32), contract.obs_high.astype(np.float32))
        self._seeds = np.random.default_rng(seed)
        self._obs = self._anywhere()

    def _anywhere(self):
        return places(self._contract, self.num_envs, self._seeds.integers(2 ** 31), spare_m=0.0)

    def reset(self, *, seed=None, options=None):
        self._seeds = np.random.default_rng(seed)
        self._obs = self._anywhere()
        return self._obs, {}

    def step(self, actions):
        right = np.asarray(actions) == right_choice(self._obs[:, 0], self._contract)
        was, self._obs = self._obs, self._anywhere()
        yes = np.ones(self.num_envs, dtype=bool)
        earned = (right * self._paid).astype(np.float32)
        return self._obs, earned, yes, ~yes, {'final_obs': was, 'success': right}


def make_batch(contract, robots=64, *, seed=0, **options):
    """Return what learners from reward drive in."""
    return ManyPlaces(contract, robots, seed)


def make_unpaid_batch(contract, robots=64, *, seed=0, **options):
    """Return the same where nothing is ever rewarded: what was shown is all there is."""
    return ManyPlaces(contract, robots, seed, paid=False)


class Places:
    """The same as states and actions of a table."""

    def __init__(self, contract, bins):
        nx, ny, nyaw = self.shape = bins
        self.origin, self.goal = np.zeros(2), np.array([1.0, 1.0])
        self.size = np.array([contract.obs_high[0] / nx, contract.obs_high[1] / ny])
        states = nx * ny * nyaw
        x_m = (np.arange(states) // (ny * nyaw) + 0.5) * self.size[0]
        kinds = np.arange(len(contract.action.discrete))
        self.reward = (right_choice(x_m, contract)[:, None] == kinds).astype(float)
        self.after = np.repeat(np.arange(states)[:, None], len(kinds), axis=1)
        self.ended = np.ones(self.after.shape, dtype=bool)
        self.free = np.ones(states, dtype=bool)


def make_model(contract, *, bins, hold):
    """Return what a table is learned in."""
    return Places(contract, bins)
