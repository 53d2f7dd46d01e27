"""Who drives, and how much a viewer may say."""

import asyncio

import pytest

pytest.importorskip('aiohttp')
from ilw_web.server import viewer as viewer_module
from ilw_web.server.budget import MessageBudget
from ilw_web.server.gate import PROTOCOL, Gate
from ilw_web.server.reach import Reach
from ilw_web.server.seat import LEASE_NS, Seat
from ilw_web.server.viewer import Viewer

MS = 1_000_000


def test_the_lease_is_two_hundred_milliseconds():
    assert LEASE_NS == 200 * MS


def test_a_driver_that_is_heard_keeps_the_seat_and_one_that_is_not_loses_it():
    seat = Seat()
    assert seat.take(1, 0)
    assert seat.renew(1, 200 * MS) and not seat.expired(400 * MS)
    assert seat.expired(400 * MS + 1)
    assert not seat.renew(1, 400 * MS + 1), 'late words are nobody\'s'


def test_a_seat_that_is_taken_goes_to_another_only_when_it_is_free():
    seat = Seat()
    assert seat.take(1, 0)
    assert not seat.take(2, 200 * MS) and seat.driver == 1
    assert not seat.renew(2, 0) and not seat.leave(2)
    assert seat.take(2, 200 * MS + 1) and seat.driver == 2
    assert seat.leave(2) and seat.driver is None
    assert not seat.expired(10_000 * MS)


def test_a_budget_lets_a_burst_through_then_its_rate():
    budget = MessageBudget(per_second=100.0, burst=10.0, patience=50)
    taken = sum(budget.take(0) for _ in range(30))
    assert taken == 10 and budget.refused == 20 and not budget.spent
    assert sum(budget.take(100 * MS) for _ in range(30)) == 10
    assert not any(budget.take(100 * MS) for _ in range(20)) and budget.spent


def test_who_was_refused_now_and_then_is_forgiven():
    budget = MessageBudget(per_second=10.0, burst=1.0, patience=3)
    for second in range(1, 20):
        budget.take(second * 2000 * MS)
        assert not budget.take(second * 2000 * MS) and not budget.spent


def headers(**changed):
    """Return what the page's browser sends."""
    return {'Host': '127.0.0.1:8765', 'Origin': 'http://127.0.0.1:8765',
            'Sec-WebSocket-Protocol': f'{PROTOCOL}, secret', **changed}


def test_the_gate_opens_for_host_origin_and_token_together():
    gate = Gate(Reach(8765), 'secret')
    assert not gate.why_not_socket(headers())
    assert not gate.why_not_socket(headers(Host='localhost:8765'))
    for wrong in ({'Host': 'evil:8765'}, {'Host': '127.0.0.1:9'}, {'Origin': 'null'},
                  {'Origin': ''}, {'Origin': 'http://127.0.0.1:9'},
                  {'Sec-WebSocket-Protocol': PROTOCOL}, {'Sec-WebSocket-Protocol': 'secret'},
                  {'Sec-WebSocket-Protocol': f'{PROTOCOL}, Secret'},
                  {'Sec-WebSocket-Protocol': f'{PROTOCOL}, é'}):
        assert gate.why_not_socket(headers(**wrong)), wrong
    assert gate.why_not_page({}) and not gate.why_not_page(headers())


class Takes:
    """A socket that is told; with ``never`` it takes nothing, as a page that hangs."""

    def __init__(self, *, never=False):
        self.closed, self.sent, self._never = False, [], never

    async def send_str(self, text):
        if self._never:
            await asyncio.Event().wait()
        self.sent.append(text)


class Line:
    """The connection below it."""

    aborted = False

    def abort(self):
        self.aborted = True


def test_a_slow_viewer_gets_the_newest_of_each_kind_and_no_more():
    async def tell():
        socket = Takes()
        viewer = Viewer(1, socket, Line())
        for n in range(1000):
            viewer.tell({'scan': str(n), 'pose': str(-n)}, {})
        writing = asyncio.create_task(viewer.write())
        while not socket.sent:
            await asyncio.sleep(0.001)
        writing.cancel()
        assert socket.sent == ['[999,-999]']
    asyncio.run(tell())


def test_a_viewer_that_takes_nothing_is_dropped(monkeypatch):
    monkeypatch.setattr(viewer_module, 'SLOW_S', 0.05)

    async def tell():
        line = Line()
        viewer = Viewer(1, Takes(never=True), line)
        viewer.tell({'scan': '1'}, {})
        await asyncio.wait_for(viewer.write(), 5.0)
        assert line.aborted
    asyncio.run(tell())
