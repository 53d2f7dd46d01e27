"""
Does it copy? How much of an action its last action tells, and which input tells the last action.

C. Wen et al., "Fighting copycat agents in behavioral cloning from observation histories", arXiv
2010.14876: an action that the last one predicts is learned as a copy of it wherever an input, or a
history, shows the last one.
"""

from dataclasses import dataclass

import numpy as np

from ilw_learner.why.inputs import NamedInput
from ilw_learner.why.recorded.regression import squared_errors, told


@dataclass(frozen=True)
class CopycatTest:
    """R² on episodes that were not fitted, 0 to 1; of the demonstrated actions."""

    moments: int
    last_action: float
    """Told by the last action alone"""
    observations: float
    """Told by the observations alone"""
    both: float
    partial: float
    """Of what observations leave open, the part that the last action tells"""
    shown_by: dict[str, float]
    """Input -> how much of the last action it alone tells"""


def copycat_test(obs: np.ndarray, actions: np.ndarray, previous: np.ndarray, episode: np.ndarray,
                 inputs: tuple[NamedInput, ...]) -> CopycatTest:
    """
    Test moments whose last action is known.

    :param obs: ``(N, To, Do)``; ``actions``, ``previous``: ``(N, Da)``, NaN where not known.
    """
    known = np.isfinite(previous).all(axis=1)
    obs, actions, before, episode = obs[known], actions[known], previous[known], episode[known]
    seen = obs.reshape(len(obs), int(np.prod(obs.shape[1:])))
    alone = told(squared_errors(before, actions, episode))
    given = told(squared_errors(seen, actions, episode))
    both = told(squared_errors(np.concatenate([seen, before], axis=1), actions, episode))
    left = 1.0 - given
    return CopycatTest(
        moments=len(obs), last_action=alone, observations=given, both=both,
        partial=max(0.0, both - given) / left if left > 1e-6 else 0.0,
        shown_by={each.name: told(squared_errors(
            obs[..., each.columns].reshape(len(obs), -1), before, episode)) for each in inputs})
