"""A domain apart is nobody else's, and the environment is put back."""

import os

from ilw_bringup.private_domain import private_domain


def test_two_at_once_never_share_a_domain_and_a_free_one_is_taken_again():
    with private_domain() as one, private_domain() as other:
        assert one != other
        assert os.environ['ROS_DOMAIN_ID'] == str(other)
    with private_domain() as again:
        assert again == one


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '5')
    with private_domain():
        assert os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST'
    assert os.environ['ROS_DOMAIN_ID'] == '5'
