"""What every DLMS carrier hands to an association: APDUs between two SAPs, and the link's coming and going.

HDLC, the wrapper and mode E differ below this line and are alike above it. From below come `Apdu`, `LinkUp` and
`LinkDown`; from above come `Apdu`, `LinkConnect` and `LinkDisconnect`. A wrapper on TCP is up as soon as it is asked.

A server's link `ask`s before it hands a confirmed APDU up: `answer(client, server, apdu, now_us) -> bytes | None`, the
APDU that answers it, for which nothing else has to happen. Most requests are a GET of one attribute and go that way.
"""

from typing import NamedTuple


class Apdu(NamedTuple):
    """One ACSE or xDLMS APDU between a client SAP and a server SAP (upper HDLC address, or wrapper port).

    `confirmed` is False for what travels in HDLC UI frames and is never answered.
    """

    client: int
    server: int
    data: bytes
    confirmed: bool = True


class LinkConnect(NamedTuple):
    """From above, client role: bring the link between the two SAPs up (SNRM where there is such a thing)."""

    client: int
    server: int


class LinkDisconnect(NamedTuple):
    """From above: take the link down (DISC where there is such a thing)."""

    client: int
    server: int


class LinkUp(NamedTuple):
    """From below: the link between the two SAPs stands."""

    client: int
    server: int


class LinkDown(NamedTuple):
    """From below: the link is gone, and with it the association on it; `reason` is one sentence."""

    client: int
    server: int
    reason: str
