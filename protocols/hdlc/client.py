"""The primary of HDLC: one link at a time to one logical device (IEC 62056-46).

The primary has the turn until it polls, and again when the final bit comes back or T1 runs out. What makes no progress
(a repeated answer, a lost segment) is not answered at once but left to T1: answering each would let one late frame
double the traffic for the rest of the link.
"""

from typing import Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
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
from protocols.hdlc.state import CLIENT, Action, LinkEvent, LinkState
from protocols.hdlc.window import Receiver, Sender, UnnumberedReceiver
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer

T1_US: Final = 3_000_000
"""Silence after a poll. At 9,600 baud the longest frame takes 2.1 s, at 300 baud set it to over a minute."""
RETRIES_MAX: Final = 3
POLL_INTERVAL_US: Final = 200_000
"""Between polls of a station that has answered RR or RNR while we wait for more."""
POLLS_MAX: Final = 300  # a minute of them; who still waits then asks again


class HdlcClient(Layer[Frame, Apdu | LinkConnect | LinkDisconnect]):
    """Frames below, `protocols.link` items above.

    An `Apdu` with no octets asks for what the server still has, without asking anything of it: a General Block
    Transfer goes on so.

    Args:
        physical: the station's address on the line, or None for the one-octet form.
        address_size: octets of the server's address; by default the shortest form that holds it.
        parameters: what we can send and take; the defaults of the standard are proposed by saying nothing.
        t1_us: how long to wait for the answer to a poll.
        retries_max: how often to ask again.
        poll_interval_us: between polls while the server has nothing yet.
        polls_max: how many of those in a row.

    Attributes:
        parameters: what is settled, once the link is up.

    Raises:
        ValueError: no address of `address_size` octets holds `physical`.
    """

    def __init__(
        self,
        *,
        physical: int | None = None,
        address_size: int | None = None,
        parameters: Parameters = negotiation.DEFAULT,
        t1_us: int = T1_US,
        retries_max: int = RETRIES_MAX,
        poll_interval_us: int = POLL_INTERVAL_US,
        polls_max: int = POLLS_MAX,
    ) -> None:
        self._physical = physical
        self._address_size = address_size
        self._proposal = parameters
        self._t1_us = t1_us
        self._retries_max = retries_max
        self._poll_interval_us = poll_interval_us
        self._polls_max = polls_max
        bytes(Address.server(1, physical, address_size))  # a ValueError now rather than at the first connect
        self._state = LinkState.DISCONNECTED
        self._client = self._server = 0
        self._remote = self._local = b""
        self._unnumbered = UnnumberedReceiver()
        self._reset(parameters)
        self._actions = {
            Action.UP: self._up,
            Action.DOWN: self._down_by_frame,
            Action.TAKE_INFORMATION: self._information,
            Action.TAKE_READY: self._ready,
            Action.TAKE_NOT_READY: self._ready,
            Action.TAKE_UNNUMBERED: self._unnumbered_information,
        }

    def _reset(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._sender = Sender()
        self._receiver = Receiver()
        self._turn = True
        self._expecting = False  # an answer to a request of ours has not come yet
        self._progress = False  # something new came since our last poll
        self._peer_busy = False
        self._tries = 0
        self._polls = 0
        self._t1_at_us: int | None = None
        self._poll_at_us: int | None = None
        self._reason = ""

    # From above.

    def from_above(self, item: Apdu | LinkConnect | LinkDisconnect, now_us: int) -> None:
        """Take a request, or the order to bring the link up or down.

        Raises:
            LocalProtocolError: a confirmed APDU without a link, or for another than the one that stands.
        """
        if isinstance(item, LinkConnect):
            self._connect(item, now_us)
        elif isinstance(item, LinkDisconnect):
            self._disconnect(item, now_us)
        elif not item.confirmed:
            self._send_unnumbered(item, now_us)
        else:
            self._put(item, now_us)

    def _connect(self, item: LinkConnect, now_us: int) -> None:
        remote = bytes(Address.server(item.server, self._physical, self._address_size))
        local = bytes(Address(upper=item.client))
        self._state, _ = CLIENT[self._state, LinkEvent.CONNECT]
        self._client, self._server, self._remote, self._local = item.client, item.server, remote, local
        self._reset(self._proposal)
        self._send_snrm(now_us)

    def _disconnect(self, item: LinkDisconnect, now_us: int) -> None:
        self._state, action = CLIENT[self._state, LinkEvent.DISCONNECT]
        if action is Action.DOWN:
            self.above(LinkDown(item.client, item.server, "there was no link"), now_us)
            return
        self._reset(self.parameters)
        self._reason = "we released the link"
        self._send_disc(now_us)

    def _put(self, apdu: Apdu, now_us: int) -> None:
        if (self._state, LinkEvent.APDU) not in CLIENT or (apdu.client, apdu.server) != (self._client, self._server):
            raise LocalProtocolError(f"no HDLC link between client {apdu.client} and server {apdu.server}")
        if apdu.data:
            self._sender.put(llc.COMMAND + apdu.data, self.parameters.information_transmit)
        self._expecting = True
        self._polls = 0
        if self._turn and not (self._peer_busy and self._poll_at_us is not None):
            self._poll(now_us)

    def _send_unnumbered(self, apdu: Apdu, now_us: int) -> None:
        room = self.parameters.information_transmit
        message = llc.COMMAND + apdu.data
        remote = bytes(Address.server(apdu.server, self._physical, self._address_size))
        local = bytes(Address(upper=apdu.client))
        control = unnumbered_control(Kind.UI, poll_final=False)
        for at in range(0, len(message), room):
            more = at + room < len(message)
            self.below(Frame(remote, local, control, message[at : at + room], more), now_us)

    # To the line.

    def _send(self, control: int, information: bytes, now_us: int, *, segmented: bool = False) -> None:
        self.below(Frame(self._remote, self._local, control, information, segmented), now_us)

    def _polled(self, now_us: int) -> None:
        """The turn is the server's until its final bit or T1."""
        self._turn = False
        self._progress = False
        self._poll_at_us = None
        self._t1_at_us = now_us + self._t1_us

    def _send_snrm(self, now_us: int) -> None:
        proposal = b"" if self._proposal == negotiation.DEFAULT else negotiation.encode(self._proposal)
        self._send(unnumbered_control(Kind.SNRM, poll_final=True), proposal, now_us)
        self._polled(now_us)

    def _send_disc(self, now_us: int) -> None:
        self._send(unnumbered_control(Kind.DISC, poll_final=True), b"", now_us)
        self._polled(now_us)

    def _poll(self, now_us: int) -> None:
        """Give the server the turn: with all that may be sent, or with RR."""
        expected = self._receiver.expected
        segments = () if self._peer_busy else self._sender.burst(self.parameters.window_transmit)
        for index, (sequence, information, more) in enumerate(segments, 1):
            control = information_control(sequence, expected, poll_final=index == len(segments))
            self._send(control, information, now_us, segmented=more)
        if not segments:
            self._send(supervisory_control(Kind.RR, expected, poll_final=True), b"", now_us)
        self._polled(now_us)

    # From below.

    def from_below(self, item: Frame, now_us: int) -> None:
        """Take a frame; one that is not from our server to us is passed over, but for UI."""
        kind = KINDS[item.control]
        if kind is not Kind.UI and not (item.source == self._remote and item.destination == self._local):
            return
        step = CLIENT.get((self._state, kind))
        if step is not None:
            self._state, action = step
            self._actions[action](item, now_us)

    def _up(self, frame: Frame, now_us: int) -> None:
        try:
            self._reset(self._proposal.limited_by(negotiation.decode(frame.information)))
        except RemoteProtocolError:
            self._reset(self._proposal.limited_by(negotiation.DEFAULT))
        self.above(LinkUp(self._client, self._server), now_us)

    def _down_by_frame(self, frame: Frame, now_us: int) -> None:
        said = {
            Kind.UA: "the meter acknowledged the end of the link",
            Kind.DM: "the meter says that it has no link (DM)",
            Kind.FRMR: f"the meter rejected a frame (FRMR {frame.information.hex()})",
        }
        self._down(said[frame.kind], now_us)

    def _down(self, reason: str, now_us: int) -> None:
        reason = self._reason or reason
        self._reset(self._proposal)
        self.above(LinkDown(self._client, self._server, reason), now_us)

    def _acknowledged(self, receive: int) -> bool:
        count = self._sender.acknowledge(receive)
        if count:
            self._progressed()
        return count is not None

    def _progressed(self) -> None:
        self._progress = True
        self._tries = self._polls = 0

    def _information(self, frame: Frame, now_us: int) -> None:
        _, _, control, information, segmented = frame
        receiver = self._receiver
        if not receiver.fits(information):
            self._state, _ = CLIENT[self._state, LinkEvent.INVALID]
            self._reset(self.parameters)
            self._reason = "the meter sent a message without end"
            self._send_disc(now_us)
            return
        if not self._acknowledged(control >> 5):
            return
        self._peer_busy = False
        message = None
        if control >> 1 & 7 == receiver.expected:
            message = receiver.take(information, segmented=segmented)
            self._progressed()
            self._t1_at_us = now_us + self._t1_us
        # The turn first: what is handed up may bring the next request at once.
        final = control & POLL_FINAL != 0
        apdu = None if message is None else llc.strip(message, llc.RESPONSE) or llc.strip(message, llc.COMMAND)
        if apdu:
            self._expecting = False
            self._handing_up(apdu, now_us, final=final)
        elif final:
            self._take_turn(now_us)

    def _handing_up(self, apdu: bytes, now_us: int, *, final: bool) -> None:
        idle = final and not self._sender
        if idle:
            self._turn = True
            self._t1_at_us = None
        self.above(Apdu(self._client, self._server, apdu), now_us)
        if final and not idle and self._state is LinkState.CONNECTED:
            self._take_turn(now_us)

    def _ready(self, frame: Frame, now_us: int) -> None:
        if not self._acknowledged(frame.receive_sequence):
            return
        busy = frame.kind is Kind.RNR
        if self._peer_busy and not busy:
            self._progress = True  # what it refused may be sent again
        self._peer_busy = busy
        if frame.poll_final:
            self._take_turn(now_us)

    def _unnumbered_information(self, frame: Frame, now_us: int) -> None:
        pair = (frame.destination, frame.source)
        message = self._unnumbered.take(pair, frame.information, llc.RESPONSE, segmented=frame.segmented)
        apdu = None if message is None else llc.strip(message, llc.RESPONSE)
        if apdu:
            client, server = (Address.from_bytes(field).upper for field in pair)
            self.above(Apdu(client, server, apdu, confirmed=False), now_us)

    def _take_turn(self, now_us: int) -> None:
        """The final bit has come: go on if anything came with it, else wait."""
        if self._turn:
            return
        if self._peer_busy or not (self._sender or self._receiver.gathering):
            self._turn = True
            self._t1_at_us = None
            if self._peer_busy or self._expecting:
                self._poll_at_us = now_us + self._poll_interval_us
        elif self._progress or (self._sender and not self._sender.outstanding):
            self._poll(now_us)

    # Time.

    def deadline_us(self) -> int | None:
        """T1, or the next poll."""
        return self._poll_at_us if self._t1_at_us is None else self._t1_at_us

    def on_deadline(self, now_us: int) -> None:
        """Ask again, or give up."""
        if self._t1_at_us is not None and self._t1_at_us <= now_us:
            self._t1(now_us)
        elif self._poll_at_us is not None and self._poll_at_us <= now_us:
            self._polls += 1
            if self._polls <= self._polls_max:
                self._poll(now_us)
            elif self._sender:
                self._exhausted("the meter stays busy (RNR)", now_us)
            else:
                self._poll_at_us = None

    def _t1(self, now_us: int) -> None:
        self._tries += 1
        if self._tries > self._retries_max:
            self._exhausted(f"no answer from the meter to {self._tries} tries", now_us)
        elif self._state is LinkState.CONNECTING:
            self._send_snrm(now_us)
        elif self._state is LinkState.DISCONNECTING:
            self._send_disc(now_us)
        else:
            self._poll(now_us)

    def _exhausted(self, reason: str, now_us: int) -> None:
        self._state, _ = CLIENT[self._state, LinkEvent.EXHAUSTED]
        self._down(reason, now_us)
