"""Can the goal be reached before the contract's time is over?"""

import numpy as np

from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract
from ilw_data.doctor.finding import Finding, Take

_DISTANCE = '.distance_m'
"""What the distance to a goal is called in an observation"""


def check_take(take: Take, contract: Contract) -> list[Finding]:
    """Return whether a goal is farther than the time allows, or the take is longer."""
    episode, found = take.episode, []
    check = take.command('check', '--task', take.task or contract.name)
    columns = [i for i, name in enumerate(contract.obs_names) if name.endswith(_DISTANCE)]
    for column in columns:
        seen = np.flatnonzero(episode.obs_valid[:, column])
        far = too_far(contract, float(episode.obs[seen, column].max())) if len(seen) else ''
        if far:
            found.append(Finding('warn', 'too-far', take.name, f'The goal is out of reach: {far}',
                                 check, {'distance_m': float(episode.obs[seen, column].max())}))
    length_s = len(episode.actions) / contract.rate_hz
    if length_s > contract.timeout_s + 1.0:
        found.append(Finding(
            'note', 'too-long', take.name, f'It lasts {length_s:.0f} s, but termination.timeout_s '
            f'is {contract.timeout_s:g}: a policy would be cut off before its end.', check,
            {'length_s': length_s}))
    return found
