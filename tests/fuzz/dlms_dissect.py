"""The APDU dissector: a tree whose fields lie within the octets, or a refusal; keys given or not."""

from contextlib import suppress

from protocols.dissect.apdu import describe
from protocols.dissect.axdr import describe_value
from protocols.dissect.ciphered import Unlock
from protocols.dissect.tree import lines
from protocols.errors import RemoteProtocolError
from tests.fuzz import dlms_apdu, dlms_security, dlms_value
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, SERVERS

SEEDS = [*dlms_apdu.SEEDS, *dlms_security.SEEDS, *dlms_value.SEEDS]
_UNLOCK = [Unlock(SERVERS[1], (CLIENT_TITLE,))]


def target(data: bytes) -> None:
    for unlock in ([], _UNLOCK):
        with suppress(RemoteProtocolError):
            tree = describe(data, unlock)
            for _, node in tree.walk():
                assert 0 <= node.start <= node.end <= len(data)
            assert len(list(lines(tree, data))) > 1
    with suppress(RemoteProtocolError):
        describe_value(data)
