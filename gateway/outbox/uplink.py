"""The gateway's side of the broker: keeps a session up, sends through it, listens to it, tells the gateway's status."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from gateway.command.command import Open
from gateway.command.guard import moratorium_of
from gateway.command.inbox import Inbox
from gateway.configuration.config import BrokerConfig, ConfigError, GatewayConfig
from gateway.outbox.sender import Sender
from gateway.polling.reading import utc
from gateway.service.clock import Clock
from gateway.service.core import Core
from gateway.service.health import Health
from gateway.version import VERSION
from protocols.message.status import GatewayState, GatewayStatus, MeterState
from protocols.transport.mqtt.broker import Broker, MqttLostError, Will
from protocols.transport.mqtt.connect import TlsFileError, tls_context
from protocols.transport.mqtt.keep import stay_connected
from protocols.transport.mqtt.session import Session

_log = logging.getLogger(__name__)


class Uplink:
    """See the module.

    Args:
        config: the gateway's.
        broker: to keep a session with.
        core: the gateway's cores.
        clock: the gateway's.
        health: counts sessions.
        begin: is told of accepted commands.
        states: counts meters, for the status.
        remarks: what an operator should know, for the status.
    """

    def __init__(
        self,
        config: GatewayConfig,
        broker: Broker,
        core: Core,
        clock: Clock,
        health: Health,
        *,
        begin: Callable[[Open], None],
        states: Callable[[], Mapping[MeterState, int]],
        remarks: Mapping[str, str],
    ) -> None:
        self.up = False
        """A session stands."""
        self.offline = False
        """The next status is the last one."""
        self.sender = Sender(core.outbox, core.commit.wake, clock.now_ms, _publishing_failed)
        self.sender.status_topic = core.topics.status
        if config.broker.message_expiry is not None:
            self.sender.readings_expire_s = max(1, config.broker.message_expiry // 1000)
        core.commit.tail = self.sender
        self.inbox = Inbox(core.commit, core.door, core.around, core.outbox, core.topics, clock, begin)
        self._broker = broker
        self._backoff_max_s = config.broker.backoff_max / 1000
        self._core = core
        self._clock = clock
        self._health = health
        self._states = states
        self._remarks = remarks

    async def keep(self, rng: Random) -> None:
        """Keep a session up for ever."""
        will = GatewayStatus(status=GatewayState.OFFLINE, online=False)
        await stay_connected(
            self._broker,
            Will(self._core.topics.status, will.to_json()),
            self._serve,
            rng=rng,
            backoff_max_s=self._backoff_max_s,
            lost=_lost,
        )

    async def _serve(self, session: Session) -> None:
        core = self._core
        await core.commit.run(lambda: core.outbox.begin_session(new=not session.present))
        session.on_puback = self.sender.on_puback
        self.up = True
        self._health.session()
        _log.info("a session stands (MQTT %s, %s)", session.version, "resumed" if session.present else "new")
        try:
            self.tell_status()
            self.sender.begin(session)
            await session.subscribe(core.topics.subscriptions())
            async for message in session.messages():
                await self.inbox.take(message, session)
        finally:
            self.up = False
            self.sender.end()
        raise MqttLostError("the broker closed the connection")

    def tell_status(self) -> None:
        """Have the status sent with the next group."""
        self.sender.status_body = self._status_body
        self._core.commit.wake()

    def _status_body(self, sent_through: int) -> bytes:
        core, now_ms = self._core, self._clock.now_ms()
        return GatewayStatus(
            status=GatewayState.OFFLINE if self.offline else GatewayState.ONLINE,
            online=not self.offline,
            version=VERSION,
            read_at=utc(now_ms),
            sent_through=sent_through,
            holes=core.outbox.holes.all(),
            queued=core.outbox.totals.queued,
            meters={state.value: count for state, count in self._states().items()},
            clock_trusted=core.around.clock_trusted,
            moratorium=moratorium_of(core.around.guard, now_ms, core.around.headend_seen_ms),
            remarks=tuple(self._remarks.values()),
        ).to_body()


def broker_of(config: BrokerConfig, gateway: str, beside: Path) -> Broker:
    """The broker, as configured; its password and certificates are there.

    Args:
        config: of the broker.
        gateway: the gateway's id.
        beside: the folder that certificates and the password's file are relative to.

    Raises:
        ConfigError: they are not.
    """

    def path(name: str | None) -> str | None:
        return None if name is None else str(beside / name)

    try:
        password = None if config.password is None else config.password.read(beside)
    except ValueError as error:
        raise ConfigError([f"key broker.password: {error}"]) from None
    broker = Broker(
        url=config.url,
        client_id=config.client_id or f"meter-gateway-{gateway}",
        username=config.username,
        password=password,
        version=config.version,
        keepalive_s=max(1, config.keepalive // 1000),
        session_expiry_s=config.session_expiry // 1000,
        receive_maximum=config.receive_maximum,
        in_flight=config.in_flight,
        authority=path(config.authority),
        certificate=path(config.certificate),
        private_key=path(config.private_key),
    )
    if broker.is_secure:
        try:
            tls_context(broker)
        except TlsFileError as error:
            raise ConfigError([f"key broker.{error}"]) from None
    return broker


def _lost(reason: str, wait_s: float) -> None:
    _log.warning("no session with the broker: %s; next try in %.1f s", reason, wait_s)


def _publishing_failed(reason: str) -> None:
    _log.warning("%s", reason)
