"""The states of an association in both roles, as tables: what is not in a table is not allowed.

Block transfer stands in the tables, so that a request in the middle of one, a block that nobody waits for, or a link
that goes down halfway have an answer here and not in the services. General block transfer is below the services and
has its own table in `protocols.dlms.general_block_transfer`.
"""

from enum import Enum
from typing import Final


class ServerState(Enum):
    """Where one association of the server stands."""

    IDLE = "idle"
    HELD = "held"
    """An AARQ waits, because too many wrong passwords came before it."""
    AUTHENTICATING = "authenticating"
    """The first pass of HLS is done; only reply_to_HLS_authentication is served."""
    ASSOCIATED = "associated"
    SENDING_GET = "sending a long answer to GET or Read"
    RECEIVING_SET = "receiving a long SET, Write or list to read"
    RECEIVING_ACTION = "receiving long method parameters"
    SENDING_ACTION = "sending long return parameters"


class ServerEvent(Enum):
    """What happens to one association of the server."""

    HOLD = "an AARQ has to wait"
    ACCEPT = "AARQ accepted, no second pass"
    CHALLENGE = "AARQ accepted, HLS challenge sent"
    REFUSE = "AARQ refused"
    PROVE = "the client has proved itself"
    FAIL = "the client's proof does not hold"
    RELEASE = "RLRQ"
    LINK_DOWN = "the link is gone"
    REQUEST = "a request that begins a service"
    ANSWER_GET_IN_BLOCKS = "the answer to GET or Read is too long for one APDU"
    GET_NEXT = "the client asks for the next block of the answer to GET"
    SET_FIRST_BLOCK = "SET, Write or Read with first block"
    SET_BLOCK = "SET, Write or Read with another block"
    ACTION_FIRST_BLOCK = "ACTION with first pblock"
    ACTION_BLOCK = "ACTION with another pblock"
    ANSWER_ACTION_IN_BLOCKS = "the answer to ACTION is too long for one APDU"
    ACTION_NEXT = "the client asks for the next pblock of the answer to ACTION"
    FINISH = "the last block has passed, or the transfer was given up"


def _server() -> dict[tuple[ServerState, ServerEvent], ServerState]:
    state, event = ServerState, ServerEvent
    open_states = (
        state.ASSOCIATED,
        state.SENDING_GET,
        state.RECEIVING_SET,
        state.RECEIVING_ACTION,
        state.SENDING_ACTION,
    )
    table = {
        (state.ASSOCIATED, event.ANSWER_GET_IN_BLOCKS): state.SENDING_GET,
        (state.SENDING_GET, event.GET_NEXT): state.SENDING_GET,
        (state.SENDING_GET, event.FINISH): state.ASSOCIATED,
        (state.RECEIVING_SET, event.SET_BLOCK): state.RECEIVING_SET,
        (state.RECEIVING_SET, event.FINISH): state.ASSOCIATED,
        (state.RECEIVING_ACTION, event.ACTION_BLOCK): state.RECEIVING_ACTION,
        (state.RECEIVING_ACTION, event.FINISH): state.ASSOCIATED,
        (state.ASSOCIATED, event.ANSWER_ACTION_IN_BLOCKS): state.SENDING_ACTION,
        (state.SENDING_ACTION, event.ACTION_NEXT): state.SENDING_ACTION,
        (state.SENDING_ACTION, event.FINISH): state.ASSOCIATED,
        (state.AUTHENTICATING, event.PROVE): state.ASSOCIATED,
        (state.AUTHENTICATING, event.FAIL): state.IDLE,
    }
    for each in state:
        # A second AARQ ends what was there and is judged by itself; RLRQ and a lost link end it too.
        table[each, event.HOLD] = state.HELD
        table[each, event.ACCEPT] = state.ASSOCIATED
        table[each, event.CHALLENGE] = state.AUTHENTICATING
        table[each, event.REFUSE] = state.IDLE
        table[each, event.RELEASE] = state.IDLE
        table[each, event.LINK_DOWN] = state.IDLE
    for each in open_states:
        # One block transfer at a time: a new request releases the one under way.
        table[each, event.REQUEST] = state.ASSOCIATED
        table[each, event.SET_FIRST_BLOCK] = state.RECEIVING_SET
        table[each, event.ACTION_FIRST_BLOCK] = state.RECEIVING_ACTION
    return table


