"""Compact data: any buffer and any template are rows or `RemoteProtocolError`; rows lie as they were read."""

from contextlib import suppress

from protocols.cosem.compact_data import buffer_of, rows_of
from protocols.errors import RemoteProtocolError

SEEDS = [
    bytes.fromhex("06 020409060605 01 0c07ea0b180209231537ffc400 00dbba1c 00000000 05dc"),
    bytes.fromhex("06 0201 01000210 01 0001 0002 0003 0004"),
    bytes.fromhex("02 1111 01 05"),
    bytes.fromhex("01 00 01"),
]


def target(data: bytes) -> None:
    length = data[0] if data else 0
    template, buffer = data[1 : 1 + length], data[1 + length :]
    template_id = buffer[0] if buffer else 0
    with suppress(RemoteProtocolError):
        rows = rows_of(buffer, template, template_id)
        assert rows_of(buffer_of(template_id, rows), template, template_id) == rows or "nan" in repr(rows)
