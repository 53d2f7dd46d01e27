"""Novelty and risk of what a policy sees, by its gate's networks; no torch."""

from collections.abc import Mapping, Sequence

import numpy as np

from ilw_core.contract.file import Contract
from ilw_core.errors import GraphError
from ilw_learner.asking.help_gate import ASKS, HelpGate
from ilw_learner.runtime.graph import Graph

Images = Mapping[str, np.ndarray]


def disagreement(members: Sequence[Graph], seen: np.ndarray, images: Images,
                 span: np.ndarray) -> np.ndarray:
    """
    Return how much policies differ in what they would do, ``(N,)``: the variance of each value of
    the action, by its range, in the mean.

    :param seen: (N, To, Do); ``images``: name -> (N, To, H, W, C).
    :param span: (Da,) range of each value.
    """
    actions = np.stack([member.batch(seen, images) / span for member in members])
    return actions.var(axis=0).mean(axis=(1, 2))


def discrepancy(actions: np.ndarray, done: np.ndarray, span: np.ndarray) -> np.ndarray:
    """Return the mean squared difference of ``(..., Da)`` actions, by their range, ``(...)``."""
    return np.square((actions - done) / span).mean(axis=-1)


class RobotGate:
    """
    What a ``PolicyRunner`` asks before it acts.

    :param members: policies that learned from parts of the episodes; each (1, To, Do) in.
    :param goal: the chance to reach the goal from here; (1, 1, 1) out.
    """

    def __init__(self, contract: Contract, members: Sequence[Graph], goal: Graph,
                 gate: HelpGate) -> None:
        self.gate, self._members, self._goal = gate, members, goal
        self._span = contract.action.high - contract.action.low
        self._by_person: np.ndarray | None = None

    def begin(self) -> None:
        """A new episode begins."""
        self.gate.begin()
        self._by_person = None

    def hear(self, applied: np.ndarray | None) -> None:
        """Take in a decision: the action ``(Da,)`` that a person drives; ``None``: nobody does."""
        self._by_person = applied

    def look(self, seen: np.ndarray, images: Images, actions: np.ndarray) -> str:
        """Return why the policy asks for help instead of driving ``(Ta, Da)``; mostly empty."""
        try:
            novelty = float(disagreement(self._members, seen, images, self._span)[0])
            risk = 1.0 - float(self._goal(seen, images)[0, 0])
        except GraphError:
            novelty = risk = float('nan')
        done = self._by_person
        off = float('inf') if done is None else float(discrepancy(actions[0], done, self._span))
        cause = self.gate.step(novelty, risk, person=done is not None, discrepancy=off)
        return f'{ASKS}{cause}' if cause else ''
