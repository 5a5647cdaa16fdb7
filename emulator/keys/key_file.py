"""The keys of a bench's meters as one file that a gateway reads: TOML with a table a meter, or CSV with a line each."""

import csv
import io
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import tomli_w

from emulator.bench.file import KEY_NAMES, BenchFile, MeterSection, plans
from protocols.model.association import secrets_default
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.secret import Secret

OWNER_ONLY: Final = 0o600
"""Whoever reads this file reads the meters."""

_GATEWAY_NAMES: Final = tuple(name for name in KEY_NAMES if name != "token")
"""What a gateway needs: whoever holds the vending key can make money, and a gateway is not a till."""

_AS_HEX: Final = frozenset({16, 24, 32, 48})
"""Lengths whose hexadecimal digits are read back as octets."""


class MeterRow(NamedTuple):
    """One meter of the file: its id, and what the file says of it by name."""

    meter: str
    entries: dict[str, str]


def rows(bench: BenchFile, directory: Path) -> list[MeterRow]:
    """The keys of every meter that speaks DLMS; a key that the bench file does not name is the public one.

    Args:
        bench: the bench file.
        directory: where models and key files are looked for.

    Raises:
        ValueError: a key is not where the file says.
        ModelError: a model is wrong.
    """
    known: dict[int, tuple[MeterModel, Mapping[str, Secret]]] = {}
    found = []
    for plan in plans(bench):
        kept = known.get(id(plan.section))
        if kept is None:
            kept = known[id(plan.section)] = _of(plan.section, directory)
        model, secrets = kept
        if model.associations:
            entries = {name: _written(secrets[name]) for name in _GATEWAY_NAMES if name in secrets}
            title = model.identity.system_title(plan.id).hex().upper()
            found.append(MeterRow(plan.id, {"system_title": title} | entries))
    return found


def _of(section: MeterSection, directory: Path) -> tuple[MeterModel, Mapping[str, Secret]]:
    is_file = section.model.endswith(".toml")
    model = load_file(directory / section.model) if is_file else load(section.model)
    suite = max((model.security_suite(client) for client in model.associations), default=0)
    named = {name: source.read(directory) for name, source in section.keys.items()}
    return model, {**secrets_default(suite), **named}


def _written(secret: Secret) -> str:
    octets = secret.reveal()
    if len(octets) in _AS_HEX:
        return octets.hex().upper()
    return octets.decode("utf-8", "surrogateescape")


def text_of(found: Iterable[MeterRow], *, as_csv: bool) -> str:
    """The file."""
    if not as_csv:
        return tomli_w.dumps({row.meter: row.entries for row in found})
    table = list(found)
    names = ["system_title", *(name for name in KEY_NAMES if any(name in row.entries for row in table))]
    out = io.StringIO()
    writer = csv.DictWriter(out, ["meter", *names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({"meter": row.meter} | row.entries for row in table)
    return out.getvalue()


def write(path: Path, text: str) -> None:
    """Write the file so that only its owner reads it.

    Raises:
        OSError: it is there already, or can't be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
