"""The state tables of an association, walked whole."""

from itertools import product

from protocols.dlms.association import CLIENT, SERVER, ClientEvent, ClientState, ServerEvent, ServerState

OPEN = {
    ServerState.ASSOCIATED,
    ServerState.SENDING_GET,
    ServerState.RECEIVING_SET,
    ServerState.RECEIVING_ACTION,
    ServerState.SENDING_ACTION,
}


def test_every_pair_of_the_server_is_a_state_or_refused() -> None:
    for state, event in product(ServerState, ServerEvent):
        after = SERVER.get((state, event))
        assert after is None or isinstance(after, ServerState)
        if event in {ServerEvent.RELEASE, ServerEvent.LINK_DOWN, ServerEvent.REFUSE}:
            assert after is ServerState.IDLE
        if event is ServerEvent.REQUEST:
            assert after is (ServerState.ASSOCIATED if state in OPEN else None)


def test_nothing_opens_an_association_but_an_accepted_aarq_and_a_proof() -> None:
    opening = {event for (state, event), after in SERVER.items() if state not in OPEN and after in OPEN}
    assert opening == {ServerEvent.ACCEPT, ServerEvent.PROVE}
    assert {state for (state, event), after in SERVER.items() if event is ServerEvent.PROVE} == {
        ServerState.AUTHENTICATING
    }


def test_a_block_is_only_taken_by_the_transfer_it_belongs_to() -> None:
    takers = {
        ServerEvent.GET_NEXT: ServerState.SENDING_GET,
        ServerEvent.SET_BLOCK: ServerState.RECEIVING_SET,
        ServerEvent.ACTION_BLOCK: ServerState.RECEIVING_ACTION,
        ServerEvent.ACTION_NEXT: ServerState.SENDING_ACTION,
    }
    for event, taker in takers.items():
        assert [state for state in ServerState if (state, event) in SERVER] == [taker]


def test_every_pair_of_the_client_is_a_state_or_refused() -> None:
    for state, event in product(ClientState, ClientEvent):
        after = CLIENT.get((state, event))
        assert after is None or isinstance(after, ClientState)
        if event is ClientEvent.LINK_DOWN:
            assert after is ClientState.IDLE


def test_every_state_is_reached_and_left() -> None:
    for table, start in ((SERVER, ServerState.IDLE), (CLIENT, ClientState.IDLE)):
        reached = {start}
        while True:
            more = {after for (state, _), after in table.items() if state in reached} | reached
            if more == reached:
                break
            reached = more
        assert reached == set(type(start))
        assert all(any(state is s and after is not s for (s, _), after in table.items()) for state in type(start))


def test_only_an_idle_client_connects_and_only_an_associated_one_asks() -> None:
    assert [state for state in ClientState if (state, ClientEvent.CONNECT) in CLIENT] == [ClientState.IDLE]
    assert [state for state in ClientState if (state, ClientEvent.REQUEST) in CLIENT] == [ClientState.ASSOCIATED]
