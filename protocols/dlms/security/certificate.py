"""X.509 certificates as DLMS profiles them: a public key, whose it is (a system title), and what it may do.

An end entity's common name is its system title in hexadecimal; its key usage is digitalSignature or keyAgreement, one
of the two. A chain leads from it over at most a few authorities to one that is trusted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from protocols.dlms.security.control import TITLE_OCTETS
from protocols.dlms.security.refused import RefusalKind, Refused, show_title
from protocols.dlms.security.suite import SUITES, Suite

CHAIN_MAX: Final = 4
"""End entity, two authorities, root: deeper chains are not what meters carry."""

CERTIFICATE_OCTETS_MAX: Final = 8192
"""DLMS certificates have some hundred octets; nothing longer is parsed."""

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)
"""What `cryptography` raises where octets are no certificate, or one with parts that it does not know."""


class Usage(Enum):
    """What a certificate's key is for."""

    DIGITAL_SIGNATURE = "digital signature"
    KEY_AGREEMENT = "key agreement"
    AUTHORITY = "issuing certificates"


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A certificate that could be read; whether it holds is `verify_chain`'s to say.

    Attributes:
        x509: as `cryptography` has it.
        suite: the security suite whose curve the key is on.
        public_key: the subject's.
        usage: what the key is for.
        title: the subject's system title, empty for an authority.
        serial: the number that the issuer gave it.
        valid_from, valid_until: when it holds, both included.
    """

    x509: x509.Certificate
    suite: Suite
    public_key: ec.EllipticCurvePublicKey
    usage: Usage
    title: bytes
    serial: int
    valid_from: datetime
    valid_until: datetime

    def valid(self, at: datetime) -> bool:
        """Whether it holds at an instant, as far as time goes."""
        return self.valid_from <= at <= self.valid_until

    def encode(self) -> bytes:
        """The octets (DER)."""
        return self.x509.public_bytes(Encoding.DER)


def read_certificate(octets: bytes) -> Certificate | Refused:
    """The certificate that these octets (DER) are, or why they are none that DLMS knows."""
    if len(octets) > CERTIFICATE_OCTETS_MAX:
        return _refused(f"a certificate of {len(octets)} octets")
    # `cryptography` parses many parts only when they are asked for: all are, within this try.
    try:
        found = x509.load_der_x509_certificate(octets)
        key, usage = found.public_key(), _usage(found)
        title = b"" if usage is Usage.AUTHORITY else _title(found.subject)
        serial, start, end = found.serial_number, found.not_valid_before_utc, found.not_valid_after_utc
    except _UNREADABLE:
        return _refused("these octets are no X.509 certificate that DLMS knows")
    suite = _suite(key)
    if suite is None or not isinstance(key, ec.EllipticCurvePublicKey):
        return _refused("the certificate's key is neither on P-256 nor on P-384")
    if usage is None:
        return _refused("the certificate's key usage is neither digital signature nor key agreement")
    if title is None:
        return _refused("the certificate's common name is no system title")
    return Certificate(found, suite, key, usage, title, serial, start, end)


def verify_chain(
    certificate: Certificate,
    trusted: Sequence[Certificate],
    at: datetime,
    *,
    authorities: Sequence[Certificate] = (),
    usage: Usage = Usage.DIGITAL_SIGNATURE,
    title: bytes = b"",
) -> Refused | None:
    """None where the certificate holds, else why not.

    Args:
        certificate: the end entity's.
        trusted: roots.
        at: the instant to judge validity at, aware.
        authorities: certificates between, in any order.
        usage: what the key is wanted for.
        title: whose certificate is wanted; empty for anybody's.
    """
    if certificate.usage is not usage:
        return _refused(f"the certificate is for {certificate.usage.value}, not for {usage.value}")
    if title and certificate.title != title:
        return _refused(f"the certificate is of {show_title(certificate.title)}, not of {show_title(title)}")
    link = certificate
    for _ in range(CHAIN_MAX):
        if not link.valid(at):
            return _refused(f"certificate {link.serial:X} is not valid at this time")
        issuer = next((one for one in (*trusted, *authorities) if _issued(link, one)), None)
        if issuer is None:
            return _refused(f"no authority known here has issued certificate {link.serial:X}")
        if any(issuer is root for root in trusted):
            return (
                None
                if issuer.valid(at)
                else _refused("the trusted authority's own certificate is not valid at this time")
            )
        link = issuer
    return _refused("the chain of certificates is too long")


def request_certificate(key: ec.EllipticCurvePrivateKey, title: bytes) -> bytes:
    """A certificate signing request (PKCS #10, DER) of a key pair of the system title's owner."""
    suite = _suite(key.public_key())
    if suite is None or suite.digest is None:
        raise ValueError("the key is neither on P-256 nor on P-384")
    request = x509.CertificateSigningRequestBuilder().subject_name(_name(title.hex().upper()))
    return request.sign(key, suite.digest, ecdsa_deterministic=True).public_bytes(Encoding.DER)


def issue_certificate(
    public_key: ec.EllipticCurvePublicKey,
    common_name: str,
    usage: Usage,
    *,
    issuer: x509.Name | None,
    issuer_key: ec.EllipticCurvePrivateKey,
    serial: int,
    valid_from: datetime,
    valid_until: datetime,
) -> Certificate:
    """A new certificate, as a bench's own authority issues them.

    Args:
        public_key: the subject's.
        common_name: a system title in hexadecimal, or an authority's name.
        usage: what the key is for.
        issuer: the authority's name; None where it certifies itself.
        issuer_key: the authority's private key.
        serial: from 1, never twice from one authority.
        valid_from: start of validity.
        valid_until: end of validity.

    Raises:
        ValueError: what comes out is no certificate that DLMS knows.
    """
    authority = usage is Usage.AUTHORITY
    signer = _suite(issuer_key.public_key())
    if signer is None or signer.digest is None:
        raise ValueError("the issuer's key is neither on P-256 nor on P-384")
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .issuer_name(issuer or _name(common_name))
        .public_key(public_key)
        .serial_number(serial)
        .not_valid_before(valid_from)
        .not_valid_after(valid_until)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=usage is Usage.DIGITAL_SIGNATURE,
                key_agreement=usage is Usage.KEY_AGREEMENT,
                key_cert_sign=authority,
                crl_sign=authority,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
    )
    made = builder.sign(issuer_key, signer.digest, ecdsa_deterministic=True)
    certificate = read_certificate(made.public_bytes(Encoding.DER))
    if isinstance(certificate, Refused):
        raise ValueError(certificate.reason)  # noqa: TRY004 (the caller's values are wrong, not their types)
    return certificate


def _refused(reason: str) -> Refused:
    return Refused(RefusalKind.CERTIFICATE, reason)


def _suite(key: object) -> Suite | None:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None
    return next((suite for suite in SUITES if suite.curve is not None and suite.curve.name == key.curve.name), None)


def _usage(certificate: x509.Certificate) -> Usage | None:
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    if usage.key_cert_sign:
        return Usage.AUTHORITY if _is_authority(certificate) else None
    if usage.digital_signature == usage.key_agreement:
        return None
    return Usage.DIGITAL_SIGNATURE if usage.digital_signature else Usage.KEY_AGREEMENT


def _is_authority(certificate: x509.Certificate) -> bool:
    return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def _title(subject: x509.Name) -> bytes | None:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    try:
        title = bytes.fromhex(str(names[0].value)) if len(names) == 1 else b""
    except ValueError:
        return None
    return title if len(title) == TITLE_OCTETS else None


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _issued(certificate: Certificate, issuer: Certificate) -> bool:
    if issuer.usage is not Usage.AUTHORITY:
        return False
    try:
        certificate.x509.verify_directly_issued_by(issuer.x509)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
