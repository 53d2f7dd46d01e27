"""The emulator as a Gymnasium environment, faster than real time: the robot, and the way to it."""

from collections.abc import Callable
import math
from pathlib import Path
from typing import Any

import gymnasium
from gymnasium import spaces
import numpy as np

from ilw_core.align import Observation
from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract, load_contract
from ilw_core.contract.planar_twist import twist_fields
from ilw_core.errors import ContractError, IlwError
from ilw_core.limits import Limiter
from ilw_core.policy_loop import PolicyLoop
from ilw_core.storage.locate import config_file
from ilw_emulator.profile import load_emulator
from ilw_emulator.robot import Arrival, Robot
from ilw_emulator.traits import EmulatorProfile
from ilw_emulator.world import EmulatedWorld, load_world

Worlds = Callable[[int], EmulatedWorld]
"""Seed of an episode -> its world"""

_BEGIN_NS = 10_000_000_000_000  # so that a clock which is behind still shows positive stamps
_PATIENCE_NS = 30_000_000_000   # a machine that shows no whole tick by then never will


class EmulatorEnv(gymnasium.Env):
    """
    One machine per episode, seen and driven as over the network.

    A step lasts from one observation to the next, as the policy node would give them out: at the
    contract's ticks by the machine's stamps, once every topic has delivered, or half a period late
    without what is missing. The action is commanded when its observation is there; thinking takes
    no time. Spaces, reward, ends and ``info`` are those of ``ilw_sim.env.IlwEnv``.

    :param worlds: world of each seed.
    :param seed: of the one machine that drives every episode; ``None``: each its own.
    """

    metadata = {'render_modes': []}

    def __init__(self, contract: Contract, profile: EmulatorProfile, worlds: Worlds,
                 seed: int | None = None) -> None:
        self.contract, self.profile = contract, profile
        self._worlds, self._seed = worlds, seed
        spec = contract.action
        self._forward, self._turn = twist_fields(spec, 'The emulated robot')
        self._topics: dict[str, list[str]] = {}
        for source in contract.sources:
            self._topics.setdefault(source.topic, []).append(source.name)
        self.observation_space = spaces.Box(contract.obs_low, contract.obs_high, dtype=np.float32)
        self.action_space = (
            spaces.Discrete(len(spec.discrete)) if spec.discrete else
            spaces.Box(spec.low.astype(np.float32), spec.high.astype(np.float32)))
        self._stop = spec.rest
        self._limiter = Limiter(spec, self._stop)
        self.robot: Robot
        self._loop: PolicyLoop
        self._seen: Observation
        self._begin_ns = self._now_ns = self._look_ns = _BEGIN_NS
        self._decided_ns: int | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """
        Begin the episode of ``seed``, or of the next random one.

        :raises IlwError: there is no such world, its goal is too far for the contract's time, or
            the machine never shows a whole tick in it.
        """
        super().reset(seed=seed)
        episode = int(self.np_random.integers(2 ** 31)) if seed is None else seed
        traits = self.profile.machine(episode if self._seed is None else self._seed)
        world = self._worlds(episode)
        if far := too_far(self.contract, world.way_m):
            raise ContractError(f'World {world.name}: {far}')
        self.robot = Robot(traits, self.profile.body, world, episode, _BEGIN_NS)
        self._loop = PolicyLoop(self.contract)
        self._now_ns = self._look_ns = _BEGIN_NS
        self._decided_ns = None
        self._push(Arrival(_BEGIN_NS, 'goal', self.robot.stamp_ns(_BEGIN_NS),
                           self.robot.goal(_BEGIN_NS)))
        self._limiter.jump(self._stop)
        seen = self._next_observation()
        if seen is None:
            raise ContractError(f'{self.contract.name}: within {_PATIENCE_NS / 1e9:g} s the '
                                f'emulator must have delivered every observed topic. It has odom, '
                                f'joint_states, scan and goal. Observe those.')
        self._seen, self._begin_ns = seen, self._now_ns
        return self._result('', ())

    def step(
        self, action: np.ndarray | int,
    ) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Command an action, then wait for the next observation or a collision."""
        spec = self.contract.action
        wanted = spec.table[int(action)] if spec.discrete else np.asarray(action, np.float64)
        applied, reasons = self._limiter.towards(wanted, self._elapsed_s())
        self._decided_ns = self._now_ns
        self.robot.command(float(applied[self._forward]), float(applied[self._turn]),
                           self._now_ns)
        self._seen = self._next_observation() or self._seen
        touched = bool(self.robot.drive.touched)
        to_goal_m = math.dist(self.robot.pose[:2], self.robot.world.goal)
        reached = not touched and to_goal_m <= self.contract.goal_radius_m
        late = not touched and not reached and self._time_s >= self.contract.timeout_s - 1e-9
        reason = 'collision' if touched else 'goal' if reached else 'timeout' if late else ''
        worth = self.contract.reward
        reward = worth['step'] + (worth[reason] if touched or reached else 0.0)
        observation, info = self._result(reason, reasons)
        return observation, reward, touched or reached, late, info

    def _next_observation(self) -> Observation | None:
        """Let time go by until a tick is given out; ``None`` if the machine bumps before."""
        seen, give_up_ns = self._loop.poll(), self._now_ns + _PATIENCE_NS
        while seen is None and self._now_ns < give_up_ns:
            arrival = self.robot.advance(self._look_ns)
            if self.robot.drive.touched:
                self._now_ns = max(self._now_ns, self.robot.drive.now_ns)
                return None
            if arrival is None:
                self._now_ns = self._look_ns
                self._look_ns += self.contract.period_ns // 4  # as often as the policy node
                seen = self._loop.overdue(self._now_ns)
            else:
                self._now_ns = arrival.at_ns
                self._push(arrival)
                seen = self._loop.poll()
        self.robot.drive.advance(self._now_ns)
        return seen

    def _push(self, arrival: Arrival) -> None:
        for name in self._topics.get(arrival.topic, ()):
            self._loop.push(name, arrival.stamp_ns, arrival.message)

    def _elapsed_s(self) -> float:
        """Return the time since the last decision, which bounds the change of the action [s]."""
        period_s = 1.0 / self.contract.rate_hz
        if self._decided_ns is None:
            return period_s
        # After a longer silence the arbiter lets nobody jump further, either.
        return min((self._now_ns - self._decided_ns) * 1e-9, 2.0 * period_s)

    @property
    def _time_s(self) -> float:
        return (self._now_ns - self._begin_ns) * 1e-9

    def _result(self, reason: str, reasons: tuple[str, ...]) -> tuple[np.ndarray, dict[str, Any]]:
        drive, seen = self.robot.drive, self._seen
        x, y, yaw = drive.pose
        return seen.values, {
            'success': reason == 'goal', 'stop_reason': reason, 'collision': drive.touched,
            'pose': (x, y, math.remainder(yaw, 2.0 * math.pi)),
            'path_length_m': drive.path_length_m,
            'shortest_path_m': self.robot.world.way_m, 'time_s': self._time_s,
            'valid': seen.valid, 'applied': self._limiter.applied.copy(), 'reasons': reasons}


def make_env(
    contract: str | Path | Contract, *, profile: str | Path | EmulatorProfile = 'typical',
    worlds: Worlds | str | Path | None = None, seed: int | None = None,
) -> EmulatorEnv:
    """
    Return the environment of a contract, given as name in ``config/tasks``, path or object.

    :param profile: a name in ``config/emulators``, a path, or the profile itself.
    :param worlds: a function of the episode's seed, or a folder of files ``<seed>.yaml``.
    :param seed: of the one machine that drives every episode; ``None``: each its own.
    :raises IlwError: there is no such contract, profile or folder.
    """
    if not isinstance(contract, Contract):
        contract = load_contract(config_file('tasks', str(contract)))
    if not isinstance(profile, EmulatorProfile):
        profile = load_emulator(profile)
    if worlds is None:
        raise IlwError('The emulator must be given worlds: a folder of <seed>.yaml files, or a '
                       'function of the seed. Got none. For those of the simulator use '
                       'ilw_bringup.emulator_worlds:make_env.')
    if not callable(worlds):
        folder = Path(worlds)
        if not folder.is_dir():
            raise IlwError(f'worlds must be a folder of <seed>.yaml files. Got {folder}.')
        return EmulatorEnv(contract, profile, lambda world: load_world(folder / f'{world}.yaml'),
                           seed)
    return EmulatorEnv(contract, profile, worlds, seed)
