from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.general_block_transfer import GeneralBlock
from protocols.dlms.results import DataAccessResult
from protocols.errors import RemoteProtocolError
from tests.protocols.dlms import strategies as made
from tests.protocols.dlms.apdu import Apdu, decode

_KINDS = {
    "get": made.get_apdus(),
    "set": made.set_apdus(),
    "action": made.action_apdus(),
    "access": made.access_apdus(),
    "short names": made.short_name_apdus(),
    "notifications": made.notification_apdus(),
    "initiate": made.initiate_apdus(),
    "service errors": made.service_error_apdus(),
    "acse": made.acse_apdus(),
    "ciphered": made.ciphered_apdus(),
    "general block transfer": made.general_block_apdus(),
}


def _readable(data: bytes) -> Apdu | None:
    try:
        return decode(data)
    except RemoteProtocolError:
        return None


@pytest.mark.parametrize("kind", _KINDS)
@given(data=st.data())
def test_what_is_encoded_decodes_to_itself(kind: str, data: st.DataObject) -> None:
    apdu = data.draw(_KINDS[kind])
    assert decode(apdu.encode()) == apdu


@given(made.apdus())
def test_every_truncation_gives_an_apdu_or_a_refusal(apdu: Apdu) -> None:
    octets = apdu.encode()
    for cut in range(len(octets)):
        _readable(octets[:cut])


@given(made.apdus(), st.data())
def test_changed_octets_give_an_apdu_or_a_refusal(apdu: Apdu, data: st.DataObject) -> None:
    octets = bytearray(apdu.encode())
    for _ in range(data.draw(st.integers(1, 3))):
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    again = _readable(bytes(octets))
    if again is not None:
        assert decode(again.encode()) == again


@given(st.binary(max_size=120))
def test_any_octets_give_an_apdu_or_a_refusal(data: bytes) -> None:
    _readable(data)


def test_octets_after_the_end_of_an_apdu_are_refused() -> None:
    for octets in ("0E010601", "D80101", "C002C100000001", "62 03 80 01 00", "E0 80 0001 0000 01 AA", "0C 01 01 03"):
        assert _readable(bytes.fromhex(octets)) is not None
        with pytest.raises(RemoteProtocolError):
            decode(bytes.fromhex(octets) + b"\x00")


@pytest.mark.parametrize("data", [b"", b"\x02", b"\x64\x00", b"\xff\xff", b"\xc0\x04\xc1", b"\xc5\x06\xc1", b"\xc7"])
def test_what_is_no_apdu_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(RemoteProtocolError, match=r"\w+ \w+"):
        decode(data)


@pytest.mark.parametrize(
    "octets",
    [
        "C104C1 02 0008 0000010000FF 02 00 0008 0000010000FF 02 00 01 1101",  # two attributes, one value
        "C303C1 01 0046 000060030AFF 01 00",  # one method, no parameter
        "D9 00000001 00 01 01 0008 0000010000FF 02 00",  # one specification, no value
        "06 01 02 FA00 00",  # one variable, no value
    ],
)
def test_lists_that_do_not_pair_up_are_refused(octets: str) -> None:
    with pytest.raises(RemoteProtocolError, match="for"):
        decode(bytes.fromhex(octets))


@given(made.apdus())
def test_no_apdu_shows_keys_or_passwords(apdu: Any) -> None:
    for name in ("dedicated_key", "calling_authentication_value", "responding_authentication_value"):
        secret = getattr(apdu, name, None)
        if isinstance(secret, bytes):
            assert f"{name}=" not in repr(apdu)
        elif secret is not None:
            assert "Secret(...)" in repr(apdu)


def test_a_result_that_nobody_named_is_carried() -> None:
    result = DataAccessResult(77)
    assert (result, result.name, result.title) == (77, "UNKNOWN_77", "unknown-77")
    assert result == DataAccessResult(77)
    with pytest.raises(ValueError, match="256"):
        DataAccessResult(256)


def test_a_general_block_is_among_the_apdus() -> None:
    assert decode(bytes.fromhex("E0C5000100020301 0203".replace(" ", ""))) == GeneralBlock(
        last=True, streaming=True, window=5, number=1, acknowledged=2, data=b"\x01\x02\x03"
    )
