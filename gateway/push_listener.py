"""Listens to meters that push: TCP and UDP in, events and readings out; a push is confirmed once it is durable.

Whatever arrives on these ports comes from anybody: what is not understood is counted and dropped, never an exception.
"""

import asyncio
import logging
from datetime import tzinfo
from typing import Any, Final

from gateway.configuration.config import PushConfig
from gateway.meter.push import MalformedPushError, Pushed, split_payload, understand
from gateway.meter.push_sender import Counted, Letter, Senders
from gateway.outbox.store import StoreError
from gateway.polling.bus import Job
from gateway.polling.poll import RELAY
from gateway.polling.schedule import Priority
from gateway.service.fleet import Fleet
from gateway.service.runner import Shared
from protocols.address import Tcp, TcpListen, Udp, parse
from protocols.cosem.status_word import FIRST_BREATH, LAST_GASP, SWITCH, bits_of, name_of
from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK
from protocols.dlms.general_block_transfer import GeneralBlockTransfer, decode_general_block
from protocols.dlms.security.refused import Refused
from protocols.errors import LocalProtocolError
from protocols.link import Apdu
from protocols.machine import Layer, Machine, Peer, Stack
from protocols.message.reading import Quality, Row
from protocols.message.reading import Value as Published
from protocols.transport.pump import Pump, link_time_us
from protocols.transport.tcp import TcpListener
from protocols.transport.udp import UdpListener
from protocols.wrapper import Role, Wrapper, WrapperDatagram

PUSH_OCTETS_MAX: Final = 16_384
"""One push: a three-phase bill has less than a kilobyte."""

CONNECTIONS_MAX: Final = 4096
"""Meters connected at once; behind them others are turned away, and try again."""

IDLE_US: Final = 180_000_000
"""How long a connection may be silent: the inactivity time-out of Indian meters."""

UNSTORED_MAX: Final = 10_000
"""Pushes that wait for the disk; beyond them a push is not taken, and not confirmed."""

POWER_EVENTS: Final = {101: "last_gasp", 102: "first_breath"}

_log = logging.getLogger(__name__)


class PushReceiver(Layer[Apdu, Any]):
    """Hands APDUs up, those in general blocks once they are whole; ends a connection that stays silent."""

    def __init__(self) -> None:
        self._blocks: GeneralBlockTransfer | None = None
        self._heard_us: int | None = None

    def from_below(self, item: Any, now_us: int) -> None:
        """Take an APDU."""
        self._heard_us = now_us
        if type(item) is not Apdu:
            return
        if item.data[:1] != bytes((GENERAL_BLOCK,)):
            self.above(item, now_us)
            return
        if self._blocks is None:
            self._blocks = GeneralBlockTransfer(requester=False, octets_max=PUSH_OCTETS_MAX)
        whole, _ = self._blocks.receive(decode_general_block(item.data))
        if whole:
            self.above(item._replace(data=whole), now_us)

    def deadline_us(self) -> int | None:
        """When silence has lasted too long."""
        return None if self._heard_us is None else self._heard_us + IDLE_US

    def on_deadline(self, now_us: int) -> None:
        """End the connection."""
        if self._heard_us is not None and now_us >= self._heard_us + IDLE_US:
            self.close("nothing was pushed for long")


