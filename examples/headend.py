"""A head-end that has each message exactly once, whatever is killed; docs/contract.md tells the rules.

Give it a broker's host and port, a gateway's id and a file: `python examples/headend.py localhost 1883 gw1 ledger.db`
"""

import json
import sqlite3
import sys
from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

HOST, PORT, GATEWAY, LEDGER = sys.argv[1:]
BASE = f"meters/v1/{GATEWAY}"
TOPICS = ("status", "+/status", "+/reading/+", "+/relay", "+/balance", "+/event", "+/result")

ledger = sqlite3.connect(LEDGER, isolation_level=None)  # what a statement did is on the disk before the next one
ledger.execute("PRAGMA journal_mode = WAL")
ledger.execute("CREATE TABLE IF NOT EXISTS message (stream, seq, topic, payload, PRIMARY KEY (stream, seq))")
complete: dict[str, int] = {}  # by stream: nothing is missing up to here


def listen(client: Client, *_: Any) -> None:
    """Subscribe whenever there is a connection: a broker may have forgotten us."""
    client.subscribe([(f"{BASE}/{each}", 1) for each in TOPICS])


def take(client: Client, _: Any, message: MQTTMessage) -> None:
    """Keep what is new and drop what is repeated; the PUBACK leaves when this returns."""
    said = json.loads(message.payload)
    if "seq" not in said:  # the last will: the broker speaks, since the gateway is gone
        return
    row = (said["stream"], said["seq"], message.topic, message.payload)
    if ledger.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)", row).rowcount:
        print(said["seq"], message.topic, flush=True)
    if message.topic == f"{BASE}/status":
        fill(client, said["stream"], said["sent_through"], said.get("holes", []))


def fill(client: Client, stream: str, through: int, holes: list[dict[str, Any]]) -> None:
    """Ask for what should be here and is not, with every status until it is; confirm what is complete."""
    start = end = complete.get(stream, 0)
    have = ledger.execute("SELECT seq, seq FROM message WHERE stream = ? AND seq > ?", (stream, start)).fetchall()
    named = [(hole["from"], hole["to"]) for hole in holes if "from" in hole and hole.get("stream", stream) == stream]
    gaps = []
    for first, last in sorted([*have, *named, (through + 1, through + 1)]):
        if end < first - 1 <= through:
            gaps.append((end + 1, first - 1))
        end = max(end, last)
    complete[stream] = gaps[0][0] - 1 if gaps else max(start, through)
    for first, last in gaps[:20]:
        client.publish(f"{BASE}/replay", json.dumps({"stream": stream, "from": first, "to": last}), qos=1)
    client.publish(f"{BASE}/ack", json.dumps({"stream": stream, "seq": complete[stream]}), qos=1)


client = Client(CallbackAPIVersion.VERSION2, f"head-end-{GATEWAY}", clean_session=False)
client.on_connect = listen
client.on_message = take
client.reconnect_delay_set(1, 5)
client.connect_async(HOST, int(PORT))
client.loop_forever(retry_first_connection=True)
