"""Descriptions of HDLC, wrapper and IEC 62056-21: any octets give a tree or `RemoteProtocolError`, as the codecs do."""

from protocols.dissect import hdlc as dissect_hdlc
from protocols.dissect import iec62056_21 as dissect_iec62056_21
from protocols.dissect import wrapper as dissect_wrapper
from protocols.dissect.tree import lines
from protocols.errors import RemoteProtocolError
from protocols.hdlc.frame import Frame, decode, encode
from protocols.wrapper import encode as wrap

SEEDS = [
    encode(Frame(b"\x03", b"\x21", 0x93, bytes.fromhex("818012050180060180070400000001080400000001"))),
    encode(Frame(bytes.fromhex("00020023"), b"\x21", 0x10, bytes.fromhex("E6E600C001C1"), segmented=True)),
    encode(Frame(b"\x21", bytes.fromhex("0223"), 0x97, bytes.fromhex("190001"))),
    wrap(16, 1, b"\xc0\x01\xc1"),
    b"/LGZ5\\2ZMD410\r\n",
    b"\x021-0:1.8.0*255(000123.45*kWh)(24-10-28,18:30)\r\n!\r\n\x03\x4a",
]


def target(data: bytes) -> None:
    body = data[:2000]
    framed = encode(Frame(b"\x03", b"\x21", body[0], body[1:])) if body else b""
    for describe in (dissect_hdlc.describe, dissect_wrapper.describe, dissect_iec62056_21.describe):
        for octets in (data, framed):
            try:
                tree = describe(octets)
            except RemoteProtocolError:
                continue
            assert len(list(lines(tree, octets))) < 10 * len(octets) + 20
    try:
        decode(data)
    except RemoteProtocolError:
        return
    dissect_hdlc.describe(data)
