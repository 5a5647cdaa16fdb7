"""Explains frames and APDUs field by field, and opens what is ciphered where the keys are given.

Each line of the input is one of them, in hexadecimal: a wrapper frame, an HDLC frame, an APDU, or a message of
IEC 62056-21, with parity in bit 7 or without; a journal's lines are taken too. Who is at the two ends is learned from
the associations that pass, so a whole session opens.
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.configuration.fleet_keys import EVERY, FleetKeys, MeterKeys
from protocols.dissect import apdu, hdlc, iec62056_21, wrapper
from protocols.dissect.ciphered import Unlock
from protocols.dissect.tree import Node, lines
from protocols.dlms.acse import AARE, AARQ, AssociationRequest, AssociationResponse
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.suite import SUITES
from protocols.errors import RemoteProtocolError
from protocols.hdlc.frame import FLAG
from protocols.model.association import SECRETS_DEFAULT
from protocols.secret import Secret

LINES_MAX: Final = 1_000_000
"""A day's journal of a busy bench; more than anybody reads."""

NOBODY: Final = bytes(8)
_HEX: Final = re.compile(r"[0-9A-Fa-f]+")
_WRAPPER_VERSION: Final = b"\x00\x01"


def bench_keys() -> FleetKeys:
    """The bench's public keys, as those of every meter."""
    return {EVERY: MeterKeys(SECRETS_DEFAULT)}


def unlocks(fleet: FleetKeys, titles: Sequence[bytes] = ()) -> list[Unlock]:
    """What the keys of a file can open.

    Args:
        fleet: the keys.
        titles: system titles of either side, beside those that the file names.
    """
    known = (*titles, *(each.system_title for each in fleet.values() if each.system_title))
    every = fleet.get(EVERY)
    shared = {} if every is None else every.secrets
    found: list[Unlock] = []
    for meter in fleet.values():
        secrets: dict[str, Secret] = {**shared, **meter.secrets}
        block = secrets.get("block")
        for suite in SUITES:
            if block is not None and len(block) == suite.key_octets:
                keys = Keys(
                    suite=suite,
                    title=NOBODY,
                    block=block,
                    authentication=_fitting(secrets.get("authentication"), len(block)),
                    broadcast=_fitting(secrets.get("broadcast"), len(block)),
                    master=_fitting(secrets.get("master"), len(block)),
                )
                found.append(Unlock(keys, known))
    return found


def _fitting(key: Secret | None, octets: int) -> Secret | None:
    return key if key is not None and len(key) == octets else None


class Dissector:
    """Explains one message after the other.

    Args:
        fleet: keys; without any, what is ciphered stays so.
        titles: system titles to try, of either side.
    """

    def __init__(self, fleet: FleetKeys, titles: Sequence[bytes] = ()) -> None:
        self._fleet = fleet
        self._titles = list(titles)
        self._unlock = unlocks(fleet, titles)

    def explain(self, data: bytes) -> Iterator[str]:
        """The fields of one frame or APDU, a line each; of what is none, why."""
        try:
            tree, data, inside = self._tree(data)
        except RemoteProtocolError as error:
            yield f"{data.hex()}: {error}"
            return
        self._learn(inside)
        yield from lines(tree, data)

    def _tree(self, data: bytes) -> tuple[Node, bytes, bytes]:
        """What it is, its octets as the tree counts them, and the APDU inside."""
        if data[:1] == bytes((FLAG,)) and data[-1:] == bytes((FLAG,)):
            tree, inside = self._within(hdlc.describe(data), data, ("information", "apdu"))
            return tree, data, inside
        if data[:2] == _WRAPPER_VERSION and len(data) > 8:
            tree, inside = self._within(wrapper.describe(data), data, ("apdu",))
            return tree, data, inside
        characters = iec62056_21.plain(data)
        if characters is not None:
            return iec62056_21.describe(characters), characters, b""
        return apdu.describe(data, self._unlock), data, data

    def _within(self, frame: Node, data: bytes, path: tuple[str, ...]) -> tuple[Node, bytes]:
        """A frame with the APDU inside it explained too, where there is a whole one."""
        node = frame
        for name in path:
            if not node.has(name):
                return frame, b""
            node = node.child(name)
        inside = data[node.start : node.end]
        try:
            described = apdu.describe(inside, self._unlock).moved(node.start)
        except RemoteProtocolError:
            return frame, inside  # a piece of one
        return Node(frame.name, frame.start, frame.end, frame.value, (*frame.children, described)), inside

    def _learn(self, inside: bytes) -> None:
        """Whose association this is: its titles open what follows."""
        title: bytes | None = None
        try:
            if inside[:1] == bytes((AARQ,)):
                title = AssociationRequest.decode(inside).calling_ap_title
            elif inside[:1] == bytes((AARE,)):
                title = AssociationResponse.decode(inside).responding_ap_title
        except RemoteProtocolError:
            return
        if title and title not in self._titles:
            self._titles.insert(0, title)
            self._unlock = unlocks(self._fleet, self._titles)


def messages(text: str) -> Iterator[bytes]:
    """The frames and APDUs of a text, a line each: hexadecimal, or a journal's JSON.

    Raises:
        ValueError: a line is neither.
    """
    for number, line in enumerate(text.splitlines()[:LINES_MAX], start=1):
        written = line.strip()
        if written.startswith("{"):
            written = str(json.loads(written).get("hex", ""))
        written = re.sub(r"[\s:,]|0x", "", written)
        if not written or written.startswith("#"):
            continue
        if len(written) % 2 or not _HEX.fullmatch(written):
            raise ValueError(f"line {number} is not hexadecimal: write two digits an octet")
        yield bytes.fromhex(written)
