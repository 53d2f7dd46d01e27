"""Keep an action within its range and its rate of change. No ROS; time is an argument."""

import numpy as np

from ilw_core.contract import ActionSpec

_ROUNDING = 1e-9  # a step that meets the limit exactly must not be reported as limited


def limit(
    action: ActionSpec, wanted: np.ndarray, previous: np.ndarray, elapsed_s: float,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """
    Return the action nearest to the wanted one that the contract allows.

    :param wanted: ``(Da,)`` finite values in contract order and units.
    :param previous: ``(Da,)`` the action applied before.
    :param elapsed_s: time since then [s]; a change may be at most ``max_rate`` times this.
    :returns: ``(Da,)`` float64, and why it differs: ``'range'``, ``'rate'``, in this order.
    """
    wanted = np.asarray(wanted, dtype=np.float64)
    ranged = np.clip(wanted, action.low, action.high)
    step = action.max_rate * elapsed_s + _ROUNDING
    applied = np.clip(ranged, previous - step, previous + step)
    reasons = []
    if np.any(ranged != wanted):
        reasons.append('range')
    if np.any(applied != ranged):
        reasons.append('rate')
    return applied, tuple(reasons)
