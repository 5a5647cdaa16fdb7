"""The associations of a model: for each client SAP how it is let in, what it sees and what it may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from protocols.cosem.obis import LogicalName
from protocols.dlms.conformance import Conformance
from protocols.model.table import Table
from protocols.secret import Secret

MECHANISMS: Final[dict[str, int]] = {
    "none": 0,
    "lls": 1,
    "hls": 2,
    "hls-md5": 3,
    "hls-sha1": 4,
    "hls-gmac": 5,
    "hls-sha256": 6,
    "hls-ecdsa": 7,
}
"""Authentication mechanism names by the id that an AARQ carries."""

CONTEXTS: Final[dict[str, int]] = {"ln": 1, "sn": 2, "ln-ciphered": 3, "sn-ciphered": 4}
"""Application context names by the id that an AARQ carries."""

SECURITY_BITS: Final[dict[str, int]] = {"authenticated": 0x10, "encrypted": 0x20}
"""What a request must be protected with, as bits of the security control byte."""

RIGHTS: Final = ("get", "set", "action")

SECRETS_DEFAULT: Final[Mapping[str, Secret]] = {
    "lls": Secret("meterbench"),
    "hls": Secret("meterbench-hls-1"),
    "block": Secret(bytes.fromhex("000102030405060708090A0B0C0D0E0F")),
    "authentication": Secret(bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF")),
    "master": Secret(bytes.fromhex("101112131415161718191A1B1C1D1E1F")),
    "token": Secret(bytes.fromhex("202122232425262728292A2B2C2D2E2F30313233")),
}
"""The bench's keys, public on purpose: in force until a bench file names others; both programs warn about them."""

_OF_32_OCTETS: Final[Mapping[str, Secret]] = {
    name: Secret(bytes(range(first, first + 32)))
    for name, first in (("block", 0x00), ("authentication", 0xC0), ("master", 0x10))
}


def secrets_default(suite: int) -> Mapping[str, Secret]:
    """The bench's keys in the length that a security suite asks for."""
    return {**SECRETS_DEFAULT, **_OF_32_OCTETS} if suite == 2 else SECRETS_DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAssociation:
    """One association that meters of a model offer.

    Attributes:
        client: the client SAP.
        name: a word for people, such as "meter reader".
        logical_name: its association object.
        version: of class 15; it decides how access rights are written.
        mechanism: authentication mechanism id.
        context: application context id.
        conformance: the services offered, as bits.
        max_pdu: the longest APDU the meter takes in it.
        sees: keys of the objects in its list; None for all.
        may: what it may do at all: "get", "set", "action".
        security: bits of the security control byte that every request of it must have, once it is ciphered.
        security_setup: the security setup object it refers to, or None.
        pre_established: it stands without being asked for.
        wrong_passwords_max, slow_down_s: after so many wrong passwords in a row it refuses for so long; 0 is never.
        protected_release: once it is ciphered, it is released by a ciphered request alone.
    """

    client: int
    name: str
    logical_name: LogicalName
    version: int
    mechanism: int
    context: int
    conformance: Conformance
    max_pdu: int
    sees: frozenset[str] | None
    may: frozenset[str]
    security: int
    security_setup: LogicalName | None
    pre_established: bool
    wrong_passwords_max: int
    slow_down_s: int
    protected_release: bool
    source: tuple[str, ...]

    @property
    def short_names(self) -> bool:
        """Whether its client refers to objects by short name."""
        return self.context in {CONTEXTS["sn"], CONTEXTS["sn-ciphered"]}


def read_association(table: Table) -> ModelAssociation:
    """One `[[association]]` of a model file.

    Raises:
        ModelError: a key or a value is wrong.
    """
    association = ModelAssociation(
        client=table.take("client", int),
        name=table.take("name", str),
        logical_name=_logical_name(table, "object") or LogicalName(bytes((0, 0, 40, 0, 0, 255))),
        version=table.take("version", int, 1),
        mechanism=MECHANISMS[table.choose("mechanism", MECHANISMS)],
        context=CONTEXTS[table.choose("context", CONTEXTS, "ln")],
        conformance=_conformance(table),
        max_pdu=table.take("max_pdu", int, 1024),
        sees=frozenset(table.take("sees", list)) if "sees" in table else None,
        may=frozenset(_words(table, "may", RIGHTS)),
        security=sum(SECURITY_BITS[word] for word in _words(table, "security", SECURITY_BITS)),
        security_setup=_logical_name(table, "security_setup"),
        pre_established=table.take("pre_established", bool, False),
        wrong_passwords_max=table.take("wrong_passwords_max", int, 0),
        slow_down_s=table.take("slow_down_s", int, 0),
        protected_release=table.take("protected_release", bool, False),
        source=tuple(table.take("source", str).replace(",", " ").split()),
    )
    table.done()
    if not 1 <= association.client <= 127:
        table.refuse(f"client is {association.client}; it must be 1 to 127, an SAP that fits one octet of HDLC")
    return association


def _logical_name(table: Table, key: str) -> LogicalName | None:
    text = table.take(key, str, "")
    if not text:
        return None
    try:
        return LogicalName.parse(text)
    except ValueError as error:
        table.refuse(f"{key}: {error}")


def _words(table: Table, key: str, known: Mapping[str, int] | tuple[str, ...]) -> list[str]:
    words = table.take(key, list, [])
    for word in words:
        if word not in known:
            table.refuse(f"{key} holds {word!r}; it may hold {', '.join(known)}")
    return words


def _conformance(table: Table) -> Conformance:
    names = {bit.name.lower().replace("_", "-"): bit for bit in Conformance if bit.name}
    conformance = Conformance(0)
    for word in table.take("conformance", list):
        if word not in names:
            table.refuse(f"conformance holds {word!r}; it may hold {', '.join(names)}")
        conformance |= names[word]
    return conformance
