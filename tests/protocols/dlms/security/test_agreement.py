from hashlib import sha256, sha384

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.security.agreement import agree, ephemeral_key, open_ephemeral, signed_ephemeral
from protocols.dlms.security.key_wrap import unwrap_key, wrap_key
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.suite import SUITE_0, SUITE_1, SUITE_2, Suite
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, SERVER_TITLE, entropy, private

both = pytest.mark.parametrize("suite", [SUITE_1, SUITE_2], ids=["P-256", "P-384"])


@both
@pytest.mark.parametrize("transaction", [None, b"\x00\x00\x00\x00\x00\x00\x00\x07"])
def test_both_sides_come_to_the_same_key(suite: Suite, transaction: bytes | None) -> None:
    client, server = private(suite, "client"), private(suite, "server")
    ours = agree(
        suite,
        client,
        server.public_key(),
        originator=CLIENT_TITLE,
        recipient=SERVER_TITLE,
        transaction_id=transaction,
    )
    theirs = agree(
        suite,
        server,
        client.public_key(),
        originator=CLIENT_TITLE,
        recipient=SERVER_TITLE,
        transaction_id=transaction,
    )
    assert ours == theirs
    assert len(ours) == suite.key_octets
    swapped = agree(suite, client, server.public_key(), originator=SERVER_TITLE, recipient=CLIENT_TITLE)
    assert ours != swapped


@both
def test_the_key_derivation_is_the_concatenation_kdf(suite: Suite) -> None:
    """Worked out by hand: one round is enough, since the digest is at least as long as the key."""
    client, server = private(suite, "client"), private(suite, "server")
    digest = sha256 if suite is SUITE_1 else sha384
    shared = client.exchange(ec.ECDH(), server.public_key())
    use = bytes.fromhex("6085740508030" + ("0" if suite is SUITE_1 else "1"))
    nonce = b"\x02\xaa\xbb"
    wanted = digest(b"\x00\x00\x00\x01" + shared + use + CLIENT_TITLE + nonce + SERVER_TITLE).digest()
    found = agree(
        suite,
        client,
        server.public_key(),
        originator=CLIENT_TITLE,
        recipient=SERVER_TITLE,
        transaction_id=b"\xaa\xbb",
    )
    assert found.reveal() == wanted[: suite.key_octets]


@both
def test_a_signed_ephemeral_key_is_taken_from_its_signer_alone(suite: Suite) -> None:
    ephemeral, signing = private(suite, "ephemeral"), private(suite, "signs")
    data = signed_ephemeral(suite, ephemeral, signing, b"\x00")
    assert len(data) == 4 * suite.coordinate_octets
    assert open_ephemeral(suite, data, signing.public_key(), b"\x00") == ephemeral.public_key()
    for wrong in (
        open_ephemeral(suite, data, signing.public_key(), b"\x01"),
        open_ephemeral(suite, data, ephemeral.public_key(), b"\x00"),
        open_ephemeral(suite, data[:-1], signing.public_key(), b"\x00"),
        open_ephemeral(suite, b"", signing.public_key(), b"\x00"),
    ):
        assert isinstance(wrong, Refused)
        assert wrong.kind is RefusalKind.SIGNATURE


def test_ephemeral_keys_come_from_the_entropy_given() -> None:
    one, again, other = (ephemeral_key(SUITE_1, entropy(seed)) for seed in ("1", "1", "2"))
    assert one.private_numbers() == again.private_numbers() != other.private_numbers()
    assert ephemeral_key(SUITE_2, bytes).key_size == 384
    assert ephemeral_key(SUITE_2, lambda count: b"\xff" * count).key_size == 384


def test_suite_0_agrees_on_nothing() -> None:
    with pytest.raises(ValueError, match="no key agreement"):
        ephemeral_key(SUITE_0, entropy("1"))
    key = private(SUITE_1, "x")
    with pytest.raises(ValueError, match="no key agreement"):
        agree(SUITE_0, key, key.public_key(), originator=CLIENT_TITLE, recipient=SERVER_TITLE)


@pytest.mark.parametrize(
    ("master", "key", "wrapped"),
    [
        (
            "000102030405060708090A0B0C0D0E0F",
            "00112233445566778899AABBCCDDEEFF",
            "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5",
        ),
        (
            "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
            "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21",
        ),
    ],
    ids=["RFC 3394, 4.1", "RFC 3394, 4.6"],
)
def test_keys_are_wrapped_as_the_rfc_says(master: str, key: str, wrapped: str) -> None:
    held, wanted = Secret(bytes.fromhex(master)), Secret(bytes.fromhex(key))
    octets = bytes.fromhex(wrapped)
    assert wrap_key(held, wanted) == octets
    assert unwrap_key(held, octets) == wanted
    for place in range(len(octets)):
        changed = bytearray(octets)
        changed[place] ^= 1 << place % 8
        assert isinstance(unwrap_key(held, bytes(changed)), Refused)
        assert isinstance(unwrap_key(held, octets[:place]), Refused)
    refused = unwrap_key(wanted, octets)
    assert isinstance(refused, Refused)
    assert refused.kind is RefusalKind.KEY
