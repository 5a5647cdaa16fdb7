import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.ciphered import DED_TAGS, GLO_TAGS, GeneralGloCiphering
from protocols.dlms.security.control import AUTHENTICATED, BROADCAST, COMPRESSED, COUNTER_MAX, ENCRYPTED, PROTECTED
from protocols.dlms.security.envelope import (
    OVERHEAD_OCTETS,
    protect_ded,
    protect_general_ded,
    protect_general_glo,
    protect_glo,
    unprotect,
)
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.errors import LocalProtocolError
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, SERVER_TITLE, SERVERS, with_key

Protect = Callable[[Keys, int, int, bytes], bytes]

GET_CLOCK = bytes.fromhex("C0010000080000010000FF0200")
FORMS: dict[str, tuple[Protect, KeyUse]] = {
    "glo": (protect_glo, KeyUse.UNICAST),
    "ded": (protect_ded, KeyUse.DEDICATED),
    "general-glo": (protect_general_glo, KeyUse.UNICAST),
    "general-ded": (protect_general_ded, KeyUse.DEDICATED),
}
controls = st.sampled_from([AUTHENTICATED, ENCRYPTED, PROTECTED])
counters = st.integers(0, COUNTER_MAX)
suites = st.sampled_from([0, 1, 2])
plains = st.builds(lambda tag, rest: bytes((tag,)) + rest, st.sampled_from(sorted(GLO_TAGS)), st.binary(max_size=300))


def _refused(result: Opened | Refused) -> Refused:
    assert isinstance(result, Refused)
    assert result.reason
    return result


@pytest.mark.parametrize("form", FORMS)
@given(suite=suites, control=controls, counter=counters, plain=plains)
def test_what_one_side_protects_the_other_opens(
    form: str, suite: int, control: int, counter: int, plain: bytes
) -> None:
    protect, use = FORMS[form]
    octets = protect(CLIENTS[suite], control, counter, plain)
    assert len(octets) <= len(plain) + OVERHEAD_OCTETS
    opened = unprotect(octets, SERVERS[suite], CLIENT_TITLE, required=control)
    assert opened == Opened(plain, control | suite, counter, use, CLIENT_TITLE)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("control", [AUTHENTICATED, PROTECTED])
def test_any_one_bit_flipped_is_refused(form: str, control: int) -> None:
    octets = FORMS[form][0](CLIENTS[0], control, 7, GET_CLOCK)
    for bit in range(8 * len(octets)):
        changed = bytearray(octets)
        changed[bit // 8] ^= 1 << bit % 8
        _refused(unprotect(bytes(changed), SERVERS[0], CLIENT_TITLE, required=control))


@pytest.mark.parametrize("form", FORMS)
def test_any_truncation_is_refused(form: str) -> None:
    octets = FORMS[form][0](CLIENTS[0], PROTECTED, 7, GET_CLOCK)
    for cut in range(len(octets)):
        _refused(unprotect(octets[:cut], SERVERS[0], CLIENT_TITLE))


@given(st.binary(max_size=80) | st.binary(max_size=40).map(lambda rest: b"\xc8\x1e\x30" + rest), suites)
def test_any_octets_are_refused(data: bytes, suite: int) -> None:
    _refused(unprotect(data, SERVERS[suite], CLIENT_TITLE, required=AUTHENTICATED))


@given(counter=st.integers(0, COUNTER_MAX - 1), ahead=st.integers(1, 1000), control=controls)
def test_a_counter_that_was_used_is_refused_and_the_expected_one_named(counter: int, ahead: int, control: int) -> None:
    lowest = min(counter + ahead, COUNTER_MAX)
    octets = protect_glo(CLIENTS[0], control, counter, GET_CLOCK)
    refused = _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE, counters=(lowest, 0, 0, 0)))
    assert (refused.kind, refused.counter_expected) == (RefusalKind.COUNTER, lowest)
    assert str(lowest) in refused.reason
    # The counters of other keys do not matter.
    assert isinstance(unprotect(octets, SERVERS[0], CLIENT_TITLE, counters=(counter, 99, 99, 99)), Opened)


@pytest.mark.parametrize(
    ("control", "required"),
    [(AUTHENTICATED, ENCRYPTED), (AUTHENTICATED, PROTECTED), (ENCRYPTED, AUTHENTICATED), (ENCRYPTED, PROTECTED)],
)
def test_less_protection_than_required_is_refused(control: int, required: int) -> None:
    octets = protect_glo(CLIENTS[0], control, 1, GET_CLOCK)
    refused = _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE, required=required))
    assert refused.kind is RefusalKind.POLICY
    assert "is less than" in refused.reason


@pytest.mark.parametrize(
    ("control", "kind", "words"),
    [
        (0x00, RefusalKind.POLICY, "protects nothing"),
        (0x40, RefusalKind.POLICY, "protects nothing"),
        (0x33, RefusalKind.SUITE, "suite 3 is reserved"),
        (0x3F, RefusalKind.SUITE, "suite 15 is reserved"),
        (0x31, RefusalKind.SUITE, "suite 1 is not the one in force, 0"),
        (0x30 | COMPRESSED, RefusalKind.POLICY, "V.44"),
    ],
)
def test_a_security_control_byte_that_cannot_be_is_refused(control: int, kind: RefusalKind, words: str) -> None:
    octets = b"\xc8\x1e" + bytes((control,)) + protect_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK)[3:]
    refused = _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE))
    assert refused.kind is kind
    assert words in refused.reason


