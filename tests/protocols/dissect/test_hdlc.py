"""HDLC frames: construct's reading and the fast codec agree, on sound frames and on any octets."""

from hypothesis import given
from hypothesis import strategies as st

from protocols.dissect.hdlc import describe
from protocols.dissect.tree import Node
from protocols.errors import RemoteProtocolError
from protocols.hdlc import parameters
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, Kind, decode, encode
from tests.protocols.hdlc.strategies import FRAMES
from tests.protocols.hdlc.test_parameters import PARAMETERS

KINDS = {Kind.INFORMATION: "I", Kind.UNKNOWN: "unknown"} | {
    kind: kind.name for kind in Kind if kind not in {Kind.INFORMATION, Kind.UNKNOWN}
}


def address(node: Node) -> tuple[object, object]:
    return node.child("upper").value, node.child("lower").value if node.has("lower") else None


def agree(tree: Node, frame: Frame) -> None:
    assert tree.child("format").child("segmentation").value is frame.segmented
    for name, field in (("destination", frame.destination), ("source", frame.source)):
        meant = Address.from_bytes(field)
        assert address(tree.child(name)) == (meant.upper, meant.lower)
    control = tree.child("control")
    assert control.value == KINDS[frame.kind]
    assert control.child("poll_final").value is frame.poll_final
    if frame.kind is Kind.INFORMATION:
        assert control.child("send_sequence").value == frame.send_sequence
    if frame.kind in {Kind.INFORMATION, Kind.RR, Kind.RNR}:
        assert control.child("receive_sequence").value == frame.receive_sequence
    assert (tree.child("information").value if tree.has("information") else b"") == frame.information


def sound(tree: Node) -> bool:
    return not any(tree.child(name).has("expected") for name in ("hcs", "fcs") if tree.has(name))


@given(FRAMES)
def test_a_sound_frame_is_read_alike(frame: Frame) -> None:
    tree = describe(encode(frame))
    agree(tree, frame)
    assert sound(tree)


@given(FRAMES, st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3))
def test_a_spoiled_frame_is_refused_by_both_or_shown_as_spoiled(frame: Frame, changes: list[tuple[int, int]]) -> None:
    data = bytearray(encode(frame))
    for at, octet in changes:
        data[at % len(data)] = octet
    judge(bytes(data))


@given(st.binary(max_size=30))
def test_any_octets_are_read_alike(data: bytes) -> None:
    for octets in (data, b"~" + data + b"~", b"~\xa0" + bytes((len(data) + 2,)) + data + b"~"):
        judge(octets)


def judge(data: bytes) -> None:
    try:
        tree = describe(data)
    except RemoteProtocolError:
        tree = None
    try:
        frame = decode(data)
    except RemoteProtocolError:
        assert tree is None or not sound(tree)
        return
    assert tree is not None
    agree(tree, frame)


@given(FRAMES)
def test_every_field_stands_inside_the_one_around_it(frame: Frame) -> None:
    tree = describe(encode(frame))
    ends = [tree.children[0].start]
    for node in tree.children:
        assert node.start == ends[-1]
        ends.append(node.end)
    assert ends[-1] == tree.end == len(encode(frame))
    for _, node in tree.walk():
        assert all(node.start <= child.start <= child.end <= node.end for child in node.children)


@given(PARAMETERS, st.sampled_from([0x93, 0x73]))
def test_parameters_are_read_alike(settled: parameters.Parameters, control: int) -> None:
    information = parameters.encode(settled)
    group = describe(encode(Frame(b"\x03", b"\x21", control, information))).child("information").child("group")
    assert (
        parameters.decode(information)
        == settled
        == parameters.Parameters(
            **{node.name: node.value for node in group.children if node.name not in {"identifier", "length"}},  # type: ignore[arg-type]  # numbers
        )
    )


def test_a_message_shows_its_llc_header_and_its_apdu() -> None:
    data = encode(Frame(b"\x03", b"\x21", 0x10, bytes.fromhex("E6E600C001")))
    information = describe(data).child("information")
    assert information.child("llc").child("source_lsap").value == 0xE6
    apdu = information.child("apdu")
    assert data[apdu.start : apdu.end] == apdu.value == bytes.fromhex("C001")


def test_a_segment_in_the_middle_shows_its_octets() -> None:
    assert describe(encode(Frame(b"\x03", b"\x21", 0x10, b"abc"))).child("information").child("segment").value == b"abc"


def test_a_rejection_shows_its_reason() -> None:
    data = encode(Frame(b"\x21", b"\x03", 0x97, bytes.fromhex("192404")))
    reject = describe(data).child("information")
    assert reject.child("rejected_control").value == 0x19
    assert (reject.child("sequences").child("receive").value, reject.child("sequences").child("send").value) == (1, 2)
    assert [node.name for node in reject.child("reasons").children if node.value] == ["information_too_long"]


def test_what_should_be_parameters_and_is_not_is_shown_as_octets() -> None:
    information = describe(encode(Frame(b"\x03", b"\x21", 0x93, b"\x81\x80\x05\x01"))).child("information")
    assert (information.value, information.children) == (b"\x81\x80\x05\x01", ())
