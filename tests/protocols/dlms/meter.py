"""A server of ours for tests that speak to it APDU by APDU."""

from typing import Any

from protocols.dlms.acse import AssociationRequest, Mechanism
from protocols.dlms.initiate import InitiateRequest
from protocols.dlms.server import AssociationServer
from protocols.link import Apdu
from protocols.machine import Stack
from tests.protocols.dlms.apdu import decode as decode_apdu
from tests.protocols.dlms.logical_device import LN, PEER, LogicalDevice


class Meter:
    """A server whose answers come back decoded."""

    def __init__(self, device: LogicalDevice | None = None, **settings: Any) -> None:
        self.device = device or LogicalDevice()
        self.layer = AssociationServer({1: self.device}, lambda count: bytes(range(count)), PEER, **settings)
        self.stack = Stack([self.layer])

    def send(self, data: bytes, client: int = 16, server: int = 1, now_us: int = 0) -> list[Any]:
        self.stack.receive_data(Apdu(client, server, data), now_us)
        out = self.stack.data_to_send(now_us)
        assert all((item.client, item.server) == (client, server) for item in out)
        return [decode_apdu(item.data) for item in out]

    def ask(self, request: Any, client: int = 16, now_us: int = 0) -> Any:
        (answer,) = self.send(request.encode(), client, now_us=now_us)
        return answer

    def associate(self, client: int = 16, now_us: int = 0, **changes: Any) -> Any:
        return self.ask(aarq(client, **changes), client, now_us)

    def events(self) -> list[Any]:
        events = []
        while (event := self.stack.next_event()) is not None:
            events.append(event)
        return events


def aarq(client: int = 16, **changes: Any) -> AssociationRequest:
    terms: dict[str, Any] = {"conformance": LN, "max_pdu": 512}
    for name in ("conformance", "max_pdu", "dlms_version", "response_allowed"):
        if name in changes:
            terms[name] = changes.pop(name)
    settings: dict[str, Any] = {"user_information": InitiateRequest(**terms).encode()}
    if client == 32:
        settings |= {"authentication": True, "mechanism": Mechanism.LOW, "calling_authentication_value": b"secret"}
    return AssociationRequest(**settings | changes)
