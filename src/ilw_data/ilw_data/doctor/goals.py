"""Can a goal be reached in the contract's time, and did a take called a success end there?"""

import numpy as np

from ilw_core.base.base_fit import too_far
from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome
from ilw_core.features.goal import far_from_goal, topics_of
from ilw_data.bag.reader import Bag, BagTopic
from ilw_data.doctor.finding import Finding, Take

_DISTANCE = '.distance_m'
"""What the distance to a goal is called in an observation"""


def check_take(take: Take, bag: Bag, contract: Contract) -> list[Finding]:
    """Return a finding where a success ended far from the goal; what has no goal has none."""
    distance_m = distance_at_end(take, bag, contract)
    if take.folder.outcome is not Outcome.SUCCESS or distance_m is None:
        return []
    if not far_from_goal(distance_m, contract.goal_radius_m):
        return []
    return [Finding(
        'warn', 'far', take.name, f'is called a success, but ended {distance_m:.2f} m from the '
        f'goal, which counts within {contract.goal_radius_m:g} m: training would learn to stop '
        f'there.', take.command('drop', '--why', 'not at the goal'),
        {'to_goal_m': distance_m})]


def check_reach(take: Take, contract: Contract) -> list[Finding]:
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


def distance_at_end(take: Take, bag: Bag, contract: Contract) -> float | None:
    """Return how far from the goal a take ended [m]; ``None``: it is not known."""
    odometry, goal = topics_of(contract)
    kinds = {odometry: 'nav_msgs/msg/Odometry', goal: 'geometry_msgs/msg/PoseStamped'}
    if any(bag.types.get(name) != kind for name, kind in kinds.items()):
        return None
    topics, end_ns = bag.topics(set(kinds)), take.folder.meta.get('end_ns')
    last_ns = end_ns if isinstance(end_ns, int) else np.iinfo(np.int64).max
    at = _last(topics[odometry], 'pose.pose.position', last_ns)
    to = _last(topics[goal], 'pose.position', last_ns)
    if at is None or to is None or len({at[0], to[0]} - {''}) > 1:
        return None
    distance_m = float(np.hypot(*(at[1] - to[1])))
    return distance_m if np.isfinite(distance_m) else None


def _last(topic: BagTopic, path: str, last_ns: int) -> tuple[str, np.ndarray] | None:
    """Return frame and x, y of the newest message until then; ``None``: there is none."""
    rows = np.flatnonzero(topic.stamps_ns <= last_ns)
    if not len(rows):
        return None
    row = rows[[np.argmax(topic.stamps_ns[rows])]]
    frame = topic.fields.column('header.frame_id', row)[0]
    return str(frame).lstrip('/'), np.array([
        float(topic.fields.column(f'{path}.{axis}', row)[0]) for axis in 'xy'])
