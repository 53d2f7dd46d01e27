"""What a task says about one step: its reward, whether the episode is over, and why."""

from dataclasses import dataclass

from ilw_core.contract.end_rules import reward_key
from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome


@dataclass(frozen=True)
class Verdict:
    """What the task says about one step."""

    reward: float
    terminated: bool
    truncated: bool
    success: bool
    stop_reason: str
    """``goal``, ``collision``, ``timeout``, ``rule``; empty while the episode goes on"""


def judge(contract: Contract, *, to_goal_m: float, collided: bool, time_s: float,
          ruled: Outcome = Outcome.UNKNOWN) -> Verdict:
    """
    Say what one step was worth and whether the episode is over.

    :param ruled: what the contract's rules say; other ends go first.
    """
    step = contract.reward['step']
    if collided:
        return Verdict(step + contract.reward['collision'], True, False, False, 'collision')
    if to_goal_m <= contract.goal_radius_m:
        return Verdict(step + contract.reward['goal'], True, False, True, 'goal')
    late = time_s >= contract.timeout_s - 1e-9
    if late or ruled is Outcome.UNKNOWN:
        return Verdict(step, False, late, False, 'timeout' if late else '')
    return Verdict(step + contract.reward[reward_key(ruled)], True, False,
                   ruled is Outcome.SUCCESS, 'rule')
