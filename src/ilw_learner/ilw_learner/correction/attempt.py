"""One attempt of a policy with a person beside it: who drove, and what taking over did."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ilw_core.align import sample_rows
from ilw_core.contract.file import Contract
from ilw_core.episode import Outcome, Source
from ilw_core.errors import EpisodeError
from ilw_data.bag.reader import Bag
from ilw_data.episode.dataset import load_episode
from ilw_data.episode.driver import ARBITER_STATE
from ilw_learner.asking.help_gate import CAUSES, asked
from ilw_learner.correction.weights import failed_teach, hand_backs, takeovers

POLICY_STATUS = 'policy/status'
_TRUTH = 'sim/ground_truth'
_PLACE = ('pose.pose.position.x', 'pose.pose.position.y')


@dataclass(frozen=True)
class CorrectedAttempt:
    """What one recorded attempt shows; ``--json`` shows it under these names."""

    episode: str
    """Its folder"""
    success: bool
    stop_reason: str
    steps: int
    person_steps: int
    person_s: float
    """Time the person drove"""
    takeovers: int
    takeover_jump: float
    """Largest change of the command by the decision that takes over, by its range; 0: none"""
    hand_back_jump: float
    """Likewise when the policy drove again"""
    places: tuple[tuple[float, float], ...]
    """Where each takeover happened [m], in the map's frame; empty where nothing tells"""
    policy_steps: int = 0
    """That the policy drove"""
    novel: int = 0
    """Times that the policy asked for help because what it met was new to it"""
    risky: int = 0
    """Times that it asked because it might not reach the goal from there"""

    def teaches(self, labels: str) -> bool:
        """Tell whether the person shows something in it; see ``weights.LABELS``."""
        return self.person_steps > 0 and (self.success or failed_teach(labels))


def read_attempt(folder: Path, contract: Contract) -> CorrectedAttempt:
    """
    Return what a recording shows.

    :raises EpisodeError: it cannot be read, or does not say who drove.
    """
    bag = Bag(folder)
    episode = load_episode(folder, contract, bag=bag)
    if episode.driver is None:
        raise EpisodeError(f'{folder} must say who drove at each step: it has no arbiter/state. '
                           f'Record corrections with ./ilw correct or ./ilw up correct.')
    taken = takeovers(episode.driver)
    decisions = bag.topics({ARBITER_STATE})[ARBITER_STATE].fields
    source, applied = decisions.column('source'), decisions.column('applied')
    person = int((episode.driver == Source.PERSON).sum())
    return CorrectedAttempt(
        episode=folder.name, success=episode.outcome is Outcome.SUCCESS,
        stop_reason=episode.stop_reason, steps=len(episode.actions), person_steps=person,
        person_s=round(person / contract.rate_hz, 3), takeovers=len(taken),
        takeover_jump=largest_jump(applied, takeovers(source), contract),
        hand_back_jump=largest_jump(applied, hand_backs(source), contract),
        places=_places(bag, episode.stamps_ns[taken]),
        policy_steps=int((episode.driver == Source.POLICY).sum()), **requests(_reasons(
            bag, int(episode.stamps_ns[0]))))


def requests(reasons: Iterable[str]) -> dict[str, int]:
    """
    Return how often a policy asked for help, by cause.

    :param reasons: why it did not drive, step by step; empty where it did.
    """
    counts, before = dict.fromkeys(CAUSES, 0), ''
    for reason in reasons:
        cause = asked(reason)
        if cause and not before:
            counts[cause] += 1
        before = cause
    return counts


def largest_jump(applied: np.ndarray, rows: np.ndarray, contract: Contract) -> float:
    """
    Return the largest change of a command value from the decision before, by its range.

    :param applied: (N, Da) what was commanded, decision by decision; ``rows``: (M,) which count.
    """
    rows = rows[rows > 0]
    if not len(rows):
        return 0.0
    change = np.abs(applied[rows] - applied[rows - 1])
    return round(float((change / (contract.action.high - contract.action.low)).max()), 4)


def _reasons(bag: Bag, begin_ns: int) -> list[str]:
    """Return what the policy said at each of its steps, of what it saw since the beginning."""
    if POLICY_STATUS not in bag.types:
        return []
    said = bag.topics({POLICY_STATUS})[POLICY_STATUS]
    return [str(each) for each in said.fields.column('reason', said.stamps_ns >= begin_ns)]


def _places(bag: Bag, stamps_ns: np.ndarray) -> tuple[tuple[float, float], ...]:
    topic = bag.topics({_TRUTH}).get(_TRUTH) if _TRUTH in bag.types else None
    if topic is None or any(path not in topic.fields for path in _PLACE):
        return ()
    rows = sample_rows(topic.stamps_ns, stamps_ns)
    x, y = (topic.fields.column(path)[rows[rows >= 0]] for path in _PLACE)
    return tuple((round(float(a), 3), round(float(b), 3)) for a, b in zip(x, y, strict=True))
