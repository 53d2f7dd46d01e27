"""What was decided in numbers; a dry run shows what a policy would do without arming it."""

import numpy as np
import pytest

from ilw_teleop.arbiter.arbiter import Arbiter
from ilw_teleop.arbiter.request import Request
from ilw_teleop.arbiter.tally import Tally

P = 100_000_000


def ask(contract, values, now_ns):
    return Request(source=2, stamp_ns=now_ns, active=True, contract_hash=contract.hash,
                   names=contract.action.names, period_s=0.1, horizon=1, values=values)


def test_a_dry_run_needs_no_arming_and_one_that_drives_does(clutter):
    for dry, applied in ((True, 0.1), (False, 0.0)):
        arbiter = Arbiter(clutter, dry_run=dry)
        arbiter.guards = ()
        arbiter.offer(ask(clutter, [0.1, 0.0], P), P, P)
        decision = arbiter.decide(P, P)
        assert decision.applied[0] == applied and not decision.armed


def test_it_counts_what_was_changed_and_why(clutter):
    arbiter, run = Arbiter(clutter, dry_run=True), Tally(clutter)
    arbiter.guards = ()
    run.decided(arbiter.decide(P, P))  # nobody asked
    for i, speed in enumerate((0.1, 0.5, 0.9), start=2):
        arbiter.offer(ask(clutter, [speed, 0.0], i * P), i * P, i * P)
        run.decided(arbiter.decide(i * P, i * P))
    said = run.summary()
    assert (said.decisions, said.driven, said.changed) == (4, 3, 2)
    assert said.reasons == {'rate': 1, 'range': 1, 'silent': 1}
    forward = said.fields['twist.linear.x']  # applied 0.1, 0.3 and 0.5
    assert forward.max == pytest.approx(0.5) and forward.mean == pytest.approx(0.3)
    assert forward.gap_max == pytest.approx(0.4)
    assert '2 of 3 requests changed' in run.lines()[0]


def test_latency_is_that_of_the_actions_and_silence_is_said(clutter):
    run = Tally(clutter)
    assert 'it is not there' in run.lines()[-1]
    run.thought(0.0, 'missing: goal')
    assert 'missing: goal' in run.lines()[-1] and run.summary().latency_p50_s is None
    for latency in np.linspace(0.001, 0.003, 101):
        run.thought(float(latency), '')
    assert run.summary().latency_p50_s == pytest.approx(0.002)
    assert '2.00 ms' in run.lines()[-1]
