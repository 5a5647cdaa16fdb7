"""One connection that stands: publishing that does not wait, delivery that is acknowledged when we say so.

A message is handed to the client and its PUBACK is called back, so a hundred can be in flight. A delivered message is
acknowledged to the broker only when `acknowledge` is called, which the gateway does once it is stored.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from protocols.transport.mqtt.broker import Broker, Delivered, MqttLostError, MqttRefusedError, MqttTakenOverError

QUICK_ACK: Final[int | None] = getattr(socket, "TCP_QUICKACK", None)
"""Only Linux has it."""
TAKEN_OVER: Final = 142
"""The DISCONNECT of MQTT 5 that says so (OASIS MQTT 5.0, 3.14.2.1)."""


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
        on_puback: is told the number of each message that has arrived, and why when the broker will not take it.
    """

    def __init__(self, client: aiomqtt.Client, broker: Broker, version: str) -> None:
        self.version = version
        self.present = False
        self.window = broker.in_flight
        self.on_puback: Callable[[int, str | None], None] = lambda _mid, _refusal: None
        self._client = client
        self._inner: PahoClient = client._client  # noqa: SLF001 (aiomqtt has no pipelining and no manual acknowledgement)
        self._inner.manual_ack_set(True)
        self._inner.max_inflight_messages_set(0)  # our window is the one that counts
        self._aliases: dict[str, _Packed] = {}
        self._aliases_max = 0
        self._taken_over = False
        self._loop = asyncio.get_running_loop()
        self.closed = self._loop.create_future()
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
            self._taken_over |= code.value == TAKEN_OVER
            if not self.closed.done():
                self.closed.set_result(f"the broker closed the connection ({code})")
            if disconnected is not None:
                disconnected(client, userdata, flags, code, properties)

        def on_publish(client: Any, userdata: Any, mid: int, code: ReasonCode, properties: Any) -> None:
            self._acknowledge_at_once()
            self.on_puback(mid, str(code) if code.is_failure else None)
            if published is not None:
                published(client, userdata, mid, code, properties)

        inner.on_connect, inner.on_disconnect, inner.on_publish = on_connect, on_disconnect, on_publish
        inner.on_socket_register_write = self._write_when_possible

    def _write_when_possible(self, client: PahoClient, _userdata: Any, carrier: Any) -> None:
        """As aiomqtt does it, but for a carrier that closes before its turn comes, whose number may be another's."""
        loop = self._loop

        def write() -> None:
            try:
                client.loop_write()
            except Exception as error:  # noqa: BLE001 (whatever it is, the connection is of no more use)
                if not self._client._disconnected.done():  # noqa: SLF001
                    self._client._disconnected.set_exception(error)  # noqa: SLF001

        def register() -> None:
            now = client.socket()
            if now is not None and now is carrier:
                loop.add_writer(now, write)

        loop.call_soon_threadsafe(register)

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
            self._loop.remove_reader(carrier)
            self._loop.remove_writer(carrier)
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
            MqttTakenOverError: when somebody else has our client id.
        """
        try:
            async for message in self._client.messages:
                self._acknowledge_at_once()
                yield _delivered(message)
        except aiomqtt.MqttError as error:
            if self._taken_over:
                raise MqttTakenOverError(
                    "somebody else is at the broker under our client id; every gateway needs an id of its own"
                ) from None
            raise MqttLostError(self.closed.result() if self.closed.done() else str(error)) from None


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
