"""The DLMS client: its own CPU a GET, and how fast 35 days of load profile come through block transfer.

The meter is the real emulator in a process of its own; the client is this process, on the same loop and pump as the
gateway. A GET is a request of our client with its answer decoded, one after the other, attributes in turn. The load
profile is one GET of the buffer: 3,360 rows of 15 minutes, made, cut, sent, put together and decoded; its rate counts
the time on the wall, since two processes share the work.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.dlms_get import ATTRIBUTES, CLIENT, PASSWORD, child
from protocols.address import Tcp
from protocols.dlms.application import AssociationProfile
from protocols.dlms.client import PROPOSED_LN, AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.machine import Answered, Peer, Stack
from protocols.secret import Secret
from protocols.transport.dial import dial
from protocols.transport.pump import Pump, link_time_us
from protocols.wrapper import Role, Wrapper

CLIENT_US_MAX = 45.0
ROWS_A_SECOND_MIN = 20_000.0
GETS = 20_000
READS = 5
BLOCK_LOAD = AttributeDescriptor(7, bytes((1, 0, 99, 1, 0, 255)), 2)


class Reader:
    """Our client on a connection, one request at a time."""

    def __init__(self) -> None:
        profile = AssociationProfile(
            client=CLIENT, mechanism=1, secrets={"lls": Secret(PASSWORD)}, conformance=PROPOSED_LN, max_pdu=1024
        )
        self.client = AssociationClient(profile, 1, bytes)
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.pump: Pump

    async def connect(self, port: int) -> None:
        """Dial and associate."""
        self.pump = await dial(Tcp(host="127.0.0.1", port=port), self.machine, on_event=self.hear)
        self.client.associate(link_time_us())
        await self.end()

    def machine(self, _peer: Peer) -> Stack:
        """What the pump drives."""
        return Stack([Wrapper(Role.CLIENT), self.client])

    def hear(self, event: Any) -> None:
        """The end of a request."""
        if isinstance(event, Answered):
            self.ended.set_result(event.response)

    async def end(self) -> Any:
        """What the request came to that was just made."""
        self.pump.turn(link_time_us())
        response = await self.ended
        self.ended = asyncio.get_running_loop().create_future()
        return response

    async def get(self, attribute: AttributeDescriptor) -> Any:
        """Read one attribute."""
        self.client.get(attribute, link_time_us())
        return await self.end()


async def measure(port: int, gets: int) -> tuple[float, float, int]:
    """CPU microseconds a GET, rows a second, and how many rows there were."""
    reader = Reader()
    await reader.connect(port)
    wanted = [
        AttributeDescriptor(class_id, bytes(map(int, name.split("."))), number) for class_id, name, number in ATTRIBUTES
    ]
    for attribute in wanted:
        await reader.get(attribute)
    before = time.process_time()
    for turn in range(gets):
        await reader.get(wanted[turn % len(wanted)])
    cost_us = (time.process_time() - before) / gets * 1_000_000
    best, rows = 0.0, 0
    for _ in range(READS):
        began = time.perf_counter()
        _, content = await reader.get(BLOCK_LOAD)
        rows = len(content)
        best = max(best, rows / (time.perf_counter() - began))
    return cost_us, best, rows


def main() -> int:
    """Print both figures; 1 when one of them is beyond its bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gets", type=int, default=GETS)
    arguments = parser.parse_args()
    emulator = (
        *(str(Path(sys.executable).with_name("meter-emulator")), "run", "--model", "is15959-d1", "--seed", "42"),
        *("--listen", "dlms+tcp://127.0.0.1:0", "--until-stdin-closes"),
    )
    with child(*emulator) as (_, ready):
        url = json.loads(ready)["meters"][0]["urls"][0]
        port = int(url.rpartition("?")[0].rpartition(":")[2])
        cost_us, rate, rows = uvloop.run(measure(port, arguments.gets))
    print(f"dlms_client: {cost_us:.1f} us of client CPU a GET, at most {CLIENT_US_MAX:.0f}")
    print(f"dlms_client: {rate:,.0f} rows a second of {rows:,} in blocks, at least {ROWS_A_SECOND_MIN:,.0f}")
    return int(cost_us > CLIENT_US_MAX or rate < ROWS_A_SECOND_MIN)


if __name__ == "__main__":
    sys.exit(main())
