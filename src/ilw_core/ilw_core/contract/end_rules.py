"""When an attempt has succeeded or failed by what is observed: ``termination`` of a contract."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ilw_core.contract.schema import LARGEST, Section
from ilw_core.episode import Outcome

OUTCOMES = {'success': Outcome.SUCCESS, 'failure': Outcome.FAILURE}
"""Key in ``termination`` and in ``reward`` -> what it means"""


def reward_key(outcome: Outcome) -> str:
    """Return what a contract's ``reward`` calls the end by a rule."""
    return next(key for key, each in OUTCOMES.items() if each is outcome)


@dataclass(frozen=True)
class EndRule:
    """One way in which an attempt ends."""

    outcome: Outcome
    names: tuple[str, ...]
    """(K,) observed numbers, all of which must be where the rule says"""
    above: tuple[float, ...]
    """(K,) each must be greater; minus infinity where not asked"""
    below: tuple[float, ...]
    """(K,) each must be less; infinity where not asked"""
    for_s: float
    """So long without a break"""


class RuleWatch:
    """
    Follows one attempt after the other.

    :param names: (Do,) what each observed number is.
    """

    def __init__(self, rules: Sequence[EndRule], names: Sequence[str]) -> None:
        self._rules = [(rule, [names.index(name) for name in rule.names]) for rule in rules]
        self._since_ns: list[int | None] = [None] * len(self._rules)

    def begin(self) -> None:
        """Begin a new attempt."""
        self._since_ns = [None] * len(self._rules)

    def take(self, tick_ns: int, values: np.ndarray, valid: np.ndarray) -> Outcome:
        """
        Take in what is observed at one tick.

        :param values: (Do,); what is not valid speaks for no rule.
        :returns: how the attempt ended, by the first rule that says so; ``UNKNOWN``: it goes on.
        """
        ended = Outcome.UNKNOWN
        for i, (rule, places) in enumerate(self._rules):
            seen = values[places]
            if not (valid[places].all() and (seen > rule.above).all()
                    and (seen < rule.below).all()):
                self._since_ns[i] = None
                continue
            since_ns = self._since_ns[i]
            if since_ns is None:
                self._since_ns[i] = since_ns = tick_ns
            if ended is Outcome.UNKNOWN and (tick_ns - since_ns) / 1e9 >= rule.for_s - 1e-9:
                ended = rule.outcome
        return ended


def read_rules(section: Section, names: Sequence[str]) -> tuple[EndRule, ...]:
    """
    Take ``failure`` and ``success`` out of ``termination``, a rule or a list of them each.

    What fails does not succeed.

    :param names: (Do,) what each observed number is.
    """
    rules = []
    for key in ('failure', 'success'):
        if not section.has(key):
            section.take(key)
            continue
        rules += [_rule(entry, OUTCOMES[key], names) for entry in section.sections(key)]
    return tuple(rules)


def _rule(entry: Section, outcome: Outcome, names: Sequence[str]) -> EndRule:
    when = entry.section('when')
    bounds = [_bound(when, name, names) for name in when.keys()]  # noqa: SIM118
    if not bounds:
        raise entry.error('when', 'at least one observed number and where it must be', {})
    for_s = entry.number('for_s', 0.0, low=0.0, high=1e6)
    entry.done()
    known, above, below = zip(*bounds, strict=True)
    return EndRule(outcome, known, above, below, for_s)


def _bound(section: Section, name: str, names: Sequence[str]) -> tuple[str, float, float]:
    if name not in names:
        raise section.error(name, f'an observed number ({", ".join(names[:20])})', name)
    entry = section.section(name)
    if not (entry.has('above') or entry.has('below')):
        raise section.error(name, '{above: NUMBER}, {below: NUMBER} or both', section.take(name))
    above, below = (entry.number(key, low=-LARGEST, high=LARGEST) if entry.has(key) else other
                    for key, other in (('above', -np.inf), ('below', np.inf)))
    for key in ('above', 'below'):
        entry.take(key)
    entry.done()
    if above >= below:
        raise section.error(name, 'above a number that is less than the one it is below',
                            [above, below])
    return name, above, below
