"""The wrapper, in both roles, on streams and on datagrams."""

from protocols.machine import Stack
from protocols.wrapper import Role, Wrapper, WrapperDatagram, encode

SEEDS = [
    encode(16, 1, b"\xc0\x01\xc1"),
    encode(1, 64, bytes(89)) + encode(1, 64, b"\xdb"),
    bytes.fromhex("0001001000010000") + encode(16, 1, b"x"),
    bytes.fromhex("00010010000100FF01"),
]


def target(data: bytes) -> None:
    for role in Role:
        whole, cut, datagrams = Stack([Wrapper(role)]), Stack([Wrapper(role)]), Stack([WrapperDatagram(role)])
        whole.receive_data(data, 0)
        for at in range(0, len(data), 7):
            cut.receive_data(data[at : at + 7], 0)
        assert [*iter(whole.next_event, None)] == [*iter(cut.next_event, None)]
        assert whole.closed == cut.closed
        datagrams.receive_data(data, 0)
        assert datagrams.closed is None
