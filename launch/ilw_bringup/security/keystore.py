"""
A keystore in the layout of SROS 2, so that ``ros2 security`` can add to it and any ROS reads it.

``private/`` holds the keys that make keys: it stays where it was made. ``public/`` and
``enclaves/`` go to the robot. One enclave per node: its key, its certificate, its permissions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import os
from pathlib import Path
import shutil

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7

from ilw_bringup.security.dds_names import Topics
from ilw_bringup.security.documents import (
    Permissions,
    governance_xml,
    governed_domain,
    permissions_xml,
)
from ilw_core.errors import IlwError
from ilw_core.storage.files import create, read_bytes
from ilw_core.text.printable import pasteable

_MAX_BYTES = 100_000
ENCLAVE_FILES = ('cert.pem', 'governance.p7s', 'identity_ca.cert.pem', 'key.pem',
                 'permissions.p7s', 'permissions.xml', 'permissions_ca.cert.pem')
_YEARS = timedelta(days=3650)
"""As SROS 2 has it"""
_EARLIER = timedelta(days=1)
"""Valid from yesterday: clocks of two machines differ"""
_AUTHORITY = 'ILW CA'


@dataclass(frozen=True)
class _Authority:
    """Signs certificates and documents."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def enclave_folder(keystore: Path, enclave: str) -> Path:
    """Return the folder of an enclave, as ``/robot1/arbiter``."""
    return keystore / 'enclaves' / enclave.lstrip('/')


def is_keystore(folder: Path) -> bool:
    """Tell whether nodes can be started with this folder."""
    return all((folder / name).is_file() for name in (
        'public/identity_ca.cert.pem', 'public/permissions_ca.cert.pem',
        'enclaves/governance.p7s'))


def create_keystore(folder: Path, enclaves: Mapping[str, Topics], *, domain_id: int,
                    now: datetime) -> None:
    """
    Make a keystore, whole or not at all.

    :param enclaves: name, as ``/arbiter`` -> what it may do.
    :param now: UTC.
    :raises IlwError: the folder is there already.
    """
    if folder.exists():
        raise IlwError(f'A keystore is never overwritten: its nodes would no longer be known. '
                       f'{folder} is there already. Name another, or add nodes with --add.')
    staging = folder.with_name(f'.{folder.name}.{os.getpid()}')
    try:
        for path in (staging, *(staging / n for n in ('public', 'private', 'enclaves'))):
            path.mkdir(0o700, parents=path is staging)
        authority = _make_authority(staging, now)
        xml = governance_xml(domain_id)
        _write(staging / 'enclaves' / 'governance.xml', xml)
        _write(staging / 'enclaves' / 'governance.p7s', _signed(xml, authority))
        for name, topics in enclaves.items():
            _write_enclave(staging, authority, Permissions(
                name, domain_id, topics, now - _EARLIER, now + _YEARS))
        staging.rename(folder)
    except OSError as error:
        raise IlwError(f'{folder} cannot be written: {error}.') from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def add_enclaves(folder: Path, enclaves: Mapping[str, Topics], *, domain_id: int,
                 now: datetime) -> None:
    """
    Add enclaves to a keystore; those there keep their keys and get these permissions.

    :param now: UTC.
    :raises IlwError: it is no keystore, is for another domain, or lacks its private keys.
    """
    if not is_keystore(folder):
        raise IlwError(f'{folder} is not a keystore. Make it: ./ilw security init '
                       f'{pasteable(folder)}.')
    governed = governed_domain(folder / 'enclaves' / 'governance.xml')
    if governed != domain_id:
        raise IlwError(f'{folder} is for ROS_DOMAIN_ID {governed}. Got {domain_id}. Use '
                       f'--domain {governed}, or make another keystore.')
    try:
        authority = _load_authority(folder)
        for name, topics in enclaves.items():
            _write_enclave(folder, authority, Permissions(
                name, domain_id, topics, now - _EARLIER, now + _YEARS))
    except (OSError, ValueError, TypeError) as error:
        raise IlwError(f'{folder} cannot be added to: {error}. It takes the folder private/ of '
                       f'the machine where the keystore was made.') from error


