"""Getting a session: MQTT 5 where the broker has it, else 3.1.1 with the same topics and payloads; TLS, websockets."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.client import MQTT_CLEAN_START_FIRST_ONLY
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from protocols.transport.mqtt.broker import PORTS, Broker, MqttLostError, MqttRefusedError, Will
from protocols.transport.mqtt.session import Session

CONNECT_S: Final = 10.0
SILENCE_S: Final = 2.0
"""A broker that takes the connection and says nothing to MQTT 5 for so long is tried with 3.1.1, as amqtt is."""
INCOMING_MAX: Final = 1_000
"""Messages read and not yet taken; more at QoS 1 are not acknowledged and come again with the next session."""
_UNSUPPORTED_VERSION: Final = frozenset({1, 132})
"""CONNACK codes of 3.1.1 and 5 for «I do not speak this version»."""


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
    except OtherVersionError:
        return await _open_as(broker, will, "3.1.1")


class OtherVersionError(MqttLostError):
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
            raise OtherVersionError(f"{broker.url}: {session.closed.result()} before it let us in")
        session.forget()
        if connected and version == "5":
            raise OtherVersionError(f"{broker.url} does not answer MQTT 5")
        raise MqttLostError(f"{broker.url} does not answer")
    try:
        entering.result()
    except MqttConnectError as error:
        code = error.rc.value if isinstance(error.rc, ReasonCode) else error.rc
        if code in _UNSUPPORTED_VERSION:
            raise OtherVersionError(str(error)) from None
        raise MqttRefusedError(f"{broker.url} refused us: {error}") from None
    except aiomqtt.MqttError as error:
        raise MqttLostError(f"{broker.url} can't be reached: {error}") from None
    return session, client


def _client(broker: Broker, will: Will | None, version: str) -> aiomqtt.Client:
    parts = urlsplit(broker.url)
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
        tls_context=tls_context(broker) if broker.is_secure else None,
        # A result must not wait 40 ms for the acknowledgement of what was sent before it.
        socket_options=((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),),
    )


class TlsFileError(MqttLostError):
    """A certificate or key is not there, or can't be used; the text begins with which."""


def tls_context(broker: Broker) -> ssl.SSLContext:
    """What is trusted, and who we are; files are read anew for each session, since certificates are renewed.

    Raises:
        TlsFileError: a file can't be used.
    """
    try:
        context = ssl.create_default_context(cafile=broker.authority)
    except (OSError, ssl.SSLError) as error:
        raise TlsFileError(f"authority: {broker.authority} can't be used ({_reason(error)})") from None
    if broker.certificate is None:
        return context
    try:
        # Without a password callback OpenSSL would ask the terminal for the passphrase of an encrypted key.
        context.load_cert_chain(broker.certificate, broker.private_key, password=lambda: b"")
    except (OSError, ssl.SSLError) as error:
        files = f"certificate: {broker.certificate} with private_key {broker.private_key}"
        raise TlsFileError(f"{files} can't be used ({_reason(error)})") from None
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        return "the key is not the certificate's" if mismatch else "it is no PEM, or encrypted"
    return error.strerror or str(error)
