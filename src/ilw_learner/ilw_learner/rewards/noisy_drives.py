"""
Recover a reward that is linear in features from drives with more and more noise.

Nothing but the goal may pay in the end, or what learns from the reward finds another way to earn.
What a driver can have in every step is believed to be wanted by nobody: drives with less noise
pass more obstacles, and a reward for that is had by standing beside one. And who collides early
is rid of the steps that cost. So a collision counts, beside its own weight, as all the steps that
an episode has when the time runs out.
"""

import math

import numpy as np

from ilw_core.contract.file import Contract
from ilw_learner.rewards.drives import DegradedDrives
from ilw_learner.rewards.noise_ranking import weights_of_ranking
from ilw_learner.rewards.reward_file import RecoveredReward
from ilw_learner.rewards.step_features import GAINS

METHOD = 'ranking of noise'


def recover_from_drives(contract: Contract, drives: DegradedDrives, names: list[str],
                        discount: float, rng: np.random.Generator,
                        ) -> tuple[RecoveredReward, float]:
    """
    Return the reward that ranks drives by their noise, and the part of the pairs that it does.

    :param names: of the features that the drives are summed in, ``step`` and ``collision`` among
        them.
    """
    collision, step = names.index('collision'), names.index('step')
    lost = steps_of_a_timeout(contract, discount)
    sums = drives.sums.copy()
    sums[..., step] += lost * sums[..., collision]
    costs = tuple(k for k, name in enumerate(names) if name not in GAINS)
    found = weights_of_ranking(sums, drives.shares, rng, never_good=costs)
    weights, drawn = found.weights.copy(), found.drawn.copy()
    weights[collision] += lost * weights[step]
    drawn[:, collision] += lost * drawn[:, step] * found.known[step]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0).tolist()
    taken = {'collision'} if weights[collision] and not found.known[collision] else set()
    return RecoveredReward(
        contract, METHOD,
        {name: float(weights[k]) for k, name in enumerate(names) if weights[k]},
        discount=discount,
        intervals={name: (low[k], high[k]) for k, name in enumerate(names) if name not in taken},
    ), found.agreement


def steps_of_a_timeout(contract: Contract, discount: float) -> float:
    """Return what the steps of an episode count together whose time runs out."""
    ticks = math.ceil(contract.timeout_s * contract.rate_hz)
    return float(ticks) if discount == 1.0 else (1.0 - discount ** ticks) / (1.0 - discount)
