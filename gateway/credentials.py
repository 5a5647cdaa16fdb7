"""How a meter lets us in: client, mechanism, context and keys, from its configuration; the keys are read once, here.

A key that the configuration does not name is the bench's, which is public; the gateway warns of every meter for which
one is used.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

from gateway.config import ConfigError, MeterConfig, SecretSource, secret_of
from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN
from protocols.model.association import MECHANISMS, SECRETS_DEFAULT
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
    security: int
    suite: int
    bench_keys: tuple[str, ...]
    """Names of keys that are the bench's public ones."""


def credentials(config: MeterConfig, client: int, beside: Path, fleet: Mapping[str, Mapping[str, str]]) -> Credentials:
    """Read the keys of a meter.

    Args:
        config: of the meter.
        client: the client SAP of its URL.
        beside: the folder of the configuration file, which key files are relative to.
        fleet: the fleet's key file, by meter and key name.

    Raises:
        ConfigError: a key is not where the configuration says.
    """
    security = SECURITY[config.security] if config.security is not None else 0
    secrets: dict[str, Secret] = {}
    bench: list[str] = []
    needed = {NEEDED[config.auth]} if config.auth in NEEDED else set()
    if security or config.auth == "hls-gmac":
        needed |= {"block", "authentication"}
    stated = fleet.get(config.id, {})
    for name in sorted(needed | set(config.keys) | set(stated)):
        source = config.keys.get(name)
        if source is not None:
            secrets[name] = _read(config.id, name, source, beside)
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
    return Credentials(profile, security, config.suite, tuple(bench))


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
