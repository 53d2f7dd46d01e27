"""The cockpit is reached on this machine, or by TLS; anything else is one sentence."""

import ssl

from cryptography import x509
import pytest

from ilw_core.errors import IlwError
from ilw_web.server.gate import PROTOCOL, Gate
from ilw_web.server.reach import HERE, Reach, reach


def own(folder, listen='0.0.0.0'):
    return reach(8765, listen, 'self', '', folder)


def test_this_machine_needs_no_certificate(tmp_path):
    assert reach(8765, HERE, '', '', tmp_path) == Reach(8765)
    assert Reach(8765).address == 'http://127.0.0.1:8765'


@pytest.mark.parametrize('listen', ['0.0.0.0', '192.168.1.5', '::'])
def test_beyond_it_there_is_no_page_without_tls(tmp_path, listen):
    with pytest.raises(IlwError, match='TLS only') as caught:
        reach(8765, listen, '', '', tmp_path)
    assert '\n' not in str(caught.value) and '--cert self' in str(caught.value)


def test_its_own_certificate_bears_the_names_of_this_machine(tmp_path):
    found = own(tmp_path)
    assert found.scheme == 'https' and isinstance(found.tls, ssl.SSLContext)
    made = x509.load_pem_x509_certificate((tmp_path / 'cockpit.crt').read_bytes())
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    told = {str(each) for kind in (x509.IPAddress, x509.DNSName)
            for each in names.get_values_for_type(kind)}
    assert told == {*found.names} and {HERE, 'localhost'} < told
    assert (tmp_path / 'cockpit.key').stat().st_mode & 0o077 == 0
    assert found.fingerprint in found.opens and len(found.fingerprint) == 95


def test_the_link_names_the_address_that_others_reach(tmp_path):
    assert own(tmp_path, '127.0.0.2').address == 'https://127.0.0.2:8765'


def test_files_that_are_missing_or_do_not_match_are_said_in_one_line(tmp_path):
    for name in ('one', 'two'):
        own(tmp_path / name)
    files = {name: [str(tmp_path / name / f'cockpit.{end}') for end in ('crt', 'key')]
             for name in ('one', 'two')}
    (tmp_path / 'none.pem').write_text('nothing')
    assert reach(8765, '0.0.0.0', *files['one'], tmp_path).fingerprint == ''
    for cert, key, says in (
            (files['one'][0], files['two'][1], 'its own unencrypted key'),
            (files['one'][0], str(tmp_path / 'none.pem'), 'its own unencrypted key'),
            (files['one'][0], '/nowhere.key', '/nowhere.key cannot be read'),
            ('/nowhere.crt', files['one'][1], '/nowhere.crt cannot be read'),
            (files['one'][0], '', 'needs its key: --key FILE'),
            ('', files['one'][1], 'needs its certificate: --cert FILE')):
        with pytest.raises(IlwError, match=says) as caught:
            reach(8765, '0.0.0.0', cert, key, tmp_path)
        assert '\n' not in str(caught.value)


def test_what_is_no_address_is_refused(tmp_path):
    with pytest.raises(IlwError, match='--listen must be an address'):
        reach(8765, 'robot.local', '', '', tmp_path)


def test_the_gate_of_a_cockpit_with_tls_takes_its_own_origin_only(tmp_path):
    found = own(tmp_path, '127.0.0.2')
    gate, shown = Gate(found, 'secret'), {'Sec-WebSocket-Protocol': f'{PROTOCOL}, secret'}
    host = {'Host': '127.0.0.2:8765'}
    assert not gate.why_not_socket({**host, **shown, 'Origin': 'https://127.0.0.2:8765'})
    assert gate.why_not_socket({**host, **shown, 'Origin': 'http://127.0.0.2:8765'})
    assert gate.why_not_socket({**host, 'Origin': 'https://127.0.0.2:8765'})
