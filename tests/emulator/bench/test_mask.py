"""No password and no key reaches a journal."""

from hypothesis import given
from hypothesis import strategies as st

from emulator.bench.mask import is_block, mask

SECRET = b"meterbench"
AARQ_LLS = bytes.fromhex(
    "6038A109060760857405080101"  # application context: logical names, clear
    "8A0207808B0760857405080201"  # authentication, mechanism 1
    "AC0C800A6D6574657262656E6368"  # the password
    "BE10040E01000000065F1F0400001E1DFFFF"  # InitiateRequest without dedicated key
)
LONG_NAME = bytes.fromhex("0000280003FF")


def test_the_password_of_an_aarq_is_masked_and_nothing_else() -> None:
    masked = mask(AARQ_LLS)
    assert masked.hidden
    assert SECRET not in masked.data
    assert masked.data == AARQ_LLS.replace(SECRET, bytes(10))


def test_a_challenge_is_no_secret() -> None:
    hls = AARQ_LLS.replace(bytes.fromhex("60857405080201"), bytes.fromhex("60857405080205"))
    assert mask(hls) == (hls, False)


def test_a_dedicated_key_in_clear_is_masked() -> None:
    key = bytes(range(1, 17))
    aarq = (
        bytes.fromhex("6031A109060760857405080101BE2404220101")
        + b"\x10"
        + key
        + bytes.fromhex("0000065F1F0400001E1DFFFF")
    )
    masked = mask(aarq)
    assert masked.hidden
    assert key not in masked.data


def test_secrets_written_in_clear_are_masked() -> None:
    descriptors = {
        "set": b"\xc1\x01\xc1\x00\x0f" + LONG_NAME + b"\x07\x00\x09\x0a",
        "action": b"\xc3\x01\xc1\x00\x0f" + LONG_NAME + b"\x02\x01\x09\x0a",
        "key transfer": b"\xc3\x01\xc1\x00\x40" + LONG_NAME + b"\x02\x01\x01\x01\x02\x02\x16\x00\x09\x0a",
        "set with list": b"\xc1\x04\xc1\x01\x00\x0f" + LONG_NAME + b"\x07\x00\x01\x09\x0a",
        "access": b"\xd9\x40\x00\x00\x01\x00\x01\x02\x00\x0f" + LONG_NAME + b"\x07\x01\x09\x0a",
        "short name": b"\x06\x01\x02\xfa\x40\x01\x09\x0a",
    }
    for start in descriptors.values():
        masked = mask(start + SECRET)
        assert masked.hidden
        assert SECRET not in masked.data
        assert len(masked.data) == len(start + SECRET)


def test_other_requests_are_left_as_they_are() -> None:
    get = b"\xc0\x01\xc1\x00\x0f" + LONG_NAME + b"\x02\x00"
    set_clock = b"\xc1\x01\xc1\x00\x08\x00\x00\x01\x00\x00\xff\x02\x00\x09\x0c" + bytes(12)
    for apdu in (get, set_clock, b"", b"\x62\x00"):
        assert mask(apdu) == (apdu, False)


def test_the_later_blocks_of_a_secret_are_masked_too() -> None:
    first = b"\xc1\x02\xc1\x00\x0f" + LONG_NAME + b"\x07\x00\x00\x00\x00\x00\x01\x03\x09\x0ame"
    later = b"\xc1\x03\xc1\x01\x00\x00\x00\x02\x08terbench"
    assert is_block(first)
    assert is_block(later)
    assert mask(first).hidden
    assert b"terbench" not in mask(later, continued=True).data
    assert mask(later) == (later, False)


@given(st.binary(max_size=64), st.booleans())
def test_any_octets_are_masked_to_the_same_length(octets: bytes, continued: bool) -> None:  # noqa: FBT001
    for first in (b"", b"\x60", b"\xc1", b"\xd9", b"\xe0", b"\x06"):
        masked = mask(first + octets, continued=continued)
        assert len(masked.data) == len(first + octets)
