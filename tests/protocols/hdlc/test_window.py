"""Numbered transfer: segments, acknowledgements, sequence numbers."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.hdlc import llc
from protocols.hdlc.window import MESSAGE_BYTES_MAX, Receiver, Sender, UnnumberedReceiver


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.integers(1, 50), st.integers(1, 7))
def test_what_is_put_in_comes_out_in_segments_of_the_size(messages: list[bytes], size: int, window: int) -> None:
    sender, receiver, received = Sender(), Receiver(), []
    for message in messages:
        sender.put(message, size)
    assert sender.messages == len(messages)
    while sender:
        burst = sender.burst(window)
        assert len(burst) <= window
        for sequence, information, more in burst:
            assert 0 < len(information) <= size
            assert sequence == receiver.expected
            if (whole := receiver.take(information, segmented=more)) is not None:
                received.append(whole)
        assert sender.acknowledge(receiver.expected) == len(burst)
    assert received == messages
    assert sender.messages == 0


def test_what_is_not_acknowledged_is_sent_again_and_new_ones_after_it() -> None:
    sender = Sender()
    sender.put(b"abcdef", 1)
    assert [sequence for sequence, _, _ in sender.burst(3)] == [0, 1, 2]
    assert sender.next_sequence == 3
    assert sender.acknowledge(1) == 1
    assert [octet for _, octet, _ in sender.burst(3)] == [b"b", b"c", b"d"]


def test_what_was_never_sent_can_not_be_acknowledged() -> None:
    sender = Sender()
    sender.put(b"abc", 1)
    sender.burst(2)
    assert sender.acknowledge(3) is None
    assert sender.acknowledge(7) is None
    assert (sender.acknowledged, sender.outstanding) == (0, 2)


def test_a_message_is_bounded() -> None:
    receiver = Receiver()
    assert receiver.fits(bytes(2030))
    while receiver.fits(bytes(2030)):
        receiver.take(bytes(2030), segmented=True)
    assert MESSAGE_BYTES_MAX - 2030 < len(receiver._gathered) <= MESSAGE_BYTES_MAX


def test_a_lost_end_of_an_unnumbered_message_is_seen_when_the_next_begins() -> None:
    receiver, pair = UnnumberedReceiver(), (b"\x03", b"\x21")
    assert receiver.take(pair, llc.RESPONSE + b"first", llc.RESPONSE, segmented=True) is None
    assert receiver.take(pair, llc.RESPONSE + b"sec", llc.RESPONSE, segmented=True) is None
    assert receiver.take(pair, b"ond", llc.RESPONSE, segmented=False) == llc.RESPONSE + b"second"
    assert receiver.take(pair, llc.RESPONSE + b"x", llc.RESPONSE, segmented=True) is None
    assert receiver.take((b"\x05", b"\x21"), b"other", llc.RESPONSE, segmented=False) == b"other"


def test_an_endless_unnumbered_message_is_bounded() -> None:
    receiver = UnnumberedReceiver()
    for _ in range(100):
        receiver.take((b"", b""), bytes(2030), llc.RESPONSE, segmented=True)
    assert len(receiver._gathered) <= MESSAGE_BYTES_MAX


def test_an_llc_header_is_taken_off_when_it_is_the_one_expected() -> None:
    assert llc.strip(bytes.fromhex("E6E600C0"), llc.COMMAND) == b"\xc0"
    assert llc.strip(bytes.fromhex("FFE600C0"), llc.COMMAND) == b"\xc0"
    assert llc.strip(bytes.fromhex("E6E601C0"), llc.COMMAND) == b"\xc0"
    assert llc.strip(bytes.fromhex("E6E700C0"), llc.COMMAND) is None
    assert llc.strip(bytes.fromhex("E6E6"), llc.COMMAND) is None
    assert llc.strip(b"", llc.RESPONSE) is None
