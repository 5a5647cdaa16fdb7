"""HDLC frames against dlms-cosem 21.3.2: what one makes the other reads, and its client opens a link with our server.

It has one-octet clients and servers of one and two octets (its reader of four is not usable), no windows, and expects
an answer after each I frame.
"""

from typing import Any

import pytest
from dlms_cosem.hdlc import address as their_address
from dlms_cosem.hdlc import frames as theirs
from dlms_cosem.hdlc.connection import HdlcConnection
from hypothesis import given
from hypothesis import strategies as st

from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind, decode, encode, information_control, supervisory_control
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.server import HdlcServer
from protocols.link import Apdu
from protocols.machine import Layer, Stack

pytestmark = pytest.mark.interop

CLIENTS = st.integers(1, 127)
HALVES = st.integers(1, 127)
SEQUENCES = st.integers(0, 7)
INFORMATION = st.one_of(st.binary(min_size=1, max_size=60), st.binary(min_size=250, max_size=2030))
PHYSICALS = st.one_of(st.none(), HALVES)


def their_client(client: int) -> Any:
    return their_address.HdlcAddress(client, None, "client")


def their_server(logical: int, physical: int | None) -> Any:
    return their_address.HdlcAddress(logical, physical, "server")


def our_server(logical: int, physical: int | None) -> bytes:
    return bytes(Address.server(logical, physical))


@given(CLIENTS, HALVES, PHYSICALS, SEQUENCES, SEQUENCES, INFORMATION, st.booleans(), st.booleans())
def test_information_frames_are_read_by_both(
    client: int,
    logical: int,
    physical: int | None,
    send: int,
    receive: int,
    information: bytes,
    segmented: bool,  # noqa: FBT001 (hypothesis passes it by position)
    final: bool,  # noqa: FBT001 (hypothesis passes it by position)
) -> None:
    command = theirs.InformationFrame(
        their_server(logical, physical),
        their_client(client),
        information,
        send_sequence_number=send,
        receive_sequence_number=receive,
        segmented=segmented,
        final=final,
    )
    control = information_control(send, receive, poll_final=final)
    ours = Frame(our_server(logical, physical), bytes(Address(upper=client)), control, information, segmented)
    assert decode(command.to_bytes()) == ours
    assert encode(ours) == command.to_bytes()

    response = ours._replace(destination=ours.source, source=ours.destination)
    read = theirs.InformationFrame.from_bytes(encode(response))
    assert (read.payload, read.send_sequence_number, read.receive_sequence_number) == (information, send, receive)
    assert (read.segmented, read.final) == (segmented, final)
    assert (read.destination_address.logical_address, read.source_address.logical_address) == (client, logical)
    assert read.source_address.physical_address == physical


@given(CLIENTS, HALVES, PHYSICALS, SEQUENCES)
def test_supervisory_and_unnumbered_frames_are_the_same(
    client: int,
    logical: int,
    physical: int | None,
    receive: int,
) -> None:
    destination, source = their_server(logical, physical), their_client(client)
    made = [
        (theirs.SetNormalResponseModeFrame(destination, source), Kind.SNRM, 0x93),
        (theirs.DisconnectFrame(destination, source), Kind.DISC, 0x53),
        (
            theirs.ReceiveReadyFrame(destination, source, receive_sequence_number=receive),
            Kind.RR,
            supervisory_control(Kind.RR, receive, poll_final=True),
        ),
    ]
    for frame, kind, control in made:
        ours = Frame(our_server(logical, physical), bytes(Address(upper=client)), control)
        assert decode(frame.to_bytes()) == ours
        assert ours.kind is kind
        assert encode(ours) == frame.to_bytes()


class Application(Layer[Any, Any]):
    def from_below(self, item: Any, now_us: int) -> None:
        if isinstance(item, Apdu):
            self.below(Apdu(item.client, item.server, item.data * 2), now_us)


@pytest.mark.parametrize("physical", [None, 17])
def test_their_client_opens_asks_and_closes(physical: int | None) -> None:
    client, server = their_client(16), their_server(1, physical)
    connection = HdlcConnection(client, server)
    station = Stack([HdlcFramer(), HdlcServer(physical=physical), Application()])

    def exchange(frame: Any) -> Any:
        station.receive_data(connection.send(frame), 0)
        for octets in station.data_to_send(0):
            connection.receive_data(octets)
        return connection.next_event()

    assert isinstance(exchange(theirs.SetNormalResponseModeFrame(server, client)), theirs.UnNumberedAcknowledgmentFrame)
    for count in range(20):
        answer = exchange(
            theirs.InformationFrame(
                server,
                client,
                bytes.fromhex("E6E600") + bytes((count,)),
                send_sequence_number=connection.server_ssn,
                receive_sequence_number=connection.server_rsn,
            ),
        )
        assert isinstance(answer, theirs.InformationFrame)
        assert answer.payload == bytes.fromhex("E6E700") + bytes((count, count))
    assert isinstance(exchange(theirs.DisconnectFrame(server, client)), theirs.UnNumberedAcknowledgmentFrame)
