"""Who drove at each step of an episode: person or policy, as the arbiter decided."""

import numpy as np

from ilw_core.align import sample_rows
from ilw_core.episode import Source
from ilw_data.bag.reader import BagTopic

ARBITER_STATE = 'arbiter/state'


def drivers(ticks_ns: np.ndarray, decisions: BagTopic | None) -> dict[str, np.ndarray]:
    """
    Return who gave the command that each step is labelled with, as ``driver`` (T,) uint8.

    It is the newest decision stamped in [t, t + period), as the newest command in it is the label;
    ``Source.NONE`` where there was none.

    :param ticks_ns: (T+1,) when the steps begin, and the end of the last.
    :param decisions: messages of ``arbiter/state``; ``None``: nothing is returned.
    """
    if decisions is None or 'source' not in decisions.fields:
        return {}
    stamps_ns = decisions.stamps_ns
    rows = sample_rows(stamps_ns, ticks_ns[1:] - 1)
    decided = (rows >= 0) & (stamps_ns[rows] >= ticks_ns[:-1])
    source = decisions.fields.column('source').astype(np.uint8)[rows]
    return {'driver': np.where(decided, source, np.uint8(Source.NONE))}
