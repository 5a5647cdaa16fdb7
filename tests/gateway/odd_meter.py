"""An emulated meter on TCP with an oddity of its maker between the wire and the association, in the test's own loop."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from emulator.face.cosem.face import CosemFace
from emulator.keys.keyring import Keyring
from emulator.meter import Meter
from protocols.dlms.server import AssociationServer
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server import HdlcServer
from protocols.link import Apdu
from protocols.machine import Layer, Peer, Stack
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel
from protocols.transport.pump import Pump
from protocols.transport.tcp import TcpListener
from protocols.wrapper import Role, Wrapper
from tests.emulator.face.cosem.fake_meter import NOON_MS

Oddity = Callable[[], Sequence[Layer[Any, Any]]]


class Noon:
    """True time begins at noon when the first request comes."""

    def __init__(self) -> None:
        self._first_us: int | None = None

    def true_ms(self, now_us: int) -> int:
        if self._first_us is None:
            self._first_us = now_us
        return NOON_MS + (now_us - self._first_us) // 1000


class Oddly(Layer[Apdu, Apdu]):
    """Requests and answers as `asked` and `answered` make them; None is lost, several are several."""

    def asked(self, apdu: bytes) -> list[bytes]:
        """What of the client's reaches the meter."""
        return [apdu]

    def answered(self, apdu: bytes) -> list[bytes]:
        """What of the meter's reaches the client."""
        return [apdu]

    def from_below(self, item: Any, now_us: int) -> None:
        """Take a request, or news of the link."""
        for each in self._made(item, self.asked):
            self.above(each, now_us)

    def from_above(self, item: Any, now_us: int) -> None:
        """Take an answer."""
        for each in self._made(item, self.answered):
            self.below(each, now_us)

    @staticmethod
    def _made(item: Any, make: Callable[[bytes], list[bytes]]) -> list[Any]:
        return [item._replace(data=data) for data in make(item.data)] if isinstance(item, Apdu) else [item]


@contextlib.asynccontextmanager
async def odd_meter(
    odd: Oddity = tuple, model: str | MeterModel = "is15959-d1", hdlc: Parameters | None = None
) -> AsyncIterator[str]:
    """A meter for the length of a block; gives host and port. `odd` makes the layers of each connection.

    With `hdlc` it speaks HDLC with these parameters, at address 1, else the wrapper.
    """
    kept = load(model) if isinstance(model, str) else model
    meter = Meter("MB0001", kept, seed=7, load={"constant": 1500}, supply={"constant": 230}, start_ms=NOON_MS)
    face = CosemFace(meter, kept, Noon())
    ring = Keyring(face, lambda count: bytes(range(1, count + 1)))

    def machine(peer: Peer) -> Stack:
        server = AssociationServer(
            {1: face},
            lambda count: bytes(range(1, count + 1)),
            peer,
            system_title=ring.title,
            names={1: face},
            protection=ring.protection,
            authenticators=ring.authenticators,
        )
        link = [Wrapper(Role.SERVER)] if hdlc is None else [HdlcFramer(), HdlcServer(parameters=hdlc)]
        return Stack([*link, *odd(), server])

    listener = TcpListener("127.0.0.1", 0, lambda: Pump(machine))
    try:
        yield f"127.0.0.1:{listener.port}"
    finally:
        listener.close()
