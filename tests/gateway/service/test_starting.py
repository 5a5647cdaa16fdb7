"""What can't be had is said before anything is read, in one sentence with its key; while running it is a remark."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.configuration.config import ConfigError, check
from gateway.outbox.uplink import broker_of
from gateway.service.supervisor import Gateway
from tests.gateway.live import edge


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield other.getsockname()[1]


def gateway(folder: Path, **more: Any) -> Gateway:
    return Gateway(check({"id": "gw1", "broker": {"url": "mqtt://127.0.0.1:1"}} | more, "", "test"), edge(folder / "g"))


@pytest.mark.parametrize(
    ("key", "settings"),
    [
        ("metrics.listen", lambda port: {"metrics": {"listen": f"127.0.0.1:{port}"}}),
        ("push.listen", lambda port: {"push": {"listen": [f"dlms+tcp://127.0.0.1:{port}"]}}),
        ("url", lambda port: {"meter": [{"id": "A", "url": f"dlms+tcp+listen://127.0.0.1:{port}?client=16&server=1"}]}),
    ],
)
async def test_a_port_that_is_taken_ends_the_start_with_one_sentence(
    tmp_path: Path, taken: int, key: str, settings: Callable[[int], dict[str, Any]]
) -> None:
    starting = gateway(tmp_path, **{"metrics": {"listen": "off"}} | settings(taken))
    with pytest.raises(ConfigError, match=f"^key {key}: nobody can listen on .*{taken}.*Address already in use"):
        await starting.run(lambda _line: None, asyncio.Event())


async def test_a_port_that_is_taken_when_the_file_changes_is_a_remark(tmp_path: Path, taken: int) -> None:
    file = tmp_path / "g"
    begin = 'id = "gw1"\n[broker]\nurl = "mqtt://127.0.0.1:1"\n[metrics]\nlisten = "off"\n'
    file.write_text(begin)
    running = gateway(tmp_path, metrics={"listen": "off"})
    stop = asyncio.Event()

    def ready(_line: dict[str, Any]) -> None:
        ready_now.set()

    ready_now = asyncio.Event()
    task = asyncio.create_task(running.run(ready, stop))
    await ready_now.wait()
    file.write_text(begin + f'[[meter]]\nid = "A"\nurl = "dlms+tcp+listen://127.0.0.1:{taken}?client=16&server=1"\n')
    await running.reload()
    assert "nobody can listen on" in running.remarks["callers"]
    file.write_text(begin)
    await running.reload()
    assert running.remarks == {}
    stop.set()
    await task


@pytest.mark.parametrize(
    ("broker", "sentence"),
    [
        ({"authority": "none.pem"}, "key broker.authority: .*none.pem can't be used"),
        ({"certificate": "text.pem"}, "key broker.certificate: .*text.pem with .* can't be used .it is no PEM"),
        ({"password": {"file": "none"}}, "key broker.password: the key file .*can't be read"),
        ({"password": {"env": "TEST_NOBODY_SETS_THIS"}}, "key broker.password: the environment variable"),
    ],
)
def test_a_broker_s_files_are_looked_at_first(tmp_path: Path, broker: dict[str, Any], sentence: str) -> None:
    (tmp_path / "text.pem").write_text("not a certificate")
    config = check({"id": "gw1", "broker": {"url": "mqtts://127.0.0.1:1"} | broker}, "", "test")
    with pytest.raises(ConfigError, match=sentence):
        broker_of(config.broker, config.id, tmp_path)


@pytest.mark.parametrize(
    ("meter", "sentence"),
    [
        ({"url": "modbus+tcp://127.0.0.1:502?unit=1"}, 'meter "A", key model: a Modbus meter needs one'),
        (
            {"url": "dlms+tcp://127.0.0.1:1?client=16&server=1", "read": {"instantaneus": "1m"}},
            'meter "A", key read.instantaneus: there is no such profile; did you mean `instantaneous`',
        ),
        (
            {"url": "modbus+tcp://127.0.0.1:502?unit=1", "model": "sdm120", "read": {"block_load": "1m"}},
            'meter "A", key read.block_load: there is no such profile',
        ),
    ],
)
def test_a_meter_that_could_never_be_read_so_is_told(tmp_path: Path, meter: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        gateway(tmp_path, meter=[{"id": "A"} | meter])


def test_two_meters_at_one_address_are_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = "dlms+tcp://127.0.0.1:1?client=16&server=1"
    gateway(tmp_path, meter=[{"id": "A", "url": url}, {"id": "B", "url": url}, {"id": "C", "url": url + "7"}])
    assert [each.message for each in caplog.records] == ["meters A and B have the same url; is that meant?"]
