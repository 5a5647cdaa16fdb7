"""The postman: takes what meters have to push and carries it, by TCP, by UDP or on connections that stand.

Thin on purpose: when something is pushed, what it says and how often it is tried is `emulator.errand.push`'s matter. A
push that could not be carried, or was not confirmed in time, ends as not delivered, and the meter decides.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from emulator.bench.journal import Events, Journal, Tap
from emulator.bench.resident import Attendance, Confirmations, Resident
from emulator.errand.push import Push
from emulator.line.destination import STANDING, Service, carrier_of
from emulator.line.line import Line
from protocols.cosem.obis import LogicalName
from protocols.dlms.server import AssociationServer
from protocols.errors import LocalProtocolError
from protocols.link import Apdu
from protocols.machine import Layer, Machine, Peer, Stack
from protocols.transport.dial import dial
from protocols.transport.pump import link_time_us
from protocols.wrapper import Role, Wrapper, WrapperDatagram

CONNECT_S: Final = 10.0
CONFIRM_S: Final = 10.0
"""How long a connection and a confirmation may take: mobile networks take seconds."""

LAST_GASP_S: Final = 2.0
"""How long a reserve lasts."""

DIALS_MAX: Final = 256
"""Connections of pushes at once: descriptors are needed for what meters listen on too."""

SERVER: Final = 1
"""The logical device that pushes: the management one."""

_log = logging.getLogger(__name__)


class Postman:
    """Carries the pushes of a bench.

    Args:
        done: is told of a meter whose push has ended, since it may have something to do then.
        lines: the lines that a meter is on.
        journal: where pushes are noted, or None.
    """

    def __init__(
        self,
        done: Callable[[Resident], None],
        lines: Callable[[Resident], Iterable[Line]],
        journal: Journal | None = None,
    ) -> None:
        self._done = done
        self._lines = lines
        self._journal = journal
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(DIALS_MAX)

    def collect(self, resident: Resident) -> None:
        """Take what a meter has to push."""
        if resident.errands is None or not resident.errands.waiting:
            return
        loop = asyncio.get_running_loop()
        for push in resident.errands.pusher.take():
            if push.service in STANDING and not push.confirmed:
                self._end(resident, push, delivered=self._on_lines(resident, push))
            else:
                task = loop.create_task(self._carry(resident, push), name=f"push:{resident.id}:{push.token}")
                self._tasks.add(task)
                task.add_done_callback(self._finished)
        self._note(resident)

    async def close(self) -> None:
        """Carry no more."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            asyncio.get_running_loop().call_exception_handler({"message": "a push failed", "exception": error})

    async def _carry(self, resident: Resident, push: Push) -> None:
        try:
            async with asyncio.timeout(LAST_GASP_S if push.dying else None), self._room:
                delivered = await self._deliver(resident, push)
        except (OSError, LocalProtocolError) as error:
            _log.info("meter %s: a push to %s was not delivered (%s)", resident.id, push.destination, error)
            delivered = False
        self._end(resident, push, delivered=delivered)

    async def _deliver(self, resident: Resident, push: Push) -> bool:
        """Bring a push where it is to go, and wait for its confirmation where it asks for one."""
        confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def settle(*, well: bool) -> None:
            if not confirmed.done():
                confirmed.set_result(well)

        if resident.awaited is None:
            resident.awaited = {}
        resident.awaited[push.long_invoke] = lambda: settle(well=True)
        try:
            if push.service in STANDING:
                return self._on_lines(resident, push) and await self._confirmed(push, confirmed)
            return await self._dial(resident, push, confirmed, lambda _reason: settle(well=False))
        finally:
            resident.awaited.pop(push.long_invoke, None)
            if not resident.awaited:
                resident.awaited = None

    @staticmethod
    async def _confirmed(push: Push, confirmed: asyncio.Future[bool]) -> bool:
        if not push.confirmed:
            return True
        async with asyncio.timeout(CONFIRM_S):
            return await confirmed

    async def _dial(
        self, resident: Resident, push: Push, confirmed: asyncio.Future[bool], on_closed: Callable[[str], None]
    ) -> bool:
        carrier = carrier_of(push.service, push.destination)
        if carrier is None:
            return False
        layers: list[AssociationServer] = []

        def make(peer: Peer) -> Machine:
            stack, server = self._stack(resident, peer)
            layers.append(server)
            return stack

        pump = await dial(carrier, make, on_closed=on_closed, timeout_s=CONNECT_S)
        try:
            now_us = link_time_us()
            notify(resident, layers[0], push, now_us)
            pump.turn(now_us)
            return await self._confirmed(push, confirmed)
        finally:
            pump.close("the push is done")

    def _stack(self, resident: Resident, peer: Peer) -> tuple[Stack, AssociationServer]:
        wrapper: Layer[Any, Any] = WrapperDatagram(Role.SERVER) if peer.carrier == "udp" else Wrapper(Role.SERVER)
        tap: list[Layer[Any, Any]] = [] if self._journal is None else [Tap(self._journal, resident.id)]
        server = resident.association_server(SERVER, peer)
        above = [Confirmations(resident), Events(self._journal, resident.id)]
        return Stack([wrapper, Attendance(resident), *tap, server, *above]), server

    def _on_lines(self, resident: Resident, push: Push) -> bool:
        """Wherever a connection stands on a line of that kind; on HDLC in unnumbered information frames."""
        now_us = link_time_us()

        def say(server: AssociationServer) -> None:
            notify(resident, server, push, now_us)

        try:
            link = STANDING[Service(push.service)]
            heard = [line.push(resident, link, say, now_us) for line in self._lines(resident)]
        except LocalProtocolError as error:
            _log.info("meter %s: a push on its lines failed (%s)", resident.id, error)
            return False
        return any(heard)

    def _end(self, resident: Resident, push: Push, *, delivered: bool) -> None:
        if resident.errands is not None:
            at_ms = resident.clock.true_ms(link_time_us())
            resident.errands.pusher.ended(push.token, at_ms, delivered=delivered)
            self._note(resident)
            self._done(resident)

    def _note(self, resident: Resident) -> None:
        """What became of pushes, into the journal."""
        if resident.errands is None:
            return
        reports = resident.errands.pusher.reports
        while reports:
            report = reports.popleft()
            if self._journal is not None:
                more = {"setup": str(LogicalName(report.setup)), "how": report.word, "tries": report.tries}
                self._journal.note(link_time_us(), resident.id, "push", more, report.at_ms)


def notify(resident: Resident, server: AssociationServer, push: Push, now_us: int) -> None:
    """Send a push through a server's association with the push client; in clear where the model has none.

    Args:
        resident: the meter.
        server: the association server of a connection.
        push: what to send.
        now_us: link time.

    Raises:
        LocalProtocolError: the association takes no APDU of this length, or has no key.
    """
    if resident.cosem is not None and push.client in resident.cosem.associations():
        server.notify(push.client, SERVER, push.apdu, now_us)
    else:
        server.below(Apdu(push.client, SERVER, push.apdu, confirmed=False), now_us)
