from dataclasses import replace
from hashlib import md5, sha1, sha256

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher as BlockCipher
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.acse import Mechanism
from protocols.dlms.security.challenge import Credentials, Exchange, check, new_challenge, proof_counter, prove
from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.refused import RefusalKind
from protocols.dlms.security.suite import SUITE_0, SUITE_1, SUITES
from protocols.errors import LocalProtocolError
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, SERVER_TITLE, entropy, private, symmetric

SECRET = Secret("meterbench-hls-1")
HLS = [mechanism for mechanism in Mechanism if mechanism >= Mechanism.HIGH]
challenges = st.binary(min_size=8, max_size=64)


def _credentials(suite: int, own: str, other: str) -> Credentials:
    chosen = SUITES[suite]
    cipher = Cipher(chosen, symmetric(chosen, "block"), symmetric(chosen, "authentication"))
    return Credentials(
        secret=SECRET,
        cipher=cipher,
        suite=chosen if suite else SUITE_1,
        signing_key=private(chosen if suite else SUITE_1, own),
        other_key=private(chosen if suite else SUITE_1, other).public_key(),
    )


def _exchange(stoc: bytes, ctos: bytes) -> Exchange:
    return Exchange(prover_title=CLIENT_TITLE, verifier_title=SERVER_TITLE, challenge=stoc, own_challenge=ctos)


@pytest.mark.parametrize("mechanism", HLS)
@pytest.mark.parametrize("suite", [0, 1, 2])
@given(stoc=challenges, ctos=challenges)
def test_each_side_proves_itself_to_the_other(mechanism: Mechanism, suite: int, stoc: bytes, ctos: bytes) -> None:
    client, server = _credentials(suite, "client", "server"), _credentials(suite, "server", "client")
    first = _exchange(stoc, ctos)
    second = Exchange(prover_title=SERVER_TITLE, verifier_title=CLIENT_TITLE, challenge=ctos, own_challenge=stoc)
    reflected = stoc == ctos
    assert (check(mechanism, first, prove(mechanism, first, client, 1), server, 1) is None) is not reflected
    assert (check(mechanism, second, prove(mechanism, second, server, 1), client, 1) is None) is not reflected


