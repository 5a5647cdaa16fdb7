"""The load switch of every Modbus model that has one, from MQTT to the contact and back, and what refuses to move it.

mosquitto, the gateway and the emulator run as programs; what the contact does is seen by pymodbus, past the gateway.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient
from pymodbus.pdu import ModbusPDU

from protocols.address import ModbusAddress, Tcp, parse
from protocols.modbus.relay_control import RelayControl
from protocols.model.loader import load, model_ids
from tests.broker import mosquitto
from tests.emulator.program import Running, emulator
from tests.interop.test_whole_way import Subscriber, gateway

pytestmark = pytest.mark.interop

SWITCHING = [name for name in model_ids() if (modbus := load(name).modbus) is not None and modbus.relay is not None]
HURRIED = "PEM-FAST"
"""A PEM533 on a bench whose clock runs ten thousand times too fast: 15 seconds are 1.5 ms."""
LOCKED = "SDM630"
RIVETED = """
base = "{model}"
title = "a {model} whose load switch is locked"
[relay]
control_mode = 0
"""
"""Control mode 0 of class 70: the switch stays where it is, whoever asks."""
TWICE = "TWICE"
"""A DDS238 that answers for two ids; the second is another meter to the gateway."""
TRIES = 1000
"""Reads after which a contact has moved, or never will."""

METER = """
[[meter]]
id = "{id}"
model = "{model}"
load = {{ constant = 1000 }}
supply = {{ constant = 230 }}
listen = ["modbus+tcp://127.0.0.1:0?unit={unit}&shared=a"]
"""
CONFIG = """
[[meter]]
id = "{id}"
url = "{url}"
model = "{model}"
read = {{ instantaneous = "1h" }}
observe_after = "100ms"
"""
EXCEPTIONS = {"illegal function": 1, "illegal data address": 2, "server device failure": 4}


class Head(Subscriber):
    """A head-end that also commands."""

    def send(self, meter: str, verb: str, /, **more: Any) -> list[dict[str, Any]]:
        """Send a command and wait for its end; every rung."""
        command_id = f"{meter}-{verb}-{len(self.seen)}"
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))  # noqa: TID251 (real programs)
        command = {"id": command_id, "verb": verb, "cause": "maintenance", "expires_at": expires} | more
        self._client.publish(f"meters/v1/gw7/{meter}/command", json.dumps(command), qos=1)
        topic = f"meters/v1/gw7/{meter}/result"
        self.first(topic, id=command_id, final=True)
        return [payload for at, _, payload in self.seen if at == topic and payload["id"] == command_id]

    def write(self, meter: str, **args: Any) -> dict[str, Any]:
        """The end of a raw write."""
        return self.send(meter, "write", args=args)[-1]


class Place:
    """What runs."""

    def __init__(self, head: Head, benches: tuple[Running, Running]) -> None:
        self.head = head
        self._benches = benches

    @contextmanager
    def client(self, meter: str) -> Iterator[tuple[ModbusTcpClient, int]]:
        """A client of pymodbus on a meter's port, and the meter's unit."""
        url = next(each["urls"][0] for bench in self._benches for each in bench.ready["meters"] if each["id"] == meter)
        address = parse(url)
        assert isinstance(address, ModbusAddress)
        assert isinstance(address.carrier, Tcp)
        with ModbusTcpClient(address.carrier.host, port=address.carrier.port) as client:
            yield client, address.unit

    def is_closed(self, meter: str, control: RelayControl) -> bool:
        """What the meter shows of its contact to somebody else."""
        state = control.state
        with self.client(meter) as (client, unit):
            if state.function == 1:
                return bool(client.read_coils(state.address, count=1, device_id=unit).bits[0])
            shown = client.read_holding_registers(state.address, count=1, device_id=unit).registers[0]
        return shown & state.mask == state.closed

    def opens(self, meter: str, control: RelayControl) -> bool:
        """Whether the contact is seen to open: it needs a tenth of a second to move."""
        return any(not self.is_closed(meter, control) for _ in range(TRIES))


def control_of(model: str) -> RelayControl:
    modbus = load(model).modbus
    assert modbus is not None
    assert modbus.relay is not None
    return modbus.relay


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("relays")
    meters = [(model.upper(), model) for model in SWITCHING] + [(LOCKED, "sdm630"), (TWICE, "dds238")]
    for model in SWITCHING:
        meters.append((f"{model.upper()}-RIVETED", f"riveted-{model}.toml"))
        (folder / f"riveted-{model}.toml").write_text(RIVETED.format(model=model))
    texts = [METER.format(id=name, model=model, unit=unit) for unit, (name, model) in enumerate(meters, 1)]
    second = "modbus+tcp://127.0.0.1:0?unit=100&shared=a"
    texts = [text.replace('shared=a"]', f'shared=a", "{second}"]') if TWICE in text else text for text in texts]
    (folder / "bench.toml").write_text("seed = 42\n" + "".join(texts))
    hurried = METER.format(id=HURRIED, model="pem533", unit=1)
    (folder / "hurried.toml").write_text("seed = 42\n[clock]\nrate = 10000\n" + hurried)
    with (
        mosquitto(folder) as broker,
        emulator("bench.toml", cwd=folder) as bench,
        emulator("hurried.toml", cwd=folder) as fast,
    ):
        listed = [
            (each["id"] + suffix, each["model"].removeprefix("riveted-"), url)
            for each in bench.ready["meters"] + fast.ready["meters"]
            for suffix, url in zip(("", "-AGAIN"), each["urls"], strict=False)
        ]
        sections = [CONFIG.format(id=name, model=model, url=url) for name, model, url in listed]
        head = f'id = "gw7"\n[broker]\nurl = "{broker.url}"\n[store]\npath = "gateway.db"\n'
        (folder / "gateway.toml").write_text(head + "".join(sections))
        subscriber = Head(broker.port)
        try:
            with gateway(folder):
                subscriber.first("meters/v1/gw7/status", online=True)
                yield Place(subscriber, (bench, fast))
        finally:
            subscriber.close()


def test_there_are_models_of_every_way_to_work_a_switch() -> None:
    assert {control_of(model).way for model in SWITCHING} == {"register", "coil", "command", "arm"}


@pytest.mark.parametrize("model", SWITCHING)
def test_a_switch_moves_from_mqtt_and_back(place: Place, model: str) -> None:
    meter, control = model.upper(), control_of(model)
    assert place.is_closed(meter, control)
    cut = place.head.send(meter, "disconnect")
    assert [each["rung"] for each in cut][:4] == ["accepted", "sent", "acknowledged", "confirmed"]
    assert cut[-1]["rung"] == "observed", "no current flows through an open contact"
    assert not place.is_closed(meter, control)
    place.head.first(f"meters/v1/gw7/{meter}/relay", output_state=False, control_state="disconnected")

    back = place.head.send(meter, "reconnect")
    assert [each["rung"] for each in back] == ["accepted", "sent", "acknowledged", "confirmed", "observed"]
    assert place.is_closed(meter, control)


@pytest.mark.parametrize("model", SWITCHING)
def test_a_switch_that_is_locked_by_its_control_mode_says_so_and_stays(place: Place, model: str) -> None:
    meter = f"{model.upper()}-RIVETED"
    refused = place.head.send(meter, "disconnect")
    assert [each["rung"] for each in refused] == ["accepted", "sent", "failed"]
    assert "server device failure" in refused[-1]["reason"]
    assert place.is_closed(meter, control_of(model))


def test_a_unit_that_answers_for_two_ids_is_one_switch_with_two_names(place: Place) -> None:
    assert place.head.send(f"{TWICE}-AGAIN", "disconnect")[-1]["rung"] == "observed"
    assert not place.is_closed(TWICE, control_of("dds238"))
    assert place.head.send(TWICE, "reconnect")[-1]["rung"] == "observed"
    place.head.send(f"{TWICE}-AGAIN", "read", args={"profile": "nameplate"})
    place.head.first(f"meters/v1/gw7/{TWICE}-AGAIN/relay", output_state=False)


def test_a_switch_that_was_not_armed_does_not_move(place: Place) -> None:
    control = control_of("pem533")
    refused = place.head.write("PEM533", coil=control.open[1], value=1)
    assert refused["rung"] == "failed"
    assert "server device failure" in refused["reason"]
    assert place.is_closed("PEM533", control)


def test_armed_by_hand_it_moves_and_its_command_coils_cannot_be_read_back(place: Place) -> None:
    control = control_of("pem533")
    for coil in control.open:
        done = place.head.write("PEM533", coil=coil, value=1)
        assert done["rung"] == "unknown", "never reported as done without a read-back"
        assert "can't be read back" in done["reason"]
    assert place.opens("PEM533", control)
    assert place.head.send("PEM533", "reconnect")[-1]["rung"] == "observed"


def test_an_arm_that_has_expired_executes_nothing(place: Place) -> None:
    control = control_of("pem533")
    assert place.head.write(HURRIED, coil=control.open[0], value=1)["rung"] == "unknown"
    late = place.head.write(HURRIED, coil=control.open[1], value=1)
    assert late["rung"] == "failed"
    assert "server device failure" in late["reason"]
    assert place.is_closed(HURRIED, control)


def test_a_locked_register_is_not_written(place: Place) -> None:
    modbus = load("sdm630").modbus
    assert modbus is not None
    locked = next(each for each in modbus.registers if each.locked)
    refused = place.head.write(LOCKED, register=locked.address, values=list(range(locked.words)))
    assert refused["rung"] == "failed"
    assert "illegal data address" in refused["reason"]


def test_the_guard_knows_which_registers_cut(place: Place) -> None:
    control = control_of("dds238")
    refused = place.head.send("DDS238", "write", args={"register": control.address, "value": 0}, cause="non_payment")
    assert [each["rung"] for each in refused] == ["refused"]
    assert place.is_closed("DDS238", control)


@pytest.mark.parametrize("model", SWITCHING)
def test_the_wrong_function_moves_nothing(place: Place, model: str) -> None:
    meter, control = model.upper(), control_of(model)
    with place.client(meter) as (client, unit):
        refused = wrong(client, unit, control)
    assert refused.isError()
    assert refused.exception_code in EXCEPTIONS.values()
    assert place.is_closed(meter, control)


def wrong(client: ModbusTcpClient, unit: int, control: RelayControl) -> ModbusPDU:
    """What asks for a cut by a function that the maker does not take for it."""
    match control.way:
        case "coil":
            return client.write_coils(control.address, [False], device_id=unit)
        case "arm":
            return client.write_coils(control.open[0], [True, True], device_id=unit)
        case "command":
            return client.write_register(control.address, control.open[0], device_id=unit)
        case _:
            return client.mask_write_register(
                address=control.address, and_mask=0, or_mask=control.open[0], device_id=unit
            )
