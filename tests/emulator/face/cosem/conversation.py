"""Our DLMS client and server on one wire in memory, a face behind the server."""

from typing import Any

from emulator.face.cosem.face import CosemFace
from emulator.keys.keyring import Keyring
from emulator.meter import Meter
from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN, PROPOSED_SN, AssociationClient
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.hls import authenticators
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.protection import ClientProtection
from protocols.dlms.server import AssociationServer
from protocols.machine import Answered, Peer, Stack
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.meter_model import MeterModel
from protocols.wrapper import Role, Wrapper
from tests.emulator.face.cosem.fake_meter import NOON_MS, LinkTime

PEER = Peer("memory", "test")
TITLE = b"MBC00001"
TURNS_MAX = 10_000


def counting(count: int) -> bytes:
    """Challenges that are not random."""
    return bytes(range(1, count + 1))


def unlike(count: int) -> bytes:
    """Other challenges that are not random."""
    return bytes(range(0x80, 0x80 + count))


class Conversation:
    """One client in one association with one meter."""

    def __init__(self, model: MeterModel, client: int) -> None:
        load, supply = {"constant": 1500}, {"constant": 230}
        self.meter = Meter("MB0001", model, seed=7, load=load, supply=supply, start_ms=NOON_MS)
        self.face = CosemFace(self.meter, model, LinkTime())
        offered = model.associations[client]
        proposed = AssociationProfile(
            client=client,
            mechanism=offered.mechanism,
            context=offered.context,
            secrets=SECRETS_DEFAULT,
            conformance=PROPOSED_SN if offered.short_names else PROPOSED_LN,
            max_pdu=1024,
        )
        ring = Keyring(self.face, counting)
        keys = Keys(title=TITLE, block=SECRETS_DEFAULT["block"], authentication=SECRETS_DEFAULT["authentication"])
        context = SecurityContext(KeySet(keys))
        hls = authenticators(lambda _association: context, server=False).get(offered.mechanism)
        self.client = AssociationClient(
            proposed,
            1,
            unlike,
            PEER,
            system_title=TITLE,
            authenticator=hls,
            protection=lambda _association: ClientProtection(context),
        )
        server = AssociationServer(
            {1: self.face},
            counting,
            PEER,
            system_title=ring.title,
            names={1: self.face},
            protection=ring.protection,
            authenticators=ring.authenticators,
        )
        self._left = Stack([Wrapper(Role.CLIENT), self.client])
        self._right = Stack([Wrapper(Role.SERVER), server])
        self.now_us = NOON_MS * 1000
        self.associated = self.run(self.client.associate(self.now_us))

    def run(self, ticket: int) -> Any:
        """Carry octets until a ticket has come to its end; its response."""
        for _ in range(TURNS_MAX):
            for source, target in ((self._left, self._right), (self._right, self._left)):
                for octets in source.data_to_send(self.now_us):
                    target.receive_data(octets, self.now_us)
            while (event := self._left.next_event()) is not None:
                if isinstance(event, Answered) and event.ticket == ticket:
                    return event.response
        raise AssertionError(f"ticket {ticket} came to no end")
