"""DLMS GET in clear, on the wrapper and in HDLC: the server's CPU a request, against a bare uvloop echo of the octets.

The server is the real emulator with one meter, its access rights and its journal on. The client keeps one request
under way on each connection and asks for another attribute with another invoke id every time, so nothing can be
remembered; it checks that each answer is a value and carries its request's invoke id. What counts is the CPU time of
the server's process (all its threads), so what the client costs does not matter. The two are measured in turns, and
the median of the turns' ratios is taken.
"""

import argparse
import asyncio
import json
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from struct import Struct
from typing import NamedTuple, TextIO, cast

import uvloop

from protocols.dlms.acse import AssociationRequest, Mechanism
from protocols.dlms.conformance import Conformance
from protocols.dlms.get import GetRequestNormal
from protocols.dlms.initiate import InitiateRequest
from protocols.hdlc import frame as hdlc
from protocols.hdlc import llc
from protocols.wrapper import encode as wrapped

CLIENT, PASSWORD = 32, b"meterbench"
TURNS = 7
SECONDS = 1.0
WRAPPER = Struct(">HHHH")
ACCEPTED = bytes.fromhex("a203020100")

ATTRIBUTES = (
    (8, "0.0.1.0.0.255", 2),
    (1, "0.0.96.1.0.255", 2),
    (1, "1.0.0.2.0.255", 2),
    (3, "1.0.12.7.0.255", 2),
    (3, "1.0.11.7.0.255", 2),
    (3, "1.0.91.7.0.255", 2),
    (3, "1.0.13.7.0.255", 2),
    (3, "1.0.14.7.0.255", 2),
    (3, "1.0.9.7.0.255", 2),
    (3, "1.0.1.7.0.255", 2),
    (3, "1.0.1.8.0.255", 2),
    (3, "1.0.1.8.0.255", 3),
    (3, "1.0.9.8.0.255", 2),
    (3, "1.0.2.8.0.255", 2),
    (70, "0.0.96.3.10.255", 2),
    (70, "0.0.96.3.10.255", 3),
    (1, "0.0.94.91.0.255", 2),
)
"""Clock, nameplate, instantaneous values, energies, a scaler, the switch."""


class Echo(asyncio.Protocol):
    """The floor: what came, without looking at it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self.write = cast("asyncio.Transport", transport).write

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self.write(data)


async def serve_echo() -> None:
    """Say the port, and serve until killed."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


