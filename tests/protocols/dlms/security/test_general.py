import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.ciphered import (
    AgreedKey,
    GeneralCiphering,
    GeneralHeader,
    IdentifiedKey,
    WrappedKey,
)
from protocols.dlms.security.control import AUTHENTICATED, BROADCAST, ENCRYPTED, PROTECTED
from protocols.dlms.security.envelope import unprotect
from protocols.dlms.security.general import (
    Signed,
    open_signed,
    protect_agreed,
    protect_identified,
    protect_wrapped,
    sign_apdu,
    unprotect_general,
)
from protocols.dlms.security.keys import KeyUse
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import SUITE_1, SUITES
from protocols.errors import LocalProtocolError
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, SERVER_TITLE, SERVERS, private, symmetric

PUSH = b"\x0f\x00\x00\x00\x01\x00\x00"
HEADER = GeneralHeader(b"\x01\x02\x03", CLIENT_TITLE, SERVER_TITLE, b"", b"other")

headers = st.builds(
    GeneralHeader,
    st.binary(max_size=9),
    st.just(CLIENT_TITLE),
    st.sampled_from([b"", SERVER_TITLE]),
    st.sampled_from([b"", bytes(12)]),
    st.binary(max_size=9),
)
controls = st.sampled_from([AUTHENTICATED, ENCRYPTED, PROTECTED])
suites = st.sampled_from([0, 1, 2])


def _refused(result: object) -> Refused:
    assert isinstance(result, Refused)
    return result


@given(suites, headers, controls, st.sampled_from([0, BROADCAST]), st.integers(0, 0xFFFFFFFF), st.binary(max_size=60))
def test_an_identified_key_opens(
    suite: int, header: GeneralHeader, control: int, usage: int, counter: int, apdu: bytes
) -> None:
    octets = protect_identified(CLIENTS[suite], control | usage, counter, header, apdu)
    use = KeyUse.BROADCAST if usage else KeyUse.UNICAST
    for title in (b"", CLIENT_TITLE):
        opened = unprotect(octets, SERVERS[suite], title, required=control)
        assert opened == Opened(apdu, control | usage | suite, counter, use, CLIENT_TITLE)


@given(suites, headers, controls)
def test_a_wrapped_key_opens(suite: int, header: GeneralHeader, control: int) -> None:
    key = symmetric(SUITES[suite], "of this transaction")
    octets = protect_wrapped(CLIENTS[suite], control, 0, header, PUSH, key=key)
    opened = unprotect(octets, SERVERS[suite], b"", counters=(9, 9, 9, 0), required=control)
    assert opened == Opened(PUSH, control | suite, 0, KeyUse.TRANSACTION, CLIENT_TITLE)


@pytest.mark.parametrize("suite", [1, 2])
@pytest.mark.parametrize("one_pass", [False, True], ids=["C(0e, 2s)", "C(1e, 1s)"])
@settings(max_examples=15)
@given(header=headers, control=controls)
def test_an_agreed_key_opens(suite: int, one_pass: bool, header: GeneralHeader, control: int) -> None:  # noqa: FBT001 (pytest passes it by name)
    ephemeral = private(SUITES[suite], "ephemeral") if one_pass else None
    octets = protect_agreed(CLIENTS[suite], control, 0, header, PUSH, ephemeral=ephemeral)
    opened = unprotect(octets, SERVERS[suite], CLIENT_TITLE, required=control)
    assert opened == Opened(PUSH, control | suite, 0, KeyUse.TRANSACTION, CLIENT_TITLE)


def _every_form(control: int) -> list[bytes]:
    keys = CLIENTS[1]
    return [
        protect_identified(keys, control, 1, HEADER, PUSH),
        protect_wrapped(keys, control, 1, HEADER, PUSH, key=symmetric(SUITE_1, "transaction")),
        protect_agreed(keys, control, 1, HEADER, PUSH),
        protect_agreed(keys, control, 1, HEADER, PUSH, ephemeral=private(SUITE_1, "ephemeral")),
    ]


@pytest.mark.parametrize("form", range(4), ids=["identified", "wrapped", "C(0e, 2s)", "C(1e, 1s)"])
def test_any_octet_changed_is_refused(form: int) -> None:
    octets = _every_form(PROTECTED)[form]
    for place in range(len(octets)):
        changed = bytearray(octets)
        changed[place] ^= 1 << place % 8
        _refused(unprotect(bytes(changed), SERVERS[1], CLIENT_TITLE, required=PROTECTED))
        _refused(unprotect(octets[:place], SERVERS[1], CLIENT_TITLE))


def test_a_stripped_header_is_noticed_since_it_is_authenticated() -> None:
    general = GeneralCiphering.decode(_every_form(PROTECTED)[0])
    bare = dataclasses.replace(general, header=dataclasses.replace(HEADER, other_information=b""))
    assert _refused(unprotect(bare.encode(), SERVERS[1], CLIENT_TITLE)).kind is RefusalKind.TAG


