"""The session with a broker: aiomqtt to connect and read, its inner paho client to pipeline and to acknowledge.

MQTT 5 where the broker has it, else 3.1.1 with the same topics and payloads. Publishing does not wait: a message is
handed to the client and its PUBACK is called back, so a hundred can be in flight. A delivered message is acknowledged
to the broker only when `acknowledge` is called, which the gateway does once it is stored.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from protocols.secret import Secret

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
CONNECT_S: Final = 10.0
SILENCE_S: Final = 2.0
"""A broker that takes the connection and says nothing to MQTT 5 for so long is tried with 3.1.1, as amqtt is."""
BACKOFF_FIRST_S: Final = 0.5
QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
"""Only Linux has it."""
INCOMING_MAX: Final = 1_000
"""Messages read and not yet taken; more at QoS 1 are not acknowledged and come again with the next session."""
_UNSUPPORTED_VERSION: Final = frozenset({1, 132})
"""CONNACK codes of 3.1.1 and 5 for «I do not speak this version»."""


class MqttLostError(ConnectionError):
    """There is no session with the broker, or no longer; the text is the reason."""


class MqttRefusedError(MqttLostError):
    """The broker said no: to our name, our password, or what we want to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a broker is and how it is spoken to.

    `version` "auto" tries 5 first; `session_expiry_s` is how long the broker keeps what came for us while we are away.
    """

    url: str
    client_id: str
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)
    version: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: int = 30
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 100
    in_flight: int = 100
    authority: str | None = None
    certificate: str | None = None
    private_key: str | None = None
    clean: bool = False
    """Begin without what an earlier session left: for tools that come once."""


class Will(NamedTuple):
    """What the broker says for us when we are gone without a word; retained, QoS 1."""

    topic: str
    payload: bytes


class Delivered(NamedTuple):
    """A message from the broker; to be acknowledged once it is safe."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    mid: int
    reply_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None


def acknowledge(client: PahoClient, message: Delivered) -> None:
    """Tell the broker that a message is safe with us; at QoS 0 there is nothing to tell.

    Raises:
        MqttLostError: the connection is gone; the broker will deliver the message again.
    """
    if message.qos and client.ack(message.mid, message.qos) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise MqttLostError("the broker went away before a message could be acknowledged")


