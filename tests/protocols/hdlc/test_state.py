"""The state tables, walked through the full product of states and events."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest

from protocols.errors import LocalProtocolError
from protocols.hdlc.frame import Frame, Kind, supervisory_control, unnumbered_control
from protocols.hdlc.state import CLIENT, SERVER, Action, LinkEvent, LinkState, Step
from protocols.link import Apdu, LinkConnect, LinkDisconnect
from tests.protocols.hdlc.ends import COMMAND, End, client, command, numbered, ready, server, turned

FRAMES = {
    Kind.INFORMATION: numbered(0, 0, COMMAND + b"\xc0"),
    Kind.RR: ready(0),
    Kind.RNR: ready(0, Kind.RNR),
    Kind.SNRM: command(Kind.SNRM),
    Kind.DISC: command(Kind.DISC),
    Kind.UI: command(Kind.UI, COMMAND + b"\xc0"),
    Kind.UA: command(Kind.UA),
    Kind.DM: command(Kind.DM),
    Kind.FRMR: command(Kind.FRMR),
    Kind.UNKNOWN: Frame(b"\x03", b"\x21", 0x19),
}
SERVER_STATES = (LinkState.DISCONNECTED, LinkState.CONNECTED, LinkState.REJECTED)
CLIENT_STATES = (LinkState.DISCONNECTED, LinkState.CONNECTING, LinkState.CONNECTED, LinkState.DISCONNECTING)

ANSWERS = {
    Action.OPEN: Kind.UA,
    Action.CLOSE: Kind.UA,
    Action.ANSWER_DM: Kind.DM,
    Action.TAKE_READY: Kind.RR,
    Action.TAKE_NOT_READY: Kind.RR,
    Action.REJECT: Kind.FRMR,
    Action.REJECT_AGAIN: Kind.FRMR,
}


def server_in(state: LinkState) -> End:
    end = server()
    if state is not LinkState.DISCONNECTED:
        end.take(command(Kind.SNRM))
    if state is LinkState.REJECTED:
        end.take(FRAMES[Kind.UNKNOWN])
    return end


def server_state(end: End) -> LinkState:
    links: Mapping[Any, Any] = end.layer._links  # type: ignore[attr-defined]  # what only the test looks at
    return links[16, 1].state if links else LinkState.DISCONNECTED


@pytest.mark.parametrize(("state", "kind"), list(product(SERVER_STATES, Kind)))
def test_the_server_does_for_every_frame_what_the_table_says(state: LinkState, kind: Kind) -> None:
    end = server_in(state)
    assert server_state(end) is state
    answered = end.take(FRAMES[kind])
    step = SERVER.get((state, kind))
    assert server_state(end) is (state if step is None else step[0])
    if step is None:
        assert answered == []
    elif step[1] in ANSWERS:
        assert [frame.kind for frame in answered] == [ANSWERS[step[1]]]
        assert answered[0].poll_final


def client_in(state: LinkState) -> End:
    end = client()
    if state is not LinkState.DISCONNECTED:
        end.give(LinkConnect(16, 1))
    if state in {LinkState.CONNECTED, LinkState.DISCONNECTING}:
        end.take(turned(command(Kind.UA)))
    if state is LinkState.DISCONNECTING:
        end.give(LinkDisconnect(16, 1))
    end.said()
    return end


def client_state(end: End) -> LinkState:
    state: LinkState = end.layer._state  # type: ignore[attr-defined]  # what only the test looks at
    return state


@pytest.mark.parametrize(("state", "kind"), list(product(CLIENT_STATES, Kind)))
def test_the_client_does_for_every_frame_what_the_table_says(state: LinkState, kind: Kind) -> None:
    end = client_in(state)
    assert client_state(end) is state
    end.take(turned(FRAMES[kind]))
    step = CLIENT.get((state, kind))
    assert client_state(end) is (state if step is None else step[0])


REQUESTS = {
    LinkEvent.CONNECT: LinkConnect(16, 1),
    LinkEvent.DISCONNECT: LinkDisconnect(16, 1),
    LinkEvent.APDU: Apdu(16, 1, b"\xc0"),
}


@pytest.mark.parametrize(("state", "event"), list(product(CLIENT_STATES, REQUESTS)))
def test_the_client_does_for_every_request_what_the_table_says(state: LinkState, event: LinkEvent) -> None:
    end = client_in(state)
    step = CLIENT.get((state, event))
    if step is None:
        with pytest.raises(LocalProtocolError):
            end.give(REQUESTS[event])
        assert client_state(end) is state
        return
    sent = end.give(REQUESTS[event])
    assert client_state(end) is step[0]
    kinds = {Action.SEND_SNRM: [Kind.SNRM], Action.SEND_DISC: [Kind.DISC], Action.PUT: [Kind.INFORMATION]}
    assert [frame.kind for frame in sent] == kinds.get(step[1], [])


@pytest.mark.parametrize("state", CLIENT_STATES)
def test_the_client_gives_up_as_the_table_says(state: LinkState) -> None:
    end = client_in(state)
    if state is LinkState.CONNECTED:
        end.give(Apdu(16, 1, b"\xc0"))
    end.wait(60_000_000)
    step = CLIENT.get((state, LinkEvent.EXHAUSTED))
    assert client_state(end) is (state if step is None else step[0])


@pytest.mark.parametrize("state", SERVER_STATES)
def test_the_server_ends_a_silent_link_as_the_table_says(state: LinkState) -> None:
    end = server_in(state)
    end.wait(200_000_000)
    step = SERVER.get((state, LinkEvent.INACTIVE))
    assert server_state(end) is (state if step is None else step[0])


@pytest.mark.parametrize("table", [SERVER, CLIENT], ids=["server", "client"])
def test_every_state_of_a_table_is_reached_and_left(table: Mapping[tuple[int, int], Step]) -> None:
    reached = {state for state, _ in table.values()}
    left = {state for state, _ in table}
    assert reached == left == set(SERVER_STATES if table is SERVER else CLIENT_STATES)


def test_control_octets_of_the_table_are_those_we_write() -> None:
    assert FRAMES[Kind.SNRM].control == unnumbered_control(Kind.SNRM, poll_final=True) == 0x93
    assert FRAMES[Kind.RR].control == supervisory_control(Kind.RR, 0, poll_final=True) == 0x11
