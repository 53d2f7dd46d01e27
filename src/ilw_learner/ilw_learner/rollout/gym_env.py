"""A Gymnasium environment to learn in: found by its id, its spaces checked before it is used."""

from collections.abc import Callable
import importlib
from typing import Any

import gymnasium
from gymnasium import spaces
import numpy as np

from ilw_core.contract.schema import shown
from ilw_core.errors import IlwError
from ilw_learner.rollout.vec_env import OneRobot

MAX_STATES = 4096
"""Of a Discrete observation, which the network sees as so many numbers, one of them 1"""


def names_gymnasium(spec: str) -> bool:
    """
    Tell whether ``--env`` is the id of a Gymnasium environment, not ``module:function``.

    Ids are as Gymnasium has them: ``CartPole-v1``, ``namespace/Name-v0``, ``module:Name-v0``.
    """
    module, colon, name = spec.partition(':')
    if not colon or not name.isidentifier():
        return True
    try:
        found = importlib.import_module(module)
    except ImportError:  # whoever calls the function says so
        return False
    return not hasattr(found, name) and name in gymnasium.registry


def make_gymnasium(spec: str) -> OneRobot:
    """
    Return the environment of an id.

    :raises IlwError: there is no such environment, or its spaces are of another kind than these:
        observations in a Box of numbers or a Discrete, actions in a Discrete.
    """
    try:
        env = gymnasium.make(spec)
    except (gymnasium.error.Error, ImportError) as error:
        reason = ' '.join(str(error).split()).rstrip('.')
        raise IlwError(f'Gymnasium has no environment {spec!r}: {reason}. An id of your own is '
                       f'module:Id, with the module on PYTHONPATH.') from error
    if not isinstance(env.action_space, spaces.Discrete):
        raise IlwError(f'{spec}: dqn learns Discrete actions only. Got '
                       f'{_line(env.action_space)}. Register it with a wrapper that turns a '
                       f'Discrete action into these.')
    return OneRobot(env, spec, *_encoding(env.observation_space, spec))


def _encoding(space: spaces.Space[Any], spec: str) -> tuple[int, Callable[[Any], np.ndarray]]:
    """Return how many numbers a network sees of an observation, and what makes them."""
    if isinstance(space, spaces.Box) and len(space.shape) < 3 and not (
            space.dtype == np.uint8 and len(space.shape) == 2):
        return int(np.prod(space.shape)), np.asarray
    if isinstance(space, spaces.Discrete) and space.n <= MAX_STATES:
        return int(space.n), lambda state: np.arange(space.n) == int(state) - int(space.start)
    raise IlwError(f'{spec}: dqn learns from a Box of numbers (one or two dimensions, no image) '
                   f'or a Discrete of at most {MAX_STATES}. Got {_line(space)}. Register it with '
                   f'a wrapper, such as gymnasium.wrappers.FlattenObservation.')


def _line(space: spaces.Space[Any]) -> str:
    return ' '.join(shown(space).split())
