"""The session with a broker: mosquitto in both versions, with TLS and certificates, passwords and ACLs; amqtt."""

import asyncio
import datetime as dt
import ipaddress
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from paho.mqtt.enums import MQTTErrorCode

from protocols.secret import Secret
from protocols.transport.mqtt.broker import Broker, Delivered, MqttLostError, MqttRefusedError, Will
from protocols.transport.mqtt.connect import connect
from protocols.transport.mqtt.keep import backoff_s, stay_connected
from protocols.transport.mqtt.session import Session, acknowledge
from tests.broker import mosquitto, require_mosquitto
from tests.patience import PATIENCE_S, until

pytestmark = pytest.mark.interop
Version = Literal["auto", "5", "3.1.1"]


def to(url: str, **more: Any) -> Broker:
    return Broker(url=url, client_id=more.pop("client_id", "tester"), **more)


async def take(session: Session, count: int) -> list[Delivered]:
    """The next messages, acknowledged."""
    out: list[Delivered] = []
    async with asyncio.timeout(PATIENCE_S):
        async for message in session.messages():
            session.acknowledge(message)
            out.append(message)
            if len(out) == count:
                break
    return out


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_what_is_published_is_acknowledged_and_comes_back(tmp_path: Path, version: Version) -> None:
    with mosquitto(tmp_path) as broker:
        async with connect(to(broker.url, version=version)) as session:
            await session.subscribe(("a/#",))
            pubacks: list[tuple[int, str | None]] = []
            session.on_puback = lambda mid, refusal: pubacks.append((mid, refusal))
            sent = [session.publish(f"a/{number % 30}", b"%d" % number) for number in range(60)]
            got = await take(session, 60)
            await until(lambda: len(pubacks) == 60)
            assert [message.payload for message in got] == [b"%d" % number for number in range(60)]
            assert pubacks == [(mid, None) for mid in sent]
            assert session.version == version


async def test_the_version_is_found_by_itself_and_the_window_is_the_smaller_one(tmp_path: Path) -> None:
    with mosquitto(tmp_path, ("allow_anonymous true", "max_inflight_messages 7")) as broker:
        async with connect(to(broker.url, in_flight=100)) as session:
            assert (session.version, session.window) == ("5", 7)


