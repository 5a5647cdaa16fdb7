"""A head-end that has each message exactly once, whatever is killed: `headend.py HOST PORT GATEWAY LEDGER-FILE`."""

import json
import sqlite3
import sys
from typing import Any

from paho.mqtt.client import CallbackAPIVersion, Client, MQTTMessage

HOST, PORT, GATEWAY, LEDGER = sys.argv[1:]
BASE = f"meters/v1/{GATEWAY}"
TOPICS = ("status", "+/status", "+/reading/+", "+/relay", "+/balance", "+/event", "+/result")
TABLE = "CREATE TABLE IF NOT EXISTS message (stream, seq, topic, payload, PRIMARY KEY (stream, seq))"
ledger = sqlite3.connect(LEDGER, isolation_level=None)  # what a statement did is on the disk before the next one
ledger.executescript(f"PRAGMA journal_mode = WAL; {TABLE}")
complete: dict[str, int] = {}  # by stream: nothing is missing up to here


def listen(client: Client, *_: Any) -> None:
    """Subscribe whenever there is a connection: a broker may have forgotten us."""
    client.subscribe([(f"{BASE}/{each}", 1) for each in TOPICS])


def take(client: Client, _: Any, message: MQTTMessage) -> None:
    """Keep what is new, drop what is repeated; the PUBACK leaves when this returns. The last will has no `seq`."""
    said = json.loads(message.payload)
    row = (said.get("stream"), said.get("seq"), message.topic, message.payload)
    if row[1] and ledger.execute("INSERT OR IGNORE INTO message VALUES (?, ?, ?, ?)", row).rowcount:
        print(said["seq"], message.topic, flush=True)
    if row[1] and message.topic == f"{BASE}/status":
        fill(client, said["stream"], said["sent_through"], said.get("holes", []))


def fill(client: Client, stream: str, through: int, holes: list[dict[str, Any]]) -> None:
    """Ask for what should be here and is not, with every status until it is; confirm what is complete."""
    start = complete.get(stream, 0)
    have = {seq for (seq,) in ledger.execute("SELECT seq FROM message WHERE stream = ? AND seq > ?", (stream, start))}
    gone = [range(each["from"], each["to"] + 1) for each in holes if "from" in each]
    missing = {n for n in range(start + 1, through + 1) if n not in have and not any(n in named for named in gone)}
    complete[stream] = min(missing) - 1 if missing else max(start, through)
    firsts = sorted(n for n in missing if n - 1 not in missing)
    lasts = sorted(n for n in missing if n + 1 not in missing)
    for first, last in list(zip(firsts, lasts, strict=True))[:20]:
        client.publish(f"{BASE}/replay", json.dumps({"stream": stream, "from": first, "to": last}), qos=1)
    client.publish(f"{BASE}/ack", json.dumps({"stream": stream, "seq": complete[stream]}), qos=1)


client = Client(CallbackAPIVersion.VERSION2, f"head-end-{GATEWAY}", clean_session=False)
client.on_connect, client.on_message = listen, take
client.connect_async(HOST, int(PORT))
client.loop_forever(retry_first_connection=True)
