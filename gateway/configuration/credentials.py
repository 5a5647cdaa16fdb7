"""How a meter lets us in: client, mechanism, context and keys, from its configuration; the keys are read once, here.

A key that the configuration does not name is the bench's, which is public; the gateway warns of every meter for which
one is used.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from gateway.configuration.config import ConfigError, MeterConfig
from gateway.configuration.fleet_keys import FleetKeys, keys_for, parse_fleet_keys
from gateway.configuration.pairs import Trusts, pairs_of
from gateway.meter.security import COUNTER_OBJECT, COUNTER_OBJECTS, Shared
from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN, PROPOSED_SN
from protocols.dlms.security.form import Form
from protocols.dlms.security.suite import SUITES
from protocols.model.association import CONTEXTS, MECHANISMS, ModelAssociation, secrets_default
from protocols.secret import Secret
from protocols.settings.section import SecretSource

MAX_PDU: Final = 0xFFFF
"""The longest APDU we take: no limit of ours."""

SECURITY: Final[Mapping[str, int]] = {"none": 0, "authentication": 0x10, "encryption": 0x20, "both": 0x30}
"""What every request is protected with, as bits of the security control byte."""

NEEDED: Final[Mapping[str, str]] = {
    "lls": "lls",
    "hls": "hls",
    "hls-md5": "hls",
    "hls-sha1": "hls",
    "hls-sha256": "hls",
}
"""The key that a mechanism computes with, besides those of ciphering."""


FORMS: Final[Mapping[str, Form]] = {
    "glo": Form.GLO,
    "ded": Form.DED,
    "general-glo": Form.GENERAL_GLO,
    "general-ded": Form.GENERAL_DED,
    "general-ciphering": Form.IDENTIFIED,
    "general-ciphering-wrapped": Form.WRAPPED,
    "general-ciphering-ephemeral": Form.ONE_PASS,
    "general-ciphering-static": Form.STATIC,
}
"""How ciphered APDUs are wrapped."""

KEYED: Final = frozenset({"hls-gmac", "hls-ecdsa"})
"""Mechanisms that compute with the keys of ciphering, or with key pairs that go with them."""


class Credentials(NamedTuple):
    """Everything that an association needs to know of us."""

    profile: AssociationProfile
    shared: Shared | None
    """For ciphered associations and for GMAC."""
    counter_object: str
    """Where the meter shows the invocation counter, if it does."""
    bench_keys: tuple[str, ...]
    """Names of keys that are the bench's public ones."""
    following: Mapping[str, Secret] = MappingProxyType({})
    """The keys that `rotate_keys` changes to, as far as they are named."""
    share: Callable[[Mapping[str, Secret]], Shared] | None = None
    """Makes what is shared out of other keys."""

    def rekeyed(self, names: Iterable[str]) -> "Credentials":
        """The same with some of the keys that are to follow; the counter goes on."""
        if self.share is None or self.shared is None:
            return self
        secrets = {**self.profile.secrets, **{name: self.following[name] for name in names}}
        shared = self.share(secrets)
        shared.follow(self.shared)
        return self._replace(profile=replace(self.profile, secrets=secrets), shared=shared)


class KeyRing(NamedTuple):
    """Where keys come from, besides each meter's own entries."""

    beside: Path
    """The folder of the configuration file, which key files are relative to."""
    fleet: FleetKeys
    """What the fleet's key file says."""
    title: bytes
    """Our own system title."""
    entropy: Callable[[int], bytes]
    trusts: Trusts
    """Certificates, and the clock that they are judged by."""
    one_title: bool = True
    """Whether we have that title whichever client we are, as where it is configured."""

    def title_of(self, client: int) -> bytes:
        """Our title as a client of meters: as two clients under the same keys we must not use a nonce twice."""
        return self.title if self.one_title else self.title[:-1] + bytes((self.title[-1] ^ client,))


