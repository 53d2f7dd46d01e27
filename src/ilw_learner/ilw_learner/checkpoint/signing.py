"""
Sign a checkpoint, and tell whether a trusted key signed it. Ed25519, by ``cryptography``.

``policy.sig`` beside ``policy.yaml`` is the 64 bytes of the signature over that file, which holds
the hashes of all others. Any other tool checks it as well: ``openssl pkeyutl -verify -rawin``.
"""

from dataclasses import dataclass
import os
from pathlib import Path
import stat

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from ilw_core.errors import CheckpointError, IlwError, UntrustedError
from ilw_core.storage.files import FileRefusedError, create, read_bytes
from ilw_core.text.printable import pasteable

SIGNATURE = 'policy.sig'
SIGNATURE_BYTES = 64
_MAX_KEY_BYTES = 10_000
_MAX_KEYS = 1000


@dataclass(frozen=True)
class TrustedKeys:
    """The public keys whose owners may say what drives this robot."""

    folder: Path
    keys: dict[str, Ed25519PublicKey]
    """File name -> key; at least one"""

    def verify(self, folder: Path, card: bytes, signature: bytes | None) -> str:
        """
        Return the file name of the key that signed a checkpoint.

        :param folder: of the checkpoint, for the error's text.
        :param card: the bytes of its ``policy.yaml``.
        :param signature: the bytes of its ``policy.sig``; ``None`` where there is none.
        :raises UntrustedError: none of these keys did.
        """
        rule = f'{folder} must be signed by a key in {self.folder}.'
        if signature is None:
            raise UntrustedError(f'{rule} It is not signed. If you trust it, sign it: '
                                  f'./ilw security sign {pasteable(folder)} --key KEY.')
        for name, key in self.keys.items():
            try:
                key.verify(signature, card)
            except InvalidSignature:
                continue
            return name
        raise UntrustedError(
            f'{rule} It was changed after it was signed, or another key signed it. Get it anew '
            f'from where it was trained, or add the public key of its signer to that folder.')


def load_trusted_keys(folder: Path) -> TrustedKeys:
    """
    Read every ``*.pub`` file of a folder.

    :raises IlwError: it holds none, or one of them is no public key.
    """
    files = sorted(folder.glob('*.pub'))[:_MAX_KEYS]
    if not files:
        raise IlwError(f'{folder} must hold the public keys that are trusted (*.pub). It has '
                       f'none. Make a pair: ./ilw security key NAME.')
    return TrustedKeys(folder, {path.name: _public_key(path) for path in files})


def find_trusted_keys(folder: str) -> TrustedKeys | None:
    """Return the keys of the folder that a person named; ``None`` where none was named."""
    return load_trusted_keys(Path(folder)) if folder else None


def make_key_pair(stem: Path) -> tuple[Path, Path]:
    """
    Write ``<stem>.key`` (private, readable by its owner only) and ``<stem>.pub``.

    :returns: the two paths.
    :raises IlwError: one of them is there already.
    """
    private, public = (stem.with_name(stem.name + end) for end in ('.key', '.pub'))
    key = Ed25519PrivateKey.generate()
    stem.parent.mkdir(parents=True, exist_ok=True)
    _write_new(private, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()), 0o600, clear=public)
    _write_new(public, key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), 0o644)
    return private, public


def load_signing_key(path: Path) -> Ed25519PrivateKey:
    """
    Read a private key.

    :raises IlwError: it is none, or others can read it.
    """
    raw = _read(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise IlwError(f'{path} must be readable by its owner only: it signs in their name. '
                       f'Run: chmod 600 {pasteable(path)}')
    try:
        key = serialization.load_pem_private_key(raw, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise IlwError(f'{path} is no private key without a passphrase ({error}). Make one: '
                       f'./ilw security key NAME.') from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IlwError(f'{path} must be an Ed25519 key. Got {type(key).__name__}. Make one: '
                       f'./ilw security key NAME.')
    return key


def write_signature(folder: Path, card: bytes, key: Ed25519PrivateKey) -> Path:
    """Write the signature over ``card`` into a folder, whole or not at all; return its path."""
    path, staging = folder / SIGNATURE, folder / f'.{SIGNATURE}.{os.getpid()}'
    try:
        with create(staging) as stream:
            stream.write(key.sign(card))
            stream.flush()
            os.fsync(stream.fileno())
        staging.replace(path)
    except OSError as error:
        staging.unlink(missing_ok=True)
        raise CheckpointError(f'{path} cannot be written: {error}.') from error
    return path


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise IlwError(f'{path} is no public key ({error}). Remove it, or copy it anew.'
                       ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise IlwError(f'{path} must be an Ed25519 public key. Got {type(key).__name__}. '
                       f'Make one: ./ilw security key NAME.')
    return key


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, _MAX_KEY_BYTES)
    except FileRefusedError as error:
        raise IlwError(f'{path} is not a key file: {error} Make a pair: ./ilw security key '
                       f'NAME.') from error
    except OSError as error:
        raise IlwError(f'{path} cannot be read: {error}.') from error


def _write_new(path: Path, content: bytes, mode: int, *, clear: Path | None = None) -> None:
    try:
        if clear is not None and clear.exists():
            raise FileExistsError(clear)
        with create(path, mode) as stream:
            stream.write(content)
    except FileExistsError as error:
        raise IlwError(f'A key is never overwritten. {error.filename or error} is there '
                       f'already. Choose another name.') from error
    except OSError as error:
        raise IlwError(f'{path} cannot be written: {error}.') from error
