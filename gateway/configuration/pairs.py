"""Suites 1 and 2: our own key pairs, and whose certificates are believed, as a meter's configuration says.

Where certificates or authorities are named, nothing but certificates gives a public key, and our private keys are those
that the configuration names. Where none are, everybody has the keys of the bench's authority, which are public.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.configuration.config import ConfigError, MeterConfig
from gateway.meter.security import Pairs
from protocols.dlms.security.bench_authority import bench_key
from protocols.dlms.security.certificate import Certificate, Usage
from protocols.dlms.security.key_file import authorities_in, certificates_in, private_key_of
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import Suite
from protocols.dlms.security.trust import Trust
from protocols.secret import Secret

USAGES: Final[Mapping[str, Usage]] = {"signing": Usage.DIGITAL_SIGNATURE, "agreement": Usage.KEY_AGREEMENT}
"""Our private keys, as the configuration names them."""

FORMS: Final[Mapping[str, str]] = {
    "general-ciphering-ephemeral": "signing",
    "general-ciphering-static": "agreement",
}
"""Forms whose keys are agreed on, and the private key that this takes."""


class Trusts:
    """The certificates of a configuration, each file read once however many meters name it.

    Args:
        beside: the folder of the configuration file.
        now_ms: the clock that certificates are judged by.
    """

    def __init__(self, beside: Path, now_ms: Callable[[], int]) -> None:
        self._beside = beside
        self._now_ms = now_ms
        self._known: dict[tuple[tuple[str, ...], tuple[str, ...]], Trust] = {}

    def now(self) -> datetime:
        """Now."""
        return datetime.fromtimestamp(self._now_ms() / 1000, UTC)

    def trust(self, config: MeterConfig) -> Trust | None:
        """What a meter's configuration names; None where it names nothing.

        Raises:
            ConfigError: a file is missing, or holds no certificate.
        """
        named = config.certificates, config.authorities
        if not any(named):
            return None
        if named not in self._known:
            certificates = self._read(config, "certificates", lambda: certificates_in(named[0], self._beside))
            authorities = self._read(config, "authorities", lambda: authorities_in(named[1], self._beside))
            self._known[named] = Trust(certificates, authorities)
        return self._known[named]

    @staticmethod
    def _read(config: MeterConfig, key: str, read: Callable[[], list[Certificate]]) -> list[Certificate]:
        try:
            return read()
        except ValueError as error:
            raise ConfigError([f'meter "{config.id}", key {key}: {error}']) from None


def pairs_of(
    config: MeterConfig, suite: Suite, title: bytes, secrets: Mapping[str, Secret], trusts: Trusts
) -> Pairs | None:
    """The pairs for a meter; None in suite 0, which has none.

    Args:
        config: of the meter.
        suite: in force.
        title: our system title, unless our certificate says another.
        secrets: the keys that are named.
        trusts: reads certificates.

    Raises:
        ConfigError: a key or a certificate is missing, or one does not fit the other.
    """
    if suite.curve is None:
        return None
    private = _private(config, suite, secrets)
    trust = trusts.trust(config)
    if trust is None:
        for usage in USAGES.values():
            private.setdefault(usage, bench_key(suite, title, usage))
        return Pairs(private, b"", b"", lambda whose, usage, _sent: bench_key(suite, whose, usage).public_key())
    needed = {FORMS[config.form]} if config.form in FORMS else set()
    for name in sorted(needed | ({"signing"} if config.auth == "hls-ecdsa" or config.signed else set())):
        if USAGES[name] not in private:
            fault = f"our own private key is needed beside certificates; name its PEM file: {name} = {{ file = ... }}"
            raise ConfigError([f'meter "{config.id}", key keys.{name}: {fault}'])
    certificate = _own(config, private, trust, trusts)

    def public(whose: bytes, usage: Usage, sent: bytes) -> ec.EllipticCurvePublicKey | Refused:
        found = trust.certificate_of(whose, usage, trusts.now(), sent)
        return found if isinstance(found, Refused) else found.public_key

    if certificate is None:
        return Pairs(private, b"", b"", public)
    return Pairs(private, certificate.encode(), certificate.title, public)


def _private(
    config: MeterConfig, suite: Suite, secrets: Mapping[str, Secret]
) -> dict[Usage, ec.EllipticCurvePrivateKey]:
    private: dict[Usage, ec.EllipticCurvePrivateKey] = {}
    for name, usage in USAGES.items():
        if name in secrets:
            try:
                private[usage] = private_key_of(suite, secrets[name])
            except ValueError as error:
                digits = 2 * suite.coordinate_octets
                raise ConfigError(
                    [f'meter "{config.id}", key keys.{name}: {error}; it is PEM, or {digits} hexadecimal digits']
                ) from None
    return private


def _own(
    config: MeterConfig, private: Mapping[Usage, ec.EllipticCurvePrivateKey], trust: Trust, trusts: Trusts
) -> Certificate | None:
    """Our certificate for digital signature, if one is named; it must hold, or the meter would refuse it."""
    key = private.get(Usage.DIGITAL_SIGNATURE)
    found = None if key is None else trust.own(key.public_key(), Usage.DIGITAL_SIGNATURE)
    if found is not None:
        holds = trust.certificate_of(found.title, found.usage, trusts.now())
        if isinstance(holds, Refused):
            raise ConfigError([f'meter "{config.id}", key certificates: our own certificate: {holds.reason}'])
    return found
