"""The secondary of HDLC: a station on a line, one link for each client and logical device (IEC 62056-46).

It speaks when it is polled. A poll that brought a request waits a little for the application's answer before it is
returned without one. A station outlives a bad client: what its upper layers can't bear ends that link only.
"""

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.hdlc import llc
from protocols.hdlc import parameters as negotiation
from protocols.hdlc.address import Address
from protocols.hdlc.frame import (
    KINDS,
    POLL_FINAL,
    Frame,
    Kind,
    information_control,
    supervisory_control,
    unnumbered_control,
)
from protocols.hdlc.parameters import Parameters
from protocols.hdlc.server_link import NOTHING_AWAITED, ServerLink
from protocols.hdlc.state import SERVER, Action, LinkEvent, LinkState
from protocols.hdlc.station import Station
from protocols.hdlc.window import MODULUS, UnnumberedReceiver
from protocols.link import Apdu, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer

INACTIVITY_US: Final = 120_000_000  # class 23 starts from 120 s
ANSWER_HOLD_US: Final = 500_000
"""How long a poll waits for the application's answer: longer than meters take, shorter than clients' time-outs."""
LINKS_MAX: Final = 32  # more clients than any model has associations
PENDING_MESSAGES_MAX: Final = 64
"""Answers not yet acknowledged before we say RNR: a General Block Transfer window of 63, and one."""

# The third octet of FRMR's information.
UNDEFINED_CONTROL: Final = 0x1
INFORMATION_NOT_PERMITTED: Final = 0x2
INFORMATION_TOO_LONG: Final = 0x4
INVALID_RECEIVE_SEQUENCE: Final = 0x8


_new = tuple.__new__  # half the cost of Frame(...) or Apdu(...), and this runs on every request


