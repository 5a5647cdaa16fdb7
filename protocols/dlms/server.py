"""The server: the associations of one connection, each with its own state, profile and application.

`AssociationServer` is the layer above any DLMS link. It judges AARQs, keeps the associations by (client SAP, server
SAP), unwraps and wraps what is ciphered or in general blocks, and hands plain requests to `protocols.dlms.serve`. A
GET of one attribute in clear, which is most of a meter's work, takes a short way through `answer` that obeys the same
rules. Whatever arrives is answered as the standard says or dropped; nothing that a peer sends raises.
"""

from __future__ import annotations

from struct import Struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from protocols.dlms.acse import AARQ
from protocols.dlms.admission import PasswordTries
from protocols.dlms.application import Refusal
from protocols.dlms.association import ServerEvent, ServerState
from protocols.dlms.conformance import Conformance
from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK_TRANSFER
from protocols.dlms.general_block_transfer import GeneralBlockTransfer, decode_general_block
from protocols.dlms.notification import DATA_NOTIFICATION_CONFIRM, DataNotificationConfirm
from protocols.dlms.release import RLRQ
from protocols.dlms.results import DataAccessResult, ServiceError, StateError
from protocols.dlms.serve import access, action, get, short_name
from protocols.dlms.serve import set as set_service
from protocols.dlms.serve.doorkeeper import Doorkeeper
from protocols.dlms.serve.happened import ApduRefused, AssociationClosed, AssociationOpened, AssociationRefused
from protocols.dlms.serve.refusal import refuse, refuse_aloud, refuse_unassociated
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import Apdu, LinkDown, LinkUp
from protocols.machine import Indication, Layer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from protocols.dlms.application import Application, Association, Authenticator, Protection, ShortNames
    from protocols.dlms.serve.served import Served
    from protocols.machine import Peer

ASSOCIATIONS_MAX: Final = 16
"""Associations of one connection: Indian meters have seven clients on one logical device."""

GENERAL_BLOCK_WINDOW: Final = 8
"""General blocks that we take in one go."""

GLO_GET_REQUEST: Final = b"\xc8"
"""The first octet of the ciphered form of most requests."""

GET_NORMAL: Final = 0xC001
GET_NORMAL_OCTETS: Final = 13

_unpack_get = Struct(">HBH6sBB").unpack
"""A GET-request-normal: tag and kind, invoke, class, instance, attribute, whether there is a selection."""

_GET_RESPONSE: Final = tuple(bytes((0xC4, 0x01, invoke, 0x00)) for invoke in range(256))
"""What stands before the value in a GET-response-normal, by invoke-id-and-priority."""

_new = tuple.__new__  # half the cost of Apdu(...), and this runs on every request

_SERVICES: Final[dict[int, tuple[Conformance, Callable[[Served, bytes, int], bytes | None]]]] = {
    0xC0: (Conformance.GET, get.serve),
    0xC1: (Conformance.SET, set_service.serve),
    0xC3: (Conformance.ACTION, action.serve),
    0xD9: (Conformance.ACCESS, access.serve),
    0x05: (Conformance.READ, short_name.serve_read),
    0x06: (Conformance.WRITE, short_name.serve_write),
    0x16: (Conformance.UNCONFIRMED_WRITE, short_name.serve_unconfirmed_write),
}


