"""The key pairs and certificates of one security setup: what a meter signs and agrees with, and whose keys it believes.

A new pair is generated beside the one in force and takes over when a certificate for it is imported. A certificate is
only taken if a chain leads from it to a trusted root. That is the bench's authority, which gives everybody on a bench
keys made from system titles, until the bench file names authorities of its own: then nobody has any but by certificate.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from emulator.book import Book
from protocols.dlms.security.agreement import ephemeral_key
from protocols.dlms.security.bench_authority import bench_authority, bench_key
from protocols.dlms.security.certificate import (
    Certificate,
    Usage,
    read_certificate,
    request_certificate,
    verify_chain,
)
from protocols.dlms.security.key_file import private_key_of
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.signature import private_key
from protocols.dlms.security.suite import Suite
from protocols.dlms.security.trust import Trust
from protocols.secret import Secret

CERTIFICATES_MAX: Final = 16
"""Certificates that a meter keeps: its own, those of a few clients, a few authorities."""

PAIR_TYPES: Final = {0: Usage.DIGITAL_SIGNATURE, 1: Usage.KEY_AGREEMENT}
"""Key pair and certificate types of class 64 that we have; TLS is another layer's."""

SECRET_NAMES: Final = {Usage.DIGITAL_SIGNATURE: "signing", Usage.KEY_AGREEMENT: "agreement"}
"""Private keys as the configuration names them."""


class Works(NamedTuple):
    """What a meter leaves the works with.

    Attributes:
        secrets: keys by name; the private ones are of interest here.
        authorities: whom certificates must come from; without any, the bench's.
        certificates: its own and others'.
    """

    secrets: Mapping[str, Secret] = MappingProxyType({})
    authorities: Sequence[Certificate] = ()
    certificates: Sequence[Certificate] = ()


class Entity(IntEnum):
    """Whose certificate it is, as class 64 writes it."""

    SERVER = 0
    CLIENT = 1
    AUTHORITY = 2
    OTHER = 3


