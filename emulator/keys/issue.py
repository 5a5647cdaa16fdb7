"""Key pairs and certificates of a bench's own authority as PEM files: a bench without the public keys, suites 1 and 2.

A root for each suite, and for each owner a pair to sign with and one to agree on keys with. Whoever is not a meter of
the bench, such as a gateway, has pairs of every suite that is in use.
"""

import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from emulator.bench.file import BenchFile, plans
from emulator.keys.certificate_store import SECRET_NAMES
from emulator.keys.key_file import OWNER_ONLY
from protocols.dlms.security.agreement import ephemeral_key
from protocols.dlms.security.certificate import Certificate, Usage, issue_certificate
from protocols.dlms.security.suite import SUITES, Suite
from protocols.model.loader import load, load_file

VALID_DAYS: Final = 3650
"""Ten years, as meters have."""

BEFORE_DAYS: Final = 1
"""Clocks of meters are a little off."""

ROOT: Final = "root"
NAME: Final = "meterbench own authority"


def issue(
    bench: BenchFile,
    directory: Path,
    others: Mapping[str, bytes],
    folder: Path,
    now: datetime,
    entropy: Callable[[int], bytes],
) -> list[str]:
    """Write everybody's files; gives the names of all owners.

    Args:
        bench: whose meters of suites 1 and 2 have pairs.
        directory: where models are looked for.
        others: system titles of others, by name.
        folder: where the files go; it is made.
        now: the certificates hold from the day before on.
        entropy: random octets.

    Raises:
        ValueError: no meter of the bench has suite 1 or 2, or a title is none.
        OSError: a file is there already, or can't be written.
        ModelError: a model is wrong.
    """
    owners = {name: owned for name, owned in _meters(bench, directory).items() if owned[0].curve is not None}
    suites = sorted({suite for suite, _ in owners.values()}, key=lambda each: each.number)
    if not suites:
        raise ValueError("no meter of this bench has security suite 1 or 2: there is nothing to certify")
    named = owners | {
        f"{name}-suite{suite.number}": (suite, title) for name, title in others.items() for suite in suites
    }
    folder.mkdir(parents=True, exist_ok=True)
    roots = {suite: _root(suite, now, entropy) for suite in suites}
    _write(folder / f"{ROOT}.pem", b"".join(_pem(certificate) for certificate, _ in roots.values()))
    for name, (suite, title) in named.items():
        for usage, word in SECRET_NAMES.items():
            pair = ephemeral_key(suite, entropy)
            certificate = _certify(title.hex().upper(), usage, pair, roots[suite], now, entropy)
            _write(folder / f"{name}-{word}.pem", _pem(certificate))
            _write(folder / f"{name}-{word}.key", _private(pair))
    return list(named)


def _meters(bench: BenchFile, directory: Path) -> dict[str, tuple[Suite, bytes]]:
    found: dict[str, tuple[Suite, bytes]] = {}
    for plan in plans(bench):
        named = plan.section.model
        model = load_file(directory / named) if named.endswith(".toml") else load(named)
        suite = SUITES[max((model.security_suite(client) for client in model.associations), default=0)]
        found[plan.id] = suite, model.identity.system_title(plan.id)
    return found


Root = tuple[Certificate, ec.EllipticCurvePrivateKey]


def _root(suite: Suite, now: datetime, entropy: Callable[[int], bytes]) -> Root:
    key = ephemeral_key(suite, entropy)
    return _certify(f"{NAME}, suite {suite.number}", Usage.AUTHORITY, key, None, now, entropy), key


def _certify(
    name: str,
    usage: Usage,
    key: ec.EllipticCurvePrivateKey,
    root: Root | None,
    now: datetime,
    entropy: Callable[[int], bytes],
) -> Certificate:
    start = now.replace(microsecond=0) - timedelta(days=BEFORE_DAYS)
    return issue_certificate(
        key.public_key(),
        name,
        usage,
        issuer=None if root is None else root[0].x509.subject,
        issuer_key=key if root is None else root[1],
        serial=int.from_bytes(entropy(8), "big") >> 1 | 1,
        valid_from=start,
        valid_until=start + timedelta(days=VALID_DAYS),
    )


def _pem(certificate: Certificate) -> bytes:
    return certificate.x509.public_bytes(Encoding.PEM)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, octets: bytes) -> None:
    """Write a file that only its owner reads."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
