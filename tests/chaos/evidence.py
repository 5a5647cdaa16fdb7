"""What the meters know of themselves: inputs that moved their switches, and what they have answered.

The state file is complete: an input is on the disk before it takes effect. The journal is written twice a second, so
what it says is true, and what happened just before a kill may be missing from it.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from protocols.cosem.obis import LogicalName
from protocols.dlms.date_time import DateTime
from protocols.dlms.get import (
    GetRequestNormal,
    GetResponseNormal,
    GetResponseWithDatablock,
    decode_request,
    decode_response,
)
from protocols.dlms.value import Tag, decode

BUFFERS = {
    LogicalName.parse("1.0.94.91.0.255").octets: "instantaneous",
    LogicalName.parse("1.0.99.1.0.255").octets: "block_load",
    LogicalName.parse("1.0.99.2.0.255").octets: "daily_load",
}
ZONE = ZoneInfo("Asia/Kolkata")
UTILITY = 48
GET_REQUEST, GET_RESPONSE = b"\xc0", b"\xc4"


class Move(NamedTuple):
    """The utility has worked a load switch."""

    at_ms: int
    verb: str


class Answered(NamedTuple):
    """A row that a meter has answered with, by its stamp."""

    profile: str
    stamp_ms: int
    at_ms: int
    """When it was answered."""


def ms(text: str) -> int:
    """An instant as milliseconds UTC."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def moves(state: Path) -> list[Move]:
    """The inputs to a meter's load switch, from its state file; a torn last line says nothing."""
    found = []
    for line in state.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line.partition(b" ")[2])
        if record[0] == "input" and record[2] in {"remote_disconnect", "remote_reconnect"}:
            found.append(Move(record[1], record[2].removeprefix("remote_")))
    return found


def journal_lines(journals: list[Path]) -> Iterator[dict[str, Any]]:
    """Every whole line of one journal after the other."""
    for path in journals:
        for line in path.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)


def switched(journals: list[Path], meter: str) -> list[int]:
    """When the meter says that its switch has moved."""
    lines = journal_lines(journals)
    return [ms(line["at"]) for line in lines if line["meter"] == meter and line["what"] == "switched"]


def answers(journals: list[Path], meter: str) -> list[Answered]:
    """The rows of profiles that a meter, in clear, has answered the gateway with."""
    found: list[Answered] = []
    asked, blocks = None, b""
    for line in journal_lines(journals):
        if line["meter"] != meter or line.get("client") != UTILITY:
            continue
        data = bytes.fromhex(line.get("hex", ""))
        if line["what"] == "request" and data[:1] == GET_REQUEST:
            request = decode_request(data)
            if isinstance(request, GetRequestNormal):
                asked, blocks = BUFFERS.get(request.instance) if request.attribute == 2 else None, b""
        elif line["what"] == "answer" and data[:1] == GET_RESPONSE and asked is not None:
            response = decode_response(data)
            if isinstance(response, GetResponseNormal | GetResponseWithDatablock) and isinstance(
                response.result, bytes
            ):
                blocks += response.result
                if isinstance(response, GetResponseNormal) or response.last:
                    found += _rows(asked, blocks, ms(line["at"]))
    return found


def _rows(profile: str, encoded: bytes, at_ms: int) -> list[Answered]:
    """Each row's stamp: the first cell that is a time."""
    _, rows = decode(encoded)
    found = []
    for _, cells in rows:
        octets = next(value for tag, value in cells if tag == Tag.OCTET_STRING and len(value) == 12)
        instant = DateTime.decode(octets).instant(ZONE)
        assert instant is not None
        found.append(Answered(profile, round(instant.timestamp() * 1000), at_ms))
    return found
