"""A request whose first answer is lost is sent again, unless that would do harm."""

from concurrent.futures import Future

import pytest

from ilw_bringup import asking
from ilw_bringup.asking import Asking


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
