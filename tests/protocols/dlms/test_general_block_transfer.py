"""General block transfer: windows, holes, repeats, and the real exchange of a head-end's published tests."""

from itertools import product
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.general_block_transfer import (
    REQUESTER,
    RESPONDER,
    GbtEvent,
    GbtState,
    GeneralBlock,
    GeneralBlockTransfer,
    block_octets,
    decode_general_block,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError

BLOCKS = st.builds(
    GeneralBlock,
    st.booleans(),
    st.booleans(),
    st.integers(0, 63),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.binary(max_size=300),
)


@given(BLOCKS)
def test_a_block_decodes_to_itself(block: GeneralBlock) -> None:
    assert decode_general_block(block.encode()) == block


@given(st.binary(max_size=40))
def test_any_octets_are_a_block_or_refused(data: bytes) -> None:
    try:
        block = decode_general_block(b"\xe0" + data)
    except RemoteProtocolError:
        return
    assert isinstance(block, GeneralBlock)


@pytest.mark.parametrize("limit", [0, 12, 64, 133, 134, 135, 261, 262, 263, 264, 1024, 65535])
def test_a_full_block_fits_the_apdu(limit: int) -> None:
    octets = block_octets(limit)
    block = GeneralBlock(True, False, 63, 65535, 65535, bytes(octets))
    assert limit == 0 or len(block.encode()) <= limit
    if limit:
        longer = block._replace(data=bytes(octets + 1))
        # One octet goes unused where the length field grows.
        assert len(longer.encode()) >= limit


@pytest.mark.parametrize("table", [REQUESTER, RESPONDER])
def test_every_pair_of_state_and_event_has_one_answer(table: dict[tuple[GbtState, GbtEvent], GbtState]) -> None:
    for state, event in product(GbtState, GbtEvent):
        after = table.get((state, event))
        assert after is None or isinstance(after, GbtState)
        if event is GbtEvent.RESET:
            assert after is GbtState.IDLE
    assert all(after is not GbtState.WHOLE for after in REQUESTER.values())


def answers(transfer: GeneralBlockTransfer, *frames: str) -> tuple[bytes | None, list[str]]:
    """What the last of these frames makes the transfer say."""
    whole, out = None, list[GeneralBlock]()
    for frame in frames:
        whole, out = transfer.receive(decode_general_block(bytes.fromhex(frame)))
    return whole, [block.encode().hex() for block in out]


def test_the_windows_of_a_published_exchange_are_asked_for_as_there() -> None:
    # The exchange of EnergyICT's GeneralBlockTransferHandlerTest: server window 5, one missing block.
    client = GeneralBlockTransfer(requester=True, window=5)
    assert answers(client, "e00500010000820002c402") == (None, ["e0850001000100"])
    whole, out = answers(
        client,
        "e045000200018200020102",
        "e045000300018200020304",
        "e045000500018200020708",
        "e00500060001820002090a",
    )
    assert whole is None
    assert out == ["e0810002000300"]  # the hole alone, in a window of one
    whole, out = answers(client, "e001000400028200020506")
    assert (whole, out) == (None, ["e0850003000600"])
    whole, out = answers(client, "e045000700038200020b0c", "e045000800038200020d0e", "e085000900038200010f")
    assert whole == bytes.fromhex("c4020102030405060708090a0b0c0d0e0f")
    assert out == []


def test_the_server_streams_a_window_and_then_waits() -> None:
    server = GeneralBlockTransfer(requester=False, window=5)
    first = server.send(bytes(range(100)), 6 + 1 + 10)
    assert [(b.number, b.streaming, b.last) for b in first] == [(1, False, False)]
    _, burst = server.receive(GeneralBlock(True, False, 4, 1, 1, b""))
    assert [(b.number, b.streaming, b.last, b.acknowledged) for b in burst] == [
        (2, True, False, 1),
        (3, True, False, 1),
        (4, True, False, 1),
        (5, False, False, 1),
    ]
    _, rest = server.receive(GeneralBlock(True, False, 63, 2, 5, b""))
    assert [b.number for b in rest] == [6, 7, 8, 9, 10]
    assert [b.last for b in rest] == [False] * 4 + [True]
    _, nothing = server.receive(GeneralBlock(True, False, 63, 3, 10, b""))
    assert nothing == []
    assert server.state is GbtState.IDLE


def test_a_request_in_blocks_is_delivered_once_however_often_its_end_is_repeated() -> None:
    server = GeneralBlockTransfer(requester=False)
    client = GeneralBlockTransfer(requester=True)
    request = bytes(50)
    sent = client.send(request, 17)
    _, word = server.receive(sent[0])
    blocks: list[GeneralBlock] = []
    for each in word:
        blocks += client.receive(each)[1]
    delivered = [server.receive(block)[0] for block in blocks]
    assert delivered == [None, None, None, request]
    again = client.repeat()
    assert [b.number for b in again] == [5]
    assert server.receive(again[0]) == (None, [])
    answer = server.send(b"answer", 17)
    assert server.receive(again[0]) == (None, answer)
    assert client.receive(answer[0])[0] == b"answer"


def test_a_client_that_acknowledges_a_block_that_never_was_is_understood() -> None:
    # As the Java client of a widespread library sends a request of three blocks.
    server = GeneralBlockTransfer(requester=False, window=8)
    assert answers(server, "e00000010000" + "03c101c1") == (None, ["e0080001000100"])
    assert answers(server, "e00000020000" + "03000102") == (None, ["e0080001000200"])
    assert answers(server, "e0810003ffff" + "03030405") == (bytes.fromhex("c101c1000102030405"), [])


def test_what_passes_the_limit_is_given_up() -> None:
    server = GeneralBlockTransfer(requester=False, octets_max=100)
    server.receive(GeneralBlock(False, True, 8, 1, 0, bytes(60)))
    with pytest.raises(RemoteProtocolError, match="passes 100 octets"):
        server.receive(GeneralBlock(False, True, 8, 2, 0, bytes(60)))
    assert server.state is GbtState.IDLE


def test_more_blocks_than_can_be_counted_are_our_own_mistake() -> None:
    transfer = GeneralBlockTransfer(requester=True)
    with pytest.raises(LocalProtocolError):
        transfer.send(bytes(70000), 8)
    with pytest.raises(LocalProtocolError):
        GeneralBlockTransfer(requester=True, window=0)


def test_what_nobody_acknowledges_leaves_in_one_go() -> None:
    sender = GeneralBlockTransfer(requester=False)
    receiver = GeneralBlockTransfer(requester=True)
    received = [receiver.receive(block)[0] for block in sender.send_unconfirmed(bytes(range(40)), 17)]
    assert received == [None, None, None, bytes(range(40))]
    assert sender.state is GbtState.IDLE


def exchange(seed: int, loss: float) -> tuple[int, bytes | None]:
    """One request in blocks and its answer in blocks over a line that loses; how often it was delivered, the answer."""
    random = Random(seed)
    client = GeneralBlockTransfer(requester=True, window=random.randint(1, 9))
    server = GeneralBlockTransfer(requester=False, window=random.randint(1, 9))
    request = random.randbytes(random.randint(11, 400))
    answer = random.randbytes(random.randint(1, 4000))
    to_server, to_client = client.send(request, 17), list[GeneralBlock]()
    delivered = 0
    for _ in range(5000):
        if to_server:
            block = to_server.pop(0)
            if random.random() >= loss:
                whole, out = server.receive(block)
                to_client += out
                if whole is not None:
                    assert whole == request
                    delivered += 1
                    to_client += server.send(answer, random.choice((17, 64, 200)))
        elif to_client:
            block = to_client.pop(0)
            if random.random() >= loss:
                whole, out = client.receive(block)
                to_server += out
                if whole is not None:
                    return delivered, whole if whole == answer else b"wrong"
        else:
            to_server += client.repeat()
    return delivered, None


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 32), st.floats(0, 0.4))
def test_over_a_losing_line_a_request_is_delivered_once_and_its_answer_is_whole(seed: int, loss: float) -> None:
    delivered, answer = exchange(seed, loss)
    assert delivered == 1
    assert answer is not None
    assert answer != b"wrong"


@given(st.lists(BLOCKS, max_size=30), st.sampled_from(["requester", "responder"]))
def test_any_blocks_give_blocks_or_a_refusal(blocks: list[GeneralBlock], role: str) -> None:
    transfer = GeneralBlockTransfer(requester=role == "requester", octets_max=500)
    for block in blocks:
        try:
            _, out = transfer.receive(block)
        except RemoteProtocolError:
            continue
        assert len(out) <= 63
        for each in out:
            decode_general_block(each.encode())
        transfer.repeat()
