"""The witness sees every delivery, repeats included, and is the operator's voice; it is a client of its own (paho).

The head-end's ledger drops repeats, so whether a repeat was the same bytes is known here.
"""

import json
from collections import Counter
from hashlib import blake2b
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

BASE = "meters/v1/gw1"
TOPICS = ("status", "+/status", "+/reading/+", "+/relay", "+/balance", "+/event", "+/result")


def digest(topic: str, payload: bytes) -> bytes:
    """What a delivery is compared by."""
    return blake2b(topic.encode() + b"\0" + payload, digest_size=16).digest()


class Witness:
    """See the module.

    Args:
        port: the broker's, on loopback.
    """

    def __init__(self, port: int) -> None:
        self.streams: set[str] = set()
        self.digests: dict[int, bytes] = {}
        self.deliveries: Counter[int] = Counter()
        self.changed: list[int] = []
        """Numbers that came again with other bytes."""
        self.finals: set[str] = set()
        """Commands that have come to an end."""
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = self._connected
        self._client.on_message = self._take
        self._client.reconnect_delay_set(1, 1)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: Client, *_: Any) -> None:
        client.subscribe([(f"{BASE}/{each}", 1) for each in TOPICS])

    def _take(self, _client: Client, _userdata: Any, message: MQTTMessage) -> None:
        said = json.loads(message.payload)
        if "seq" not in said:
            return
        seq, seen = said["seq"], digest(message.topic, bytes(message.payload))
        self.streams.add(said["stream"])
        if self.digests.setdefault(seq, seen) != seen:
            self.changed.append(seq)
        self.deliveries[seq] += 1
        if message.topic.endswith("/result") and said["final"] and said.get("rule") != "id-reused":
            self.finals.add(said["id"])

    def say(self, topic: str, payload: bytes) -> None:
        """Publish; while there is no broker it waits with the client."""
        self._client.publish(f"{BASE}/{topic}", payload, qos=1)

    def ask_again(self, first: int, last: int) -> None:
        """Have the gateway send a stretch of the stream once more."""
        (stream,) = self.streams
        self.say("replay", json.dumps({"stream": stream, "from": first, "to": last}).encode())
