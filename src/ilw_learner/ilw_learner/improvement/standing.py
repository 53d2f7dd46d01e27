"""Where an improvement is: everything that its log says so far, and nothing else."""

from collections import defaultdict
from collections.abc import Iterable

from ilw_core.scores.fall import FallWatch
from ilw_core.scores.statistics import Tried
from ilw_learner.improvement import decisions as kinds
from ilw_learner.improvement.decisions import LoggedDecision

REFERENCE_EPISODES = 50
"""A policy's success is that of its last so many episodes: places change, too"""


class Standing:
    """
    What follows from the decisions so far; policies go by the first 16 digits of their hash.

    :param decisions: oldest first.
    """

    def __init__(self, decisions: Iterable[LoggedDecision]) -> None:
        self.policy = ''
        """The one that is deployed; empty before the first decision"""
        self.back_to = ''
        """The one that a rollback goes back to; empty: there is none"""
        self.watch: FallWatch | None = None
        """Of the one that is deployed; ``None``: there is nothing to hold it to"""
        self.round = 1
        """The one that is going on, from 1"""
        self.in_round = 0
        """Episodes that count in it"""
        self.counted: set[str] = set()
        """Ids of the episodes that are in the log"""
        self.set_aside: set[int] = set()
        """Rounds that nothing is learned from any more: what they taught was worse"""
        self._record: dict[str, list[bool]] = defaultdict(list)
        self._taught_by: dict[str, int] = {}
        for each in decisions:
            self.take(each)

    def record(self, policy: str) -> Tried:
        """Return how the last episodes of a policy went."""
        last = self._record[policy][-REFERENCE_EPISODES:]
        return Tried(sum(last), len(last))

    def taught_by(self, policy: str) -> int:
        """Return the round that a policy was promoted in; 0: none of these."""
        return self._taught_by.get(policy, 0)

    def take(self, decision: LoggedDecision) -> None:
        """Take in what was decided."""
        facts, what = decision.facts, decision.what
        if what in (kinds.BEGIN, kinds.CHANGED):
            self.policy, self.back_to, self.watch = facts['policy'], '', None
        elif what == kinds.EPISODE:
            self._take_episode(facts['episode'], facts['policy'], facts['success'])
        elif what == kinds.PROMOTE:
            self.watch = FallWatch(self.record(self.policy))
            self.back_to, self.policy = self.policy, facts['policy']
            self._taught_by[self.policy] = self.round
            self._next_round()
        elif what == kinds.ROLLBACK:
            self.set_aside |= {self.taught_by(self.policy)} - {0}
            self.back_to, self.policy = '', facts['policy']
            self.watch = FallWatch(self.record(self.policy))
        elif what == kinds.STOP:  # whoever begins again has looked after the robot
            self.watch = self.watch and FallWatch(self.record(self.policy))
        else:
            self.set_aside |= {self.round} if facts.get('worse') else set()
            self._next_round()

    def _take_episode(self, episode: str, policy: str, success: bool | None) -> None:
        self.counted.add(episode)
        if success is None:
            return
        self.in_round += 1
        self._record[policy].append(success)
        if self.watch is not None and policy == self.policy:
            self.watch.add(success=success)

    def _next_round(self) -> None:
        self.round, self.in_round = self.round + 1, 0
