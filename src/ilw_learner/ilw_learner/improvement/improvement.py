"""
Improve a policy while it works: drive and be corrected, learn, compare, promote, watch, take back.

Decides from episodes and comparisons; who drives, trains and compares is a ``Stages``. Nothing is
decided while a policy drives: what drives is changed only after ``Stages.drive`` has returned.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ilw_core.errors import IlwError
from ilw_learner.checkpoint.deployed import Deployed
from ilw_learner.checkpoint.folder import load_checkpoint
from ilw_learner.checkpoint.promotion import PairEvidence, judge_against
from ilw_learner.checkpoint.signing import TrustedKeys
from ilw_learner.improvement import decisions as kinds
from ilw_learner.improvement.decisions import DecisionLog, LoggedDecision
from ilw_learner.improvement.stages import Stages
from ilw_learner.improvement.standing import Standing

KNOWN = 10
"""Episodes of the deployed policy, at least, that the next one can be held to"""


class FallenError(IlwError):
    """Success fell, and there is no policy to go back to."""


@dataclass(frozen=True)
class ImproveOptions:
    """What an improvement is made of."""

    header: dict[str, Any]
    """What a folder is held to, as JSON values"""
    rounds: int | None = None
    """``None``: it goes on"""
    every: int = 20
    """A round ends after so many episodes"""
    trusted: TrustedKeys | None = None
    asked: Callable[[], bool] = field(default=lambda: False)
    """Whether somebody wants the round to end now"""
    decided: Callable[[LoggedDecision], None] = field(default=lambda decision: None)


class Improvement:
    """
    One improvement of the deployed policy of a task.

    :raises IlwError: nothing is deployed, or the log is of another improvement.
    """

    def __init__(self, options: ImproveOptions, stages: Stages, log: DecisionLog,
                 store: Deployed) -> None:
        self._options, self._stages, self._log, self._store = options, stages, log, store
        deployed = store.current()
        if deployed is None:
            raise IlwError(f'Nothing is deployed in {store.folder}. Promote a policy first: '
                           f'./ilw promote CHECKPOINT')
        self.standing = Standing(log.decisions)
        if not log.decisions:
            self._decide(kinds.BEGIN, f'Begun with {deployed.name}.',
                         policy=deployed.name, **options.header)
        found = log.decisions[0].facts
        for key, wanted in options.header.items():
            if found.get(key) != wanted:
                raise IlwError(f'The folder holds an improvement with another {key} '
                               f'({found.get(key)!r}, not {wanted!r}). Go on with what it was '
                               f'begun with, or name another folder with --out.')

    def run(self) -> Standing:
        """
        Go on until the rounds are through; what was promoted last has driven a while by then.

        :raises FallenError: success fell, and there is nothing to go back to.
        """
        rounds = self._options.rounds
        while True:
            self._drive()
            if rounds is not None and self.standing.round > rounds:
                return self.standing
            self._learn()

    def _drive(self) -> None:
        """Have the deployed policy drive until the round is over; take it back if it fell."""
        while True:
            self._count()
            self._notice_changes()
            self._answer_fall()
            if self._due():
                return
            number = self.standing.round
            self._stages.drive(number, self._deployed(), self._interrupts)

    def _interrupts(self) -> bool:
        """Count what was driven; tell whether driving ends with that."""
        self._count()
        return self._fallen() or self._due()

    def _due(self) -> bool:
        standing, options = self.standing, self._options
        if options.rounds is not None and standing.round > options.rounds and (
                self._log.decisions[-1].what in (kinds.REFUSE, kinds.SKIP)):
            return True  # nothing new to watch
        wanted = standing.in_round >= options.every or options.asked()
        return wanted and standing.record(standing.policy).n >= KNOWN

    def _fallen(self) -> bool:
        return self.standing.watch is not None and self.standing.watch.fallen

    def _count(self) -> None:
        """Take the episodes that are not in the log into it, each once."""
        for each in self._stages.episodes(self.standing.round, self.standing.counted):
            facts = asdict(each)
            if not each.policy:
                facts['success'] = None
            ended = {True: 'success', False: 'no success', None: 'does not count'}
            self._decide(kinds.EPISODE, f'{each.episode}: {ended[facts["success"]]}, '
                         f'takeovers: {each.takeovers} ({each.stop_reason or "-"}).', **facts)

    def _notice_changes(self) -> None:
        """Take note that somebody else has deployed another policy meanwhile."""
        now, standing = self._deployed().name, self.standing
        if now == standing.policy or (self._fallen() and now == standing.back_to):
            return
        if not self._is_own_promotion(now):
            self._decide(kinds.CHANGED, f'Somebody deployed {now}. It goes on with that, and '
                         f'without a way back.', policy=now)

    def _is_own_promotion(self, name: str) -> bool:
        """Tell whether this round's promotion was done, and not yet written down."""
        last = self._store.history()[-1:]
        if not last or last[0].get('improve') != self._mark() or last[0]['checkpoint'] != name:
            return False
        self._write_promotion(last[0])
        return True

    def _mark(self) -> dict[str, Any]:
        return {'begun': self._log.decisions[0].time, 'round': self.standing.round,
                'from': self.standing.policy}

    def _answer_fall(self) -> None:
        """Go back to the policy before if success fell."""
        standing, watch = self.standing, self.standing.watch
        if watch is None or not watch.fallen:
            return
        shown = {'success': watch.last.success, 'n': watch.last.n,
                 'reference': round(watch.reference, 3), 'evidence': round(watch.evidence, 3)}
        why = (f'{watch.last.success} of its last {watch.last.n} episodes succeeded without help, '
               f'and it is held to {watch.reference:.0%}')
        if not standing.back_to:
            text = f'{standing.policy} fell ({why}), and there is nothing to go back to.'
            self._decide(kinds.STOP, text, policy=standing.policy, **shown)
            raise FallenError(f'{text} Look after the robot and its surroundings; the same '
                              f'command goes on.')
        if self._deployed().name == standing.policy:
            self._store.rollback(f'improve: {why}', self._options.trusted)
        back = self._deployed().name
        self._decide(kinds.ROLLBACK, f'{standing.policy} fell: {why}. Back to {back}.',
                     policy=back, fell=standing.policy, **shown)

    def _learn(self) -> None:
        """End a round: learn from it, compare, and promote or not."""
        number, deployed = self.standing.round, self._deployed()
        if not self._stages.teaches(number):
            self._decide(kinds.SKIP, f'Round {number}: nobody took over in an episode to '
                         f'learn from, so there is nothing to learn.', round=number)
            return
        before = [k for k in range(1, number) if k not in self.standing.set_aside]
        candidate = load_checkpoint(self._stages.learn(number, deployed, before),
                                    trusted=self._options.trusted)
        name = candidate.hash[:16]
        verdict = judge_against(self._stages.compare(number, deployed, candidate.path))
        if not verdict.allowed:
            assert isinstance(verdict.evidence, PairEvidence)
            worse = verdict.evidence.difference95[1] < 0.0
            aside = ' It is shown to be worse: nothing is learned from this round any more.'
            self._decide(kinds.REFUSE, f'Round {number}: {name} refused. {verdict.text}.'
                         f'{aside if worse else ""}', round=number, refused=name, worse=worse,
                         **asdict(verdict.evidence))
            return
        evidence = {'because': f'improve, round {number}: {verdict.text}',
                    'improve': self._mark(), **asdict(verdict.evidence)}
        self._store.promote(candidate, evidence, self._options.trusted)
        self._write_promotion(self._store.history()[-1])

    def _write_promotion(self, entry: dict[str, Any]) -> None:
        number, record = self.standing.round, self.standing.record(self.standing.policy)
        shown = {key: value for key, value in entry.items()
                 if key in PairEvidence.__dataclass_fields__}
        self._decide(kinds.PROMOTE, f'{entry["because"]}. {entry["checkpoint"]} is deployed, held '
                     f'to {record.success}/{record.n} episodes of {self.standing.policy}.',
                     round=number, policy=entry['checkpoint'], before=self.standing.policy,
                     **shown)

    def _deployed(self) -> Path:
        current = self._store.current()
        if current is None:
            raise IlwError(f'Nothing is deployed in {self._store.folder} any more. Promote a '
                           f'policy: ./ilw promote CHECKPOINT')
        return current

    def _decide(self, what: str, text: str, **facts: Any) -> None:
        decision = self._log.add(what, text, facts)
        self.standing.take(decision)
        self._options.decided(decision)
