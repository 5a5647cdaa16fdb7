import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.security.signature import private_key, public_key, public_octets, sign, verify
from protocols.dlms.security.suite import SUITE_0, SUITE_1, SUITE_2, Suite
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import private

DIGESTS = {1: hashes.SHA256(), 2: hashes.SHA384()}
both = pytest.mark.parametrize("suite", [SUITE_1, SUITE_2], ids=["P-256", "P-384"])


@both
@settings(max_examples=20)
@given(message=st.binary(max_size=80))
def test_cryptography_verifies_what_we_sign_and_we_what_it_signs(suite: Suite, message: bytes) -> None:
    key = private(suite, "signs")
    ours, size = sign(suite, key, message), suite.coordinate_octets
    halves = int.from_bytes(ours[:size], "big"), int.from_bytes(ours[size:], "big")
    algorithm = ec.ECDSA(DIGESTS[suite.number])
    key.public_key().verify(encode_dss_signature(*halves), message, algorithm)
    r, s = decode_dss_signature(key.sign(message, algorithm))
    theirs = r.to_bytes(size, "big") + s.to_bytes(size, "big")
    assert verify(suite, key.public_key(), message, theirs) is None


@both
def test_any_octet_changed_or_missing_is_refused(suite: Suite) -> None:
    key = private(suite, "signs")
    signature = sign(suite, key, b"message")
    for place in range(len(signature)):
        changed = bytearray(signature)
        changed[place] ^= 1 << place % 8
        for wrong in (bytes(changed), signature[:place]):
            refused = verify(suite, key.public_key(), b"message", wrong)
            assert refused is not None
            assert refused.kind is RefusalKind.SIGNATURE
    other = private(suite, "somebody else").public_key()
    assert verify(suite, other, b"message", signature) is not None
    assert verify(suite, key.public_key(), b"massage", signature) is not None
    assert verify(suite, key.public_key(), b"message", bytes(2 * suite.coordinate_octets)) is not None


@both
def test_a_message_has_one_signature(suite: Suite) -> None:
    key = private(suite, "signs")
    assert sign(suite, key, b"message") == sign(suite, key, b"message")


@both
def test_keys_survive_as_plain_octets(suite: Suite) -> None:
    key = private(suite, "signs")
    number = key.private_numbers().private_value.to_bytes(suite.coordinate_octets, "big")
    assert private_key(suite, Secret(number)).private_numbers() == key.private_numbers()
    octets = public_octets(suite, key.public_key())
    assert public_key(suite, octets) == key.public_key()
    off = public_key(suite, octets[:-1] + bytes((octets[-1] ^ 1,)))
    assert isinstance(off, Refused)
    assert isinstance(public_key(suite, octets[1:]), Refused)
    for wrong in (Secret(bytes(suite.coordinate_octets)), Secret(b"\xff" * suite.coordinate_octets), Secret(b"short")):
        with pytest.raises(ValueError, match=r"."):
            private_key(suite, wrong)


def test_suites_do_not_mix_and_suite_0_has_no_signatures() -> None:
    key = private(SUITE_1, "signs")
    signature = sign(SUITE_1, key, b"message")
    assert verify(SUITE_2, key.public_key(), b"message", signature) is not None
    assert verify(SUITE_0, key.public_key(), b"message", signature) is not None
    wrong_curve = verify(SUITE_1, private(SUITE_2, "signs").public_key(), b"message", signature)
    assert wrong_curve is not None
    assert wrong_curve.kind is RefusalKind.KEY
    with pytest.raises(ValueError, match="no signatures"):
        sign(SUITE_0, key, b"message")