@contextmanager
def child(*command: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process, and the first line that it prints."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield process, cast("TextIO", process.stdout).readline()
    finally:
        process.terminate()
        process.wait()


def cpu_ns(process: subprocess.Popen[str]) -> int:
    """CPU time that all threads of a process have used."""
    threads = Path(f"/proc/{process.pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads)


class Carrier(NamedTuple):
    """How APDUs stand on the wire, and what the bounds are.

    Attributes:
        scheme: of the emulator's URL.
        limits: by connections: what the best server anybody has published stands at, or better.
        sequences: how many frames there are of one request, told apart by what was sent before.
        frame: the frame of an APDU and a sequence number.
        answer_at: where the APDU of an answer begins.
    """

    scheme: str
    limits: dict[int, float]
    sequences: int
    frame: Callable[[bytes, int], bytes]
    answer_at: int


def _hdlc_frame(apdu: bytes, sequence: int) -> bytes:
    control = hdlc.information_control(sequence, sequence, poll_final=True)
    return hdlc.encode(hdlc.Frame(b"\x03", bytes((CLIENT << 1 | 1,)), control, llc.COMMAND + apdu))


CARRIERS = {
    "wrapper": Carrier("dlms+tcp", {1: 1.6, 50: 2.0}, 1, lambda apdu, _: wrapped(CLIENT, 1, apdu), WRAPPER.size),
    "hdlc": Carrier("dlms+hdlc+tcp", {1: 2.0, 50: 2.5}, 8, _hdlc_frame, 11),
}
"""In HDLC an answer has flag, format (2), addresses (1 and 1), control, HCS (2) and LLC (3) before its APDU."""


class Connection:
    """One to a server, and how many requests went over it."""

    def __init__(self, port: int, carrier: Carrier, *, real: bool) -> None:
        self.carrier = carrier
        self.sent = 0
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if real:
            self._associate()

    def _associate(self) -> None:
        if self.carrier.sequences > 1:
            snrm = hdlc.unnumbered_control(hdlc.Kind.SNRM, poll_final=True)
            self.socket.sendall(hdlc.encode(hdlc.Frame(b"\x03", bytes((CLIENT << 1 | 1,)), snrm)))
            self.socket.recv(4096)
        request = AssociationRequest(
            authentication=True,
            mechanism=Mechanism.LOW,
            calling_authentication_value=PASSWORD,
            user_information=InitiateRequest(conformance=Conformance.GET, max_pdu=1024).encode(),
        )
        answer = self.ask([self.carrier.frame(request.encode(), 0)])
        if ACCEPTED not in answer:
            raise SystemExit(f"the emulator refuses the association: {answer.hex()}")

    def send(self, frames: list[bytes]) -> None:
        """The request, as it stands after those before it."""
        self.socket.sendall(frames[self.sent % len(frames)])
        self.sent += 1

    def ask(self, frames: list[bytes]) -> bytes:
        """The APDU that answers it, and whatever stands behind."""
        self.send(frames)
        return self.socket.recv(4096)[self.carrier.answer_at :]


class Request(NamedTuple):
    """One GET in every frame it may stand in."""

    invoke: int
    frames: list[bytes]


def requests(carrier: Carrier, port: int) -> list[Request]:
    """All attributes that the meter has, with all invoke ids, each next to another."""
    found = []
    connection = Connection(port, carrier, real=True)
    for invoke_id in range(16):
        for place, (class_id, name, attribute) in enumerate(ATTRIBUTES):
            invoke = 0xC0 | (invoke_id + place) % 16
            apdu = GetRequestNormal(invoke, class_id, bytes(map(int, name.split("."))), attribute).encode()
            request = Request(invoke, [carrier.frame(apdu, sequence) for sequence in range(carrier.sequences)])
            if connection.ask(request.frames)[3] == 0:
                found.append(request)
    connection.socket.close()
    return found


def load(connections: list[Connection], wanted: list[Request], seconds: float, *, check: bool) -> int:
    """One request under way on each connection for so long; how many were answered."""
    selector = selectors.DefaultSelector()
    following = cycle(wanted)
    asked: dict[Connection, int] = {}
    for connection in connections:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        asked[connection], frames = next(following)
        connection.send(frames)
    answered, end = 0, time.perf_counter() + seconds
    while asked:
        over = time.perf_counter() > end
        for key, _ in selector.select():
            connection = key.data
            answer = connection.socket.recv(4096)
            apdu = answer[connection.carrier.answer_at :]
            if check and (apdu[2] != asked[connection] or apdu[3]):
                raise SystemExit(f"{answer.hex()} is not the answer to invoke {asked[connection]:02x}")
            answered += 1
            if over:
                del asked[connection]
            else:
                asked[connection], frames = next(following)
                connection.send(frames)
    selector.close()
    return answered


class Server:
    """One of the two, and what it is asked."""

    def __init__(
        self, process: subprocess.Popen[str], port: int, carrier: Carrier, wanted: list[Request], *, real: bool
    ) -> None:
        self.process = process
        self.port = port
        self.carrier = carrier
        self.wanted = wanted
        self.real = real

    def cost_us(self, count: int, seconds: float) -> float:
        """CPU time a request over so many connections."""
        connections = [Connection(self.port, self.carrier, real=self.real) for _ in range(count)]
        load(connections, self.wanted, seconds / 5, check=self.real)
        before = cpu_ns(self.process)
        answered = load(connections, self.wanted, seconds, check=self.real)
        cost_us = (cpu_ns(self.process) - before) / answered / 1000
        for connection in connections:
            connection.socket.close()
        return cost_us


def measure(ours: Server, echo: Server, count: int, turns: int, seconds: float) -> tuple[float, float, float]:
    """The medians of both costs and of their ratio."""
    costs = [(ours.cost_us(count, seconds), echo.cost_us(count, seconds)) for _ in range(turns)]
    ratio = statistics.median(one / floor for one, floor in costs)
    return statistics.median(one for one, _ in costs), statistics.median(floor for _, floor in costs), ratio


def compare(name: str, folder: Path, turns: int, seconds: float) -> bool:
    """Print one carrier's ratios; whether one of them is beyond its bound."""
    carrier = CARRIERS[name]
    emulator = (
        *(str(Path(sys.executable).with_name("meter-emulator")), "run", "--model", "is15959-d1", "--seed", "42"),
        *("--listen", f"{carrier.scheme}://127.0.0.1:0", "--journal", str(folder / f"{name}.jsonl")),
        "--until-stdin-closes",
    )
    floor = (sys.executable, "-m", "benchmarks.dlms_get", "--serve-echo")
    beyond = False
    with child(*emulator) as (process, ready), child(*floor) as (echoing, port):
        url = json.loads(ready)["meters"][0]["urls"][0]
        own_port = int(url.rpartition("?")[0].rpartition(":")[2])
        wanted = requests(carrier, own_port)
        ours = Server(process, own_port, carrier, wanted, real=True)
        echo = Server(echoing, int(port), carrier, wanted, real=False)
        for count, limit in carrier.limits.items():
            cost, least, ratio = measure(ours, echo, count, turns, seconds)
            beyond = beyond or ratio > limit
            print(
                f"dlms_get: {name:7} {count:2} connections: {ratio:.2f} times a bare echo, at most {limit}"
                f" ({cost:.1f} us of server CPU a GET, echo {least:.1f} us, {len(wanted)} requests in turn)",
                flush=True,
            )
    return beyond


def main() -> int:
    """Print the ratios; 1 when one of them is beyond its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve-echo", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, default=TURNS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="each turn of each server")
    parser.add_argument("carriers", nargs="*", default=list(CARRIERS))
    arguments = parser.parse_args()
    if arguments.serve_echo:
        uvloop.run(serve_echo())
        return 0
    with tempfile.TemporaryDirectory() as folder:
        beyond = [compare(name, Path(folder), arguments.turns, arguments.seconds) for name in arguments.carriers]
    return int(any(beyond))


if __name__ == "__main__":
    sys.exit(main())
