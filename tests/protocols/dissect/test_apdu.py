"""APDUs: construct's reading and the fast codec agree."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dissect.apdu import describe
from protocols.dissect.axdr import describe_value
from protocols.dissect.ciphered import Unlock
from protocols.dissect.tree import Node, lines
from protocols.dlms.acse import AssociationRequest, AssociationResponse
from protocols.dlms.ciphered import GeneralHeader
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.results import Code, DataAccessResult
from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED, PROTECTED
from protocols.dlms.security.envelope import protect_ded, protect_general_glo, protect_glo
from protocols.dlms.security.general import protect_agreed, protect_wrapped, sign_apdu
from protocols.dlms.security.suite import SUITE_1
from protocols.dlms.short_name import WriteResponse
from protocols.dlms.value import NESTING_MAX, Value, encode
from protocols.dlms.value import decode as decode_value
from protocols.errors import RemoteProtocolError
from protocols.secret import Secret
from tests.protocols.dlms import strategies as made
from tests.protocols.dlms.apdu import decode
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, SERVER_TITLE, SERVERS, symmetric, with_key
from tests.vectors.test_dlms_apdus import VECTORS

GET_CLOCK = bytes.fromhex("C0010000080000010000FF0200")

# Octets that choose what comes, and which the codec has as a class.
_CHOOSING = {"tag", "type", "choice", "services", "success", "length"}
_SAME_OCTETS = {"invoke_id_and_priority", "long_invoke_id_and_priority"}

_services = st.one_of(
    made.get_apdus(),
    made.set_apdus(),
    made.action_apdus(),
    made.access_apdus(),
    made.short_name_apdus(),
    made.notification_apdus(),
    made.service_error_apdus(),
    made.general_block_apdus(),
    made.initiate_apdus(),
)


def _of_codec(value: Any) -> Iterator[int | bytes]:
    """What an APDU of the codec says, in the order of the wire."""
    if isinstance(value, WriteResponse):
        value = [result for result in value.results if result != DataAccessResult.SUCCESS]
    if isinstance(value, InitiateRequest) and value.response_allowed:
        value = [value.dedicated_key, value.quality_of_service, value.dlms_version, value.conformance, value.max_pdu]
    if isinstance(value, Secret):
        yield value.reveal()
    elif isinstance(value, int | bytes):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _of_codec(item)
    elif is_dataclass(value):
        for one in fields(value):
            yield from _of_codec(getattr(value, one.name))


def _of_tree(node: Node, data: bytes) -> Iterator[int | bytes]:
    """What a tree says, in the order of the wire, without the octets that choose."""
    octets = data[node.start : node.end]
    if node.name in _CHOOSING:
        return
    if node.has("data_type"):
        # The usage flag of an optional value stands before it.
        yield data[node.child("data_type").start : node.end]
    elif node.name == "instance_id":
        yield octets
    elif node.name in _SAME_OCTETS or isinstance(node.value, str):
        yield int.from_bytes(octets, "big")
    elif isinstance(node.value, int | bytes):
        yield node.value
    else:
        for child in node.children:
            yield from _of_tree(child, data)


@given(_services)
def test_a_sound_apdu_is_read_alike(apdu: Any) -> None:
    data = apdu.encode()
    assert list(_of_tree(describe(data), data)) == list(_of_codec(decode(data)))


@given(_services, st.data())
def test_a_changed_apdu_that_both_read_is_read_alike(apdu: Any, data: st.DataObject) -> None:
    octets = bytearray(apdu.encode())
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(octets)
    try:
        tree, again = describe(changed), decode(changed)
    except RemoteProtocolError:
        return
    if not isinstance(again, InitiateRequest | WriteResponse):
        assert list(_of_tree(tree, changed)) == list(_of_codec(again))


@given(made.acse_apdus())
def test_acse_is_read_alike(apdu: Any) -> None:
    tree = describe(apdu.encode())
    for one in fields(apdu):
        value = getattr(apdu, one.name)
        name = {"mechanism": "mechanism_name", "application_context": "application_context_name"}.get(
            one.name, one.name
        )
        if one.name == "diagnostic":
            name = "result_source_diagnostic"
        if one.name in {"version_1", "authentication", "user_information"} or value is None:
            continue
        shown = tree.child(name).value
        named = isinstance(value, Code) or name in {"mechanism_name", "application_context_name"}
        assert shown == (value.name if named and not isinstance(value, bytes) else value)
    asked = isinstance(apdu, AssociationRequest | AssociationResponse) and apdu.authentication
    requirements = "sender_acse_requirements" if isinstance(apdu, AssociationRequest) else "responder_acse_requirements"
    assert tree.has(requirements) is asked
    assert tree.has("user_information") is (apdu.user_information is not None)


@given(made.ciphered_apdus())
def test_an_envelope_is_read_alike_where_it_holds_a_security_header(apdu: Any) -> None:
    data = apdu.encode()
    try:
        tree = describe(data)
    except RemoteProtocolError:
        assert len(apdu.content) < 5
        return
    if tree.has("content"):
        assert tree.child("content").value == apdu.content
        assert tree.child("signature").value == apdu.signature
    else:
        content = tree.child("ciphered_content")
        assert data[content.child("length").end : content.end] == apdu.content
        assert content.child("invocation_counter").value == int.from_bytes(apdu.content[1:5], "big")
        assert content.child("security_control").child("security_suite").value == apdu.content[0] & 0x0F
    for name in ("transaction_id", "originator_system_title", "recipient_system_title", "date_time"):
        if tree.has(name):
            assert tree.child(name).value == getattr(apdu.header, name)


def _of_value(node: Node) -> Any:
    kind = node.child("data_type").value
    elements = [_of_value(child) for child in node.children[1:]] if kind in {"ARRAY", "STRUCTURE"} else node.value
    return kind, elements


def _named(value: Value) -> Any:
    from protocols.dlms.value import Tag

    tag, content = value
    name = Tag(tag).name
    if isinstance(content, float):
        return name, str(content)
    return name, [_named(item) for item in content] if name in {"ARRAY", "STRUCTURE"} else content


@given(made.values())
def test_values_are_read_alike(value: Value) -> None:
    data = encode(value)
    tree = describe_value(data)
    assert (tree.start, tree.end) == (0, len(data))
    if b"\x13" not in data:
        assert _of_value(tree) == _named(value)


@given(st.binary(max_size=60))
def test_any_octets_are_a_value_for_both_or_for_neither(data: bytes) -> None:
    def readable(read: Any) -> bool:
        try:
            read(data)
        except RemoteProtocolError:
            return False
        return True

    if b"\x13" not in data:  # the contents of a compact array are shown as octets, and not looked into
        assert readable(describe_value) is readable(decode_value)


def test_what_is_nested_too_deep_is_refused_by_both() -> None:
    deep = b"\x01\x01" * (NESTING_MAX + 60) + b"\x00"
    for read in (describe_value, decode_value):
        with pytest.raises(RemoteProtocolError):
            read(deep)
    with pytest.raises(RemoteProtocolError):
        describe(b"\xc4\x01\xc1\x00" + b"\x13" + b"\x02\x01" * 400)
    assert describe_value(b"\x01\x01" * NESTING_MAX + b"\x00").children


@given(st.binary(max_size=80), st.sampled_from([0x60, 0x61, 0x63, 0xC0, 0xC4, 0xC8, 0xDB, 0xDD, 0xDF, 0xE0]))
def test_any_octets_give_a_tree_or_a_refusal(data: bytes, tag: int) -> None:
    for octets in (data, bytes((tag,)) + data, bytes((tag, len(data))) + data):
        try:
            tree = describe(octets, [Unlock(SERVERS[0], (CLIENT_TITLE,))])
        except RemoteProtocolError:
            continue
        for _, node in tree.walk():
            assert 0 <= node.start <= node.end <= len(octets)
        list(lines(tree, octets))


@pytest.mark.parametrize("name", VECTORS)
def test_every_vector_is_explained(name: str) -> None:
    data = bytes.fromhex(VECTORS[name][0])
    tree = describe(data)
    assert tree.children[0] == Node("tag", 0, 1, data[0])
    assert (tree.start, tree.end) == (0, len(data))
    for _, node in tree.walk():
        # Octet strings and the like are where they say.
        if isinstance(node.value, bytes) and not node.children:
            assert data[node.start : node.end].endswith(node.value)


HEADER = GeneralHeader(b"\x01", CLIENT_TITLE, SERVER_TITLE)


@pytest.mark.parametrize(
    "data",
    [
        protect_glo(CLIENTS[1], PROTECTED, 7, GET_CLOCK),
        protect_glo(CLIENTS[1], AUTHENTICATED, 7, GET_CLOCK),
        protect_glo(CLIENTS[1], ENCRYPTED, 7, GET_CLOCK),
        protect_ded(CLIENTS[1], PROTECTED, 7, GET_CLOCK),
        protect_general_glo(CLIENTS[1], PROTECTED, 7, GET_CLOCK),
        protect_wrapped(CLIENTS[1], PROTECTED, 7, HEADER, GET_CLOCK, key=symmetric(SUITE_1, "transaction")),
        protect_agreed(CLIENTS[1], PROTECTED, 7, HEADER, GET_CLOCK),
    ],
)
def test_what_is_ciphered_is_opened_where_the_keys_are_given(data: bytes) -> None:
    assert not describe(data).has("plain_apdu")
    tree = describe(data, [Unlock(SERVERS[0]), Unlock(SERVERS[1], (SERVER_TITLE, CLIENT_TITLE))])
    plain = tree.child("plain_apdu")
    inside = plain.child("get_request")
    assert inside.child("attribute").child("instance_id").value == "0.0.1.0.0.255"
    protected = tree.child("ciphered_content").child("protected")
    assert (plain.start, inside.start, inside.end) == (protected.start, protected.start, protected.end)


def test_what_the_keys_do_not_open_says_why() -> None:
    data = protect_glo(CLIENTS[0], PROTECTED, 7, GET_CLOCK)
    wrong = with_key(SERVERS[0], "block", Secret(bytes(16)))
    refused = describe(data, [Unlock(wrong, (CLIENT_TITLE,))]).child("not_opened")
    assert "the tag does not verify" in str(refused.value)
    encrypted = protect_glo(CLIENTS[0], ENCRYPTED, 7, GET_CLOCK)
    assert describe(encrypted, [Unlock(wrong, (CLIENT_TITLE,))]).has("not_opened")


def test_an_association_request_is_opened_with_the_title_it_carries() -> None:
    initiate = InitiateRequest(conformance=0x10, max_pdu=1024, dedicated_key=Secret(bytes(16))).encode()
    request = AssociationRequest(
        calling_ap_title=CLIENT_TITLE, user_information=protect_glo(CLIENTS[0], PROTECTED, 1, initiate)
    )
    tree = describe(request.encode(), [Unlock(SERVERS[0])])
    ciphered = tree.child("user_information").child("glo_initiate_request")
    plain = ciphered.child("plain_apdu").child("initiate_request")
    assert plain.child("client_max_receive_pdu_size").value == 1024
    assert plain.child("proposed_conformance").child("services").value == "get"


def test_a_signed_apdu_shows_what_is_signed() -> None:
    tree = describe(sign_apdu(CLIENTS[1], HEADER, GET_CLOCK))
    inside = tree.child("plain_apdu").child("get_request")
    assert (inside.start, inside.end) == (tree.child("content").start + 1, tree.child("content").end)
    assert describe(sign_apdu(CLIENTS[1], HEADER, b"\xff")).has("not_opened")


@pytest.mark.parametrize("data", [b"", b"\x02", b"\xc0\x07\xc1", b"\x60\x00\x00", b"\xc0\x01"])
def test_what_is_no_apdu_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"\w+ \w+"):
        describe(data)