class Session:
    """One connection that stands.

    Attributes:
        version: "5" or "3.1.1".
        present: the broker still had our session; when not, its retained messages may be gone too.
        window: how many messages may be in flight, as both sides allow.
    """

    def __init__(self, client: aiomqtt.Client, broker: Broker, version: str) -> None:
        self.version = version
        self.present = False
        self.window = broker.in_flight
        self.on_puback: Callable[[int, bool], None] = lambda _mid, _ok: None
        self._client = client
        self._inner: PahoClient = client._client  # noqa: SLF001 (aiomqtt has no pipelining and no manual acknowledgement)
        self._inner.manual_ack_set(True)
        self._inner.max_inflight_messages_set(0)  # our window is the one that counts
        self._aliases: dict[str, _Packed] = {}
        self._aliases_max = 0
        self.closed = asyncio.get_running_loop().create_future()
        self._hook()

    def _hook(self) -> None:
        """Listen beside aiomqtt to what it does not hand on: the CONNACK's flags, each PUBACK, an early end."""
        inner = self._inner
        connected: Callable[..., Any] | None = inner.on_connect
        disconnected: Callable[..., Any] | None = inner.on_disconnect
        published: Callable[..., Any] | None = inner.on_publish

        def on_connect(client: Any, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
            self.present = bool(flags.session_present)
            self._aliases_max = int(getattr(properties, "TopicAliasMaximum", 0) or 0)
            self.window = min(self.window, int(getattr(properties, "ReceiveMaximum", 65_535) or 65_535))
            if connected is not None:
                connected(client, userdata, flags, code, properties)

        def on_disconnect(client: Any, userdata: Any, flags: Any, code: ReasonCode, properties: Any) -> None:
            if not self.closed.done():
                self.closed.set_result(f"the broker closed the connection ({code})")
            if disconnected is not None:
                disconnected(client, userdata, flags, code, properties)

        def on_publish(client: Any, userdata: Any, mid: int, code: ReasonCode, properties: Any) -> None:
            self._acknowledge_at_once()
            self.on_puback(mid, not code.is_failure)
            if published is not None:
                published(client, userdata, mid, code, properties)

        inner.on_connect, inner.on_disconnect, inner.on_publish = on_connect, on_disconnect, on_publish

    def _acknowledge_at_once(self) -> None:
        """Have the kernel acknowledge what comes next without its usual 40 ms.

        Brokers send with Nagle's algorithm unless told otherwise (mosquitto's `set_tcp_nodelay`), so they wait for it
        with the next small packet. Linux forgets the option as it goes, hence each time.
        """
        carrier = self._inner.socket()
        if QUICK_ACK is not None and isinstance(carrier, socket.socket):
            with contextlib.suppress(OSError):
                carrier.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)

    @property
    def has_socket(self) -> bool:
        """Whether the carrier stands, whatever the broker says."""
        return self._inner.socket() is not None

    def drop(self) -> None:
        """Break the connection off without a word, as a death would; whoever listens hears the end."""
        carrier = self._inner.socket()
        if isinstance(carrier, socket.socket):
            with contextlib.suppress(OSError):
                carrier.shutdown(socket.SHUT_RDWR)

    def forget(self) -> None:
        """Close the socket of a session that never began; nothing of it is heard again."""
        carrier, inner = self._inner.socket(), self._inner
        inner.on_socket_close = inner.on_socket_register_write = inner.on_socket_unregister_write = None
        if carrier is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(carrier)
            loop.remove_writer(carrier)
            carrier.close()

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        correlation: bytes | None = None,
        response_topic: str | None = None,
        expiry_s: int | None = None,
    ) -> int:
        """Hand a message to the client at QoS 1; gives the number under which `on_puback` will name it.

        Raises:
            MqttLostError: there is no connection any more.
        """
        properties: Any = None
        if self.version == "5":
            if correlation is None and response_topic is None and expiry_s is None:
                topic, properties = self._aliased(topic)
            else:
                properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                _say(properties, "CorrelationData", correlation)
                _say(properties, "ResponseTopic", response_topic)
                _say(properties, "MessageExpiryInterval", expiry_s)
        sent = self._inner.publish(topic, payload, 1, retain, properties)
        if sent.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise MqttLostError(f"the message could not be sent ({sent.rc.name})")
        return sent.mid

    def _aliased(self, topic: str) -> tuple[str, "_Packed | None"]:
        """The first topics of a connection get an alias and are then sent as a number."""
        known = self._aliases.get(topic)
        if known is not None:
            return "", known
        if len(self._aliases) >= self._aliases_max:
            return topic, None
        self._aliases[topic] = packed = _Packed.alias(len(self._aliases) + 1)
        return topic, packed

    def acknowledge(self, message: Delivered) -> None:
        """See the function of this name."""
        acknowledge(self._inner, message)

    async def subscribe(self, filters: tuple[str, ...]) -> None:
        """Subscribe at QoS 1; with MQTT 5 the retain flag comes as it was published.

        Raises:
            MqttRefusedError: the broker does not let us.
        """
        options = SubscribeOptions(qos=1, retainAsPublished=True)
        for each in filters:
            if self.version == "5":
                codes = await self._client.subscribe(each, options=options)
            else:
                codes = await self._client.subscribe(each, qos=1)
            if any((code.value if isinstance(code, ReasonCode) else code) >= 0x80 for code in codes):
                raise MqttRefusedError(f"the broker does not let us subscribe to {each}")

    async def messages(self) -> AsyncIterator[Delivered]:
        """Everything that comes, until the connection ends.

        Raises:
            MqttLostError: when it ends.
        """
        try:
            async for message in self._client.messages:
                self._acknowledge_at_once()
                yield _delivered(message)
        except aiomqtt.MqttError as error:
            raise MqttLostError(str(error)) from None


