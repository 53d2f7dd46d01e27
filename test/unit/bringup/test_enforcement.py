"""Before nodes start under DDS security: can they? And the command that makes their keys."""

from datetime import datetime, timedelta
import json

from click.testing import CliRunner
import pytest

from ilw_bringup.commands.security import security
from ilw_bringup.security import enforcement
from ilw_bringup.security.dds_names import dds_topics
from ilw_bringup.security.documents import read_permissions
from ilw_bringup.security.enforcement import require_enforcement
from ilw_bringup.security.keystore import ENCLAVE_FILES, create_keystore
from ilw_bringup.security.node_uses import node_uses
from ilw_bringup.start.bringup import NodeSpec
from ilw_core.contract.file import parse_contract
from ilw_core.errors import IlwError

NOW = datetime(2026, 11, 24, 12, 0, 0)


def init(*given):
    return CliRunner().invoke(security, ['init', *map(str, given)], catch_exceptions=False)


def test_init_makes_a_key_for_every_node_in_its_namespace(tmp_path, monkeypatch):
    monkeypatch.setattr(enforcement, 'why_not_enforced', lambda: 'No plugin.')
    monkeypatch.setenv('ROS_DOMAIN_ID', '9')
    done = init(tmp_path / 'k', '--namespace', 'robot1', '--robot', 'real', '--task', 'maze',
                '--json')
    report = json.loads(done.stdout)
    assert set(report['enclaves']) == {f'/robot1/{n}' for n in (
        'joy', 'keyboard', 'teleop', 'arbiter', 'recorder', 'policy', 'trainer', 'status',
        'cockpit')}
    assert report['enforced_here'] is False
    arbiter = read_permissions(tmp_path / 'k/enclaves/robot1/arbiter/permissions.xml')
    assert arbiter.domain_id == 9
    assert 'rt/robot1/cmd_vel' in arbiter.topics.publish
    assert sorted(arbiter.topics.publish) == report['enclaves']['/robot1/arbiter']['publish']
    assert (tmp_path / 'k/enclaves/robot1').stat().st_mode & 0o777 == 0o700


def test_init_says_whether_it_can_be_enforced_here(tmp_path, monkeypatch):
    for why in ('No plugin.', ''):
        monkeypatch.setattr(enforcement, 'why_not_enforced', lambda why=why: why)
        done = init(tmp_path / f'k{len(why)}')
        assert ('No plugin.' in done.stderr) == bool(why)


@pytest.fixture
def secured(tmp_path, clutter, monkeypatch):
    """Return a keystore for clutter, and the question whether an arbiter starts with it."""
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    monkeypatch.setattr(enforcement, 'why_not_enforced', lambda: '')
    monkeypatch.setattr(enforcement, 'utc_now', lambda: NOW)
    folder = tmp_path / 'keystore'
    topics = {f'/{name}': dds_topics(uses, '/', name)
              for name, uses in node_uses(clutter, simulated=True).items()}
    create_keystore(folder, topics, domain_id=7, now=NOW)
    spec = NodeSpec('ilw_teleop', 'arbiter_node', 'arbiter', enclave='/arbiter')
    return folder, lambda contract=clutter, folder=folder: require_enforcement(
        folder, [spec], contract, simulated=True)


def test_a_whole_keystore_for_this_task_is_taken(secured):
    secured[1]()


@pytest.mark.parametrize('name', ENCLAVE_FILES)
def test_a_node_without_a_whole_enclave_is_named(secured, name):
    folder, require = secured
    (folder / 'enclaves/arbiter' / name).unlink()
    with pytest.raises(IlwError, match='no whole enclave /arbiter'):
        require()


def test_a_task_that_the_keystore_was_not_made_for_is_named(secured, clutter):
    other = parse_contract(clutter.text.replace('topic: cmd_vel', 'topic: base/command'))
    with pytest.raises(IlwError, match=r'must publish rt/base/command.*--add with --task'):
        secured[1](other)


def test_another_domain_and_another_century_are_named(secured, monkeypatch):
    monkeypatch.setenv('ROS_DOMAIN_ID', '8')
    with pytest.raises(IlwError, match=r'is for ROS_DOMAIN_ID 7\. Got 8'):
        secured[1]()
    monkeypatch.setenv('ROS_DOMAIN_ID', '7')
    monkeypatch.setattr(enforcement, 'utc_now', lambda: NOW + timedelta(days=3651))
    with pytest.raises(IlwError, match='valid from'):
        secured[1]()


@pytest.mark.parametrize('content', [b'', b'<dds/>', b'\x00', b'<dds>'])
def test_damaged_permissions_are_named(secured, content):
    folder, require = secured
    (folder / 'enclaves/arbiter/permissions.xml').write_bytes(content)
    with pytest.raises(IlwError, match=r'permissions\.xml'):
        require()


def test_no_keystore_at_all_is_named(secured, tmp_path):
    with pytest.raises(IlwError, match='not a keystore'):
        secured[1](folder=tmp_path / 'absent')


def test_a_node_that_is_in_no_table_is_named(secured, clutter):
    expert = NodeSpec('ilw_sim', 'expert_node', 'expert', enclave='/expert')
    with pytest.raises(IlwError, match='expert has none here'):
        require_enforcement(secured[0], [expert], clutter, simulated=False)


def test_a_keystore_for_two_tasks_allows_what_either_needs(tmp_path, clutter, monkeypatch):
    monkeypatch.setattr(enforcement, 'why_not_enforced', lambda: '')
    other = tmp_path / 'other.yaml'
    other.write_text(clutter.text.replace('topic: cmd_vel', 'topic: base/command'))
    init(tmp_path / 'k', '--task', 'clutter', '--task', other)
    may = read_permissions(tmp_path / 'k/enclaves/arbiter/permissions.xml').topics.publish
    assert {'rt/cmd_vel', 'rt/base/command'} <= may