class HdlcServer(Layer[Frame, Apdu | LinkDisconnect]):
    """Frames below, `protocols.link` items above, for one station.

    Args:
        physical: our address on the line, or None to be meant by any (a line of our own).
        logical_devices: the upper addresses we have; in the one-octet form a station known by `physical` gives its
            first one.
        parameters: what we can send and take; SNRM and UA settle the rest.
        address_size: the form of our address where no client has used one yet (pushes).
        inactivity_us: silence that ends a link, or None.
        answer_hold_us: how long a poll waits for the application; 0 answers RR at once.
        calling: we have called, so we are meant by the calling-station address too.

    Attributes:
        busy: take nothing and say RNR, as a meter does that has no room.
    """

    __slots__ = (
        "_actions",
        "_answer_hold_us",
        "_by_field",
        "_deadline_us",
        "_handing_up",
        "_inactivity_us",
        "_links",
        "_parameters",
        "_station",
        "_unnumbered",
        "busy",
    )

    def __init__(
        self,
        *,
        physical: int | None = None,
        logical_devices: Collection[int] = (1,),
        parameters: Parameters = negotiation.DEFAULT,
        address_size: int | None = None,
        inactivity_us: int | None = INACTIVITY_US,
        answer_hold_us: int = ANSWER_HOLD_US,
        calling: bool = False,
    ) -> None:
        self.busy = False
        self._station = Station(physical, logical_devices, address_size, calling=calling)
        self._parameters = parameters
        self._inactivity_us = inactivity_us
        self._answer_hold_us = answer_hold_us
        self._links: dict[tuple[int, int], ServerLink] = {}  # by client and server SAP
        self._by_field: dict[tuple[bytes, bytes], ServerLink] = {}  # the same, by destination and source as they arrive
        self._unnumbered = UnnumberedReceiver()
        self._handing_up = False
        self._deadline_us: int | None = None  # may be early: links only move theirs later
        self._actions = {
            Action.OPEN: self._open,
            Action.CLOSE: self._acknowledge_disconnect,
            Action.ANSWER_DM: self._disconnected_mode,
            Action.TAKE_INFORMATION: self._information,
            Action.TAKE_READY: self._ready,
            Action.TAKE_NOT_READY: self._ready,
            Action.TAKE_UNNUMBERED: self._unnumbered_information,
            Action.REJECT: self._undefined,
            Action.REJECT_AGAIN: self._reject_again,
        }

    @property
    def linked(self) -> bool:
        """Whether any client has a link."""
        return bool(self._links)

    # From below.

    def from_below(self, item: Frame, now_us: int) -> None:
        """Take a frame from the line; what is for another station, or from one, is passed over."""
        link = self._by_field.get((item[0], item[1])) or self._stranger(item, now_us)
        if link is None:
            return
        event: int = KINDS[item[2]]
        if event is Kind.SNRM and not self._admits(link, item):
            event = LinkEvent.REFUSED
        step = SERVER.get((link.state, event))
        if step is not None:
            link.state, action = step
            link.heard_us = now_us
            self._actions[action](link, item, now_us)
            link.await_request()

    def answer(
        self,
        destination: bytes,
        source: bytes,
        control: int,
        information: bytes,
        segmented: bool,  # noqa: FBT001 (the framer hands on what a frame says, one after the other)
        now_us: int,
    ) -> tuple[bytes, bytes, int, bytes, bool] | tuple[()] | None:
        """The frame that answers the request that most frames are: whole, polled, answered at once, nothing waiting.

        The table and its actions do the same with such a frame. Nothing in the tuple is a longer answer, which has
        left already; None says that nothing has been done.
        """
        link = self._by_field.get((destination, source))
        if link is None or control != link.awaited or segmented or self.busy:
            return None
        settled = link.parameters
        if len(information) > settled.information_receive or not information.startswith(llc.COMMAND):
            return None
        apdu: bytes | None = self.ask(link.client, link.server, information[llc.HEADER_BYTES :], now_us)
        if apdu is None:
            return None
        receive, receiver = control >> 5, link.receiver
        receiver.expected = expected = (receiver.expected + 1) % MODULUS
        link.heard_us = now_us
        link.peer_ready = True
        message = llc.RESPONSE + apdu
        if len(message) > settled.information_transmit:
            link.sender.acknowledge(receive)
            link.sender.put(message, settled.information_transmit)
            self._take_turn(link, now_us)
            link.await_request()
            return ()
        link.polled, link.hold_us = False, None
        link.sender.reply(receive, message)
        link.awaited = (receive + 1) % MODULUS << 5 | POLL_FINAL | expected << 1
        return link.remote, link.local, expected << 5 | POLL_FINAL | receive << 1, message, False

    def _stranger(self, frame: Frame, now_us: int) -> ServerLink | None:
        """A link, not yet kept, for a pair of addresses that has none; None if that is not us or needs no link."""
        address = Address.from_bytes(frame.destination)
        if len(frame.source) != 1:
            return None
        client, devices = Address.from_bytes(frame.source).upper, self._station.meant(address)
        if not address.is_all_station and len(devices) == 1 and not address.is_every_logical_device:
            # To the calling station we answer with our own address, which the caller does not know yet.
            local = bytes(self._station.own_address(devices[0])) if address.is_calling else frame.destination
            return ServerLink(client, devices[0], local, frame.source)
        if frame.kind is Kind.UI and devices:
            self._hand_up_unnumbered(client, devices, frame, now_us)
        return None

    def _admits(self, link: ServerLink, frame: Frame) -> bool:
        if (link.client, link.server) not in self._links and len(self._links) >= LINKS_MAX:
            return False
        try:
            negotiation.decode(frame.information)
        except RemoteProtocolError:
            return False
        return True

    # What a step of the table does.

    def _open(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        pair = (link.client, link.server)
        previous = self._links.pop(pair, None)
        if previous is not None:
            self._by_field.pop((previous.local, previous.remote), None)
            self.above(LinkDown(*pair, "the client opened the link anew"), now_us)
        link.reset(self._parameters.limited_by(negotiation.decode(frame.information)))
        self._links[pair] = self._by_field[link.local, link.remote] = link
        if self._inactivity_us is not None:
            self._wake(now_us + self._inactivity_us)
        self._answer(link, frame, Kind.UA, negotiation.encode(link.parameters), now_us)
        self.above(LinkUp(*pair), now_us)

    def _acknowledge_disconnect(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        # Nothing needs to be said here, but meters repeat the parameters, and dlms-cosem reads no UA without any.
        self._answer(link, frame, Kind.UA, negotiation.encode(link.parameters), now_us)
        self._down(link, "the client disconnected", now_us)

    def _disconnected_mode(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        if frame.control & POLL_FINAL:
            self._answer(link, frame, Kind.DM, b"", now_us)

    def _information(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        _, _, control, information, segmented = frame
        receiver = link.receiver
        if len(information) > link.parameters.information_receive or not receiver.fits(information):
            self._reject(link, frame, INFORMATION_TOO_LONG, now_us)
            return
        if link.sender.acknowledge(control >> 5) is None:
            self._reject(link, frame, INVALID_RECEIVE_SEQUENCE, now_us)
            return
        link.peer_ready = True
        handed_up = False
        if control >> 1 & 7 == receiver.expected and not self._full(link):
            message = receiver.take(information, segmented=segmented)
            apdu = None if message is None else llc.strip(message, llc.COMMAND)
            if apdu:
                handed_up = True
                self._hand_up(link, frame, apdu, now_us)
        if control & POLL_FINAL and link.state is LinkState.CONNECTED:
            link.polled = True
            self._take_turn(link, now_us, hold=handed_up)

    def _ready(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        if frame.information:
            self._reject(link, frame, UNDEFINED_CONTROL | INFORMATION_NOT_PERMITTED, now_us)
            return
        if link.sender.acknowledge(frame.receive_sequence) is None:
            self._reject(link, frame, INVALID_RECEIVE_SEQUENCE, now_us)
            return
        link.peer_ready = frame.kind is Kind.RR
        if frame.poll_final:
            link.polled = True
            self._take_turn(link, now_us)

    def _unnumbered_information(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        self._hand_up_unnumbered(link.client, (link.server,), frame, now_us)
        if frame.poll_final and link.state is LinkState.CONNECTED:
            link.polled = True
            self._take_turn(link, now_us)
        else:
            self._disconnected_mode(link, frame, now_us)

    def _undefined(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        self._send_rejection(link, frame, UNDEFINED_CONTROL, now_us)

    def _reject(self, link: ServerLink, frame: Frame, why: int, now_us: int) -> None:
        link.state, _ = SERVER[link.state, LinkEvent.INVALID]
        self._send_rejection(link, frame, why, now_us)

    def _send_rejection(self, link: ServerLink, frame: Frame, why: int, now_us: int) -> None:
        sequences = link.receiver.expected << 5 | link.sender.next_sequence << 1
        link.rejection = bytes((frame.control, sequences, why))
        link.polled, link.hold_us = False, None
        self._answer(link, frame, Kind.FRMR, link.rejection, now_us)

    def _reject_again(self, link: ServerLink, frame: Frame, now_us: int) -> None:
        if frame.poll_final:
            self._answer(link, frame, Kind.FRMR, link.rejection, now_us)

    # Up.

    def _hand_up(self, link: ServerLink, frame: Frame, apdu: bytes, now_us: int) -> None:
        self._handing_up = True
        try:
            self.above(Apdu(link.client, link.server, apdu), now_us)
        except RemoteProtocolError as error:
            self._disconnected_mode(link, frame, now_us)
            link.state = LinkState.DISCONNECTED
            self._down(link, str(error), now_us)
        finally:
            self._handing_up = False

    def _hand_up_unnumbered(self, client: int, devices: tuple[int, ...], frame: Frame, now_us: int) -> None:
        pair = (frame.destination, frame.source)
        message = self._unnumbered.take(pair, frame.information, llc.COMMAND, segmented=frame.segmented)
        apdu = None if message is None else llc.strip(message, llc.COMMAND)
        if not apdu:
            return
        for device in devices:
            # There may be no link to end, and no answer was wanted: nobody is to be told.
            with suppress(RemoteProtocolError):
                self.above(Apdu(client, device, apdu, confirmed=False), now_us)

    def _down(self, link: ServerLink, reason: str, now_us: int) -> None:
        self._by_field.pop((link.local, link.remote), None)
        if self._links.pop((link.client, link.server), None) is not None:
            self.above(LinkDown(link.client, link.server, reason), now_us)

    # Down.

    def from_above(self, item: Apdu | LinkDisconnect, now_us: int) -> None:
        """Take an answer for a link, an unconfirmed APDU for anybody, or the order to end a link."""
        if isinstance(item, Apdu) and not item.confirmed:
            self._send_unnumbered(item, now_us)
            return
        link = self._links.get((item.client, item.server))
        event = LinkEvent.APDU if isinstance(item, Apdu) else LinkEvent.DISCONNECT
        step = None if link is None else SERVER.get((link.state, event))
        if link is None or step is None:
            return  # the link went while the answer was made
        link.state = step[0]
        link.awaited = NOTHING_AWAITED  # what comes now is for the table
        if isinstance(item, LinkDisconnect):
            self._down(link, "we released the link", now_us)
            return
        link.sender.put(llc.RESPONSE + item.data, link.parameters.information_transmit)
        if link.polled and not self._handing_up:
            self._take_turn(link, now_us)

    def _send_unnumbered(self, apdu: Apdu, now_us: int) -> None:
        link = self._links.get((apdu.client, apdu.server))
        local = bytes(self._station.own_address(apdu.server)) if link is None else link.local
        room = (self._parameters if link is None else link.parameters).information_transmit
        message = llc.RESPONSE + apdu.data
        # Meters' pushes carry the final bit; inside a turn it would end the turn.
        control = unnumbered_control(Kind.UI, poll_final=link is None or not link.polled)
        remote = bytes(Address(upper=apdu.client))
        for at in range(0, len(message), room):
            more = at + room < len(message)
            self.below(Frame(remote, local, control, message[at : at + room], more), now_us)

    def _full(self, link: ServerLink) -> bool:
        return self.busy or link.sender.messages >= PENDING_MESSAGES_MAX

    def _take_turn(self, link: ServerLink, now_us: int, *, hold: bool = False) -> None:
        """Use the poll: send what there is, or keep the turn a while for the application, or give it back."""
        sender = link.sender
        if sender and link.peer_ready:
            expected, last = link.receiver.expected, link.parameters.window_transmit
            segments = sender.burst(last)
            for index, (sequence, information, more) in enumerate(segments, 1):
                control = information_control(sequence, expected, poll_final=index == len(segments))
                self.below(_new(Frame, (link.remote, link.local, control, information, more)), now_us)
        elif hold and self._answer_hold_us:
            link.hold_us = now_us + self._answer_hold_us
            self._wake(link.hold_us)
            return
        else:
            kind = Kind.RNR if self._full(link) else Kind.RR
            control = supervisory_control(kind, link.receiver.expected, poll_final=True)
            self.below(Frame(link.remote, link.local, control), now_us)
        link.polled, link.hold_us = False, None

    def _answer(self, link: ServerLink, frame: Frame, kind: Kind, information: bytes, now_us: int) -> None:
        control = unnumbered_control(kind, poll_final=frame.poll_final)
        self.below(Frame(link.remote, link.local, control, information), now_us)

    # Time.

    def _wake(self, at_us: int) -> None:
        if self._deadline_us is None or at_us < self._deadline_us:
            self._deadline_us = at_us

    def deadline_us(self) -> int | None:
        """When a held turn is given back or a silent link ends; at times early, never late."""
        return self._deadline_us

    def on_deadline(self, now_us: int) -> None:
        """Give back turns the application has not used, and end links that have been silent."""
        if self._deadline_us is None or now_us < self._deadline_us:
            return
        self._deadline_us = None
        for link in list(self._links.values()):
            if link.hold_us is not None and link.hold_us <= now_us:
                self._take_turn(link, now_us)
                link.await_request()
            if link.hold_us is not None:
                self._wake(link.hold_us)
            if self._inactivity_us is None:
                continue
            if link.heard_us + self._inactivity_us <= now_us:
                link.state, _ = SERVER[link.state, LinkEvent.INACTIVE]
                self._down(link, "nothing was heard from the client for too long", now_us)
            else:
                self._wake(link.heard_us + self._inactivity_us)
