"""Do the episodes begin in different states? A policy is at a loss where none began."""

import numpy as np

from ilw_data.doctor.finding import Demos, Finding

_ENOUGH = 5
"""Episodes, to call what they share a habit"""
_SAME = 0.05
"""Starts closer than this, in units of what the observations vary by, are one start"""
_MOSTLY = 0.5


def check_set(demos: Demos) -> list[Finding]:
    """Return how many distinct starts there are, if there are few."""
    firsts = []
    for take in demos.takes:
        whole = np.flatnonzero(take.episode.whole)
        if len(whole):
            firsts.append(take.episode.obs[whole[0]])
    count = len(firsts)
    if count < _ENOUGH or demos.contract.images:  # what only an image tells apart is not seen here
        return []
    spread = np.concatenate([t.episode.obs for t in demos.takes]).std(axis=0)
    moving = spread > 1e-6
    if not moving.any():
        return []
    starts = np.stack(firsts)[:, moving] / spread[moving]
    groups = _clusters(starts, _SAME * np.sqrt(moving.sum()))
    sizes = np.bincount(groups)
    numbers = {'episodes': count, 'distinct_starts': len(sizes), 'largest': int(sizes.max())}
    record = demos.command('up', 'record')
    if len(sizes) == 1:
        return [Finding('warn', 'starts', '', f'all {count} episodes begin in the same state: the '
                        f'policy will know no other. Begin from other places.', record, numbers)]
    if sizes.max() > _MOSTLY * count:
        return [Finding('warn', 'starts', '', f'{count} episodes have {len(sizes)} distinct '
                        f'starts, and {sizes.max()} begin in one of them. Begin from other '
                        f'places.', record, numbers)]
    return [Finding('note', 'starts', '', f'{count} episodes have {len(sizes)} distinct starts.',
                    record, numbers)]


def _clusters(points: np.ndarray, reach: float) -> np.ndarray:
    """Return a group number per point; points within reach of each other share one."""
    group = np.full(len(points), -1)
    number = 0
    for seed in range(len(points)):
        if group[seed] >= 0:
            continue
        group[seed], front = number, [seed]
        while front:
            distance = np.linalg.norm(points - points[front.pop()], axis=1)
            joined = np.flatnonzero((distance <= reach) & (group < 0))
            group[joined] = number
            front += joined.tolist()
        number += 1
    return group
