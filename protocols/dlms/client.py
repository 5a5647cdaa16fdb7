"""The client: one association with one meter, and requests that come to exactly one end each.

`AssociationClient` is the layer above any DLMS link. Each method that asks for something returns a ticket at once; in
the end there is one event for it, `Answered(ticket, response)` or `TimedOut(ticket)`. Requests wait for their turn,
one is under way at a time. What is repeated after a time-out is only what is safe to repeat: a block, a read, or what
the caller has allowed, and nothing where answers name no request (short names); each repetition is an event
(`Repeated`). Answers that come too late are told by their invoke id and passed over; each is an event too (`Dropped`),
and counted by its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from protocols.dlms.ask.access import Access
from protocols.dlms.ask.action import Action
from protocols.dlms.ask.conversation import Conversation
from protocols.dlms.ask.get import Get
from protocols.dlms.ask.set import Set
from protocols.dlms.ask.short_name import Read, Write, unconfirmed_write
from protocols.dlms.conformance import Conformance
from protocols.dlms.notification import DataNotificationConfirm
from protocols.dlms.quirk import NO_QUIRKS, Quirks
from protocols.dlms.value import encode
from protocols.errors import LocalProtocolError
from protocols.machine import Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from protocols.dlms.access import AccessSpecification
    from protocols.dlms.application import Association, AssociationProfile, Authenticator, Protection
    from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
    from protocols.dlms.notification import DataNotification
    from protocols.dlms.selection import Selection
    from protocols.dlms.value import Value

TIMEOUT_US: Final = 10_000_000
"""How long one answer may take: a meter on a slow line needs seconds for a long profile's first block."""

RETRIES: Final = 2
"""How often what is safe to repeat is repeated."""

GENERAL_BLOCK_WINDOW: Final = 8
"""General blocks that we take in one go."""

UNKNOWN_PEER: Final = Peer("memory", "")

PROPOSED_LN: Final = (
    Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.PRIORITY_MGMT_SUPPORTED
    | Conformance.ATTRIBUTE_0_SUPPORTED_WITH_GET
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_ACTION
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.DATA_NOTIFICATION
    | Conformance.ACCESS
    | Conformance.GET
    | Conformance.SET
    | Conformance.SELECTIVE_ACCESS
    | Conformance.EVENT_NOTIFICATION
    | Conformance.ACTION
)
"""What a client with logical names can do."""

PROPOSED_SN: Final = (
    Conformance.GENERAL_BLOCK_TRANSFER
    | Conformance.READ
    | Conformance.WRITE
    | Conformance.UNCONFIRMED_WRITE
    | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
    | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
    | Conformance.MULTIPLE_REFERENCES
    | Conformance.INFORMATION_REPORT
    | Conformance.DATA_NOTIFICATION
    | Conformance.PARAMETERIZED_ACCESS
)
"""What a client with short names can do."""


