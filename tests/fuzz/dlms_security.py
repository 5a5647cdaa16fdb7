"""Protected APDUs: whatever comes is refused as a value, unless it is what the other side really protected."""

from protocols.dlms.acse import Mechanism
from protocols.dlms.ciphered import GeneralHeader
from protocols.dlms.security.certificate import Certificate, read_certificate
from protocols.dlms.security.challenge import Credentials, Exchange, check
from protocols.dlms.security.control import AUTHENTICATED, PROTECTED
from protocols.dlms.security.envelope import protect_ded, protect_general_glo, protect_glo, unprotect
from protocols.dlms.security.general import (
    Signed,
    open_signed,
    protect_agreed,
    protect_identified,
    protect_wrapped,
    sign_apdu,
)
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import SUITE_1
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, SERVER_TITLE, SERVERS, symmetric
from tests.protocols.dlms.security.test_certificate import METER

GET_CLOCK = bytes.fromhex("C0010000080000010000FF0200")
HEADER = GeneralHeader(b"\x01", CLIENT_TITLE, SERVER_TITLE)

SEEDS = [
    protect_glo(CLIENTS[1], PROTECTED, 1, GET_CLOCK),
    protect_glo(CLIENTS[1], AUTHENTICATED, 1, GET_CLOCK),
    protect_ded(CLIENTS[1], PROTECTED, 1, GET_CLOCK),
    protect_general_glo(CLIENTS[1], PROTECTED, 1, GET_CLOCK),
    protect_identified(CLIENTS[1], PROTECTED, 1, HEADER, GET_CLOCK),
    protect_wrapped(CLIENTS[1], PROTECTED, 1, HEADER, GET_CLOCK, key=symmetric(SUITE_1, "of a transaction")),
    protect_agreed(CLIENTS[1], PROTECTED, 1, HEADER, GET_CLOCK),
    sign_apdu(CLIENTS[1], HEADER, GET_CLOCK),
    METER.encode(),
]
_CREDENTIALS = Credentials(
    secret=Secret("meterbench-hls-1"),
    cipher=CLIENTS[1].ciphers[0],
    suite=SUITE_1,
    other_key=CLIENTS[1].other_signing_key,
)
_EXCHANGE = Exchange(prover_title=SERVER_TITLE, verifier_title=CLIENT_TITLE, challenge=b"12345678", own_challenge=b"8")


def target(data: bytes) -> None:
    opened = unprotect(data, SERVERS[1], CLIENT_TITLE, required=AUTHENTICATED)
    if isinstance(opened, Opened):
        assert opened.apdu == GET_CLOCK
    else:
        assert isinstance(opened, Refused)
    signed = open_signed(data, SERVERS[1], CLIENT_TITLE)
    if isinstance(signed, Signed):
        assert signed.content == GET_CLOCK
    assert isinstance(read_certificate(data), Certificate | Refused)
    for mechanism in Mechanism:
        if mechanism >= Mechanism.HIGH:
            assert check(mechanism, _EXCHANGE, data, _CREDENTIALS) is not None