class AssociationServer(Layer[Apdu | LinkUp | LinkDown, Any]):
    """All associations of one connection.

    Args:
        applications: the logical devices by server SAP.
        entropy: where challenges come from.
        peer: the other end of the connection.
        system_title: the meter's, 8 octets; empty where nothing needs it.
        names: the short names of those logical devices that have them.
        protection: makes the ciphering of an association whose context asks for it, or None where keys are missing.
        authenticators: HLS, by mechanism id.
        tries: wrong passwords, shared by all connections to the meter.
    """

    __slots__ = ("_applications", "_doorkeeper", "_held", "_ready", "_served", "peer")

    def __init__(
        self,
        applications: Mapping[int, Application],
        entropy: Callable[[int], bytes],
        peer: Peer,
        *,
        system_title: bytes = b"",
        names: Mapping[int, ShortNames] = MappingProxyType({}),
        protection: Callable[[Association], Protection | None] | None = None,
        authenticators: Mapping[int, Authenticator] = MappingProxyType({}),
        tries: PasswordTries | None = None,
    ) -> None:
        self.peer = peer
        self._applications = applications
        self._doorkeeper = Doorkeeper(
            applications,
            entropy,
            peer,
            system_title=system_title,
            names=names,
            protection=protection,
            authenticators=authenticators,
            tries=PasswordTries() if tries is None else tries,
        )
        self._served: dict[tuple[int, int], Served] = {}
        self._held: dict[tuple[int, int], tuple[int, Apdu]] = {}
        # What `answer` has begun with: the request, its plain form, and what the application has said if it was asked.
        self._ready: tuple[bytes, bytes | Refusal, bytes | DataAccessResult | None] | None = None

    def from_below(self, item: Apdu | LinkUp | LinkDown, now_us: int) -> None:
        """Take an APDU, or the news that a link came or went."""
        if type(item) is not Apdu:
            if type(item) is LinkDown:
                self._end((item.client, item.server), ServerEvent.LINK_DOWN, item.reason, now_us)
            return
        client, server, data, confirmed = item
        ready, self._ready = self._ready, None
        if confirmed and ready is None:
            answer = self.answer(client, server, data, now_us)
            if answer is not None:
                self.below(_new(Apdu, (client, server, answer, True)), now_us)
                return
            ready, self._ready = self._ready, None
        served = self._served.get((client, server))
        if ready is not None and ready[0] is data and served is not None:
            _, plain, result = ready
            if result is None or isinstance(plain, Refusal):
                self._finish(served, plain, now_us, answered=True)
            else:
                self._answer(served, get.answer_normal(served, plain[2], result), now_us)
        elif data:
            self._take(item, served, now_us)

    def answer(self, client: int, server: int, data: bytes, now_us: int) -> bytes | None:
        """The answer to a GET of one attribute, in clear or ciphered, where it fits one APDU.

        What was begun with and has another end waits in `_ready` for the request to be handed up.
        """
        served = self._served.get((client, server))
        if served is None:
            return None
        if served.quick_ciphered:
            return self._answer_ciphered(served, data, now_us)
        if not served.quick or len(data) != GET_NORMAL_OCTETS:
            return None
        head, invoke, class_id, instance, attribute, selected = _unpack_get(data)
        if head != GET_NORMAL or selected or not 0 < attribute < 0x80:
            return None
        association = served.association
        try:
            result = served.application.get(association, class_id, instance, attribute, None, now_us)
        except RemoteProtocolError:
            return None
        if type(result) is bytes and len(result) + 4 <= association.peer_max_pdu:
            response: bytes = _GET_RESPONSE[invoke] + result
            return response
        self._ready = (data, data, result)
        return None

    def _answer_ciphered(self, served: Served, data: bytes, now_us: int) -> bytes | None:
        association = served.association
        protection = association.protection
        if protection is None or data[:1] != GLO_GET_REQUEST or len(data) > association.own_max_pdu:
            return None
        plain = protection.unprotect(data, association, now_us)
        result = None
        if type(plain) is bytes and len(plain) == GET_NORMAL_OCTETS:
            head, invoke, class_id, instance, attribute, selected = _unpack_get(plain)
            if head == GET_NORMAL and not selected and 0 < attribute < 0x80:
                try:
                    result = served.application.get(association, class_id, instance, attribute, None, now_us)
                except RemoteProtocolError:
                    result = None
                if type(result) is bytes and len(result) + 4 + protection.overhead <= association.peer_max_pdu:
                    return protection.protect(_GET_RESPONSE[invoke] + result, association, now_us)
        # Its counter is used: it must not be opened again.
        self._ready = (data, plain, result)
        return None

    def eof(self, reason: str, now_us: int) -> None:
        """The carrier has ended, and every association with it."""
        for key in list(self._served):
            self._end(key, ServerEvent.LINK_DOWN, reason, now_us)
        self._held.clear()

    def deadline_us(self) -> int | None:
        """When the first AARQ that waits may be judged."""
        return min(at_us for at_us, _ in self._held.values()) if self._held else None

    def on_deadline(self, now_us: int) -> None:
        """Judge the AARQs that have waited long enough."""
        for key, (at_us, item) in list(self._held.items()):
            if at_us <= now_us:
                del self._held[key]
                self._judge(item, now_us)

    def associations(self) -> list[Association]:
        """The associations that stand, for the journal and the bench page."""
        return [served.association for served in self._served.values() if served.state is not ServerState.IDLE]

    def notify(self, client: int, server: int, apdu: bytes, now_us: int, *, confirmed: bool = False) -> None:
        """Send a DataNotification, EventNotification or InformationReport to a client that is associated.

        Args:
            client: the client SAP.
            server: the server SAP it comes from.
            apdu: the plain APDU; it is ciphered as the association asks, and cut into general blocks if too long.
            now_us: link time.
            confirmed: whether the link confirms it (HDLC I-frames) or not (UI-frames).

        Raises:
            LocalProtocolError: that client has no association, or it takes no APDU of this length.
        """
        served = self._served.get((client, server)) or self._pre_established(client, server)
        if served is None or served.state is ServerState.IDLE:
            raise LocalProtocolError(f"client {client} of server {server} has no association to notify")
        association = served.association
        if association.protection is not None:
            apdu = association.protection.protect(apdu, association, now_us)
        pieces = [apdu]
        if len(apdu) > association.peer_max_pdu:
            if not served.offers(Conformance.GENERAL_BLOCK_TRANSFER):
                raise LocalProtocolError(
                    f"a notification of {len(apdu)} octets, where client {client} takes {association.peer_max_pdu}"
                )
            blocks = self._general_of(served).send_unconfirmed(apdu, association.peer_max_pdu)
            pieces = [block.encode() for block in blocks]
        for piece in pieces:
            self.below(Apdu(client, server, piece, confirmed), now_us)

    # What is not a quick GET.

    def _take(self, item: Apdu, served: Served | None, now_us: int) -> None:
        tag = item.data[0]
        if tag == AARQ:
            self._associate(item, now_us)
            return
        if served is None:
            served = self._pre_established(item.client, item.server)
        if tag == RLRQ:
            self._release(item, served, now_us)
        elif served is None or served.state in {ServerState.IDLE, ServerState.HELD}:
            self._refuse_unassociated(item, now_us)
        elif tag == GENERAL_BLOCK_TRANSFER:
            self._take_general_block(served, item, now_us)
        else:
            if served.general is not None:
                served.general.reset()
            self._finish(served, self._unprotected(served, item.data, now_us), now_us, answered=item.confirmed)

    def _finish(self, served: Served, plain: bytes | Refusal, now_us: int, *, answered: bool) -> None:
        """Serve what is plain now, or say that it could not be made so."""
        answer = self._serve(served, self._accepted(served, plain, now_us, answered=answered), now_us)
        if answer is not None and answered:
            self._answer(served, answer, now_us)

    def _take_general_block(self, served: Served, item: Apdu, now_us: int) -> None:
        if not served.offers(Conformance.GENERAL_BLOCK_TRANSFER):
            self._refuse_service(served, item.data, ServiceError.SERVICE_NOT_SUPPORTED, now_us)
            return
        try:
            whole, blocks = self._general_of(served).receive(decode_general_block(item.data))
        except RemoteProtocolError:
            self._refuse_service(served, item.data, ServiceError.PDU_TOO_LONG, now_us)
            return
        for block in blocks:
            self.below(Apdu(item.client, item.server, block.encode()), now_us)
        if not whole or whole[0] in {AARQ, RLRQ, GENERAL_BLOCK_TRANSFER}:
            return  # what belongs to ACSE does not come in blocks, nor blocks in blocks
        served.in_general_blocks = True
        self._finish(served, self._unprotected(served, whole, now_us), now_us, answered=True)
        served.in_general_blocks = False

    def _general_of(self, served: Served) -> GeneralBlockTransfer:
        if served.general is None:
            served.general = GeneralBlockTransfer(requester=False, window=GENERAL_BLOCK_WINDOW)
        return served.general

    def _unprotected(self, served: Served, apdu: bytes, now_us: int) -> bytes | Refusal:
        """The plain form of one whole APDU, or why it has none."""
        association = served.association
        if len(apdu) > association.own_max_pdu and not served.in_general_blocks:
            reason = f"an APDU of {len(apdu)} octets, where {association.own_max_pdu} were agreed on"
            return Refusal(refuse(apdu, ServiceError.PDU_TOO_LONG), reason)
        if association.protection is None:
            return apdu
        return association.protection.unprotect(apdu, association, now_us)

    def _accepted(self, served: Served, plain: bytes | Refusal, now_us: int, *, answered: bool) -> bytes | None:
        """What is to be served; a refusal is told, to the client in clear and to whoever listens above."""
        if not isinstance(plain, Refusal):
            return plain
        association = served.association
        if plain.answer is not None and answered:
            self.below(Apdu(association.client, association.server, plain.answer), now_us)
        self.above(ApduRefused(association.client, association.server, plain.reason), now_us)
        return None

    def _serve(self, served: Served, apdu: bytes | None, now_us: int) -> bytes | None:
        """The plain answer to one plain APDU; None where there is none."""
        association = served.association
        if not apdu:
            return None
        if served.state is ServerState.AUTHENTICATING:
            return self._second_pass(served, apdu, now_us)
        if apdu[0] == DATA_NOTIFICATION_CONFIRM:
            self._confirm_notification(apdu, now_us)
            return None
        bit, service = _SERVICES.get(apdu[0], (None, None))
        if service is None or bit is None:
            return refuse(apdu, ServiceError.SERVICE_NOT_SUPPORTED, StateError.SERVICE_UNKNOWN)
        if not association.conformance & bit:
            return refuse(apdu, ServiceError.SERVICE_NOT_SUPPORTED)
        try:
            return service(served, apdu, now_us)
        except RemoteProtocolError:
            return refuse(apdu, ServiceError.OTHER_REASON)

    def _confirm_notification(self, apdu: bytes, now_us: int) -> None:
        try:
            confirmation = DataNotificationConfirm.decode(apdu)
        except RemoteProtocolError:
            return
        self.above(Indication(confirmation), now_us)

    def _answer(self, served: Served, plain: bytes, now_us: int) -> None:
        """Send a plain response: ciphered, within the client's size, in general blocks where it has to be."""
        association = served.association
        apdu = plain
        if association.protection is not None:
            apdu = association.protection.protect(plain, association, now_us)
        limit = association.peer_max_pdu
        if served.in_general_blocks or (len(apdu) > limit and served.offers(Conformance.GENERAL_BLOCK_TRANSFER)):
            general = self._general_of(served)
            if not served.in_general_blocks:
                general.reset()  # a plain request ends whatever exchange there was
            try:
                blocks = general.send(apdu, limit)
            except LocalProtocolError:  # more blocks than can be counted
                general.reset()
                self._refuse_service(served, plain, ServiceError.PDU_TOO_LONG, now_us)
                return
            for block in blocks:
                self.below(Apdu(association.client, association.server, block.encode()), now_us)
        elif len(apdu) > limit:
            self._refuse_service(served, plain, ServiceError.PDU_TOO_LONG, now_us)
        else:
            self.below(Apdu(association.client, association.server, apdu), now_us)

    def _refuse_service(self, served: Served, apdu: bytes, error: ServiceError, now_us: int) -> None:
        association = served.association
        self.below(Apdu(association.client, association.server, refuse_aloud(apdu, error)), now_us)

    def _refuse_unassociated(self, item: Apdu, now_us: int) -> None:
        """A request before the association: said so, to a logical device that is there."""
        if item.server not in self._applications or not item.confirmed:
            return
        answer = refuse_unassociated(item.data[0])
        if answer is not None:
            self.below(Apdu(item.client, item.server, answer), now_us)

    def _associate(self, item: Apdu, now_us: int) -> None:
        """An AARQ: it waits, or it is judged now."""
        key = (item.client, item.server)
        at_us = self._doorkeeper.wait_until_us(*key)
        if at_us > now_us:
            self._end(key, ServerEvent.HOLD, "another AARQ came", now_us)
            self._held[key] = (at_us, item)
        else:
            self._judge(item, now_us)

    def _judge(self, item: Apdu, now_us: int) -> None:
        client, server, data, _ = item
        if server not in self._applications:
            return  # nobody lives there
        self._end((client, server), ServerEvent.REFUSE, "another AARQ came", now_us)
        room = len(self._served) < ASSOCIATIONS_MAX
        served, answer, refusal = self._doorkeeper.judge(client, server, data, now_us, room=room)
        if served is not None:
            self._served[client, server] = served
        if answer is not None:
            self.below(Apdu(client, server, answer), now_us)
        if served is None:
            self.above(AssociationRefused(client, server, refusal), now_us)
        elif served.state is ServerState.ASSOCIATED:
            self.above(AssociationOpened(client, server, served.association.profile.mechanism), now_us)

    def _second_pass(self, served: Served, apdu: bytes, now_us: int) -> bytes | None:
        association = served.association
        client, server = association.client, association.server
        try:
            answer, holds = self._doorkeeper.second_pass(served, apdu, now_us)
        except RemoteProtocolError:
            return refuse(apdu, ServiceError.OTHER_REASON)
        if holds is None:
            return refuse(apdu, ServiceError.OPERATION_NOT_POSSIBLE)
        if holds:
            self.above(AssociationOpened(client, server, association.profile.mechanism), now_us)
            return answer
        if answer is not None:
            self._answer(served, answer, now_us)
        self._served.pop((client, server), None)
        reason = association.remark or "it is not what it should be"
        self.above(AssociationRefused(client, server, f"the proof of client {client} does not hold: {reason}"), now_us)
        return None

    def _release(self, item: Apdu, served: Served | None, now_us: int) -> None:
        answer = self._doorkeeper.release(item.client, item.server, item.data, served, now_us)
        if answer is not None:
            self._end((item.client, item.server), ServerEvent.RELEASE, "the client released it", now_us)
            self.below(Apdu(item.client, item.server, answer), now_us)

    def _pre_established(self, client: int, server: int) -> Served | None:
        if len(self._served) >= ASSOCIATIONS_MAX:
            return None
        served = self._doorkeeper.pre_established(client, server)
        if served is not None:
            self._served[client, server] = served
        return served

    def _end(self, key: tuple[int, int], event: ServerEvent, reason: str, now_us: int) -> None:
        self._held.pop(key, None)
        served = self._served.pop(key, None)
        if served is None:
            return
        opened = served.state not in {ServerState.IDLE, ServerState.HELD, ServerState.AUTHENTICATING}
        served.step(event)
        if opened:
            self.above(AssociationClosed(*key, reason), now_us)
