"""Whom nodes find: nobody beyond this machine, unless somebody says so."""

import os
import subprocess
import sys

import pytest

from ilw_bringup.start.bringup import BRINGUPS, discovery

RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
NODE = '#!/bin/sh\nenv > "$ILW_TEST_SEEN"\necho "$@" >> "$ILW_TEST_SEEN"\n'


@pytest.mark.parametrize(('network', 'outer', 'inner'), [
    ('auto', {}, 'LOCALHOST'), ('auto', {RANGE: ''}, 'LOCALHOST'),
    ('auto', {RANGE: 'SUBNET'}, 'SUBNET'), ('auto', {RANGE: 'OFF'}, 'OFF'),
    ('local', {RANGE: 'SUBNET'}, 'LOCALHOST'), ('subnet', {}, 'SUBNET'),
    ('subnet', {RANGE: 'LOCALHOST'}, 'SUBNET')])
def test_discovery_stays_on_this_machine_unless_told_otherwise(network, outer, inner):
    assert discovery(network, outer) == {RANGE: inner}


def test_every_bringup_can_be_told():
    for bringup in BRINGUPS.values():
        told = {argument.name: argument.default for argument in bringup.arguments}
        assert (told['network'], told['security'], told['namespace']) == ('auto', '', '')


@pytest.fixture
def up(tmp_path, monkeypatch):
    """Return a function that runs ``up sim`` and returns what its node was given."""
    for name, text in (('ilw_sim/sim_node', NODE),
                       ('ilw_teleop/status_node', '#!/bin/sh\nexec sleep 60\n')):
        node = tmp_path / 'lib' / name
        node.parent.mkdir(parents=True)
        node.write_text(text)
        node.chmod(0o755)
    monkeypatch.setenv('AMENT_PREFIX_PATH', str(tmp_path))
    monkeypatch.setenv('ILW_TEST_SEEN', str(tmp_path / 'seen'))

    def run(*options, **environment):
        outer = {k: v for k, v in os.environ.items() if k != RANGE} | environment
        subprocess.run([sys.executable, '-m', 'ilw_bringup.cli', 'up', 'sim', *options],
                       env=outer, capture_output=True, check=False, timeout=60)
        return (tmp_path / 'seen').read_text().splitlines()

    return run


@pytest.mark.long
def test_a_node_that_is_started_gets_it(up):
    assert f'{RANGE}=LOCALHOST' in up()
    assert f'{RANGE}=SUBNET' in up('--network', 'subnet')
    assert f'{RANGE}=SUBNET' in up(**{RANGE: 'SUBNET'})
    assert f'{RANGE}=LOCALHOST' in up('--network', 'local', **{RANGE: 'SUBNET'})


def test_a_node_that_is_started_gets_its_namespace_and_no_key_unless_asked(up):
    seen = up('--namespace', 'robot1')
    assert '-r __ns:=/robot1' in seen[-1]
    assert '--enclave' not in seen[-1]
    assert not [line for line in seen if line.startswith('ROS_SECURITY')]


def test_the_session_of_a_demo_is_as_local_as_its_nodes():
    """The command line itself takes part in DDS when it records and evaluates."""
    code = ('import os, sys; from ilw_bringup import cli; sys.argv = ["ilw", "--help"]\n'
            'try: cli.main()\nexcept SystemExit: pass\n'
            f'print(os.environ["{RANGE}"])')
    outer = {k: v for k, v in os.environ.items() if k != RANGE}
    done = subprocess.run([sys.executable, '-c', code], env=outer, capture_output=True, text=True,
                          check=True)
    assert done.stdout.splitlines()[-1] == 'LOCALHOST'
