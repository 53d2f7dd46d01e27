"""Requests of strangers while a policy drives: graphs that do harm, places they may not name."""

from collections.abc import Callable
import time
from typing import Any

from ilw_bringup.loading import load
from ilw_core.contract.file import Contract
from ilw_faults import hostile_graphs
from ilw_faults.loop import LATENCY_S, Loop
from ilw_faults.row import Fault, Seen
from ilw_faults.rows.checkpoints import constant_policy
from ilw_learner.checkpoint.folder import GRAPH, WEIGHTS, save_checkpoint
from ilw_msgs.srv import LoadPolicy

BOUND_S = 30.0
"""For an answer: 3 s of computing, on a machine with other work"""
DRIVES_ON = 'the old policy drives on without a gap'

Judge = Callable[[Any], str]
"""Response of ``policy/load`` -> what is wrong with it; empty if it is as it should be"""


def _graph(make: Callable[[Contract], bytes]) -> Callable[[Loop], str]:
    def save(loop: Loop) -> str:
        contract = loop.contract
        return str(save_checkpoint(loop.place / 'bad', contract, {'history': 1, 'horizon': 1}, {
            GRAPH: make(contract), WEIGHTS: b''}).path)
    return save


def _outside(loop: Loop) -> str:
    folder = loop.folder
    return str(constant_policy(loop.contract, folder.parent / f'{folder.name}-outside'))


def _refused_as(code: int) -> Judge:
    def judge(answer: Any) -> str:
        if answer.error_code != code:
            return f'error_code {answer.error_code}, not {code}'
        plain = answer.error_msg.isprintable() and len(answer.error_msg) < 300
        return '' if plain and not answer.checkpoint_hash else 'more than one line'
    return judge


def _asked(fault: str, expected: str, make: Callable[[Loop], str],
           judge: Judge) -> Fault:
    def inject(loop: Loop) -> Seen:
        good = load(loop.call, str(constant_policy(loop.contract, loop.place / 'good')))
        name = make(loop)
        loop.arm()
        loop.save_an_episode()
        bound = loop.two_periods_s + LATENCY_S
        at = time.monotonic()
        answer = loop.call(LoadPolicy, 'policy/load', LoadPolicy.Request(checkpoint=name),
                           BOUND_S)
        took = time.monotonic() - at
        return _drove_on(loop, at, bound, took, judge(answer) or good.error_msg,
                         answer.error_msg.replace(name, 'NAME'))

    return Fault(fault, f'{expected}; {DRIVES_ON}', inject, nodes={'with_policy': True})


def _two_at_once(loop: Loop) -> Seen:
    slow = _graph(hostile_graphs.products)(loop)
    good = str(constant_policy(loop.contract, loop.place / 'good'))
    wrong = load(loop.call, good).error_msg
    loop.arm()
    loop.save_an_episode()
    bound = loop.two_periods_s + LATENCY_S
    client = loop.spy.node.create_client(LoadPolicy, 'policy/load')
    loop.until(client.service_is_ready, 10.0, 'policy/load')
    at = time.monotonic()
    asked = [client.call_async(LoadPolicy.Request(checkpoint=name)) for name in (slow, good)]
    loop.until(asked[1].done, BOUND_S, 'an answer to the second')
    took = time.monotonic() - at
    first = asked[0].done()
    loop.until(asked[0].done, BOUND_S, 'an answer to the first')
    second = asked[1].result()
    wrong = wrong or _refused_as(LoadPolicy.Response.ERROR_BUSY)(second) or (
        'it waited for the first' if first else '')
    return _drove_on(loop, at, bound, took, wrong, second.error_msg.replace(good, 'NAME'))


def _drove_on(loop: Loop, at: float, bound: float, took: float, wrong: str, said: str) -> Seen:
    time.sleep(0.5)
    gap, bound = loop.longest_gap_s(at), bound + loop.late_s(at)
    text = (f'{wrong.upper() + ": " if wrong else ""}{said}; answered after {took:.1f} s; the '
            f'longest gap between commands was {1000 * gap:.0f} ms (bound {1000 * bound:.0f})')
    return loop.seen(text, took, not wrong and gap <= bound and loop.spy.moving()
                     and not loop.fleet.dead())


_INVALID = _refused_as(LoadPolicy.Response.ERROR_INVALID)

FAULTS = (
    _asked('policy loaded that divides whole numbers by zero', 'refused, nothing dies',
           _graph(hostile_graphs.whole_division), _INVALID),
    _asked('policy loaded that takes memory without end', f'refused within {BOUND_S:g} s',
           _graph(hostile_graphs.doubling), _INVALID),
    _asked('policy loaded that computes without end', f'refused within {BOUND_S:g} s',
           _graph(hostile_graphs.products), _INVALID),
    _asked('checkpoint outside the folders that may be named', 'refused with a code and one line',
           _outside, _refused_as(LoadPolicy.Response.ERROR_NOT_ALLOWED)),
    Fault('two checkpoints loaded at once', f'the second is told at once to wait; {DRIVES_ON}',
          _two_at_once, nodes={'with_policy': True}),
)
