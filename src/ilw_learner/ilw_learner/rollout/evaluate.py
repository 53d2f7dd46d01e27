"""Score a policy in a Gymnasium environment: successes with an interval. No torch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import importlib
from typing import Any, Protocol

import gymnasium
import numpy as np

from ilw_core.align import Observation
from ilw_core.contract.file import Contract
from ilw_core.errors import ContractError, NoEnvironmentError
from ilw_learner.checkpoint.graph_values import INPUT
from ilw_learner.rollout.rule_ends import RuleEnds

Act = Callable[..., np.ndarray | None]
"""(Do,) observation and its mask -> (Da,) action in contract units, or None for no action. Where
the contract has images, they are a third argument: entry -> (H, W, C) uint8"""
Images = dict[str, np.ndarray]


class Drives(Protocol):
    """What turns the observations of an episode into actions: a ``PolicyRunner``, most often."""

    def reset(self) -> None:
        """Forget the past, as at the start of an episode."""

    def observe(self, observation: Observation) -> None:
        """Take in the observation of a tick."""

    def drive(self) -> tuple[np.ndarray | None, str]:
        """Return ``(Da,)`` in contract units and an empty text; or ``None`` and why."""


@dataclass(frozen=True)
class Rollout:
    """How one simulated episode went."""

    seed: int
    success: bool
    stop_reason: str
    time_s: float
    path_length_m: float
    shortest_path_m: float


def make_env(spec: str, contract: Contract, **options: Any) -> Any:
    """
    Return the environment, or vector environment, named ``module:function`` for a contract.

    :param options: those that are ``None`` are left out: one of a user's need not know them.

    :raises NoEnvironmentError: there is no such module or function, or it is ``none``.
    """
    if spec == 'none':
        raise NoEnvironmentError('--env none has nothing to drive in. Name an environment, as '
                                 'ilw_sim.env:make_env.')
    module, _, name = spec.partition(':')
    try:
        given = {key: value for key, value in options.items() if value is not None}
        env = _made(getattr(importlib.import_module(module), name), contract, given)
        ruled = contract.rules and isinstance(env, gymnasium.Env)  # a vector knows its own
        return RuleEnds(env, contract) if ruled else env
    except (ImportError, AttributeError, ValueError) as error:
        raise NoEnvironmentError(
            f'An environment (--env, --simulator) must be module:function, as in '
            f'ilw_sim.env:make_env, or for train the id of a Gymnasium environment. Got '
            f'{spec!r} ({error}).') from error


def parted(observation: Any) -> tuple[np.ndarray, Images]:
    """Return the vector of what an environment shows, and its images by entry."""
    if not isinstance(observation, Mapping):
        return observation, {}
    return observation[INPUT], {name: seen for name, seen in observation.items()
                                if name != INPUT}


def run_episode(env: gymnasium.Env[Any, Any], contract: Contract, act: Act, seed: int) -> Rollout:
    """Drive one episode; without an action the stop action is applied, as the arbiter would."""
    observation, info = env.reset(seed=seed)
    stop = contract.action.rest
    first = int(getattr(getattr(env, 'action_space', None), 'start', 0))  # of a Discrete
    done = False
    while not done:
        values, images = parted(observation)
        # Environments that know nothing of masks see everything.
        valid = np.asarray(info.get('valid', np.isfinite(values)), dtype=bool)
        wanted = act(values, valid, images) if contract.images else act(values, valid)
        action = stop if wanted is None else wanted
        if contract.action.discrete:
            step: Any = first + int(contract.action.nearest(action[None])[0])
        else:
            step = np.asarray(action, dtype=np.float32)
        observation, _, terminated, truncated, info = env.step(step)
        done = terminated or truncated
    return Rollout(seed, bool(info['success']), str(info['stop_reason']), float(info['time_s']),
                   float(info['path_length_m']), float(info['shortest_path_m']))


def acting(runner: Drives) -> Act:
    """
    Return a runner as a function of observations; call ``runner.reset`` between episodes.

    Chunks of actions are driven as the policy node drives them.
    """
    def act(values: np.ndarray, valid: np.ndarray, images: Images | None = None
            ) -> np.ndarray | None:
        runner.observe(Observation(0, np.where(valid, values, 0.0).astype(np.float32), valid, 0,
                                   images or {}))
        return runner.drive()[0]

    return act


def _made(make: Callable[..., Any], contract: Contract, given: Mapping[str, Any]) -> Any:
    """Return an environment; refuse one that does not show the images of its contract."""
    otherwise = 'Train with --env none, and compare policies on recordings: ./ilw replay'
    try:
        env = make(contract, **given)
    except ContractError as error:
        if not contract.images:
            raise
        raise NoEnvironmentError(f'{contract.name} observes images, and no environment of it is '
                                 f'there: {error} {otherwise}') from error
    space = getattr(env, 'observation_space', None)
    lacks = [source.name for source in contract.images
             if not isinstance(space, gymnasium.spaces.Dict) or source.name not in space.spaces]
    if lacks:
        env.close()
        raise NoEnvironmentError(f'{contract.name} observes images that this environment does not '
                                 f'show: {", ".join(lacks)}. Give its scene such cameras. '
                                 f'{otherwise}')
    return env


def evaluate(env: gymnasium.Env[Any, Any], contract: Contract, runner: Drives,
             seeds: Sequence[int], progress: Callable[[list[Rollout]], None] = lambda runs: None
             ) -> list[Rollout]:
    """Drive an episode per seed; ``progress`` is called after each with all so far."""
    runs = []
    for seed in seeds:
        runner.reset()
        runs.append(run_episode(env, contract, acting(runner), seed))
        progress(runs)
    return runs