class _Packed:
    """Properties as they stand on the wire: paho's own take longer to pack than the rest of a message."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    @classmethod
    def alias(cls, number: int) -> "_Packed":
        """A topic alias and nothing else."""
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.TopicAlias = number
        return cls(bytes(properties.pack()))  # type: ignore[no-untyped-call]

    def pack(self) -> bytes:
        """What paho asks of properties."""
        return self._octets


def _say(properties: Properties, name: str, value: Any) -> None:
    if value is not None:
        setattr(properties, name, value)


def _delivered(message: aiomqtt.Message) -> Delivered:
    properties = message.properties
    return Delivered(
        str(message.topic),
        bytes(message.payload),
        bool(message.retain),
        message.qos,
        message.mid,
        getattr(properties, "ResponseTopic", None),
        getattr(properties, "CorrelationData", None),
        getattr(properties, "MessageExpiryInterval", None),
    )


@contextlib.asynccontextmanager
async def connect(broker: Broker, will: Will | None = None) -> AsyncIterator[Session]:
    """A session, in the version the broker speaks; an orderly DISCONNECT at the end.

    Raises:
        MqttLostError: nobody there, or gone within.
        MqttRefusedError: the broker said no.
    """
    session, client = await _open(broker, will)
    try:
        yield session
    except aiomqtt.MqttError as error:
        raise MqttLostError(str(error)) from None
    finally:
        with contextlib.suppress(aiomqtt.MqttError, ValueError):
            await client.__aexit__(None, None, None)
        if client._disconnected.done():  # noqa: SLF001 (its error was raised where messages were awaited, or nowhere)
            client._disconnected.exception()  # noqa: SLF001


async def _open(broker: Broker, will: Will | None) -> tuple[Session, aiomqtt.Client]:
    if broker.version != "auto":
        return await _open_as(broker, will, broker.version)
    try:
        return await _open_as(broker, will, "5")
    except _OtherVersionError:
        return await _open_as(broker, will, "3.1.1")


class _OtherVersionError(MqttLostError):
    """The broker ended MQTT 5 before it began: it may speak 3.1.1."""


async def _open_as(broker: Broker, will: Will | None, version: str) -> tuple[Session, aiomqtt.Client]:
    client = _client(broker, will, version)
    session = Session(client, broker, version)
    entering = asyncio.ensure_future(client.__aenter__())
    patience_s = CONNECT_S if broker.version != "auto" or version != "5" else SILENCE_S
    await asyncio.wait((entering, session.closed), return_when=asyncio.FIRST_COMPLETED, timeout=patience_s)
    if not entering.done() and session.closed.done():
        await asyncio.wait((entering,), timeout=0.05)  # a refusal closes too; its CONNACK says more
    if not entering.done() and not session.closed.done() and not session.has_socket:
        await asyncio.wait((entering,), timeout=CONNECT_S - patience_s)
    if not entering.done():
        connected = session.has_socket
        entering.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiomqtt.MqttError):
            await entering
        if session.closed.done():
            raise _OtherVersionError(f"{broker.url}: {session.closed.result()} before it let us in")
        session.forget()
        if connected and version == "5":
            raise _OtherVersionError(f"{broker.url} does not answer MQTT 5")
        raise MqttLostError(f"{broker.url} does not answer")
    try:
        entering.result()
    except MqttConnectError as error:
        code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
        if code in _UNSUPPORTED_VERSION:
            raise _OtherVersionError(str(error)) from None
        raise MqttRefusedError(f"{broker.url} refused us: {error}") from None
    except aiomqtt.MqttError as error:
        raise MqttLostError(f"{broker.url} can't be reached: {error}") from None
    return session, client


def _client(broker: Broker, will: Will | None, version: str) -> aiomqtt.Client:
    parts = urlsplit(broker.url)
    secure = parts.scheme in {"mqtts", "wss"}
    five = version == "5"
    properties = None
    if five:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 0 if broker.clean else broker.session_expiry_s
        properties.ReceiveMaximum = broker.receive_maximum
    return aiomqtt.Client(
        parts.hostname or "127.0.0.1",
        parts.port or PORTS[parts.scheme],
        username=broker.username,
        password=None if broker.password is None else broker.password.reveal().decode(),
        identifier=broker.client_id,
        protocol=aiomqtt.ProtocolVersion.V5 if five else aiomqtt.ProtocolVersion.V311,
        will=None if will is None else aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
        clean_session=None if five else broker.clean,
        clean_start=broker.clean if five else MQTT_CLEAN_START_FIRST_ONLY,
        transport="websockets" if parts.scheme in {"ws", "wss"} else "tcp",
        websocket_path=(parts.path or "/mqtt") if parts.scheme in {"ws", "wss"} else None,
        timeout=CONNECT_S,
        keepalive=broker.keepalive_s,
        max_queued_incoming_messages=INCOMING_MAX,
        properties=properties,
        tls_context=_tls(broker) if secure else None,
        # A result must not wait 40 ms for the acknowledgement of what was sent before it.
        socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )


def _tls(broker: Broker) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=broker.authority)
    if broker.certificate is not None:
        context.load_cert_chain(broker.certificate, broker.private_key)
    return context


def backoff_s(attempt: int, rng: Random, most_s: float) -> float:
    """How long to wait before an attempt (0 is the first that failed): full jitter under a doubling bound."""
    return rng.uniform(0, min(most_s, BACKOFF_FIRST_S * 2 ** min(attempt, 16)))


async def stay_connected(
    broker: Broker,
    will: Will | None,
    serve: Callable[[Session], Awaitable[None]],
    *,
    rng: Random,
    backoff_max_s: float,
    lost: Callable[[str, float], None],
) -> None:
    """Keep a session up for ever: `serve` runs while one stands; when it ends, try again after a while.

    Args:
        broker: to whom.
        will: for when we are gone.
        serve: ends by `MqttLostError`, or by returning when all is done, which ends this too.
        rng: draws the waits.
        backoff_max_s: the longest of them.
        lost: is told why and for how long we wait now.
    """
    attempt = 0
    version = broker.version
    while True:
        try:
            async with connect(replace(broker, version=version), will) as session:
                attempt, version = 0, _stick(broker, session)
                await serve(session)
                return
        except MqttLostError as error:
            if isinstance(error, _OtherVersionError):
                version = broker.version
            wait_s = backoff_s(attempt, rng, backoff_max_s)
            attempt += 1
            lost(str(error), wait_s)
            await asyncio.sleep(wait_s)


def _stick(broker: Broker, session: Session) -> Literal["auto", "5", "3.1.1"]:
    """What worked is tried first next time, so that an old broker is not asked for MQTT 5 at every return."""
    if broker.version != "auto":
        return broker.version
    return "3.1.1" if session.version == "3.1.1" else "auto"