@pytest.mark.parametrize("mechanism", HLS)
def test_any_one_bit_of_the_answer_changed_is_refused(mechanism: Mechanism) -> None:
    client, server = _credentials(0, "client", "server"), _credentials(0, "server", "client")
    exchange = _exchange(b"P6wRJ21F", b"K56iVagY")
    proof = prove(mechanism, exchange, client, 1)
    for bit in range(8 * len(proof)):
        changed = bytearray(proof)
        changed[bit // 8] ^= 1 << bit % 8
        assert check(mechanism, exchange, bytes(changed), server) is not None
    for cut in range(len(proof)):
        assert check(mechanism, exchange, proof[:cut], server) is not None


@pytest.mark.parametrize("mechanism", HLS)
def test_an_answer_to_another_challenge_is_refused(mechanism: Mechanism) -> None:
    client, server = _credentials(0, "client", "server"), _credentials(0, "server", "client")
    proof = prove(mechanism, _exchange(b"P6wRJ21F", b"K56iVagY"), client, 1)
    refused = check(mechanism, _exchange(b"P6wRJ21G", b"K56iVagY"), proof, server)
    assert refused is not None
    assert refused.kind in {RefusalKind.TAG, RefusalKind.SIGNATURE}


@pytest.mark.parametrize("mechanism", [Mechanism.HIGH_GMAC, Mechanism.HIGH_SHA256, Mechanism.HIGH_ECDSA])
def test_where_titles_count_a_wrong_one_is_refused(mechanism: Mechanism) -> None:
    client, server = _credentials(0, "client", "server"), _credentials(0, "server", "client")
    exchange = _exchange(b"P6wRJ21F", b"K56iVagY")
    proof = prove(mechanism, exchange, client, 1)
    assert check(mechanism, replace(exchange, prover_title=b"MBC00001"), proof, server) is not None


def test_a_reflected_challenge_is_refused() -> None:
    server = _credentials(0, "server", "client")
    exchange = _exchange(b"P6wRJ21F", b"P6wRJ21F")
    refused = check(Mechanism.HIGH_MD5, exchange, prove(Mechanism.HIGH_MD5, exchange, server), server)
    assert refused is not None
    assert "reflection" in refused.reason


def test_gmac_checks_its_header_and_its_counter() -> None:
    client, server = _credentials(0, "client", "server"), _credentials(0, "server", "client")
    exchange = _exchange(b"P6wRJ21F", b"K56iVagY")
    proof = prove(Mechanism.HIGH_GMAC, exchange, client, 41)
    assert proof_counter(proof) == 41
    old = check(Mechanism.HIGH_GMAC, exchange, proof, server, 42)
    assert old is not None
    assert (old.kind, old.counter_expected) == (RefusalKind.COUNTER, 42)
    other_suite = check(Mechanism.HIGH_GMAC, exchange, b"\x11" + proof[1:], server)
    assert other_suite is not None
    assert other_suite.kind is RefusalKind.POLICY
    untitled = check(Mechanism.HIGH_GMAC, replace(exchange, prover_title=b""), proof, server)
    assert untitled is not None
    assert untitled.kind is RefusalKind.TITLE
    long = check(Mechanism.HIGH_GMAC, exchange, proof + b"\x00", server)
    assert long is not None
    assert long.kind is RefusalKind.MALFORMED


@given(challenges, challenges)
def test_the_digests_are_those_of_the_standard_library(stoc: bytes, ctos: bytes) -> None:
    exchange, held = _exchange(stoc, ctos), Credentials(secret=SECRET)
    secret = SECRET.reveal()
    assert prove(Mechanism.HIGH_MD5, exchange, held) == md5(stoc + secret).digest()  # noqa: S324 (mechanism 3)
    assert prove(Mechanism.HIGH_SHA1, exchange, held) == sha1(stoc + secret).digest()  # noqa: S324 (mechanism 4)
    assert (
        prove(Mechanism.HIGH_SHA256, exchange, held)
        == sha256(secret + CLIENT_TITLE + SERVER_TITLE + stoc + ctos).digest()
    )


def test_mechanism_2_is_aes_of_the_challenge_in_whole_blocks() -> None:
    aes = BlockCipher(algorithms.AES(SECRET.reveal()), modes.ECB()).encryptor()  # noqa: S305 (mechanism 2)
    held = Credentials(secret=SECRET)
    sixteen = b"0123456789abcdef"
    assert prove(Mechanism.HIGH, Exchange(challenge=sixteen), held) == aes.update(sixteen)
    assert prove(Mechanism.HIGH, Exchange(challenge=b"P6wRJ21F"), held) == aes.update(b"P6wRJ21F" + bytes(8))
    assert len(prove(Mechanism.HIGH, Exchange(challenge=bytes(20)), held)) == 32


def test_a_short_secret_is_filled_with_zeros() -> None:
    exchange = Exchange(challenge=b"0123456789abcdef")
    short, long = Credentials(secret=Secret("short")), Credentials(secret=Secret(b"short".ljust(16, b"\x00")))
    assert prove(Mechanism.HIGH, exchange, short) == prove(Mechanism.HIGH, exchange, long)


def test_without_the_credential_a_mechanism_cannot_be_used() -> None:
    exchange, nothing = Exchange(challenge=b"P6wRJ21F"), Credentials()
    for mechanism in HLS:
        with pytest.raises(LocalProtocolError, match="needs the"):
            prove(mechanism, exchange, nothing)
        with pytest.raises(LocalProtocolError, match="needs the"):
            check(mechanism, exchange, b"", nothing)
    with pytest.raises(LocalProtocolError, match="no challenge"):
        prove(Mechanism.LOW, exchange, nothing)
    keyless = Credentials(cipher=Cipher(SUITE_0, Secret(bytes(16))))
    with pytest.raises(LocalProtocolError, match="authentication key"):
        prove(Mechanism.HIGH_GMAC, replace(exchange, prover_title=CLIENT_TITLE), keyless)


def test_a_challenge_comes_from_the_entropy_given() -> None:
    assert new_challenge(entropy("1")) == entropy("1")(16)
    assert len(new_challenge(entropy("1"), 64)) == 64
    for octets in (7, 65):
        with pytest.raises(ValueError, match="8 to 64"):
            new_challenge(entropy("1"), octets)


def test_credentials_do_not_show_themselves() -> None:
    assert "meterbench" not in repr(_credentials(0, "client", "server"))
