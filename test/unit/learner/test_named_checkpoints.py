"""A request may name what lies in the listed folders, and the checkpoint given: nothing else."""

import pytest

from ilw_core.errors import IlwError, NotAllowedError
from ilw_learner.checkpoint.named import NamedCheckpoints


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name in ('runs/a', 'home/given/inside', 'home/beside', 'src'):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(named, *names):
    for name in names:
        with pytest.raises(NotAllowedError if str(name)[:1] == '/' else IlwError):
            named.find(str(name))


@pytest.mark.parametrize('given', ['deployed', '.', 'idle', 'random', 'src', ''])
def test_no_way_to_start_the_node_opens_the_current_folder(place, given):
    named = NamedCheckpoints('runs', 'clutter', given)
    refused(named, 'home', 'home/given', place / 'home/beside', '/etc', '..', '')
    assert named.find('runs/a') == str(place / 'runs/a')
    assert named.find('idle') == 'idle'


def test_the_given_one_may_be_named_and_nothing_in_it_or_beside_it(place):
    for given in ('home/given', str(place / 'home/given')):
        named = NamedCheckpoints('runs', 'clutter', given)
        for name in (given, place / 'home/given'):
            assert named.find(str(name)) == str(place / 'home/given')
        refused(named, 'home', 'home/beside', place / 'home/beside', 'home/given/inside',
                'home/given/..', 'beside')


def test_those_beside_a_given_one_that_lies_in_a_listed_folder_may_be_named(place):
    named = NamedCheckpoints('home', 'clutter', 'home/given')
    assert named.find('home/beside') == named.find('beside') == str(place / 'home/beside')


def test_a_given_one_that_is_gone_is_an_error_of_its_own(place):
    with pytest.raises(IlwError, match='no folder there'):
        NamedCheckpoints('runs', 'clutter', 'home/none').find('home/none')
