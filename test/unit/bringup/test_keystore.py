"""A keystore by the measure of others: openssl, the layout of SROS 2, the schema of the OMG."""

from datetime import datetime
import os
import stat
import subprocess
import xml.etree.ElementTree as ET

import pytest

from ilw_bringup.security.dds_names import Topics
from ilw_bringup.security.documents import governance_xml, read_permissions
from ilw_bringup.security.keystore import (
    ENCLAVE_FILES,
    add_enclaves,
    create_keystore,
    enclave_folder,
)
from ilw_core.errors import IlwError

NOW = datetime(2026, 11, 24, 12, 0, 0)
CHAT = {'/robot1/talker': Topics(frozenset({'rt/chatter'}), frozenset({'rt/clock'})),
        '/robot1/listener': Topics(frozenset({'rt/rosout'}), frozenset({'rt/chatter'}))}


def openssl(*given):
    return subprocess.run(['openssl', *map(str, given)], capture_output=True, check=False)


def check_document(path, authority):
    return openssl('smime', '-verify', '-text', '-in', path, '-CAfile', authority)


@pytest.fixture
def keystore(tmp_path):
    folder = tmp_path / 'keystore'
    create_keystore(folder, CHAT, domain_id=7, now=NOW)
    return folder


@pytest.fixture
def stranger(tmp_path):
    """Return a keystore of somebody else."""
    folder = tmp_path / 'stranger'
    create_keystore(folder, CHAT, domain_id=7, now=NOW)
    return folder


def test_the_layout_is_that_of_sros2(keystore):
    files = {str(p.relative_to(keystore)) for p in keystore.rglob('*') if not p.is_dir()}
    assert files == {
        *(f'public/{n}.cert.pem' for n in ('ca', 'identity_ca', 'permissions_ca')),
        *(f'private/{n}.key.pem' for n in ('ca', 'identity_ca', 'permissions_ca')),
        'enclaves/governance.xml', 'enclaves/governance.p7s',
        *(f'enclaves/robot1/{n}/{file}' for n in ('talker', 'listener') for file in (
            'cert.pem', 'governance.p7s', 'identity_ca.cert.pem', 'key.pem', 'permissions.p7s',
            'permissions.xml', 'permissions_ca.cert.pem'))}


def test_a_keystore_still_works_where_it_was_copied_without_its_private_keys(keystore, tmp_path):
    robot = tmp_path / 'robot'
    subprocess.run(['cp', '-r', keystore, robot], check=True)
    subprocess.run(['rm', '-r', robot / 'private', keystore], check=True)
    enclave = robot / 'enclaves' / 'robot1' / 'talker'
    assert all((enclave / name).is_file() for name in ENCLAVE_FILES)
    assert check_document(enclave / 'governance.p7s',
                          enclave / 'permissions_ca.cert.pem').returncode == 0


def test_keys_are_their_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        create_keystore(tmp_path / 'k', CHAT, domain_id=0, now=NOW)
    finally:
        os.umask(before)
    for path in [tmp_path / 'k', *(tmp_path / 'k').rglob('*')]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600 if 'key.pem' in path.name else 0o644), (
            path)


def test_openssl_finds_each_certificate_signed_by_the_authority(keystore, stranger):
    authority = keystore / 'public' / 'identity_ca.cert.pem'
    for name in CHAT:
        certificate = enclave_folder(keystore, name) / 'cert.pem'
        assert openssl('verify', '-CAfile', authority, certificate).returncode == 0
        assert openssl('verify', '-CAfile', stranger / 'public' / 'identity_ca.cert.pem',
                       certificate).returncode != 0
        shown = openssl('x509', '-in', certificate, '-noout', '-subject', '-text').stdout.decode()
        assert f'CN = {name}' in shown
        assert 'prime256v1' in shown and 'ecdsa-with-SHA256' in shown
        assert 'CA:FALSE' in shown, 'a node cannot make keys for others'


def test_openssl_finds_each_key_to_belong_to_its_certificate(keystore):
    for name in CHAT:
        folder = enclave_folder(keystore, name)
        of_key = openssl('pkey', '-in', folder / 'key.pem', '-pubout')
        of_certificate = openssl('x509', '-in', folder / 'cert.pem', '-noout', '-pubkey')
        assert of_key.returncode == 0
        assert of_key.stdout == of_certificate.stdout
    keys = {(enclave_folder(keystore, name) / 'key.pem').read_bytes() for name in CHAT}
    assert len(keys) == len(CHAT), 'each has its own'


def test_openssl_finds_each_document_signed_by_the_authority(keystore, stranger):
    for name in CHAT:
        folder = enclave_folder(keystore, name)
        for signed, plain in (('permissions.p7s', folder / 'permissions.xml'),
                              ('governance.p7s', keystore / 'enclaves' / 'governance.xml')):
            done = check_document(folder / signed, folder / 'permissions_ca.cert.pem')
            assert done.returncode == 0, done.stderr
            assert done.stdout.replace(b'\r\n', b'\n') == plain.read_bytes()
            assert check_document(folder / signed, stranger / 'public' / 'permissions_ca.cert.pem'
                                  ).returncode != 0


def test_openssl_finds_a_changed_permission(keystore):
    folder = enclave_folder(keystore, '/robot1/talker')
    file = folder / 'permissions.p7s'
    file.write_bytes(file.read_bytes().replace(b'rt/chatter', b'rt/cmd_vel'))
    assert check_document(file, folder / 'permissions_ca.cert.pem').returncode != 0


