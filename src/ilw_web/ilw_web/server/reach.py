"""Where the cockpit is reached: on this machine, or by TLS from elsewhere."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
import hashlib
import ipaddress
from pathlib import Path
import socket
import ssl

from ilw_core.errors import IlwError
from ilw_core.storage.files import read_bytes, write_file

HERE = '127.0.0.1'
SELF = 'self'
"""As a certificate: one of its own"""
OWN = Path.home() / '.config' / 'ilw'
"""Folder of a certificate of its own"""
DAYS = 90
"""A certificate of its own is made anew after so long at the latest"""


@dataclass(frozen=True)
class Reach:
    """Where a server listens, and by which names it is called."""

    port: int
    listen: str = HERE
    names: tuple[str, ...] = (HERE, 'localhost')
    tls: ssl.SSLContext | None = None
    """``None``: plain HTTP, on this machine only"""
    fingerprint: str = ''
    """SHA-256 of a certificate of its own, as browsers show it; empty: it is another's"""

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return 'http' if self.tls is None else 'https'

    @property
    def address(self) -> str:
        """What a browser opens."""
        return f'{self.scheme}://{self.names[0]}:{self.port}'

    @property
    def opens(self) -> str:
        """What a person is told who opens it to others."""
        seen = ('' if not self.fingerprint else ' Browsers warn of its own certificate; it is '
                f'this one if they show SHA-256 {self.fingerprint}.')
        return (f'The cockpit is open to the network: port {self.port} at {self.listen}, by TLS. '
                f'Whoever has the link drives, trains and promotes.{seen}')


def reach(port: int, listen: str, cert: str, key: str, own: Path) -> Reach:
    """
    Return where a cockpit is reached.

    :param listen: an address of this machine, ``0.0.0.0`` for all of them.
    :param cert: file of a certificate (PEM), or ``self``; empty: none.
    :param own: folder of a certificate of its own.
    :raises IlwError: beyond this machine without TLS; files that are missing or do not match.
    """
    try:
        address = ipaddress.ip_address(listen)
    except ValueError as error:
        raise IlwError(f'--listen must be an address of this machine, as 0.0.0.0 for all of them. '
                       f'Got {listen[:60]!r}.') from error
    if not cert:
        if key:
            raise IlwError(f'--key {key} needs its certificate: --cert FILE.')
        if not address.is_loopback:
            raise IlwError(f'Beyond this machine the cockpit speaks TLS only. Got --listen '
                           f'{listen} without a certificate. Give --cert FILE --key FILE, or '
                           f'--cert self, which makes one; or leave --listen out and use '
                           f'ssh -L {port}:127.0.0.1:{port}.')
        return Reach(port, listen, tuple(dict.fromkeys((listen, HERE, 'localhost'))))
    names = _names(listen)
    files = (cert, key)
    if cert == SELF:
        files = _self_signed(own, names)
    elif not key:
        raise IlwError(f'--cert {cert} needs its key: --key FILE.')
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(*files, password=_no_password)
    except ssl.SSLError as error:
        raise IlwError(f'{files[0]} and {files[1]} must be a certificate and its own unencrypted '
                       f'key, as PEM: {error.reason or error}.') from error
    except (OSError, ValueError) as error:
        missing = next((each for each in files if not Path(each).is_file()), files[0])
        raise IlwError(f'{missing} cannot be read as a certificate or its key: '
                       f'{getattr(error, "strerror", None) or error}.') from error
    return Reach(port, listen, names, context, _fingerprint(files[0]) if cert == SELF else '')


def check_port(port: int, listen: str = HERE) -> None:
    """:raises IlwError: a server cannot listen there."""
    family = socket.AF_INET6 if ':' in listen else socket.AF_INET
    with closing(socket.socket(family)) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((listen, port))
        except (OSError, OverflowError) as error:
            raise IlwError(f'Port {port} cannot be had: {getattr(error, "strerror", error)}. Is '
                           f'another cockpit running? Choose another: --port 8766.') from error


def _no_password() -> str:
    raise ValueError('the key is encrypted')


def _names(listen: str) -> tuple[str, ...]:
    """Return what it may be called from elsewhere, the first for the link."""
    import psutil

    address, host = ipaddress.ip_address(listen), socket.gethostname()
    if not address.is_unspecified:
        found = [str(address)]
    else:
        found = [each.address for there in psutil.net_if_addrs().values() for each in there
                 if each.family == socket.AF_INET]
        found.sort(key=lambda each: ipaddress.ip_address(each).is_loopback)
    return tuple(dict.fromkeys((*found, host, f'{host}.local', HERE, 'localhost')))


def _self_signed(folder: Path, names: Sequence[str]) -> tuple[str, str]:
    """Return files of a certificate for these names and of its key, made anew."""
    from cryptography import x509  # slow to import, and most cockpits need no certificate
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'ILW cockpit')])
    now = datetime.now(timezone.utc)
    alternatives = [x509.IPAddress(ipaddress.ip_address(each)) if each[0].isdigit() or ':' in each
                    else x509.DNSName(each) for each in names]
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=DAYS))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files = folder / 'cockpit.crt', folder / 'cockpit.key'
    write_file(files[1], key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()), 0o600)
    write_file(files[0], made.public_bytes(serialization.Encoding.PEM))
    return str(files[0]), str(files[1])


def _fingerprint(cert: str) -> str:
    der = ssl.PEM_cert_to_DER_cert(read_bytes(cert, 100_000).decode())
    digest = hashlib.sha256(der).hexdigest().upper()
    return ':'.join(digest[at:at + 2] for at in range(0, len(digest), 2))
