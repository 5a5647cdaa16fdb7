"""A line that is held open between conversations, so that what its meters push is heard.

On a consumer's port, or a serial line whose meters push in unnumbered frames, nobody is there to hear them unless the
line is open. It is closed for the length of a conversation, which hears pushes by itself.
"""

from collections.abc import Callable
from typing import Any, Final

from gateway.push.tap import PushTap
from protocols.address import DlmsAddress
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.machine import Layer, Machine, Peer, Stack
from protocols.transport.conversation import Conversation, converse
from protocols.transport.dial import dial
from protocols.wrapper import Role, Wrapper

RETRY_MS: Final = 10_000
"""How long a line is left alone that could not be opened, or was ended by the other side."""


class Ear:
    """See the module.

    Args:
        address: of one of the line's meters; how the line is opened, whoever speaks on it.
        take: is given each push, and what sends an APDU back.
        connect_ms: how long opening may take.
    """

    __slots__ = ("_address", "_connect_ms", "_conversation", "_take")

    def __init__(
        self, address: DlmsAddress, take: Callable[[bytes, Callable[[bytes, int], None]], None], connect_ms: int
    ) -> None:
        self._address = address
        self._take = take
        self._connect_ms = connect_ms
        self._conversation: Conversation | None = None

    @property
    def is_open(self) -> bool:
        """Whether the line stands, as far as we know."""
        return self._conversation is not None and self._conversation.closed is None

    async def open(self) -> None:
        """Open the line.

        Raises:
            OSError: it can't be had.
        """
        tap = PushTap(None, self._take)

        def make(_peer: Peer) -> Machine:
            link: list[Layer[Any, Any]] = [Wrapper(Role.CLIENT)]
            if self._address.link != "wrapper":
                address = self._address
                link = [HdlcFramer(), HdlcClient(physical=address.physical, address_size=address.address_size or None)]
            return Stack([*link, tap])

        pump = await dial(self._address.carrier, make, timeout_s=self._connect_ms / 1000)
        tap.pump = pump
        self._conversation = converse(pump)

    async def close(self) -> None:
        """Let the line go."""
        conversation, self._conversation = self._conversation, None
        if conversation is not None:
            await conversation.aclose()
