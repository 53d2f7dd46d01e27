"""A domain apart is nobody else's, and the environment is put back."""

from contextlib import suppress
from itertools import pairwise
import os
import socket

from ilw_bringup.start.private_domain import private_domain


def one_after_the_other(number: int) -> list[int]:
    found = []
    for _ in range(number):
        with private_domain() as domain:
            found.append(domain)
    return found


def test_two_at_once_never_share_a_domain():
    with private_domain() as one:
        others = one_after_the_other(100)
        assert os.environ['ROS_DOMAIN_ID'] == str(one)
    assert one not in others


def test_the_next_is_another_and_a_free_one_is_taken_again():
    found = one_after_the_other(100)
    assert all(a != b for a, b in pairwise(found))
    assert len(set(found)) < 50


def test_the_next_is_another_too_where_somebody_else_holds_the_one_between():
    (first,) = one_after_the_other(1)
    between = 60 + (first - 60 + 1) % 42
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as theirs:
        with suppress(OSError):  # another test run may hold it already
            theirs.bind(f'\0ilw-domain-{between}')
        found = one_after_the_other(4)
    assert between not in found and len(set(found)) == 4


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '5')
    with private_domain():
        assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert os.environ['ROS_DOMAIN_ID'] == '5'