def test_the_broadcast_key_is_another_key_with_its_own_counter() -> None:
    octets = protect_glo(CLIENTS[0], PROTECTED | BROADCAST, 5, GET_CLOCK)
    opened = unprotect(octets, SERVERS[0], CLIENT_TITLE, counters=(99, 5, 99, 99))
    assert isinstance(opened, Opened)
    assert opened.key is KeyUse.BROADCAST
    without = dataclasses.replace(SERVERS[0], broadcast=None)
    assert _refused(unprotect(octets, without, CLIENT_TITLE)).kind is RefusalKind.KEY
    cleared = octets[:2] + bytes((octets[2] & ~BROADCAST,)) + octets[3:]
    assert _refused(unprotect(cleared, SERVERS[0], CLIENT_TITLE)).kind is RefusalKind.TAG


def test_a_dedicated_key_is_never_a_broadcast_key() -> None:
    octets = bytearray(protect_ded(CLIENTS[0], PROTECTED, 1, GET_CLOCK))
    octets[2] |= BROADCAST
    assert _refused(unprotect(bytes(octets), SERVERS[0], CLIENT_TITLE)).kind is RefusalKind.POLICY
    none = SERVERS[0].with_dedicated(None)
    assert (
        _refused(unprotect(protect_ded(CLIENTS[0], PROTECTED, 1, GET_CLOCK), none, CLIENT_TITLE)).kind
        is RefusalKind.KEY
    )


@pytest.mark.parametrize("name", ["block", "authentication"])
def test_a_wrong_key_is_refused_in_words_for_the_engineer(name: str) -> None:
    wrong = with_key(SERVERS[0], name, Secret(b"wrong wrong wron"))
    refused = _refused(unprotect(protect_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK), wrong, CLIENT_TITLE))
    assert refused.kind is RefusalKind.TAG
    assert refused.reason == (
        "the tag does not verify: block or authentication key is wrong, or the system title is not MBC00000"
    )


def test_a_wrong_system_title_is_refused() -> None:
    plain = protect_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK)
    assert _refused(unprotect(plain, SERVERS[0], SERVER_TITLE)).kind is RefusalKind.TAG
    assert _refused(unprotect(plain, SERVERS[0], b"")).kind is RefusalKind.TITLE
    general = protect_general_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK)
    refused = _refused(unprotect(general, SERVERS[0], bytes.fromhex("4D4D4D0000BC614E")))
    assert refused.kind is RefusalKind.TITLE
    assert refused.reason == "the APDU is from MBC00000, the association is with MMM-0000BC614E"
    odd = GeneralGloCiphering(b"short", b"\x30" + bytes(30)).encode()
    assert _refused(unprotect(odd, SERVERS[0], b"")).kind is RefusalKind.TITLE


def test_a_title_left_empty_is_the_associations_own() -> None:
    """Elgama's meters send it so."""
    general = GeneralGloCiphering.decode(protect_general_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK))
    empty = GeneralGloCiphering(b"", general.content).encode()
    assert isinstance(unprotect(empty, SERVERS[0], CLIENT_TITLE), Opened)


def test_a_general_apdu_says_its_title_where_nobody_knows_it() -> None:
    opened = unprotect(protect_general_glo(CLIENTS[0], ENCRYPTED, 1, b"\x0f\x00"), SERVERS[0], b"")
    assert isinstance(opened, Opened)
    assert opened.title == CLIENT_TITLE


def test_a_ciphered_tag_protects_its_own_service_alone() -> None:
    octets = b"\xc9" + protect_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK)[1:]
    refused = _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE))
    assert refused.kind is RefusalKind.MALFORMED
    assert "C9 protects something else than APDU C1" in refused.reason


def test_every_service_has_its_own_tags() -> None:
    for plain, glo in GLO_TAGS.items():
        assert protect_glo(CLIENTS[0], PROTECTED, 1, bytes((plain,)))[0] == glo
        assert protect_ded(CLIENTS[0], PROTECTED, 1, bytes((plain,)))[0] == DED_TAGS[plain]


def test_what_cannot_be_protected_is_our_own_mistake() -> None:
    with pytest.raises(LocalProtocolError, match="general"):
        protect_glo(CLIENTS[0], PROTECTED, 1, b"\x0f\x00")
    with pytest.raises(LocalProtocolError, match="used up"):
        protect_glo(CLIENTS[0], PROTECTED, COUNTER_MAX + 1, GET_CLOCK)
    with pytest.raises(LocalProtocolError, match="no dedicated key"):
        protect_ded(CLIENTS[0].with_dedicated(None), PROTECTED, 1, GET_CLOCK)
    with pytest.raises(ValueError, match="cannot be written"):
        protect_glo(CLIENTS[0], 0, 1, GET_CLOCK)
    with pytest.raises(ValueError, match="cannot be written"):
        protect_glo(CLIENTS[0], PROTECTED | COMPRESSED, 1, GET_CLOCK)
    only_encryption = dataclasses.replace(CLIENTS[0], authentication=None)
    with pytest.raises(LocalProtocolError, match="authentication key"):
        protect_glo(only_encryption, PROTECTED, 1, GET_CLOCK)
    assert isinstance(
        unprotect(protect_glo(only_encryption, ENCRYPTED, 1, GET_CLOCK), SERVERS[0], CLIENT_TITLE), Opened
    )
    tagged = protect_glo(CLIENTS[0], PROTECTED, 1, GET_CLOCK)
    server = dataclasses.replace(SERVERS[0], authentication=None)
    assert _refused(unprotect(tagged, server, CLIENT_TITLE)).kind is RefusalKind.KEY


def test_what_is_not_ciphered_is_not_opened() -> None:
    for octets in (b"", GET_CLOCK, b"\xdf\x00", b"\xc8", b"\xdd\x00", b"\xdb\x08"):
        assert _refused(unprotect(octets, SERVERS[0], CLIENT_TITLE)).kind is RefusalKind.MALFORMED
