"""Modbus TCP: what the server pays for reading 10 registers of an emulated SDM120, against its floors in one run.

Fifty connections, each with one request under way. What counts is the CPU time of the server process, so what the
client costs does not matter. Ours is the emulator as a bench file starts it. Beside it stand a bare uvloop protocol
that answers the same bytes without looking, libmodbus in C, and pymodbus's server. The bounds are: 1.5 times the
echo, 1.2 times libmodbus, a quarter of pymodbus.
"""

import argparse
import asyncio
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from struct import pack

import uvloop

CONNECTIONS = 50
REQUESTS = 10_000
ROUNDS = 24
REQUEST_PDU = pack(">BHH", 3, 0, 10)
ANSWER_BYTES = 9 + 20
LIMITS = {"echo": 1.5, "libmodbus": 1.2, "pymodbus": 0.25}


class Echo(asyncio.Protocol):
    """As many bytes as a server answers, without looking at what came."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer."""
        self.transport.write(data[:7] + bytes(22))  # type: ignore[attr-defined]  # a stream transport


async def serve_echo() -> None:
    """The floor of any Python server."""
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def serve_ours() -> None:
    """The emulator with one SDM120 in its bench file, a household behind it: what `meter-emulator run` deploys."""
    from emulator.bench.assembly import assemble
    from emulator.bench.file import check
    from emulator.bench.running import RunningBench
    from protocols.address import Tcp, parse

    meter = {
        "id": "MB0001",
        "model": "sdm120",
        "load": {"household": "urban"},
        "listen": ["modbus+tcp://127.0.0.1:0?unit=1"],
    }
    async with RunningBench(assemble(check({"seed": 42, "meter": [meter]}, "benchmark"), "benchmark", Path())) as bench:
        carrier = parse(bench.ready()["meters"][0]["urls"][0]).carrier
        if not isinstance(carrier, Tcp):
            raise TypeError("an address of Modbus TCP has a port")
        print(carrier.port, flush=True)
        await asyncio.Event().wait()


async def serve_pymodbus() -> None:
    """The server of pymodbus with a plain block of registers."""
    from pymodbus.datastore import ModbusDeviceContext, ModbusSequentialDataBlock, ModbusServerContext
    from pymodbus.server import ModbusTcpServer

    device = ModbusDeviceContext(hr=ModbusSequentialDataBlock(1, [0] * 128))  # type: ignore[no-untyped-call]  # pymodbus's own
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = ModbusTcpServer(ModbusServerContext(devices=device, single=True), address=("127.0.0.1", port))
    asyncio.get_running_loop().call_later(0.3, lambda: print(port, flush=True))
    await server.serve_forever()


SERVERS = {"echo": serve_echo, "ours": serve_ours, "pymodbus": serve_pymodbus}


@contextmanager
def running(name: str, folder: Path) -> Iterator[tuple[int, int]]:
    """A server in a process of its own: its port and its process id."""
    command = [sys.executable, "-m", "benchmarks.modbus_read", "--serve", name]
    if name == "libmodbus":
        command = [str(build(folder))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(process.stdout.readline()) if process.stdout is not None else 0
        if name == "libmodbus":
            port = port_of(process.pid, port)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def build(folder: Path) -> Path:
    """The server of libmodbus, compiled."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=True
    )
    target = folder / "modbus_libmodbus"
    source = Path(__file__).with_name("modbus_libmodbus.c")
    subprocess.run(["gcc", "-O2", "-o", target, source, *flags.stdout.split()], check=True)
    return target


def port_of(pid: int, descriptor: int) -> int:
    """The port that a listening descriptor of another process has."""
    inode = str(Path(f"/proc/{pid}/fd/{descriptor}").readlink()).removeprefix("socket:[").removesuffix("]")
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] == inode:
            return int(fields[1].split(":")[1], 16)
    raise ValueError(f"descriptor {descriptor} of {pid} does not listen")


def cpu_s(pid: int) -> float:
    """CPU time that a process's one thread has used so far, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def load(port: int, requests: int) -> None:
    """Ask until so many answers have come, one request under way on each connection."""
    selector = selectors.DefaultSelector()
    request = pack(">HHHB", 1, 0, 6, 1) + REQUEST_PDU
    connections = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    for connection in connections:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(connection, selectors.EVENT_READ, connection)
        connection.sendall(request)
    left = requests
    while left > 0:
        for key, _ in selector.select():
            answer = key.data.recv(64)
            if len(answer) != ANSWER_BYTES:
                raise ValueError(f"an answer of {len(answer)} bytes: {answer.hex()}")
            left -= 1
            key.data.sendall(request)
    for connection in connections:
        connection.close()


def measure(names: list[str], requests: int, folder: Path) -> dict[str, float]:
    """Microseconds of each server's CPU a request: the best of rounds in turn, so that all see the same machine."""
    costs: dict[str, float] = {}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(running(name, folder)) for name in names}
        for port, _ in servers.values():
            load(port, 2_000)
        for _ in range(ROUNDS):
            for name, (port, pid) in servers.items():
                before = cpu_s(pid)
                load(port, requests)
                cost = (cpu_s(pid) - before) / requests * 1e6
                costs[name] = min(cost, costs.get(name, cost))
    return costs


def main() -> int:
    """Measure all, print the ratios; 1 when one of them is beyond its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", choices=SERVERS)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    arguments = parser.parse_args()
    if arguments.serve:
        runner = asyncio.run if arguments.serve == "pymodbus" else uvloop.run  # pymodbus as its own examples start it
        runner(SERVERS[arguments.serve]())
        return 0
    names = ["echo", "ours", "pymodbus"]
    if shutil.which("gcc") and shutil.which("pkg-config"):
        names.append("libmodbus")
    with tempfile.TemporaryDirectory() as folder:
        costs = measure(names, arguments.requests, Path(folder))
    worst = 0
    for name, cost in costs.items():
        ratio = costs["ours"] / cost
        limit = LIMITS.get(name)
        worst |= int(limit is not None and ratio > limit)
        bound = f"ours is {ratio:.2f} times that, at most {limit}" if limit else ""
        print(f"modbus_read: {name:10} {cost:6.1f} us of server CPU a request  {bound}")
    return worst


if __name__ == "__main__":
    sys.exit(main())
