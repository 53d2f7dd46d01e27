"""Thousands of simulated robots at once, as a Gymnasium vector environment. No PyBullet."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
import numpy as np

from ilw_core.base.plant import PlantProfile
from ilw_core.contract.file import Contract, load_contract
from ilw_core.errors import IlwError
from ilw_core.storage.locate import config_file
from ilw_sim.batch import kernel
from ilw_sim.batch.arrays import Robots, make_params, make_robots
from ilw_sim.batch.worlds import make_pool, make_scenes
from ilw_sim.physics.actuation import find_plant
from ilw_sim.tasks.scene import Scene

_BLOCK = 128  # CUDA threads per block
_FEW = 256    # robots that one thread steps in the time it takes to wake another


class BatchEnv(VectorEnv):
    """
    ``robots`` copies of what ``IlwEnv`` simulates, kinematic, in compiled code.

    Observation ``(N, Do)`` float32 in contract order and units; action ``(N,)`` indices where the
    contract's actions are discrete, else ``(N, Da)`` float32; reward ``(N,)`` float32, terminated
    and truncated ``(N,)`` bool. A robot whose episode ends begins the next one in the same step.
    ``info``: ``final_obs`` (N, Do), the last observation of ended episodes and equal to the
    observation of the others; ``success`` (N,) bool; ``applied`` (N, Da) float64, the action
    within the contract's limits; ``step`` (N,) int32, ticks of the episode that was stepped.

    All arrays are reused: the next ``step`` overwrites them, so copy what you keep.
    ``torch.from_numpy`` shares them on the CPU; with ``device='cuda'`` they are numba device
    arrays, which ``torch.as_tensor`` shares, and so may actions be (int64 or float32).
    Not simulated: wheel slip, what happens after a contact, topics other than scan, goal, odom.

    :param scenes: worlds to use; without ``robots``, one robot each, which stays in its own.
    :param seeds: of the pool's worlds, each as in ``IlwEnv.reset(seed=...)``.
    :param noise: ``False``: no sensor noise, no veering.
    :param plant: what each episode draws its base from, as in ``IlwEnv``.
    :raises ContractError: the contract observes something that is not simulated here.
    """

    metadata = {'render_modes': [], 'autoreset_mode': AutoresetMode.SAME_STEP}

    def __init__(
        self, contract: Contract, *, robots: int | None = None, seed: int = 0,
        seeds: Sequence[int] = range(2000), scenes: Sequence[Scene] | None = None,
        device: str = 'cpu', noise: bool = True, plant: PlantProfile | None = None,
    ) -> None:
        self.contract = contract
        self.scenes = list(scenes) if scenes is not None else make_scenes(contract, seeds)
        self.num_envs = robots or (1024 if scenes is None else len(self.scenes))
        self.single_observation_space = spaces.Box(
            contract.obs_low, contract.obs_high, dtype=np.float32)
        action = contract.action
        self.single_action_space = (
            spaces.Discrete(len(action.discrete)) if action.discrete else
            spaces.Box(action.low.astype(np.float32), action.high.astype(np.float32)))
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._pool: Any = make_pool(self.scenes)
        self._params: Any = make_params(
            contract, noise=noise, plant=plant,
            in_order=scenes is not None and robots is None)
        self._robots = make_robots(contract, self._params, self.num_envs)
        self._wanted: tuple[Any, tuple[int, ...]] = (
            (np.int64, (self.num_envs,)) if action.discrete else
            (np.float32, (self.num_envs, action.dim)))
        # The kernel takes both kinds of action, and reads one.
        self._unused: Any = (np.zeros((1, 1), np.float32) if action.discrete else
                             np.zeros(1, np.int64))
        self._step: Any
        self._reset: Any
        self._step, self._reset = kernel.step_all, kernel.reset_all
        if self.num_envs < _FEW:
            self._step = partial(kernel.step_block, 0, self.num_envs)
            self._reset = partial(kernel.reset_block, 0, self.num_envs)
        self._cuda: Any = None
        if device == 'cuda':
            self._move_to_cuda()
        elif device != 'cpu':
            raise IlwError(f'device must be cpu or cuda. Got {device!r}.')
        self._seed(seed)

    @property
    def arrays(self) -> Robots:
        """Everything about the robots, true poses included, where the kernel works on it."""
        return self._robots

    def reset(
        self, *, seed: int | Sequence[int] | None = None, options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin a new episode everywhere; the same seed gives the same bits from here on."""
        if seed is not None:
            self._seed(int(np.asarray(seed).ravel()[0]))
        self._reset(self._pool, self._params, self._robots)
        return self._robots.obs, {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Drive every robot for one tick."""
        dtype, shape = self._wanted
        if self._cuda is None:
            actions = np.ascontiguousarray(actions, dtype)
        elif isinstance(actions, np.ndarray):
            actions = self._cuda.to_device(np.ascontiguousarray(actions, dtype))
        else:
            actions = self._cuda.as_cuda_array(actions)
        if actions.shape != shape or actions.dtype != dtype:
            raise ValueError(f'actions must be {np.dtype(dtype)} of shape {shape}. '
                             f'Got {actions.dtype} of {actions.shape}.')
        wanted = (actions, self._unused) if self.contract.action.discrete else (
            self._unused, actions)
        self._step(*wanted, self._pool, self._params, self._robots)
        r = self._robots
        return r.obs, r.reward, r.terminated, r.truncated, {
            'final_obs': r.final_obs, 'success': r.success, 'applied': r.applied, 'step': r.step}

    def use_stream(self, handle: int) -> None:
        """
        Step on a CUDA stream from now on, such as the one that a graph is captured on.

        :param handle: the stream's, as in ``torch.cuda.Stream.cuda_stream``; 0: the default one.
        """
        step, blocks, threads = self._on_cuda
        self._step = step[blocks, threads, self._cuda.external_stream(handle) if handle else 0]

    def _seed(self, seed: int) -> None:
        """Give each robot its own random sequence, from its beginning."""
        keys = np.random.SeedSequence(seed).generate_state(self.num_envs).astype(np.int64)
        counts = np.zeros(self._robots.counts.shape, np.int32)
        if self._cuda is None:
            self._robots.keys[:], self._robots.counts[:] = keys, counts
        else:
            self._robots.keys.copy_to_device(keys)
            self._robots.counts.copy_to_device(counts)

    def _move_to_cuda(self) -> None:
        from numba import cuda

        from ilw_sim.batch.on_cuda import cuda_kernels

        self._cuda = cuda
        self._pool, self._params, self._robots = (
            type(group)(*(cuda.to_device(v) if isinstance(v, np.ndarray) else v for v in group))
            for group in (self._pool, self._params, self._robots))
        self._unused = cuda.to_device(self._unused)
        blocks = -(-self.num_envs // _BLOCK)
        step, reset = cuda_kernels()
        self._step, self._reset = step[blocks, _BLOCK], reset[blocks, _BLOCK]
        self._on_cuda = step, blocks, _BLOCK


def make_batch(
    contract: str | Path | Contract, robots: int = 1024, *, seed: int = 0, worlds: int = 2000,
    first_world: int = 0, device: str = 'cpu', plant: str | Path | PlantProfile | None = None,
) -> BatchEnv:
    """
    Return the batched environment of a contract: a name in ``config/tasks``, path or object.

    :param plant: likewise, in ``config/plants``.
    :param worlds: size of the pool: the worlds of ``IlwEnv.reset(seed=first_world)`` and on.
    :raises IlwError: there is no such contract, or it cannot be simulated.
    """
    if not isinstance(contract, Contract):
        contract = load_contract(config_file('tasks', str(contract)))
    return BatchEnv(contract, robots=robots, seed=seed,
                    seeds=range(first_world, first_world + worlds), device=device,
                    plant=find_plant(plant))
