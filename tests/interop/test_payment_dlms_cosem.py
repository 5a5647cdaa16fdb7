"""dlms-cosem reads account, credits and charges, enters tokens, and finds the money there after a kill -9."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random
from select import select
from typing import Any

import pytest
from dlms_cosem.clients.dlms_client import ActionError
from dlms_cosem.cosem import CosemMethod, Obis
from dlms_cosem.enumerations import AuthenticationMechanism, CosemInterface
from dlms_cosem.exceptions import CommunicationError

from emulator.payment.state import TokenStatus
from emulator.payment.token import BenchFormat
from protocols.dlms.value import Tag, decode, encode
from protocols.model.association import SECRETS_DEFAULT
from tests.emulator import peers
from tests.emulator.program import Running, emulator

pytestmark = pytest.mark.interop

MODEL = """
base = "is15959-d1-prepaid"
title = "prepayment with GMAC"
[[association]]
client = 48
mechanism = "hls-gmac"
[payment.credits."0.0.19.10.0.255"]
opening = 0
"""
BENCH = """
seed = 42
[clock]
start = "2024-10-28T12:05:00+05:30"
rate = 0
[[meter]]
id = "PP0001"
model = "prepaid.toml"
load = { constant = 3000 }
supply = { constant = 240 }
listen = ["dlms+tcp://127.0.0.1:0"]
"""
ACCOUNT, TOKENS, EMERGENCY, ENERGY, GATEWAY = (
    "0.0.19.0.0.255",
    "0.0.19.10.0.255",
    "0.0.19.10.1.255",
    "0.0.19.20.0.255",
    "0.0.19.40.0.255",
)
TOKEN = BenchFormat(SECRETS_DEFAULT["token"], "PP0001")


@contextmanager
def utility(running: Running, title: bytes) -> Iterator[Any]:
    """An associated client 48."""
    url = running.urls("PP0001")[0]
    with peers.dlms_client(url) as public:
        counter = decode(peers.get(public, 1, "0.0.43.1.3.255", 2))[1]
    with peers.dlms_client(
        url.replace("client=16", "client=48"),
        authentication_method=AuthenticationMechanism.HLS_GMAC,
        encryption_key=bytes(range(16)),
        authentication_key=bytes(range(0xD0, 0xE0)),
        client_system_title=title,
        client_initial_invocation_counter=counter + 1,
    ) as client:
        yield client


def enter(client: Any, token: str) -> tuple[bool, int]:
    """Enter a token; whether the method went through, and the status afterwards."""
    method = CosemMethod(CosemInterface.TOKEN_GATEWAY, Obis.from_string(GATEWAY), 1)
    try:
        client.action(method, encode((int(Tag.OCTET_STRING), token.encode())))
        done = True
    except ActionError:
        done = False
    return done, decode(peers.get(client, 115, GATEWAY, 6))[1][0][1]


def content(client: Any, class_id: int, name: str, attribute: int) -> Any:
    return decode(peers.get(client, class_id, name, attribute))[1]


def test_an_independent_client_reads_and_pays_and_a_kill_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "prepaid.toml").write_text(MODEL)
    (tmp_path / "bench.toml").write_text(BENCH)
    arguments = ("bench.toml", "--state", "kept")
    with emulator(*arguments, cwd=tmp_path) as running:
        with utility(running, b"MTB00001") as client:
            assert content(client, 111, ACCOUNT, 2) == [(Tag.ENUM, 2), (Tag.ENUM, 2)]
            assert content(client, 111, ACCOUNT, 4) == "00010010"
            assert content(client, 111, ACCOUNT, 15)[0] == (Tag.UTF8_STRING, "INR")
            assert content(client, 112, TOKENS, 2) == 0
            assert content(client, 112, EMERGENCY, 8) == 1
            assert content(client, 113, ENERGY, 5)[2][1][0][1][1] == (Tag.LONG, 412)
            assert content(client, 70, "0.0.96.3.10.255", 3) == 2
            assert enter(client, TOKEN.issue(7, 12_345)) == (True, TokenStatus.EXECUTION_OK)
            assert enter(client, TOKEN.issue(7, 12_345)) == (False, TokenStatus.VALIDATION_FAILURE)
            assert content(client, 112, TOKENS, 2) == 12_345
            assert content(client, 70, "0.0.96.3.10.255", 3) == 1
        assert running.end(signal.SIGKILL) == -signal.SIGKILL
    with emulator(*arguments, cwd=tmp_path) as running, utility(running, b"MTB00001") as client:
        assert content(client, 112, TOKENS, 2) == 12_345
        assert enter(client, TOKEN.issue(7, 12_345)) == (False, TokenStatus.VALIDATION_FAILURE)
        assert enter(client, TOKEN.issue(8, 5)) == (True, TokenStatus.EXECUTION_OK)
        assert content(client, 112, TOKENS, 2) == 12_350


def send_and_kill(transport: Any, running: Running, after_s: float, data: bytes) -> bytes:
    """Send a request, and kill the meter when it has had so much time for it, or has answered."""
    transport.tcp_socket.sendall(transport.wrap(data))
    select([transport.tcp_socket], [], [], after_s)
    running.process.send_signal(signal.SIGKILL)
    raise ConnectionResetError("the meter was killed")


def test_a_token_that_a_kill_has_cut_off_counts_once(tmp_path: Path) -> None:
    """Killed while it works on the token, at whatever instant: entered again, it has counted once."""
    (tmp_path / "prepaid.toml").write_text(MODEL)
    (tmp_path / "bench.toml").write_text(BENCH)
    rng = Random(20241028)
    paid = 0
    with emulator("bench.toml", "--state", "kept", cwd=tmp_path) as running:
        cut_off(running, 1, rng.uniform(0, 0.004))
    for number in (1, 2):
        with emulator("bench.toml", "--state", "kept", cwd=tmp_path) as running:
            token = TOKEN.issue(number, 1000 + number)
            with utility(running, b"MTB00001") as client:
                again, status = enter(client, token)
                assert status == (TokenStatus.EXECUTION_OK if again else TokenStatus.VALIDATION_FAILURE)
                paid += 1000 + number
                assert content(client, 112, TOKENS, 2) == paid
                assert enter(client, token) == (False, TokenStatus.VALIDATION_FAILURE)
            if number == 1:
                cut_off(running, 2, rng.uniform(0, 0.004))


def cut_off(running: Running, number: int, after_s: float) -> None:
    """Enter a token, and kill the meter over it."""
    with suppress(OSError, CommunicationError), utility(running, b"MTB00001") as client:
        client.io_interface.send = partial(send_and_kill, client.io_interface, running, after_s)
        enter(client, TOKEN.issue(number, 1000 + number))
    assert running.end(signal.SIGKILL) == -signal.SIGKILL


def test_the_meter_reader_reads_every_attribute_of_the_payment_objects(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH.replace("prepaid.toml", "is15959-d1-sts"))
    with emulator("bench.toml", cwd=tmp_path) as running:
        url = running.urls("PP0001")[0].replace("client=16", "client=32")
        lls = {"authentication_method": AuthenticationMechanism.LLS, "password": b"meterbench"}
        with peers.dlms_client(url, **lls) as client:
            for class_id, name, count in (
                (111, ACCOUNT, 19),
                (112, TOKENS, 11),
                (112, EMERGENCY, 11),
                (113, ENERGY, 13),
                (115, GATEWAY, 6),
            ):
                for attribute in range(1, count + 1):
                    assert peers.get(client, class_id, name, attribute)