def credentials(
    config: MeterConfig, client: int, ring: KeyRing, offered: ModelAssociation | None, suite: int
) -> Credentials:
    """Read the keys of a meter.

    Args:
        config: of the meter.
        client: the client SAP of its URL.
        ring: where keys come from.
        offered: what the meter's model says of this client's association, if the model is known.
        suite: the security suite.

    Raises:
        ConfigError: a key is not where the configuration says.
    """
    security = _security(config, offered)
    secrets: dict[str, Secret] = {}
    bench: list[str] = []
    needed = {NEEDED[config.auth]} if config.auth in NEEDED else set()
    if security or config.auth in KEYED:
        needed |= {"block", "authentication"}
    stated = keys_for(ring.fleet, config.id)
    for name in sorted(needed | set(config.keys) | set(stated.secrets)):
        source = config.keys.get(name)
        if source is not None:
            secrets[name] = _read(config.id, name, source, ring.beside)
        elif name in stated.secrets:
            secrets[name] = stated.secrets[name]
        else:
            secrets[name] = secrets_default(suite)[name]
            bench.append(name)
    short_names = config.short_names
    if short_names is None:
        short_names = offered is not None and offered.short_names
    profile = AssociationProfile(
        client=client,
        mechanism=MECHANISMS[config.auth],
        context=CONTEXTS[("sn" if short_names else "ln") + ("-ciphered" if security else "")],
        secrets=secrets,
        conformance=int(PROPOSED_SN if short_names else PROPOSED_LN),
        max_pdu=MAX_PDU,
    )
    counter_object = config.invocation_counter or COUNTER_OBJECTS.get(client, COUNTER_OBJECT)
    if "block" not in secrets or not (security or config.auth in KEYED):
        return Credentials(profile, None, counter_object, tuple(bench))
    other_title = bytes.fromhex(config.system_title or "") or stated.system_title
    following = {name: _read(config.id, name, source, ring.beside) for name, source in config.next_keys.items()}
    title, in_force, form = ring.title_of(client), SUITES[suite], FORMS[config.form]
    pairs = pairs_of(config, in_force, title, secrets, ring.trusts)
    if pairs is not None and pairs.title:
        title = pairs.title

    def share(keys: Mapping[str, Secret]) -> Shared:
        return Shared(
            config.id,
            security,
            in_force,
            title,
            other_title,
            keys,
            ring.entropy,
            form,
            signed=config.signed,
            pairs=pairs,
            refuse_replayed=config.replayed == "refuse" or (config.replayed is None and "block" not in bench),
        )

    try:
        shared = share(secrets)
        share({**secrets, **following})
    except ValueError as error:
        raise ConfigError([f'meter "{config.id}", keys: {error}']) from None
    return Credentials(profile, shared, counter_object, tuple(bench), following, share)


def _security(config: MeterConfig, offered: ModelAssociation | None) -> int:
    """As configured; else as the model says; else HLS ciphers and authenticates, and what is weaker does neither."""
    if config.security is not None:
        return SECURITY[config.security]
    if offered is not None:
        return (offered.security or SECURITY["both"]) if offered.context >= CONTEXTS["ln-ciphered"] else 0
    return SECURITY["both"] if config.auth.startswith("hls") else 0


def _read(meter: str, name: str, source: SecretSource, beside: Path) -> Secret:
    try:
        return source.read(beside)
    except ValueError as error:
        raise ConfigError([f'meter "{meter}", key keys.{name}: {error}']) from None


def read_fleet(source: SecretSource | None, beside: Path) -> FleetKeys:
    """The fleet's key file.

    Raises:
        ConfigError: it is not there, or not of its form.
    """
    if source is None:
        return {}
    try:
        return parse_fleet_keys(source.read(beside).reveal().decode())
    except (ValueError, UnicodeDecodeError) as error:
        reason = "the file is not text" if isinstance(error, UnicodeDecodeError) else error
        raise ConfigError([f"key fleet_keys: {reason}"]) from None