def test_what_is_for_somebody_else_is_refused() -> None:
    octets = protect_identified(CLIENTS[0], PROTECTED, 1, HEADER, PUSH)
    other = dataclasses.replace(SERVERS[0], title=b"MBM00002")
    refused = _refused(unprotect(octets, other, CLIENT_TITLE))
    assert refused.kind is RefusalKind.TITLE
    assert refused.reason == "the APDU is for MBM00001, this is MBM00002"


def test_an_identified_key_and_the_control_byte_must_agree() -> None:
    general = GeneralCiphering.decode(protect_identified(CLIENTS[0], PROTECTED, 1, HEADER, PUSH))
    for key_id, kind in ((1, RefusalKind.POLICY), (2, RefusalKind.KEY)):
        octets = dataclasses.replace(general, key_info=IdentifiedKey(key_id)).encode()
        assert _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE)).kind is kind
    without = dataclasses.replace(general, key_info=None).encode()
    assert isinstance(unprotect(without, SERVERS[0], CLIENT_TITLE), Opened)


@pytest.mark.parametrize(
    "info",
    [
        WrappedKey(0, bytes(24)),
        WrappedKey(0, b""),
        WrappedKey(1, bytes(24)),
        AgreedKey(b"\x01", bytes(128)),
        AgreedKey(b"\x01", b""),
        AgreedKey(b"\x03", b""),
        AgreedKey(b"", b""),
    ],
)
def test_keys_that_cannot_be_had_are_refused(info: WrappedKey | AgreedKey) -> None:
    octets = GeneralCiphering(HEADER, info, b"\x31" + bytes(40)).encode()
    for suite in (0, 1, 2):
        refused = _refused(unprotect(octets, SERVERS[suite], CLIENT_TITLE))
        assert refused.kind in {RefusalKind.KEY, RefusalKind.SIGNATURE}


def test_a_wrapped_key_of_the_wrong_length_is_refused() -> None:
    octets = protect_wrapped(
        dataclasses.replace(CLIENTS[2], master=CLIENTS[2].master), PROTECTED, 0, HEADER, PUSH, key=CLIENTS[2].block
    )
    short = GeneralCiphering.decode(octets)
    from protocols.dlms.security.key_wrap import wrap_key

    assert CLIENTS[2].master is not None
    short.key_info = WrappedKey(0, wrap_key(CLIENTS[2].master, Secret(bytes(16))))
    refused = _refused(unprotect(short.encode(), SERVERS[2], CLIENT_TITLE))
    assert refused.kind is RefusalKind.KEY


@pytest.mark.parametrize("with_length", [True, False])
@pytest.mark.parametrize("suite", [1, 2])
def test_a_signed_apdu_is_opened_with_the_senders_key_alone(suite: int, *, with_length: bool) -> None:
    octets = sign_apdu(CLIENTS[suite], HEADER, PUSH, with_length=with_length)
    assert open_signed(octets, SERVERS[suite], CLIENT_TITLE) == Signed(PUSH, with_length=with_length)
    assert _refused(open_signed(octets, CLIENTS[suite], b"")).kind is RefusalKind.TITLE
    keyless = dataclasses.replace(SERVERS[suite], other_signing_key=None)
    assert _refused(open_signed(octets, keyless, CLIENT_TITLE)).kind is RefusalKind.KEY
    for place in range(len(octets)):
        changed = bytearray(octets)
        changed[place] ^= 1 << place % 8
        _refused(open_signed(bytes(changed), SERVERS[suite], CLIENT_TITLE))
        _refused(open_signed(octets[:place], SERVERS[suite], CLIENT_TITLE))


@given(st.binary(max_size=120), suites)
def test_any_octets_are_refused(data: bytes, suite: int) -> None:
    _refused(unprotect_general(b"\xdd" + data, SERVERS[suite], CLIENT_TITLE, required=AUTHENTICATED))
    _refused(open_signed(b"\xdf" + data, SERVERS[suite], CLIENT_TITLE))


def test_what_is_missing_is_our_own_mistake() -> None:
    bare = dataclasses.replace(CLIENTS[1], master=None, signing_key=None, agreement_key=None)
    with pytest.raises(LocalProtocolError, match="master key"):
        protect_wrapped(bare, PROTECTED, 0, HEADER, PUSH, key=Secret(bytes(16)))
    with pytest.raises(LocalProtocolError, match="not there"):
        protect_agreed(bare, PROTECTED, 0, HEADER, PUSH)
    with pytest.raises(LocalProtocolError, match="not there"):
        sign_apdu(bare, HEADER, PUSH)
    received = protect_agreed(CLIENTS[1], PROTECTED, 0, HEADER, PUSH)
    nobody = dataclasses.replace(SERVERS[1], agreement_key=None)
    assert _refused(unprotect(received, nobody, CLIENT_TITLE)).kind is RefusalKind.KEY
    one_pass = protect_agreed(CLIENTS[1], PROTECTED, 0, HEADER, PUSH, ephemeral=private(SUITE_1, "e"))
    unsigned = dataclasses.replace(SERVERS[1], other_signing_key=None)
    assert _refused(unprotect(one_pass, unsigned, CLIENT_TITLE)).kind is RefusalKind.KEY
