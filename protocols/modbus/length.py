"""How long a PDU is, told from its first bytes.

RTU has no length field and silence cannot be trusted behind USB adapters and TCP, so a receiver predicts. A prediction
is the length, or NEED_MORE, or UNKNOWN for a function code that the specification does not describe.
"""

from typing import Final

NEED_MORE: Final = 0
UNKNOWN: Final = -1

_MEI_DEVICE_IDENTIFICATION: Final = 14

_REQUEST_FIXED: Final[dict[int, int]] = {
    1: 5, 2: 5, 3: 5, 4: 5, 5: 5, 6: 5, 7: 1, 8: 5, 11: 1, 12: 1, 17: 1, 22: 7, 24: 3
}  # fmt: skip
_REQUEST_COUNTED: Final[dict[int, int]] = {15: 5, 16: 5, 20: 1, 21: 1, 23: 9}
"""Where the byte count of a request stands; that many bytes follow it."""

_RESPONSE_FIXED: Final[dict[int, int]] = {5: 5, 6: 5, 7: 2, 8: 5, 11: 5, 15: 5, 16: 5, 22: 7}
_RESPONSE_COUNTED: Final = frozenset((1, 2, 3, 4, 12, 17, 20, 21, 23))
"""Responses whose second byte counts what follows it."""


def request_length(data: bytes | bytearray, start: int = 0) -> int:
    """The length of the request PDU whose function code stands at `start`."""
    if len(data) <= start:
        return NEED_MORE
    function = data[start]
    fixed = _REQUEST_FIXED.get(function)
    if fixed is not None:
        return fixed
    counted = _REQUEST_COUNTED.get(function)
    if counted is not None:
        at = start + counted
        return counted + 1 + data[at] if at < len(data) else NEED_MORE
    if function == 43:
        if start + 1 >= len(data):
            return NEED_MORE
        return 4 if data[start + 1] == _MEI_DEVICE_IDENTIFICATION else UNKNOWN
    return UNKNOWN


def response_length(data: bytes | bytearray, start: int = 0) -> int:
    """The length of the response PDU whose function code stands at `start`."""
    if len(data) <= start:
        return NEED_MORE
    function = data[start]
    if function & 0x80:
        return 2
    fixed = _RESPONSE_FIXED.get(function)
    if fixed is not None:
        return fixed
    if function in _RESPONSE_COUNTED:
        return 2 + data[start + 1] if start + 1 < len(data) else NEED_MORE
    if function == 24:
        return 3 + (data[start + 1] << 8 | data[start + 2]) if start + 2 < len(data) else NEED_MORE
    if function == 43:
        return _identification_length(data, start)
    return UNKNOWN


def _identification_length(data: bytes | bytearray, start: int) -> int:
    """A device identification response: six bytes of head, then objects of (id, length, text)."""
    if start + 1 >= len(data):
        return NEED_MORE
    if data[start + 1] != _MEI_DEVICE_IDENTIFICATION:
        return UNKNOWN
    if start + 6 >= len(data):
        return NEED_MORE
    at = start + 7
    for _ in range(data[start + 6]):
        if at + 1 >= len(data):
            return NEED_MORE
        at += 2 + data[at + 1]
    return at - start
