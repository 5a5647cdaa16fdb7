"""Kill -9 in the middle of ciphered traffic: after the restart no counter is below one that was used before."""

import signal
from pathlib import Path
from random import Random

import pytest

from benchmarks.dlms_ciphered import Connection
from protocols.dlms.get import GetRequestNormal
from protocols.dlms.service_error import ExceptionResponse
from protocols.wrapper import encode as wrapped
from tests.emulator.program import Running, emulator

CLOCK = GetRequestNormal(0xC1, 8, bytes((0, 0, 1, 0, 0, 255)), 2).encode()
KILLS = 3
ARGUMENTS = ("--model", "is15959-d1", "--id", "MB0001", "--listen", "dlms+tcp://127.0.0.1:0", "--seed", "7")


def port_of(running: Running) -> int:
    return int(running.urls("MB0001")[0].rpartition("?")[0].rpartition(":")[2])


def ask(connection: Connection) -> tuple[int, int]:
    """One ciphered GET: the counters of the request and of its answer."""
    connection.send(CLOCK)
    answer = connection.socket.recv(4096)
    assert connection.check(answer)
    counter = connection.protection._context.current.sent[0].lowest - 1
    return counter, int.from_bytes(answer[11:15], "big")


def talk_until_killed(running: Running, connection: Connection, requests: int) -> tuple[int, int]:
    """Ask until the emulator is gone; the last counters of either side that were seen to be used."""
    last = ask(connection)
    for place in range(10_000):
        if place == requests:
            running.process.send_signal(signal.SIGKILL)
        try:
            last = ask(connection)
        except (OSError, AssertionError, IndexError):
            break
    return last


@pytest.mark.parametrize("seed", [1])
def test_no_counter_is_lower_after_a_kill(tmp_path: Path, seed: int) -> None:
    rng = Random(seed)
    asked, answered, recorded = 0, 0, b""
    for _ in range(KILLS):
        with emulator(*ARGUMENTS, "--state", str(tmp_path / "state")) as running:
            connection = Connection(port_of(running), real=True)  # reads the counter object first
            first = ask(connection)
            assert first[0] > asked
            assert first[1] > answered
            if recorded:
                connection.socket.sendall(wrapped(48, 1, recorded))
                refusal = ExceptionResponse.decode(connection.socket.recv(4096)[8:])
                assert refusal.invocation_counter is not None
                assert refusal.invocation_counter > asked
            recorded = connection.protection.protect(CLOCK, connection.association, 0)
            connection.socket.sendall(wrapped(48, 1, recorded))
            connection.socket.recv(4096)
            asked, answered = talk_until_killed(running, connection, rng.randrange(1, 3000))
            connection.socket.close()
            assert running.end() == -signal.SIGKILL
    assert asked > 1000


def test_an_ordinary_end_keeps_them_too(tmp_path: Path) -> None:
    with emulator(*ARGUMENTS, "--state", str(tmp_path / "state")) as running:
        connection = Connection(port_of(running), real=True)
        asked, answered = ask(connection)
        connection.socket.close()
        assert running.end() == 0
    with emulator(*ARGUMENTS, "--state", str(tmp_path / "state")) as running:
        connection = Connection(port_of(running), real=True)
        again = ask(connection)
        assert again[0] > asked
        assert again[1] > answered
        connection.socket.close()