class AssociationClient(Conversation):
    """One association.

    Args:
        profile: whom to be and what to propose: client SAP, mechanism, secrets, context, conformance, max PDU; a
            pre-established association is used without an AARQ.
        server: the server SAP.
        entropy: where challenges come from.
        peer: the other end, for what ciphering wants to know of it.
        system_title: ours, 8 octets; empty where nothing needs it.
        authenticator: HLS, for a profile that asks for it.
        protection: makes the ciphering, for a profile whose context asks for it.
        quirks: of the meter.
        timeout_us: how long one answer may take.
        retries: how often what is safe to repeat is repeated.
        general_blocks: long requests go in general blocks though their service has blocks of its own.
        general_block_window: how many of the meter's we take in one go.
        user_id: the client user's identification, or None.
    """

    def __init__(
        self,
        profile: AssociationProfile,
        server: int,
        entropy: Callable[[int], bytes],
        peer: Peer = UNKNOWN_PEER,
        *,
        system_title: bytes = b"",
        authenticator: Authenticator | None = None,
        protection: Callable[[Association], Protection | None] | None = None,
        quirks: Quirks = NO_QUIRKS,
        timeout_us: int = TIMEOUT_US,
        retries: int = RETRIES,
        general_blocks: bool = False,
        general_block_window: int = GENERAL_BLOCK_WINDOW,
        user_id: int | None = None,
    ) -> None:
        super().__init__(
            profile,
            server,
            entropy,
            peer,
            system_title=system_title,
            authenticator=authenticator,
            protection=protection,
            quirks=quirks,
            timeout_us=timeout_us,
            retries=retries,
            general_blocks=general_blocks,
            general_block_window=general_block_window,
            user_id=user_id,
        )

    def get(
        self,
        attribute: AttributeDescriptor,
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Read one attribute; the response is its value, a `DataAccessResult` or a failure."""
        return self._enqueue(Get((attribute,), single=True), now_us, timeout_us, retries)

    def get_list(
        self,
        attributes: Sequence[AttributeDescriptor],
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Read attributes, with as few requests as the meter allows; the response is a list of what `get` gives."""
        return self._enqueue(Get(attributes, single=False), now_us, timeout_us, retries)

    def set(
        self,
        attribute: AttributeDescriptor,
        value: Value,
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Write one attribute; the response is a `DataAccessResult` or a failure.

        It is only sent again after a time-out if `retries` says so; blocks of a long value always are.
        """
        return self._enqueue(Set((attribute,), (encode(value),), single=True), now_us, timeout_us, retries)

    def set_list(
        self,
        attributes: Sequence[AttributeDescriptor],
        values: Sequence[Value],
        now_us: int,
        *,
        together: bool = False,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Write attributes; the response is a list of what `set` gives.

        `together` asks for one request, in blocks if need be, instead of as many as fit.
        """
        encoded = [encode(value) for value in values]
        return self._enqueue(Set(attributes, encoded, single=False, together=together), now_us, timeout_us, retries)

    def action(
        self,
        method: MethodDescriptor,
        parameter: Value | None,
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Invoke one method; the response is `Invoked` or a failure. Sent again as `set` is."""
        encoded = None if parameter is None else encode(parameter)
        return self._enqueue(Action((method,), (encoded,), single=True), now_us, timeout_us, retries)

    def action_list(
        self,
        methods: Sequence[MethodDescriptor],
        parameters: Sequence[Value | None],
        now_us: int,
        *,
        together: bool = False,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Invoke methods; the response is a list of what `action` gives. `together` is as with `set_list`."""
        encoded = [None if parameter is None else encode(parameter) for parameter in parameters]
        return self._enqueue(Action(methods, encoded, single=False, together=together), now_us, timeout_us, retries)

    def access(
        self,
        specifications: Sequence[AccessSpecification],
        values: Sequence[Value],
        now_us: int,
        *,
        break_on_error: bool = False,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Read, write and invoke in one request; the response is a list of `Accessed`, or a failure."""
        encoded = [encode(value) for value in values]
        request = Access(specifications, encoded, break_on_error=break_on_error)
        return self._enqueue(request, now_us, timeout_us, retries)

    def read(
        self,
        variables: Sequence[tuple[int, Selection | None]],
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Read variables by short name; the response is a list of values, `DataAccessResult`s and failures."""
        return self._enqueue(Read(variables, single=False), now_us, timeout_us, retries)

    def write(
        self,
        variables: Sequence[tuple[int, Selection | None]],
        values: Sequence[Value],
        now_us: int,
        *,
        timeout_us: int | None = None,
        retries: int | None = None,
    ) -> int:
        """Write variables by short name; the response is a list of `DataAccessResult`s and failures."""
        encoded = [encode(value) for value in values]
        return self._enqueue(Write(variables, encoded, single=False), now_us, timeout_us, retries)

    def unconfirmed_write(
        self, variables: Sequence[tuple[int, Selection | None]], values: Sequence[Value], now_us: int
    ) -> None:
        """Write variables by short name, to no answer.

        Raises:
            LocalProtocolError: there is no association, or it is too long for one APDU.
        """
        if not self.associated:
            raise LocalProtocolError("no association to write in")
        self._send_alone(unconfirmed_write(variables, [encode(value) for value in values]), now_us)

    def confirm(self, notification: DataNotification, now_us: int) -> None:
        """Confirm a DataNotification that asked for it, once it is safely kept."""
        self._send_alone(DataNotificationConfirm(notification.long_invoke, b"").encode(), now_us)

    def release(self, now_us: int, *, disconnect: bool = True) -> int:
        """End the association after what waits before it; the response is `Released` or a failure.

        Args:
            now_us: link time.
            disconnect: take the link down too; otherwise `associate` may follow on the same one.
        """
        self._disconnect = disconnect
        return self._enqueue(None, now_us, None, None)
