"""Ciphering and authentication with the keys, titles and counter of the standard's published examples.

The values are facts of the examples of the DLMS UA Green Book (suite 0), collected from public implementations that
carry them as test data; they were computed again and hold. Those of suite 1 are in
`test_agreement_vectors.py`; for suite 2 none were found, so it is held against `cryptography` in
tests/protocols/dlms/security.
"""

import pytest

from protocols.dlms.acse import Mechanism
from protocols.dlms.get import GetRequestNormal
from protocols.dlms.security.challenge import Credentials, Exchange, check, prove
from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import AUTHENTICATED, ENCRYPTED, PROTECTED
from protocols.dlms.security.envelope import protect_general_glo, protect_glo, unprotect
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.suite import SUITE_0
from protocols.secret import Secret

BLOCK = Secret(bytes.fromhex("000102030405060708090A0B0C0D0E0F"))
AUTHENTICATION = Secret(bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"))
SERVER_TITLE = bytes.fromhex("4D4D4D0000BC614E")
CLIENT_TITLE = bytes.fromhex("4D4D4D0000000001")
COUNTER = 0x01234567
GET_CLOCK = bytes.fromhex("C0010000080000010000FF0200")

KEYS = Keys(title=SERVER_TITLE, block=BLOCK, authentication=AUTHENTICATION)

CIPHERED = {
    AUTHENTICATED: "C81E 10 01234567 C0010000080000010000FF0200 06725D910F9221D263877516",
    ENCRYPTED: "C812 20 01234567 411312FF935A47566827C467BC",
    PROTECTED: "C81E 30 01234567 411312FF935A47566827C467BC 7D825C3BE4A77C3FCC056B6B",
}


def test_the_clock_is_asked_for_in_clear() -> None:
    assert GetRequestNormal(0, 8, bytes((0, 0, 1, 0, 0, 255)), 2).encode() == GET_CLOCK


@pytest.mark.parametrize("control", CIPHERED)
def test_the_clock_is_asked_for_ciphered(control: int) -> None:
    octets = bytes.fromhex(CIPHERED[control])
    assert protect_glo(KEYS, control, COUNTER, GET_CLOCK) == octets
    opened = unprotect(octets, KEYS, SERVER_TITLE, required=control)
    assert opened == Opened(GET_CLOCK, control, COUNTER, KeyUse.UNICAST, SERVER_TITLE)


def test_the_general_form_carries_the_same_octets() -> None:
    octets = bytes.fromhex("DB 08 4D4D4D0000BC614E" + CIPHERED[PROTECTED][2:])
    assert protect_general_glo(KEYS, PROTECTED, COUNTER, GET_CLOCK) == octets


@pytest.mark.parametrize(
    ("title", "counter", "challenge", "proof"),
    [
        (CLIENT_TITLE, 0x00000001, b"P6wRJ21F", "10000000011A52FE7DD3E72748973C1E28"),
        (SERVER_TITLE, 0x01234567, b"K56iVagY", "1001234567FE1466AFB3DBCD4F9389E2B7"),
    ],
    ids=["f(StoC)", "f(CtoS)"],
)
def test_both_passes_of_gmac_authentication(title: bytes, counter: int, challenge: bytes, proof: str) -> None:
    credentials = Credentials(cipher=Cipher(SUITE_0, BLOCK, AUTHENTICATION))
    exchange = Exchange(prover_title=title, challenge=challenge)
    assert prove(Mechanism.HIGH_GMAC, exchange, credentials, counter) == bytes.fromhex(proof)
    assert check(Mechanism.HIGH_GMAC, exchange, bytes.fromhex(proof), credentials, counter) is None
