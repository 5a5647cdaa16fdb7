"""Every APDU: what decodes has an encoding that decodes to the same."""

from contextlib import suppress

from protocols.dlms.release import ReleaseResponse
from protocols.errors import RemoteProtocolError
from tests.protocols.dlms.apdu import decode
from tests.vectors.test_dlms_apdus import VECTORS

SEEDS = [bytes.fromhex(octets) for octets, _ in VECTORS.values()]


def target(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        apdu = decode(data)
        assert decode(apdu.encode()) == apdu
    with suppress(RemoteProtocolError):
        ReleaseResponse.decode(data, exact=False)