# Element -> its children in order, as the OMG's schemas of permissions and governance have them.
PERMISSIONS = {
    'dds': ['permissions'], 'permissions': ['grant'],
    'grant': ['subject_name', 'validity', 'allow_rule', 'default'],
    'validity': ['not_before', 'not_after'], 'allow_rule': ['domains', 'publish', 'subscribe'],
    'domains': ['id'], 'publish': ['topics'], 'subscribe': ['topics'], 'topics': ['topic', ...]}
GOVERNANCE = {
    'dds': ['domain_access_rules'], 'domain_access_rules': ['domain_rule'],
    'domain_rule': ['domains', 'allow_unauthenticated_participants', 'enable_join_access_control',
                    'discovery_protection_kind', 'liveliness_protection_kind',
                    'rtps_protection_kind', 'topic_access_rules'],
    'domains': ['id'], 'topic_access_rules': ['topic_rule'],
    'topic_rule': ['topic_expression', 'enable_discovery_protection',
                   'enable_liveliness_protection', 'enable_read_access_control',
                   'enable_write_access_control', 'metadata_protection_kind',
                   'data_protection_kind']}


def conforms(element, schema):
    wanted, got = schema.get(element.tag, []), [child.tag for child in element]
    if wanted[-1:] == [...]:
        assert got and set(got) == {wanted[0]}, element.tag
    else:
        assert got == wanted, element.tag
    assert bool(got) != bool((element.text or '').strip()), f'{element.tag}: text or elements'
    for child in element:
        conforms(child, schema)


def test_both_documents_have_the_structure_that_dds_security_asks_for(keystore):
    conforms(ET.parse(keystore / 'enclaves' / 'governance.xml').getroot(), GOVERNANCE)
    for name in CHAT:
        root = ET.parse(enclave_folder(keystore, name) / 'permissions.xml').getroot()
        conforms(root, PERMISSIONS)
        assert root.find('permissions/grant').attrib == {'name': name}
        assert root.findtext('permissions/grant/subject_name') == f'CN={name}'
        assert root.findtext('permissions/grant/default') == 'DENY'


def test_whoever_has_no_key_stays_out_and_everything_is_encrypted():
    rule = ET.fromstring(governance_xml(7)).find('domain_access_rules/domain_rule')
    assert rule.findtext('domains/id') == '7'
    assert rule.findtext('allow_unauthenticated_participants') == 'false'
    assert rule.findtext('enable_join_access_control') == 'true'
    topic = rule.find('topic_access_rules/topic_rule')
    assert topic.findtext('topic_expression') == '*'
    for part in ('read', 'write'):
        assert topic.findtext(f'enable_{part}_access_control') == 'true'
    assert topic.findtext('metadata_protection_kind') == 'ENCRYPT'
    assert topic.findtext('data_protection_kind') == 'ENCRYPT'


def test_what_was_written_is_read_again(keystore):
    found = read_permissions(enclave_folder(keystore, '/robot1/talker') / 'permissions.xml')
    assert (found.enclave, found.domain_id) == ('/robot1/talker', 7)
    assert found.topics == CHAT['/robot1/talker']
    assert found.begin < NOW < found.end


def test_an_existing_keystore_is_never_overwritten(keystore):
    before = {p: p.read_bytes() for p in keystore.rglob('*') if p.is_file()}
    with pytest.raises(IlwError, match='never overwritten'):
        create_keystore(keystore, CHAT, domain_id=7, now=NOW)
    assert before == {p: p.read_bytes() for p in keystore.rglob('*') if p.is_file()}


def test_a_keystore_that_cannot_be_finished_is_not_begun(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr('ilw_bringup.security.keystore._write_enclave', full)
    with pytest.raises(IlwError, match='No space'):
        create_keystore(tmp_path / 'k', CHAT, domain_id=7, now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_an_added_enclave_is_trusted_and_the_others_keep_their_keys(keystore):
    talker = enclave_folder(keystore, '/robot1/talker')
    key, listener = (talker / 'key.pem').read_bytes(), enclave_folder(
        keystore, '/robot1/listener')
    other = {p: p.read_bytes() for p in listener.iterdir()}
    more = Topics(frozenset({'rt/odom'}), frozenset())
    add_enclaves(keystore, {'/driver': more, '/robot1/talker': more}, domain_id=7, now=NOW)
    driver = keystore / 'enclaves' / 'driver'
    assert openssl('verify', '-CAfile', driver / 'identity_ca.cert.pem',
                   driver / 'cert.pem').returncode == 0
    assert (talker / 'key.pem').read_bytes() == key
    assert read_permissions(talker / 'permissions.xml').topics == more
    assert check_document(talker / 'permissions.p7s',
                          talker / 'permissions_ca.cert.pem').returncode == 0
    assert other == {p: p.read_bytes() for p in listener.iterdir()}


def test_nothing_is_added_to_what_is_no_whole_keystore_or_to_another_domain(keystore, tmp_path):
    with pytest.raises(IlwError, match='not a keystore'):
        add_enclaves(tmp_path, CHAT, domain_id=7, now=NOW)
    with pytest.raises(IlwError, match='is for ROS_DOMAIN_ID 7'):
        add_enclaves(keystore, CHAT, domain_id=8, now=NOW)
    subprocess.run(['rm', '-r', keystore / 'private'], check=True)
    with pytest.raises(IlwError, match='private/'):
        add_enclaves(keystore, CHAT, domain_id=7, now=NOW)
