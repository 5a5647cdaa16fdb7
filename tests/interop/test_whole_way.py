"""The whole way, with independent peers at both ends: mosquitto and paho on one, dlms-cosem on the other."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from dlms_cosem.enumerations import AuthenticationMechanism
from paho.mqtt.enums import CallbackAPIVersion

from protocols.dlms.value import decode
from tests.broker import Mosquitto, mosquitto
from tests.emulator import peers
from tests.emulator.program import Running, emulator
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop

ROOT = Path(__file__).resolve().parents[2]
BENCH = """
seed = 42
[[meter]]
id = "MB0001"
model = "is15959-d1"
load = { constant = 1000 }
supply = { constant = 230 }
listen = ["dlms+tcp://127.0.0.1:0"]
[[meter]]
id = "EA0001"
model = "sdm120"
load = { constant = 500 }
supply = { constant = 230 }
listen = ["modbus+tcp://127.0.0.1:0?unit=1"]
"""
GATEWAY = """
id = "gw7"
[broker]
url = "{broker}"
[store]
path = "gateway.db"
[[meter]]
id = "MB0001"
url = "{dlms}"
auth = "{auth}"
read = {{ instantaneous = "1s", nameplate = "1d", daily_load = {{ every = "1d", depth = "3d" }} }}
[[meter]]
id = "EA0001"
url = "{modbus}"
model = "sdm120"
auth = "none"
read = {{ instantaneous = "1s" }}
"""
UTILITY = "client=48"
AUTH = "hls"


class Subscriber:
    """An independent subscriber that keeps all it sees."""

    def __init__(self, port: int) -> None:
        self.seen: list[tuple[str, bool, dict[str, Any]]] = []
        self._news = threading.Condition()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv311)
        self._client.on_connect = lambda client, *_: client.subscribe("meters/v1/#", qos=1)
        self._client.on_message = self._take
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _take(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._news:
            self.seen.append((message.topic, message.retain, json.loads(message.payload)))
            self._news.notify_all()

    def first(self, topic: str, **fields: Any) -> dict[str, Any]:
        """The first message on a topic that has these fields; waits for it."""

        def found() -> dict[str, Any] | None:
            for at, _, payload in self.seen:
                if at == topic and all(payload.get(key) == value for key, value in fields.items()):
                    return payload
            return None

        with self._news:
            if not self._news.wait_for(lambda: found() is not None, PATIENCE_S):
                topics = sorted({topic for topic, _, _ in self.seen})
                pytest.fail(f"nothing on {topic} with {fields}; seen: {topics}")
            message = found()
        assert message is not None
        return message

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def program(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "meterbench", "gateway", *arguments]


@contextmanager
def gateway(folder: Path) -> Iterator[dict[str, Any]]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with (folder / "gateway.service.log").open("wb") as log:
        process = subprocess.Popen(
            program("run", "gateway.toml", "--until-stdin-closes"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=environment,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, (folder / "gateway.service.log").read_text()
            yield json.loads(line)
        finally:
            process.stdin.close()
            process.stdout.close()
            assert process.wait(PATIENCE_S) == 0, (folder / "gateway.service.log").read_text()


class Way:
    """Everything that runs, for the length of the module."""

    def __init__(self, broker: Mosquitto, bench: Running, ready: dict[str, Any], subscriber: Subscriber) -> None:
        self.broker = broker
        self.bench = bench
        self.ready = ready
        self.subscriber = subscriber

    def send(self, meter: str, verb: str, *more: str) -> subprocess.CompletedProcess[str]:
        command = program("send", meter, verb, "--broker", self.broker.url, "--gateway", "gw7", *more)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False, env=environment)

    def ask(self, *attributes: tuple[int, str, int]) -> list[Any]:
        """Values that dlms-cosem reads, past the gateway."""
        url = self.bench.urls("MB0001")[0].replace("client=16", "client=32")
        with peers.dlms_client(
            url, authentication_method=AuthenticationMechanism.LLS, password=b"meterbench"
        ) as client:
            return [decode(peers.get(client, *attribute))[1] for attribute in attributes]


@pytest.fixture(scope="module")
def way(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("way")
    (folder / "bench.toml").write_text(BENCH)
    with mosquitto(folder) as broker, emulator("bench.toml", cwd=folder) as bench:
        text = GATEWAY.format(
            broker=broker.url,
            dlms=bench.urls("MB0001")[0].replace("client=16", UTILITY),
            modbus=bench.urls("EA0001")[0],
            auth=AUTH,
        )
        (folder / "gateway.toml").write_text(text)
        subscriber = Subscriber(broker.port)
        try:
            with gateway(folder) as ready:
                yield Way(broker, bench, ready, subscriber)
        finally:
            subscriber.close()


def test_the_ready_line_says_who_is_there(way: Way) -> None:
    assert way.ready["ready"] is True
    assert way.ready["id"] == "gw7"
    assert way.ready["meters"]
    assert "metrics" in way.ready


def test_a_subscriber_sees_readings_of_both_protocols(way: Way) -> None:
    for meter, names in (("MB0001", {"voltage", "active_power"}), ("EA0001", {"voltage", "active_power"})):
        reading = way.subscriber.first(f"meters/v1/gw7/{meter}/reading/instantaneous")
        assert len(reading["stream"]) == 26
        assert reading["seq"] >= 1
        assert reading["read_at"]
        values = {value["name"]: value for value in reading["rows"][0]["values"]}
        assert names <= values.keys()
        power = values["active_power"]
        assert (power["unit"], power["quality"]) == ("W", "good")
        assert isinstance(power["value"], str), "an exact decimal travels as text"
        assert "obis" in power or "register" in power
    row = way.subscriber.first("meters/v1/gw7/MB0001/reading/instantaneous")["rows"][0]
    assert row["at"].endswith("+05:30")


def test_a_subscriber_sees_who_is_online(way: Way) -> None:
    status = way.subscriber.first("meters/v1/gw7/status", online=True)
    assert {"version", "stream", "seq", "sent_through"} <= status.keys()
    for meter in ("MB0001", "EA0001"):
        assert way.subscriber.first(f"meters/v1/gw7/{meter}/status", status="online")["consecutive_failures"] == 0
    way.subscriber.first("meters/v1/gw7/MB0001/relay")
    late = Subscriber(way.broker.port)
    try:
        late.first("meters/v1/gw7/status")
        late.first("meters/v1/gw7/MB0001/relay")
        late.first("meters/v1/gw7/MB0001/status")
        retained = {topic for topic, retain, _ in late.seen if retain}
        assert {"meters/v1/gw7/status", "meters/v1/gw7/MB0001/relay", "meters/v1/gw7/MB0001/status"} <= retained
    finally:
        late.close()


def test_a_cut_over_mqtt_is_seen_by_an_independent_client_and_given_back(way: Way) -> None:
    way.subscriber.first("meters/v1/gw7/MB0001/relay", output_state=True)

    cut = way.send("MB0001", "disconnect", "--cause", "maintenance")
    assert cut.returncode == 0, cut.stderr
    way.subscriber.first("meters/v1/gw7/MB0001/relay", output_state=False, control_state="disconnected")
    relay, energy = (70, "0.0.96.3.10.255"), (3, "1.0.1.8.0.255", 2)
    output, state, current, before = way.ask((*relay, 2), (*relay, 3), (3, "1.0.11.7.0.255", 2), energy)
    assert (output, state, current) == (False, 0, 0)
    # The register of a 1 kW load moves by its resolution of 0.1 Wh in 0.36 s: two readings of the gateway are longer.
    count = len(way.subscriber.seen)
    dark = way.subscriber.first("meters/v1/gw7/MB0001/reading/instantaneous", seq=_later(way, count, 2))
    amps = {value["name"]: value["value"] for value in dark["rows"][0]["values"]}["current"]
    assert float(amps) == 0
    assert way.ask(energy) == [before], "an open contact carries nothing"

    back = way.send("MB0001", "reconnect", "--cause", "maintenance")
    assert back.returncode == 0, back.stderr
    output, state = way.ask((*relay, 2), (*relay, 3))
    assert (output, state) == (True, 1)

    rungs = [payload["rung"] for topic, _, payload in way.subscriber.seen if topic.endswith("/MB0001/result")]
    assert rungs[:4] == ["accepted", "sent", "acknowledged", "confirmed"]


def _later(way: Way, count: int, readings: int) -> int:
    """The seq of the n-th instantaneous reading of MB0001 after `count` messages; waits for it."""
    topic = "meters/v1/gw7/MB0001/reading/instantaneous"

    def later() -> list[int]:
        return [payload["seq"] for at, _, payload in way.subscriber.seen[count:] if at == topic]

    news = way.subscriber._news
    with news:
        assert news.wait_for(lambda: len(later()) >= readings, PATIENCE_S)
    return later()[readings - 1]


def test_a_disconnect_for_money_needs_evidence(way: Way) -> None:
    refused = way.send("MB0001", "disconnect", "--cause", "non_payment")
    assert refused.returncode == 5, refused.stderr + refused.stdout
    assert way.ask((70, "0.0.96.3.10.255", 3)) == [1]