SERVER: Final = _server()
"""(state, event) -> state of the server; a missing pair is refused and changes nothing."""


class ClientState(Enum):
    """Where the client's association stands."""

    IDLE = "idle"
    CONNECTING = "the link is asked for"
    ASSOCIATING = "AARQ sent"
    AUTHENTICATING = "reply_to_HLS_authentication sent"
    ASSOCIATED = "associated"
    REQUESTING = "a request is sent, no answer yet"
    RECEIVING_BLOCKS = "a long answer arrives in service blocks"
    SENDING_BLOCKS = "a long request leaves in service blocks"
    RELEASING = "RLRQ sent"
    DISCONNECTING = "the link is asked to go"


class ClientEvent(Enum):
    """What happens to the client's association."""

    CONNECT = "the program asks for an association"
    LINK_UP = "the link stands"
    ACCEPTED = "AARE: accepted"
    CHALLENGED = "AARE: accepted, with a challenge to answer"
    REFUSED = "AARE: rejected, or what came was no AARE"
    PROVED = "the server has proved itself"
    PRE_ESTABLISHED = "there is nothing to negotiate"
    REQUEST = "a request leaves"
    REQUEST_BLOCK = "the first block of a long request leaves"
    BLOCK_ACKNOWLEDGED = "the server asks for the next block"
    ANSWER_BLOCK = "a block of a long answer came"
    ANSWER = "the answer is whole"
    GIVE_UP = "no answer in time, or one that cannot be"
    RELEASE = "the program ends the association"
    RELEASED = "RLRE, or no answer to RLRQ"
    LINK_DOWN = "the link is gone"


def _client() -> dict[tuple[ClientState, ClientEvent], ClientState]:
    state, event = ClientState, ClientEvent
    table = {
        (state.IDLE, event.CONNECT): state.CONNECTING,
        (state.CONNECTING, event.LINK_UP): state.ASSOCIATING,
        (state.CONNECTING, event.PRE_ESTABLISHED): state.ASSOCIATED,
        (state.CONNECTING, event.GIVE_UP): state.IDLE,
        (state.ASSOCIATING, event.ACCEPTED): state.ASSOCIATED,
        (state.ASSOCIATING, event.CHALLENGED): state.AUTHENTICATING,
        (state.ASSOCIATING, event.REFUSED): state.IDLE,
        (state.ASSOCIATING, event.GIVE_UP): state.IDLE,
        (state.AUTHENTICATING, event.PROVED): state.ASSOCIATED,
        (state.AUTHENTICATING, event.REFUSED): state.IDLE,
        (state.AUTHENTICATING, event.GIVE_UP): state.IDLE,
        (state.ASSOCIATED, event.REQUEST): state.REQUESTING,
        (state.ASSOCIATED, event.REQUEST_BLOCK): state.SENDING_BLOCKS,
        (state.REQUESTING, event.ANSWER): state.ASSOCIATED,
        (state.REQUESTING, event.ANSWER_BLOCK): state.RECEIVING_BLOCKS,
        (state.SENDING_BLOCKS, event.BLOCK_ACKNOWLEDGED): state.SENDING_BLOCKS,
        (state.SENDING_BLOCKS, event.ANSWER): state.ASSOCIATED,
        (state.SENDING_BLOCKS, event.ANSWER_BLOCK): state.RECEIVING_BLOCKS,
        (state.RECEIVING_BLOCKS, event.ANSWER_BLOCK): state.RECEIVING_BLOCKS,
        (state.RECEIVING_BLOCKS, event.ANSWER): state.ASSOCIATED,
        (state.ASSOCIATED, event.RELEASE): state.RELEASING,
        (state.RELEASING, event.RELEASED): state.DISCONNECTING,
        (state.RELEASING, event.GIVE_UP): state.DISCONNECTING,
        (state.ASSOCIATED, event.RELEASED): state.DISCONNECTING,
        (state.DISCONNECTING, event.GIVE_UP): state.IDLE,
    }
    for each in (state.REQUESTING, state.SENDING_BLOCKS, state.RECEIVING_BLOCKS):
        table[each, event.GIVE_UP] = state.ASSOCIATED
    for each in state:
        table[each, event.LINK_DOWN] = state.IDLE
    return table


CLIENT: Final = _client()
"""(state, event) -> state of the client; a missing pair is our own bug and changes nothing."""
