"""A request whose first answer is lost is sent again, unless that would do harm."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from ilw_bringup import asking
from ilw_bringup.asking import Asking, call
from ilw_core.errors import IlwError


@pytest.fixture
def sent(monkeypatch):
    monkeypatch.setattr(asking, '_AGAIN_S', -1.0)
    return []


def sender(sent):
    def send():
        sent.append(Future())
        return sent[-1]
    return send


def test_it_is_sent_again_until_it_is_answered(sent):
    request = Asking(sender(sent))
    assert not request.answered() and not request.answered()
    sent[1].set_result('yes')
    assert request.answered() and request.answer() == 'yes'


def test_what_would_do_harm_twice_is_sent_once(sent):
    request = Asking(sender(sent), again=False)
    assert not request.answered() and not request.answered()
    assert len(sent) == 1


@pytest.mark.parametrize('there', [True, False])
def test_the_client_of_a_call_is_gone_afterwards_however_it_ends(there):
    answer, clients, waited = Future(), [], []
    answer.set_result('yes')
    client = SimpleNamespace(service_is_ready=lambda: there, call_async=lambda request: answer)

    def create(kind, name):
        clients.append(client)
        return client

    def wait(done, timeout_s, what):
        waited.append((timeout_s, what))
        if not done():
            raise IlwError(what)

    node = SimpleNamespace(create_client=create, destroy_client=clients.remove)
    if there:
        assert call(node, None, 'a/b', 'request', wait, 3.0) == 'yes'
        assert waited == [(3.0, 'the service a/b'), (3.0, 'an answer of a/b')]
    else:
        with pytest.raises(IlwError, match='the service a/b'):
            call(node, None, 'a/b', 'request', wait, 3.0)
    assert not clients