class CertificateStore:
    """See the module.

    Args:
        name: of the security setup.
        suite: in force; suite 0 has neither pairs nor certificates.
        title: the meter's system title.
        works: what it has from the works.
        book: where what must survive is kept.
    """

    __slots__ = ("_book", "_fresh", "_name", "_pairs", "_suite", "_title", "_works", "certificates")

    def __init__(self, name: str, suite: Suite, title: bytes, works: Works, book: Book) -> None:
        self._name = name
        self._suite = suite
        self._title = title
        self._works = works
        self._book = book
        self._pairs: dict[Usage, ec.EllipticCurvePrivateKey] = {}
        self._fresh: dict[Usage, ec.EllipticCurvePrivateKey] = {}
        self.certificates: list[Certificate] = []
        if suite.curve is not None:
            self._restore()

    def _restore(self) -> None:
        kept = json.loads(self._book.get(f"pairs {self._name}") or "{}")
        for usage, secret_name in SECRET_NAMES.items():
            digits, named = kept.get(secret_name), self._works.secrets.get(secret_name)
            if digits is not None:
                self._pairs[usage] = private_key(self._suite, Secret(bytes.fromhex(digits)))
            elif named is not None:
                self._pairs[usage] = private_key_of(self._suite, named)
            else:
                self._pairs[usage] = bench_key(self._suite, self._title, usage)
            if f"new {secret_name}" in kept:
                self._fresh[usage] = private_key(self._suite, Secret(bytes.fromhex(kept[f"new {secret_name}"])))
        noted = self._book.get(f"certificates {self._name}")
        if noted is None:
            self.certificates = [each for each in self._works.certificates if each.suite is self._suite]
        for octets in json.loads(noted or "[]"):
            found = read_certificate(bytes.fromhex(octets))
            if isinstance(found, Certificate):
                self.certificates.append(found)

    def _keep_pairs(self) -> None:
        kept = {SECRET_NAMES[usage]: self._digits(key) for usage, key in self._pairs.items()}
        kept |= {f"new {SECRET_NAMES[usage]}": self._digits(key) for usage, key in self._fresh.items()}
        self._book.put(f"pairs {self._name}", json.dumps(kept))

    def _digits(self, key: ec.EllipticCurvePrivateKey) -> str:
        return key.private_numbers().private_value.to_bytes(self._suite.coordinate_octets, "big").hex()

    def _keep_certificates(self) -> None:
        self._book.put(f"certificates {self._name}", json.dumps([each.encode().hex() for each in self.certificates]))

    # ---- whose keys

    def private_key(self, usage: Usage) -> ec.EllipticCurvePrivateKey | None:
        """The meter's own, None in suite 0."""
        return self._pairs.get(usage)

    @property
    def _roots(self) -> Sequence[Certificate]:
        return self._works.authorities or (bench_authority(self._suite).certificate,)

    def public_key(
        self, title: bytes, usage: Usage, at: datetime, sent: bytes = b""
    ) -> ec.EllipticCurvePublicKey | Refused:
        """Somebody's: out of the newest certificate, else as the bench's authority makes it.

        Args:
            title: whose.
            usage: what for.
            at: now, by the meter's clock.
            sent: the certificate that they have sent along, in DER.
        """
        found = Trust(self.certificates, self._roots).certificate_of(title, usage, at, sent)
        if isinstance(found, Certificate):
            return found.public_key
        if self._works.authorities or sent:
            return found
        return bench_key(self._suite, title, usage).public_key()

    def own(self) -> bytes:
        """The meter's certificate for digital signature, in DER; empty where it has none."""
        found = self.find(Entity.SERVER, Usage.DIGITAL_SIGNATURE, self._title)
        return b"" if found is None else found.encode()

    # ---- methods of class 64

    def generate(self, usage: Usage, entropy: Callable[[int], bytes]) -> None:
        """A new key pair, which takes over with its certificate."""
        self._fresh[usage] = ephemeral_key(self._suite, entropy)
        self._keep_pairs()

    def request(self, usage: Usage) -> bytes:
        """A certificate signing request for the new key pair, or for the one in force."""
        return request_certificate(self._fresh.get(usage) or self._pairs[usage], self._title)

    def take(self, octets: bytes, at: datetime) -> Refused | None:
        """Import a certificate; None where it was taken."""
        certificate = read_certificate(octets)
        if isinstance(certificate, Refused):
            return certificate
        authorities = [each for each in self.certificates if each.usage is Usage.AUTHORITY]
        refused = verify_chain(certificate, self._roots, at, authorities=authorities, usage=certificate.usage)
        if refused is None and certificate.title == self._title:
            refused = self._take_over(certificate)
        if refused is not None:
            return refused
        kept = [each for each in self.certificates if _identity(each) != _identity(certificate)]
        if len(kept) >= CERTIFICATES_MAX:
            return Refused(RefusalKind.CERTIFICATE, f"{CERTIFICATES_MAX} certificates are kept already: remove one")
        self.certificates = [*kept, certificate]
        self._keep_certificates()
        return None

    def _take_over(self, certificate: Certificate) -> Refused | None:
        """The pair that the meter's own certificate is for is the one in force from now on."""
        usage = certificate.usage
        for pair in (self._fresh.get(usage), self._pairs.get(usage)):
            if pair is not None and _same(pair.public_key(), certificate.public_key):
                self._pairs[usage] = pair
                self._fresh.pop(usage, None)
                self._keep_pairs()
                return None
        return Refused(RefusalKind.CERTIFICATE, "the certificate is for a key pair that this meter does not have")

    def find(self, entity: Entity, usage: Usage | None, title: bytes) -> Certificate | None:
        """The newest certificate of an entity, for a usage, with a title."""
        found = (each for each in reversed(self.certificates) if self.entity_of(each) is entity)
        return next((each for each in found if each.usage is usage and each.title == title), None)

    def find_by_serial(self, serial: bytes, issuer: bytes) -> Certificate | None:
        """The certificate of that serial number and issuer."""
        return next((each for each in self.certificates if _identity(each) == (serial, issuer)), None)

    def remove(self, certificate: Certificate) -> None:
        """Forget a certificate."""
        self.certificates = [each for each in self.certificates if each is not certificate]
        self._keep_certificates()

    def entity_of(self, certificate: Certificate) -> Entity:
        """Whose it is."""
        if certificate.usage is Usage.AUTHORITY:
            return Entity.AUTHORITY
        return Entity.SERVER if certificate.title == self._title else Entity.CLIENT


def _identity(certificate: Certificate) -> tuple[bytes, bytes]:
    """Serial number and issuer as class 64 shows them."""
    return serial_octets(certificate), certificate.x509.issuer.public_bytes()


def serial_octets(certificate: Certificate) -> bytes:
    """The serial number in as many octets as it takes."""
    return certificate.serial.to_bytes(max(1, (certificate.serial.bit_length() + 7) // 8), "big")


def _same(one: ec.EllipticCurvePublicKey, other: ec.EllipticCurvePublicKey) -> bool:
    point = PublicFormat.UncompressedPoint
    return one.public_bytes(Encoding.X962, point) == other.public_bytes(Encoding.X962, point)
