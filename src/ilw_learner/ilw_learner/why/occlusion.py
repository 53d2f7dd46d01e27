"""
Change one input of a recorded moment, ask the deployed policy again: how far does its action move?

Occlusion (M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", 2014)
for named inputs of any length, and for each number of one.
"""

from dataclasses import dataclass, replace

import numpy as np

from ilw_learner.why.asked import Ask
from ilw_learner.why.inputs import NamedInput

OTHER_MOMENT, HELD = 'value of another episode', 'held at its first value'


@dataclass(frozen=True)
class Effect:
    """How far the action moves when one input is replaced."""

    input: str
    stand_in: str
    """What stood in its place"""
    ratio: float
    """Mean over moments and fields of the change of the action, as a part of each field's range"""
    by_field: dict[str, float]
    """The same, by field of the action, in its own unit"""
    by_entry: tuple[float, ...]
    """(D,) as ``ratio``, when one number of it alone is replaced; empty: not asked"""


def effect(ask: Ask, obs: np.ndarray, stand_in: np.ndarray, given: NamedInput, what: str,
           spans: dict[str, float], *, entries: bool = True) -> Effect:
    """
    Replace an input at every moment, and each number of it alone.

    :param obs: ``(N, To, Do)``.
    :param stand_in: ``(N, To, D)`` or what can be broadcast to it.
    :param what: what it is, for people.
    :param spans: action field -> its range, high minus low.
    """
    before = ask(obs)
    other = obs.copy()
    other[..., given.columns] = stand_in
    span = np.array(list(spans.values()))
    by_entry = []
    for k in range(given.dim if entries else 0):
        one, column = obs.copy(), given.columns.start + k
        one[..., column] = other[..., column]
        by_entry.append(float((np.abs(ask(one) - before) / span).mean()))
    return replace(moved_by(before, ask(other), given.name, what, spans),
                   by_entry=tuple(by_entry))


def moved_by(before: np.ndarray, after: np.ndarray, name: str, what: str,
             spans: dict[str, float]) -> Effect:
    """Return the effect of a replacement by the actions ``(N, Da)`` before and after it."""
    moved = np.abs(after - before).mean(axis=0)  # (Da,)
    return Effect(name, what, float((moved / np.array(list(spans.values()))).mean()),
                  {field: float(v) for field, v in zip(spans, moved, strict=True)}, ())


def entry_changes(ask: Ask, obs: np.ndarray, given: NamedInput) -> np.ndarray:
    """
    Return how the action changes when each number of an input alone is not seen.

    :param obs: ``(To, Do)`` of one moment.
    :returns: ``(D, Da)`` action without it minus action with it, contract units.
    """
    rows = np.repeat(obs[None], given.dim + 1, axis=0)
    for k in range(given.dim):
        rows[k + 1, :, given.columns.start + k] = given.blank[k]
    acted = ask(rows)
    changes: np.ndarray = acted[1:] - acted[0]
    return changes


def of_other_episodes(obs: np.ndarray, episode: np.ndarray, rng: np.random.Generator,
                      ) -> np.ndarray:
    """Return ``(N, To, Do)`` of other episodes, at random; of any where one is all."""
    rows = rng.permutation(len(obs))
    for _ in range(20):
        same = episode[rows] == episode
        if not same.any():
            break
        rows[same] = rng.integers(len(obs), size=int(same.sum()))
    found: np.ndarray = obs[rows]
    return found


def held_at_first(obs: np.ndarray, episode: np.ndarray) -> np.ndarray:
    """Return at each moment the first observation of its episode, ``(N, To, Do)``."""
    _, first, back = np.unique(episode, return_index=True, return_inverse=True)
    found: np.ndarray = obs[first[back]]
    return found