class PushListener:
    """The ports of one gateway that meters push to.

    Args:
        config: where to listen.
        shared: what the gateway's lines use.
        fleet: the meters.
        title: the gateway's system title.
        zone: where the meters' clocks stand, when they do not say.
    """

    def __init__(self, config: PushConfig, shared: Shared, fleet: Fleet, title: bytes, zone: tzinfo) -> None:
        self.senders = Senders(title, refuse_replayed=config.replayed == "refuse")
        self._config = config
        self._shared = shared
        self._fleet = fleet
        self._zone = zone
        self._opened: list[TcpListener | asyncio.DatagramTransport] = []
        self._pumps: set[Pump] = set()
        self._unstored = 0
        self._words: dict[str, set[int]] = {}
        """The bits of each meter's status word as it was last pushed."""

    async def open(self) -> list[str]:
        """Listen; gives the URLs to push to.

        Raises:
            OSError: an address can't be had.
        """
        urls = []
        for url in self._config.listen:
            carrier = parse(url, listen=True).carrier
            if isinstance(carrier, Udp):
                transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: UdpListener(self._pump), local_addr=(carrier.host, carrier.port)
                )
                self._opened.append(transport)
                urls.append(f"dlms+udp://{carrier.host}:{transport.get_extra_info('sockname')[1]}")
            elif isinstance(carrier, Tcp | TcpListen):
                listener = TcpListener(carrier.host, carrier.port, self._pump)
                self._opened.append(listener)
                urls.append(f"dlms+tcp://{carrier.host}:{listener.port}")
        return urls

    async def close(self) -> None:
        """Listen no more."""
        for opened in self._opened:
            opened.close()
        for pump in list(self._pumps):
            pump.abort("the gateway ends")
        await asyncio.sleep(0)  # what was broken off releases what it holds in the loop's next turn

    def _pump(self) -> Pump:
        def make(peer: Peer) -> Machine | None:
            if len(self._pumps) >= CONNECTIONS_MAX:
                return None
            self._pumps.add(pump)
            wrapper: Layer[Any, Any] = (
                WrapperDatagram(Role.CLIENT, apdu_bytes_max=PUSH_OCTETS_MAX)
                if peer.carrier == "udp"
                else Wrapper(Role.CLIENT, apdu_bytes_max=PUSH_OCTETS_MAX)
            )
            return Stack([wrapper, PushReceiver()])

        pump = Pump(
            make,
            on_event=lambda item: self._take(item, pump),
            on_closed=lambda _reason: self._pumps.discard(pump),
        )
        return pump

    # One push

    def _take(self, item: Apdu, pump: Pump) -> None:
        letter = self.senders.open(item.data)
        if isinstance(letter, Refused):
            self._shared.health.error("push_refused")
            _log.info("a push from %s is not taken: %s", pump.peer.address, letter.reason)
            return
        if self._unstored >= UNSTORED_MAX:
            self._shared.health.error("push_dropped")
            return
        self._unstored += 1
        future = self._shared.commit.submit(lambda: self.tell(letter))
        future.add_done_callback(lambda done: self._stored(done, letter, item, pump))

    def _stored(self, done: "asyncio.Future[bool]", letter: Letter, item: Apdu, pump: Pump) -> None:
        self._unstored -= 1
        error = None if done.cancelled() else done.exception()
        if isinstance(error, StoreError):
            _log.error("a push of %s can't be stored: %s", letter.unit.id, error)
        elif error is not None:
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a push could not be told", "exception": error}
            )
        elif letter.wants_confirmation and pump.closed is None and not done.cancelled() and done.result():
            self._confirm(letter, item, pump)

    def _confirm(self, letter: Letter, item: Apdu, pump: Pump) -> None:
        machine = pump.machine
        try:
            apdu = self.senders.confirmation(letter)
        except LocalProtocolError as error:
            _log.warning("a push of %s can't be confirmed: %s", letter.unit.id, error)
            return
        if isinstance(machine, Stack):
            now_us = link_time_us()
            machine.layers[0].from_above(item._replace(data=apdu), now_us)
            pump.turn(now_us)

    def tell(self, letter: Letter) -> bool:
        """Write what was pushed into the outbox, within a transaction; False where that was done before a restart."""
        unit, now_ms = letter.unit, self._shared.clock.now_ms()
        if letter.counted is not None and not self._counts(unit.id, letter.counted):
            self._shared.health.error("push_refused")
            _log.info("a push of %s is not taken: its counter was used before we started", unit.id)
            return False
        unit.last_seen_ms = now_ms
        self._tell(letter, now_ms)
        return True

    def _counts(self, meter: str, counted: Counted) -> bool:
        """Whether a counter is new, also over restarts; it is remembered."""
        store = self._shared.commit.store
        kept = store.recall(meter, counted.name)
        if self._config.replayed == "refuse" and kept is not None and counted.counter <= int(kept):
            return False
        store.remember(meter, counted.name, str(counted.counter))
        return True

    def _tell(self, letter: Letter, now_ms: int) -> None:
        unit, report = letter.unit, self._shared.report
        try:
            pushed = understand(split_payload(letter.notification.body), unit.model, self._zone)
        except MalformedPushError as error:
            self._shared.health.error("push_malformed")
            reason = Published(name="payload", value=None, quality=Quality.ERROR, reason=str(error))
            report.event(unit.id, "gateway", "push_refused", now_ms, row=Row(values=(reason,)))
            return
        form = pushed.form
        if form is not None and form.profile is not None:
            report.reading(unit.id, form.profile, (pushed.row,), now_ms)
        elif pushed.code in POWER_EVENTS:
            kind = POWER_EVENTS[pushed.code]
            report.event(unit.id, kind, kind, now_ms, row=pushed.row, code=pushed.code, log="power")
        elif pushed.word is not None:
            self._tell_word(letter, pushed, now_ms)
        else:
            report.event(unit.id, "push", pushed.setup or "push", now_ms, row=pushed.row, code=pushed.code)

    def _tell_word(self, letter: Letter, pushed: Pushed, now_ms: int) -> None:
        """An event status word: what is new in it says what kind of event it is."""
        meter = letter.unit.id
        bits = set(bits_of(pushed.word or ""))
        risen = bits - self._words.get(meter, set())
        self._words[meter] = bits
        kind = "status_word"
        if FIRST_BREATH in risen:
            kind = "first_breath"
        elif LAST_GASP in risen:
            kind = "last_gasp"
        names = tuple(name_of(bit) for bit in sorted(bits))
        self._shared.report.event(meter, kind, kind, now_ms, row=pushed.row, bits=names)
        runner = self._fleet.line_of.get(meter)
        if SWITCH in risen and runner is not None and letter.unit.has_relay:
            # The bit says only that the switch has moved: its state is read, never inferred.
            runner.add(Job(meter, Priority.EVENT, RELAY, now_ms))