async def test_what_was_not_acknowledged_comes_again_and_what_was_does_not(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        for version in ("5", "3.1.1"):
            me = to(broker.url, client_id=f"me-{version}", version=version)
            async with connect(me) as session:
                assert not session.present
                await session.subscribe(("c/+",))
                session.publish("c/1", b"first")
                session.publish("c/2", b"second")
                async for message in session.messages():
                    if message.payload == b"first":
                        session.acknowledge(message)
                    else:
                        break
            async with connect(me) as session:
                assert session.present
                assert [message.payload for message in await take(session, 1)] == [b"second"]
            async with connect(me) as session:
                session.publish("c/3", b"third")
                assert [message.payload for message in await take(session, 1)] == [b"third"]


class Inner:
    """A paho client that notes what it is told."""

    def __init__(self, code: MQTTErrorCode) -> None:
        self.code = code
        self.told: list[tuple[int, int]] = []

    def ack(self, mid: int, qos: int) -> MQTTErrorCode:
        self.told.append((mid, qos))
        return self.code


def test_acknowledging_is_one_word_to_the_inner_client() -> None:
    message = Delivered("a", b"", retain=False, qos=1, mid=7)
    inner: Any = Inner(MQTTErrorCode.MQTT_ERR_SUCCESS)
    acknowledge(inner, message)
    acknowledge(inner, message._replace(qos=0))
    assert inner.told == [(7, 1)]
    with pytest.raises(MqttLostError):
        acknowledge(Inner(MQTTErrorCode.MQTT_ERR_NO_CONN), message)  # type: ignore[arg-type]  # stands in for paho's


async def test_the_retain_flag_comes_as_it_was_published_with_mqtt_5(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with connect(to(broker.url)) as session:
            await session.subscribe(("a",))
            session.publish("a", b"live", retain=True)
            assert (await take(session, 1))[0].retain


async def test_a_response_topic_correlation_and_expiry_travel(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with connect(to(broker.url)) as session:
            await session.subscribe(("a",))
            session.publish("a", b"", response_topic="r/1", correlation=b"\x00\x01", expiry_s=50)
            (got,) = await take(session, 1)
            assert (got.reply_topic, got.correlation) == ("r/1", b"\x00\x01")
            assert got.expiry_s in {49, 50}


async def test_the_will_is_told_when_a_program_is_gone_without_a_word(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with connect(to(broker.url, client_id="ear")) as ear:
            await ear.subscribe(("w",))
            async with connect(to(broker.url, client_id="mouth"), Will("w", b"gone")) as mouth:
                mouth.drop()
                assert (await take(ear, 1))[0].payload == b"gone"


async def test_a_broker_that_is_not_there_is_said_in_one_sentence() -> None:
    with pytest.raises(MqttLostError, match="can't be reached"):
        async with connect(to("mqtt://127.0.0.1:9")):
            pass


async def test_a_session_is_kept_over_deaths_of_the_broker(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        served: list[bool] = []
        lost: list[float] = []

        async def serve(session: Session) -> None:
            served.append(session.present)
            async for _ in session.messages():
                pass

        rng = Random(1)
        task = asyncio.create_task(
            stay_connected(
                to(broker.url), None, serve, rng=rng, backoff_max_s=0.2, lost=lambda _why, wait_s: lost.append(wait_s)
            )
        )
        for count in (1, 2, 3):
            await until(lambda count=count: len(served) == count)  # type: ignore[misc]  # bound at once
            broker.kill()
            await until(lambda count=count: len(lost) >= count)  # type: ignore[misc]  # bound at once
            broker.start()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert max(lost) <= 0.2


async def test_who_is_thrown_out_by_its_own_client_id_is_told_so_and_waits_long() -> None:
    async def throw_out(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(bytes.fromhex("2003000000"))  # CONNACK
        await reader.read(1000)
        writer.write(bytes.fromhex("e0028e00"))  # DISCONNECT: session taken over
        await writer.drain()
        writer.close()

    lost: list[tuple[str, float]] = []

    async def serve(session: Session) -> None:
        session.publish("here/i/am", b"")
        async for _ in session.messages():
            pass

    def note(reason: str, wait_s: float) -> None:
        lost.append((reason, wait_s))

    async with await asyncio.start_server(throw_out, "127.0.0.1", 0) as server:
        url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        keeping = asyncio.ensure_future(
            stay_connected(to(url), None, serve, rng=Random(1), backoff_max_s=60, lost=note)
        )
        await until(lambda: len(lost) > 0)
        keeping.cancel()
    assert [("client id" in reason, wait_s) for reason, wait_s in lost] == [(True, 60)]


async def test_a_session_that_ends_at_once_is_tried_less_and_less_often(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        waits: list[float] = []

        class Highest(Random):
            def uniform(self, a: float, b: float) -> float:
                waits.append(b)
                return a

        async def serve(session: Session) -> None:
            if len(waits) < 4:
                raise MqttRefusedError("no subscription for you")

        reasons: list[str] = []
        await stay_connected(
            to(broker.url), None, serve, rng=Highest(), backoff_max_s=3, lost=lambda r, _w: reasons.append(r)
        )
        assert waits == [0.5, 1, 2, 3]
        assert all("client id" in reason for reason in reasons)


def test_waiting_has_full_jitter_under_a_doubling_bound() -> None:
    rng = Random(3)
    for attempt in range(20):
        bound = min(30.0, 0.5 * 2**attempt)
        waits = [backoff_s(attempt, rng, 30.0) for _ in range(200)]
        assert min(waits) >= 0
        assert bound * 0.8 < max(waits) <= bound


async def test_passwords_and_acls_are_kept_to_and_said(tmp_path: Path) -> None:
    require_mosquitto()
    passwords, acl = tmp_path / "passwords", tmp_path / "acl"
    passwords.touch(mode=0o600)
    made = await asyncio.create_subprocess_exec("mosquitto_passwd", "-b", str(passwords), "gw1", "right")
    assert await made.wait() == 0
    acl.write_text("user gw1\ntopic readwrite meters/#\n", encoding="utf-8")
    with mosquitto(tmp_path, ("allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}")) as broker:
        good = to(broker.url, username="gw1", password=Secret("right"))
        async with connect(good) as session:
            await session.subscribe(("meters/a",))
            pubacks: list[str | None] = []
            session.on_puback = lambda _mid, refusal: pubacks.append(refusal)
            session.publish("meters/a", b"allowed")
            session.publish("elsewhere", b"not allowed")
            assert [message.payload for message in await take(session, 1)] == [b"allowed"]
            await until(lambda: len(pubacks) == 2)
            assert pubacks == [None, "Not authorized"]
        for wrong in (to(broker.url, username="gw1", password=Secret("wrong")), to(broker.url)):
            for version in ("5", "3.1.1"):
                with pytest.raises(MqttRefusedError, match="refused us"):
                    async with connect(
                        Broker(
                            url=broker.url,
                            client_id="x",
                            username=wrong.username,
                            password=wrong.password,
                            version=version,
                        )
                    ):
                        pass


KEY_USES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


class Authority:
    """A certificate authority for one test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.file = self._write("ca", self._certificate("test authority", self._key, authority=True))

    def _certificate(self, name: str, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + dt.timedelta(days=36500))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
            )
            # RFC 5280 asks for what follows, and Python 3.13 looks
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if authority:
            use = dict.fromkeys(KEY_USES, False) | {"key_cert_sign": True}
            builder = builder.add_extension(x509.KeyUsage(**use), critical=True)
        return builder.sign(self._key, hashes.SHA256())

    def _write(self, name: str, certificate: x509.Certificate) -> Path:
        path = self._folder / f"{name}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(self, name: str) -> tuple[str, str]:
        """A certificate's file and its key's."""
        key = ec.generate_private_key(ec.SECP256R1())
        key_file = self._folder / f"{name}.key"
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return str(self._write(name, self._certificate(name, key, authority=False))), str(key_file)


async def test_tls_with_certificates_on_both_sides(tmp_path: Path) -> None:
    ca = Authority(tmp_path)
    certificate, key = ca.issue("broker")
    mine, my_key = ca.issue("gw1")
    lines = (f"cafile {ca.file}", f"certfile {certificate}", f"keyfile {key}", "require_certificate true")
    with mosquitto(tmp_path, listener=lines) as broker:
        url = f"mqtts://127.0.0.1:{broker.port}"
        for version in ("5", "3.1.1"):
            good = to(url, authority=str(ca.file), certificate=mine, private_key=my_key, version=version)
            async with connect(good) as session:
                await session.subscribe(("a",))
                session.publish("a", b"secret")
                assert (await take(session, 1))[0].payload == b"secret"
        with pytest.raises(MqttLostError):
            async with connect(to(url, authority=str(ca.file))):
                pass
        with pytest.raises(MqttLostError, match=r"(?i)certificate"):
            async with connect(to(url, certificate=mine, private_key=my_key)):
                pass


AMQTT = """
import asyncio, logging, sys
from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig, ListenerType
logging.disable()
async def serve():
    kind = ListenerType(sys.argv[1])
    broker = Broker(BrokerConfig(
        listeners={"default": ListenerConfig(bind="127.0.0.1:0", type=kind)},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    ))
    await broker.start()
    (server,) = broker._servers.values()
    print(server.instance.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await broker.shutdown()
asyncio.run(serve())
"""


@asynccontextmanager
async def amqtt(kind: str) -> AsyncIterator[int]:
    """An amqtt broker, which speaks MQTT 3.1.1 only, in a process of its own; its port."""
    pytest.importorskip("amqtt")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", AMQTT, kind, stdin=pipe, stdout=pipe)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def test_a_broker_without_mqtt_5_is_spoken_to_in_3_1_1() -> None:
    async with amqtt("tcp") as port, connect(to(f"mqtt://127.0.0.1:{port}")) as session:
        assert session.version == "3.1.1"
        await session.subscribe(("a/b",))
        pubacks: list[str | None] = []
        session.on_puback = lambda _mid, refusal: pubacks.append(refusal)
        session.publish("a/b", b"old but good")
        assert (await take(session, 1))[0].payload == b"old but good"
        await until(lambda: pubacks == [None])


async def test_websockets() -> None:
    async with amqtt("ws") as port, connect(to(f"ws://127.0.0.1:{port}", version="3.1.1")) as session:
        await session.subscribe(("a/b",))
        session.publish("a/b", b"over websockets")
        assert (await take(session, 1))[0].payload == b"over websockets"
