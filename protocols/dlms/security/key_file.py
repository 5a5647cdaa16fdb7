"""Certificates and private keys as files hold them: PEM as every tool writes it, DER, or a key's plain number."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from protocols.dlms.security.certificate import Certificate, Usage, read_certificate
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.signature import private_key
from protocols.dlms.security.suite import Suite
from protocols.secret import Secret

FILE_OCTETS_MAX: Final = 1 << 20
"""A chain has some kilobytes; nothing longer is read."""

FOLDER_FILES_MAX: Final = 100_000
"""The certificates of a fleet in one folder."""

ENDINGS: Final = frozenset({".pem", ".crt", ".cer", ".der"})
"""What a certificate's file is called, in a folder."""

_PEM: Final = b"-----BEGIN"
_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"


def private_key_of(suite: Suite, secret: Secret) -> ec.EllipticCurvePrivateKey:
    """The private key that a secret holds: PEM without a password, or the number in as many octets as the curve has.

    Raises:
        ValueError: it is none of the suite; what it is, is not shown.
    """
    if not secret.reveal().lstrip().startswith(_PEM):
        return private_key(suite, secret)
    try:
        key = load_pem_private_key(secret.reveal(), None)
    except TypeError:
        raise ValueError("the private key is locked by a password: unlock it first, as by `openssl pkey`") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the private key's PEM can't be read") from None
    if suite.curve is None or not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != suite.curve.name:
        raise ValueError(f"not a private key of security suite {suite.number}")
    return key


def read_certificates(octets: bytes) -> list[Certificate] | Refused:
    """All certificates of a file, PEM or DER, in their order; or why one is none that DLMS knows."""
    try:
        pem = _CERTIFICATE in octets
        parts = (
            [each.public_bytes(Encoding.DER) for each in x509.load_pem_x509_certificates(octets)] if pem else [octets]
        )
    except ValueError:
        return Refused(RefusalKind.CERTIFICATE, "the PEM of a certificate can't be read")
    certificates: list[Certificate] = []
    for part in parts:
        found = read_certificate(part)
        if isinstance(found, Refused):
            return found
        certificates.append(found)
    return certificates


def authorities_in(paths: Iterable[str], beside: Path) -> list[Certificate]:
    """The certificates of authorities among those of files and folders.

    Args:
        paths: relative ones are beside a configuration file.
        beside: its folder.

    Raises:
        ValueError: a file that is named is not there, or none of them is an authority's; one sentence.
    """
    named = tuple(paths)
    found = [each for each in certificates_in(named, beside) if each.usage is Usage.AUTHORITY]
    if named and not found:
        raise ValueError(f"{', '.join(named)}: no certificate of an authority, one that may issue certificates")
    return found


def certificates_in(paths: Iterable[str], beside: Path) -> list[Certificate]:
    """The certificates of files and folders; what else lies in a folder (keys, requests) is passed over.

    Args:
        paths: relative ones are beside a configuration file.
        beside: its folder.

    Raises:
        ValueError: a file that is named is not there or holds none; one sentence.
    """
    certificates: list[Certificate] = []
    for path in paths:
        place = beside / path
        try:
            if not place.is_dir():
                found = read_certificates(_read(place))
                if isinstance(found, Refused):
                    raise ValueError(f"{place}: {found.reason}")
                certificates += found
                continue
            files = sorted(each for each in place.iterdir() if each.suffix.lower() in ENDINGS)
            if len(files) > FOLDER_FILES_MAX:
                raise ValueError(f"{place}: more than {FOLDER_FILES_MAX} files")
            for each in files:
                found = read_certificates(_read(each))
                certificates += [] if isinstance(found, Refused) else found
        except OSError as error:
            raise ValueError(f"{place}: can't be read ({error.strerror})") from None
    return certificates


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        octets = opened.read(FILE_OCTETS_MAX + 1)
    if len(octets) > FILE_OCTETS_MAX:
        raise ValueError(f"{file}: longer than {FILE_OCTETS_MAX} octets")
    return octets
