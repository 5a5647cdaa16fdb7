"""How a meter lets us in: client, mechanism, context and keys, from its configuration; the keys are read once, here.

A key that the configuration does not name is the bench's, which is public; the gateway warns of every meter for which
one is used.
"""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from gateway.config import ConfigError, MeterConfig, SecretSource, secret_of
from gateway.meter.security import COUNTER_OBJECTS, Shared
from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN
from protocols.model.association import MECHANISMS, SECRETS_DEFAULT, ModelAssociation
from protocols.secret import Secret

LN, LN_CIPHERED = 1, 3
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


class Credentials(NamedTuple):
    """Everything that an association needs to know of us."""

    profile: AssociationProfile
    shared: Shared | None
    """For ciphered associations and for GMAC."""
    counter_object: str | None
    """Where the meter shows the invocation counter, if it does."""
    bench_keys: tuple[str, ...]
    """Names of keys that are the bench's public ones."""


class KeyRing(NamedTuple):
    """Where keys come from, besides each meter's own entries."""

    beside: Path
    """The folder of the configuration file, which key files are relative to."""
    fleet: Mapping[str, Mapping[str, str]]
    """The fleet's key file, by meter and key name."""
    title: bytes
    """Our own system title."""
    entropy: Callable[[int], bytes]


def credentials(config: MeterConfig, client: int, ring: KeyRing, offered: ModelAssociation | None) -> Credentials:
    """Read the keys of a meter.

    Args:
        config: of the meter.
        client: the client SAP of its URL.
        ring: where keys come from.
        offered: what the meter's model says of this client's association, if the model is known.

    Raises:
        ConfigError: a key is not where the configuration says.
    """
    security = _security(config, offered)
    secrets: dict[str, Secret] = {}
    bench: list[str] = []
    needed = {NEEDED[config.auth]} if config.auth in NEEDED else set()
    if security or config.auth == "hls-gmac":
        needed |= {"block", "authentication"}
    stated = ring.fleet.get(config.id, {})
    for name in sorted(needed | set(config.keys) | set(stated)):
        source = config.keys.get(name)
        if source is not None:
            secrets[name] = _read(config.id, name, source, ring.beside)
        elif name in stated:
            secrets[name] = secret_of(stated[name])
        else:
            secrets[name] = SECRETS_DEFAULT[name]
            bench.append(name)
    profile = AssociationProfile(
        client=client,
        mechanism=MECHANISMS[config.auth],
        context=LN_CIPHERED if security else LN,
        secrets=secrets,
        conformance=int(PROPOSED_LN),
        max_pdu=MAX_PDU,
    )
    counter_object = config.invocation_counter or COUNTER_OBJECTS.get(client)
    return Credentials(profile, _shared(config, security, secrets, ring), counter_object, tuple(bench))


def _security(config: MeterConfig, offered: ModelAssociation | None) -> int:
    """As configured; else as the model says; else HLS ciphers and authenticates, and what is weaker does neither."""
    if config.security is not None:
        return SECURITY[config.security]
    if offered is not None:
        return (offered.security or SECURITY["both"]) if offered.context >= LN_CIPHERED else 0
    return SECURITY["both"] if config.auth.startswith("hls") else 0


def _shared(config: MeterConfig, security: int, secrets: Mapping[str, Secret], ring: KeyRing) -> Shared | None:
    if "block" not in secrets:
        return None
    other_title = bytes.fromhex(config.system_title or "")
    try:
        return Shared(security, config.suite, ring.title, other_title, secrets, ring.entropy)
    except ValueError as error:
        raise ConfigError([f'meter "{config.id}", keys: {error}']) from None


def _read(meter: str, name: str, source: SecretSource, beside: Path) -> Secret:
    try:
        return source.read(beside)
    except ValueError as error:
        raise ConfigError([f'meter "{meter}", key keys.{name}: {error}']) from None


def read_fleet(source: SecretSource | None, beside: Path) -> dict[str, dict[str, str]]:
    """The fleet's key file: `[METER]` tables of keys.

    Raises:
        ConfigError: it is not there, or not of that form.
    """
    if source is None:
        return {}
    try:
        tables = tomllib.loads(source.read(beside).reveal().decode())
    except (ValueError, UnicodeDecodeError) as error:
        raise ConfigError([f"key fleet_keys: {error}"]) from None
    fleet: dict[str, dict[str, str]] = {}
    for meter, keys in tables.items():
        if not isinstance(keys, dict) or not all(isinstance(each, str) for each in keys.values()):
            raise ConfigError([f'key fleet_keys: [{meter}] holds keys as text, such as hls = "..."'])
        fleet[meter] = {str(name): str(value) for name, value in keys.items()}
    return fleet
