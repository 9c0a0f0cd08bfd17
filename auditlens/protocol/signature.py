"""Ed25519 signatures (RFC 8032) with keys as PEM files."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditlens.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SUFFIX: Final = ".sig"
PASSWORD: Final = "AUDITLENS_KEY_PASSWORD"
MAKE: Final = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out public.pem"


def load_key(path: Path) -> Ed25519PrivateKey:
    """Read a private key; one with a password takes it from `$AUDITLENS_KEY_PASSWORD`.

    Raises
    ------
    InputError
        No such file, no Ed25519 key, or the password is missing or wrong.
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    password = os.environ.get(PASSWORD)
    try:
        key = load_pem_private_key(_read(path), password.encode() if password else None)
    except TypeError as error:
        said = f"needs a password; set ${PASSWORD}" if not password else f"has no password; unset ${PASSWORD}"
        raise InputError(f"the key {path} {said}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no private key as PEM, or its password is another", hint=MAKE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"the key {path} is no Ed25519 key", hint=MAKE)
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises
    ------
    InputError
    """
    _need_library()
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path} is no public key as PEM", hint=MAKE) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"the key {path} is no Ed25519 key", hint=MAKE)
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key as DER: `openssl pkey -pubin -in public.pem -outform DER | sha256sum`."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def raw_public_key(key: Ed25519PublicKey) -> str:
    """The key's 32 bytes, base64."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def sign_bytes(content: bytes, key: Ed25519PrivateKey) -> str:
    """Sign; base64. The same content and key give the same signature."""
    return base64.b64encode(key.sign(content)).decode()


def signature_text(content: bytes, key: Ed25519PrivateKey) -> str:
    """Text of a signature file: the signature in base64, and whose it is."""
    return f"{sign_bytes(content, key)}\ned25519 sha256:{fingerprint(key.public_key())}\n"


def demand_signature(content: bytes, signature: str, key: Ed25519PublicKey, what: str) -> None:
    """Refuse content that the key did not sign.

    Raises
    ------
    IntegrityError
    """
    from cryptography.exceptions import InvalidSignature

    try:
        key.verify(base64.b64decode(signature, validate=True), content)
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise IntegrityError(
            f"{what} was not signed with this key (sha256 {fingerprint(key)[:16]}...), or was changed since"
        ) from error


def verified_fingerprint(content: bytes, signature: str, public_key: str, what: str) -> str:
    """Verify against a key that stands beside the signature; returns its fingerprint.

    Raises
    ------
    IntegrityError
    """
    _need_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key, validate=True))
    except (binascii.Error, ValueError) as error:
        raise IntegrityError(f"{what} has no readable public key") from error
    demand_signature(content, signature, key, what)
    return fingerprint(key)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the key {path}: {error.strerror or error}") from error


def _need_library() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise InputError("signatures need the package cryptography", hint="pip install 'auditlens[sign]'") from error
