"""What the server keeps of one association: its state, the transfer under way, and the way to the application.

Services reach the application only through `read`, `write` and `invoke`, so the conformance agreed on is respected in
one place, and an application that finds a parameter malformed can simply raise `RemoteProtocolError`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.dlms.association import SERVER, ServerEvent, ServerState
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.errors import RemoteProtocolError

if TYPE_CHECKING:
    from protocols.dlms.application import Application, Association, ShortNames
    from protocols.dlms.block import BlocksIn, BlocksOut
    from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
    from protocols.dlms.general_block_transfer import GeneralBlockTransfer

REFERENCES_MAX: Final = 256
"""Attributes or methods in one request with list: clients send about twenty, and each costs a call."""

ANSWER_OCTETS_MAX: Final = 1 << 22
"""What the attributes of one request may add up to before the rest of them is refused: ten times the longest profile
that models keep, and far less than a list that names it a hundred times."""

_QUICK: Final = Conformance.GET

_SELECTION: Final = Conformance.SELECTIVE_ACCESS | Conformance.PARAMETERIZED_ACCESS
"""Selective access is the one with LN referencing and the other with SN; no association has both."""


class Served:
    """One association as the server keeps it.

    Attributes:
        association: what the application sees.
        application: the logical device.
        names: its short names, where it has any.
        state: where the association stands.
        quick: whether a GET-request-normal may take the short way: associated, in clear, GET agreed on.
        quick_ciphered: the same where the association is ciphered.
        blocks_out: the long answer under way.
        blocks_in: the long request under way.
        pending: the request whose value `blocks_in` collects.
        done: the APDU that ended the last long request and its answer: the same again is not executed again.
        general: general block transfer, once it was used.
        octets_left: what the attributes of the request being served may still add up to.
        in_general_blocks: whether the request being served came in general blocks; its answer then goes the same way.
    """

    __slots__ = (
        "application",
        "association",
        "blocks_in",
        "blocks_out",
        "done",
        "general",
        "in_general_blocks",
        "names",
        "octets_left",
        "pending",
        "quick",
        "quick_ciphered",
        "state",
    )

    def __init__(self, association: Association, application: Application, names: ShortNames | None) -> None:
        self.association = association
        self.application = application
        self.names = names
        self.state = ServerState.IDLE
        self.quick = False
        self.quick_ciphered = False
        self.blocks_out: BlocksOut | None = None
        self.blocks_in: BlocksIn | None = None
        self.pending: object = None
        self.done: tuple[bytes, bytes | None] | None = None
        self.general: GeneralBlockTransfer | None = None
        self.in_general_blocks = False
        self.octets_left = ANSWER_OCTETS_MAX

    def step(self, event: ServerEvent) -> bool:
        """Take the table's step, or refuse it and change nothing."""
        state = SERVER.get((self.state, event))
        if state is None:
            return False
        self.state = state
        self.octets_left = ANSWER_OCTETS_MAX
        association = self.association
        quick = state is ServerState.ASSOCIATED and bool(association.conformance & _QUICK)
        self.quick = quick and association.protection is None
        self.quick_ciphered = quick and association.protection is not None
        if state is ServerState.ASSOCIATED or state is ServerState.IDLE:
            self.blocks_out = self.blocks_in = self.pending = None
        return True

    def begin(self) -> None:
        """A new request: whatever transfer was under way is released."""
        self.step(ServerEvent.REQUEST)
        self.done = None

    def offers(self, service: Conformance) -> bool:
        """Whether a service was agreed on."""
        return bool(self.association.conformance & service)

    @property
    def room(self) -> int:
        """The longest plain response that fits one APDU."""
        association = self.association
        overhead = 0 if association.protection is None else association.protection.overhead
        return association.peer_max_pdu - overhead

    def in_service_blocks(self, octets: int, service: Conformance) -> bool:
        """Whether a response of so many octets is to leave in the blocks of its service."""
        return octets > self.room and not self.in_general_blocks and self.offers(service)

    def read(self, attribute: AttributeDescriptor, now_us: int) -> bytes | DataAccessResult:
        """One attribute, whole or in part."""
        class_id, instance, number, selection = attribute
        if selection is not None and not self.offers(_SELECTION):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if number == 0 and not self.offers(Conformance.ATTRIBUTE_0_SUPPORTED_WITH_GET):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if self.octets_left <= 0:
            return DataAccessResult.DATA_BLOCK_UNAVAILABLE
        try:
            value = self.application.get(self.association, class_id, instance, number, selection, now_us)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED
        if isinstance(value, bytes):
            self.octets_left -= len(value)
        return value

    def write(self, attribute: AttributeDescriptor, value: bytes, now_us: int) -> DataAccessResult:
        """Write one attribute."""
        class_id, instance, number, selection = attribute
        if selection is not None and not self.offers(_SELECTION):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        if number == 0 and not self.offers(Conformance.ATTRIBUTE_0_SUPPORTED_WITH_SET):
            return DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
        try:
            return self.application.set(self.association, class_id, instance, number, selection, value, now_us)
        except RemoteProtocolError:
            return DataAccessResult.TYPE_UNMATCHED

    def invoke(
        self, method: MethodDescriptor, parameter: bytes | None, now_us: int
    ) -> tuple[ActionResult, bytes | DataAccessResult | None]:
        """Invoke one method."""
        class_id, instance, number = method
        try:
            return self.application.action(self.association, class_id, instance, number, parameter, now_us)
        except RemoteProtocolError:
            return ActionResult.TYPE_UNMATCHED, None
