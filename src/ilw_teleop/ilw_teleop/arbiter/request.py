"""What somebody asks the robot to do, and whether it may be heard."""

from collections.abc import Sequence
from dataclasses import dataclass
import math

from ilw_core.contract.file import Contract
from ilw_core.limits import MAX_CHUNK_NS


@dataclass(frozen=True)
class Request:
    """What a person or a policy asks for."""

    source: int
    stamp_ns: int
    """When the first action is meant to be applied"""
    active: bool
    contract_hash: str
    names: Sequence[str]
    """(Da,) action names"""
    period_s: float
    """Between consecutive actions"""
    horizon: int
    """H"""
    values: Sequence[float]
    """(H * Da,) row major"""
    episode: str = ''
    observation_ns: int = 0
    """Tick of the observation it follows from; 0 for a person"""
    override: bool = False
    """A person takes the responsibility for what the lidar sees"""

    @property
    def last_ns(self) -> int:
        """Time from the first action to the last."""
        return (self.horizon - 1) * round(self.period_s * 1e9)


def refusal(request: Request, contract: Contract, max_age_ns: int, now_ns: int) -> str:
    """Return why a request is refused on arrival: a reason of ``ArbiterState``, or nothing."""
    action, horizon = contract.action, request.horizon
    if request.contract_hash != contract.hash or list(request.names) != list(action.names):
        return 'contract'
    if horizon < 1 or len(request.values) != horizon * action.dim:
        return 'length'
    if not (math.isfinite(request.period_s) and 1e-4 <= request.period_s <= 1e4):
        return 'nonfinite'
    if request.last_ns > MAX_CHUNK_NS:
        return 'length'
    if not all(map(math.isfinite, request.values)):
        return 'nonfinite'
    age_ns = now_ns - request.stamp_ns
    if age_ns >= request.last_ns + max_age_ns or age_ns < -max_age_ns:
        return 'stale' if horizon == 1 else 'expired'
    if request.observation_ns and (
            now_ns - request.observation_ns >= request.last_ns + 2 * max_age_ns):
        return 'observation'
    return ''