def _make_authority(folder: Path, now: datetime) -> _Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(_AUTHORITY)
    certificate = _certificate(name, key.public_key(), name, key, now - _EARLIER, now + _YEARS,
                               authority=True)
    _write_key(folder / 'private' / 'ca.key.pem', key)
    _write_certificate(folder / 'public' / 'ca.cert.pem', certificate)
    for role in ('identity_ca', 'permissions_ca'):  # two roles, one authority, as in SROS 2
        (folder / 'private' / f'{role}.key.pem').symlink_to('ca.key.pem')
        (folder / 'public' / f'{role}.cert.pem').symlink_to('ca.cert.pem')
    return _Authority(certificate, key)


def _load_authority(folder: Path) -> _Authority:
    key = serialization.load_pem_private_key(
        _read(folder / 'private' / 'identity_ca.key.pem'), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError('its key is of another kind')
    return _Authority(x509.load_pem_x509_certificate(
        _read(folder / 'public' / 'identity_ca.cert.pem')), key)


def _read(path: Path) -> bytes:
    """Return a file of the authority: a link to another name beside it, as SROS 2 makes them."""
    itself = path.resolve()
    if itself.parent != path.parent.resolve():
        raise ValueError(f'{path} leads out of its folder')
    return read_bytes(itself, _MAX_BYTES)


def _write_enclave(keystore: Path, authority: _Authority, permissions: Permissions) -> None:
    folder = enclave_folder(keystore, permissions.enclave)
    for path in (*reversed(folder.relative_to(keystore).parents), folder.relative_to(keystore)):
        (keystore / path).mkdir(0o700, exist_ok=True)
    up = Path(os.path.relpath(keystore, folder))
    for link, target in (('identity_ca.cert.pem', up / 'public' / 'identity_ca.cert.pem'),
                         ('permissions_ca.cert.pem', up / 'public' / 'permissions_ca.cert.pem'),
                         ('governance.p7s', up / 'enclaves' / 'governance.p7s')):
        if not (folder / link).is_symlink():
            (folder / link).symlink_to(target)
    if not (folder / 'key.pem').is_file() or not (folder / 'cert.pem').is_file():
        key = ec.generate_private_key(ec.SECP256R1())
        _write_key(folder / 'key.pem', key)
        _write_certificate(folder / 'cert.pem', _certificate(
            _name(permissions.enclave), key.public_key(), authority.certificate.subject,
            authority.key, permissions.begin, permissions.end))
    xml = permissions_xml(permissions)
    _write(folder / 'permissions.xml', xml)
    _write(folder / 'permissions.p7s', _signed(xml, authority))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, public: ec.EllipticCurvePublicKey, issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey, begin: datetime, end: datetime, *,
    authority: bool = False,
) -> x509.Certificate:
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
            .public_key(public).serial_number(x509.random_serial_number())
            .not_valid_before(begin).not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=1 if authority
                                                 else None), critical=authority)
            .sign(issuer_key, hashes.SHA256()))


def _signed(content: bytes, authority: _Authority) -> bytes:
    """Return S/MIME: the text, and a detached signature over it."""
    return (pkcs7.PKCS7SignatureBuilder().set_data(content)
            .add_signer(authority.certificate, authority.key, hashes.SHA256())
            .sign(serialization.Encoding.SMIME,
                  [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature]))


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    _write(path, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()), 0o600)


def _write_certificate(path: Path, certificate: x509.Certificate) -> None:
    _write(path, certificate.public_bytes(serialization.Encoding.PEM))


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    staging = path.with_name(f'.{path.name}.{os.getpid()}')
    with create(staging, mode) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    staging.replace(path)
