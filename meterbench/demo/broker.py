"""The demo's embedded MQTT broker, as a process of its own: amqtt on a free loopback port.

`python -m meterbench.demo.broker` prints one JSON line with its URL once it listens, and ends when standard input
closes. It speaks MQTT 3.1.1 only and keeps nothing; for real work point the gateway at mosquitto, EMQX or the like.
"""

import asyncio
import json
import logging
import signal
import sys

from amqtt.broker import Broker
from amqtt.contexts import BrokerConfig, ListenerConfig


async def serve() -> None:
    """Run the broker until standard input closes or a signal asks for the end."""
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    config = BrokerConfig(
        listeners={"default": ListenerConfig(bind="127.0.0.1:0")},
        plugins={"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    )
    broker = Broker(config)
    await broker.start()
    # amqtt does not tell which port it was given; its listening socket does.
    (server,) = broker._servers.values()  # noqa: SLF001
    port = server.instance.sockets[0].getsockname()[1]
    print(json.dumps({"ready": True, "url": f"mqtt://127.0.0.1:{port}"}), flush=True)

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    closed = asyncio.ensure_future(reader.read())
    stopped = asyncio.ensure_future(ended.wait())
    await asyncio.wait((closed, stopped), return_when=asyncio.FIRST_COMPLETED)
    for waiting in (closed, stopped):
        waiting.cancel()
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve())
