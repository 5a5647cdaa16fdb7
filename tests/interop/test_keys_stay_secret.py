"""Both programs with keys that are known: nothing they print, log, store, publish or write down holds one of them.

Searched are standard output, the logs at their wordiest, the emulator's journal, the gateway's store and its metrics,
every MQTT message, what the tools say (as text and as JSON) when keys are right and wrong, and what both programs say
of files where a key stands in the wrong place; each key as octets, in hexadecimal of either case, and in base64.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, read_bench
from gateway.commands import app
from gateway.configuration.config import ConfigError, load
from gateway.service.unit import make_units, zone_of
from protocols.secret import Secret
from tests.broker import mosquitto
from tests.emulator.program import COMMAND
from tests.interop.test_whole_way import ROOT, Subscriber
from tests.patience import PATIENCE_S

pytestmark = pytest.mark.interop

KEYS = {
    "lls": "lls-Tm0xPq7",
    "hls": "hls-Zr4kWv9-0123",
    "block": "5C1E77A09B34D2F8816AE03C94B7F1D5",
    "authentication": "A3F90C52E7184BD6902EC5F7731B6D48",
    "master": "17D84EB09C3366FA52A1F08BCD947E20",
    "signing": "4B7D0A95C2E81F3368D49B17AC50E2F9137CB6D80E45A29F61C3387DB5E9042C",
}
BENCH = """
seed = 3
[[meter]]
id = "MB0001"
model = "is15959-d1"
load = { constant = 500 }
listen = ["dlms+tcp://127.0.0.1:0"]
keys = { lls = { env = "K_LLS" }, hls = { file = "hls.key" }, block = { env = "K_BLOCK" }, \
authentication = { env = "K_AUTHENTICATION" }, master = { env = "K_MASTER" } }
[[meter]]
id = "EU0001"
model = "eu-three-phase-suite1"
load = { constant = 500 }
listen = ["dlms+tcp://127.0.0.1:0"]
keys = { signing = { env = "K_SIGNING" } }
"""
GATEWAY = """
id = "gw9"
fleet_keys = {{ file = "keys.toml" }}
[broker]
url = "{broker}"
[store]
path = "gateway.db"
[[meter]]
id = "MB0001"
url = "{meter}?client=48&server=1"
auth = "hls"
read = {{ instantaneous = "1s" }}
[[meter]]
id = "WRONG1"
url = "{meter}?client=80&server=1"
auth = "hls"
keys = {{ hls = {{ env = "K_BLOCK" }} }}
read = {{ instantaneous = "1s" }}
[[meter]]
id = "WRONG2"
url = "{other}?client=1&server=1"
auth = "hls-ecdsa"
read = {{ instantaneous = "1s" }}
"""
PLAIN_KEYS = "\n".join(f'{name} = "{key}"' for name, key in KEYS.items())


def environment() -> dict[str, str]:
    named = {f"K_{name.upper()}": key for name, key in KEYS.items()}
    return os.environ | named | {"PYTHONPATH": str(ROOT)}


def forms(key: str) -> Iterator[bytes]:
    """How a key could be written."""
    octets = bytes.fromhex(key) if len(key) in {32, 64} else key.encode()
    yield from (octets, octets.hex().encode(), octets.hex().upper().encode(), octets.hex(" ").encode())
    yield base64.b64encode(octets).rstrip(b"=")[:-1]
    yield key.encode()
    yield repr(octets).encode()[2:-1]


def leaks(where: str, text: bytes) -> list[str]:
    return [f"{name} in {where}" for name, key in KEYS.items() if any(form in text for form in forms(key))]


def tool(*arguments: str, cwd: Path) -> bytes:
    """What a tool of the gateway says."""
    command = [sys.executable, "-m", "meterbench", "gateway", *arguments]
    ended = subprocess.run(command, cwd=cwd, env=environment(), capture_output=True, timeout=PATIENCE_S, check=False)
    return ended.stdout + ended.stderr


def start(command: list[str], folder: Path, log: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=(folder / log).open("wb"),
        cwd=folder,
        env=environment(),
    )


def test_no_key_is_in_anything_that_the_programs_put_out(tmp_path: Path) -> None:
    (tmp_path / "bench.toml").write_text(BENCH)
    (tmp_path / "hls.key").write_text(KEYS["hls"] + "\n")
    (tmp_path / "keys.toml").write_text(PLAIN_KEYS)
    out: dict[str, bytes] = {}
    with mosquitto(tmp_path) as broker:
        bench = start(
            [*COMMAND, "run", "bench.toml", "-v", "--journal", "journal.jsonl", "--until-stdin-closes"],
            tmp_path,
            "emulator.log",
        )
        assert bench.stdout is not None
        out["the emulator's ready line"] = line = bench.stdout.readline()
        meter, other = (each["urls"][0].partition("?")[0] for each in json.loads(line)["meters"])
        (tmp_path / "gateway.toml").write_text(GATEWAY.format(broker=broker.url, meter=meter, other=other))
        subscriber = Subscriber(broker.port)
        command = [sys.executable, "-m", "meterbench", "gateway", "run", "gateway.toml", "-v", "--until-stdin-closes"]
        gateway = start(command, tmp_path, "gateway.service.log")
        try:
            assert gateway.stdout is not None
            out["the gateway's ready line"] = line = gateway.stdout.readline()
            assert line, (tmp_path / "gateway.service.log").read_text()
            subscriber.first("meters/v1/gw9/MB0001/reading/instantaneous")
            subscriber.first("meters/v1/gw9/WRONG1/status", status="offline")
            subscriber.first("meters/v1/gw9/WRONG2/status", status="offline")
            out["metrics"] = urlopen(json.loads(line)["metrics"], timeout=PATIENCE_S).read()  # noqa: S310 (its own)
            out |= _tools(tmp_path, meter)
        finally:
            for process in (gateway, bench):
                process.communicate(timeout=PATIENCE_S)
            subscriber.close()
        out["MQTT"] = repr(subscriber.seen).encode()
    for name in ("emulator.log", "gateway.service.log", "journal.jsonl"):
        out[name] = (tmp_path / name).read_bytes()
        assert out[name], name
    for path in tmp_path.glob("gateway.db*"):
        out[path.name] = path.read_bytes()
    assert [found for where, text in out.items() for found in leaks(where, text)] == []


def _tools(folder: Path, meter: str) -> dict[str, Any]:
    """Tools that get on, and tools that do not."""
    (folder / "wrong.toml").write_text(PLAIN_KEYS.replace("block", "blok"))
    (folder / "short.toml").write_text(PLAIN_KEYS.replace(KEYS["block"], KEYS["lls"]))
    right, client = ("--auth", "hls", "--keys", "keys.toml"), f"{meter}?client=48&server=1"
    return {
        "relay": tool("relay", client, "status", *right, cwd=folder),
        "read": tool("read", f"{meter}?client=32&server=1", "--auth", "lls", "--key-env", "K_LLS", cwd=folder),
        "a wrong password": tool(
            "read", f"{meter}?client=32&server=1", "--auth", "lls", "--key-env", "K_HLS", cwd=folder
        ),
        "a wrong name": tool("relay", client, "--auth", "hls", "--keys", "wrong.toml", cwd=folder),
        "a wrong length": tool("relay", client, "--auth", "hls", "--keys", "short.toml", cwd=folder),
        "wrong keys": tool("relay", client, "--auth", "hls", "--key-env", "K_MASTER", cwd=folder),
        "as JSON": tool("relay", client, "status", *right, "--json", cwd=folder),
        "wrong keys as JSON": tool("relay", client, "--auth", "hls", "--key-env", "K_MASTER", "--json", cwd=folder),
        "a key in a URL": tool("relay", f"{meter}?client=48&hls={KEYS['block']}", cwd=folder),
        "check": tool("config", "check", "gateway.toml", cwd=folder),
        "dissect": tool("dissect", "journal.jsonl", "--keys", "keys.toml", cwd=folder),
    }


def test_the_search_finds_a_key_in_every_form() -> None:
    key = KEYS["block"]
    octets = bytes.fromhex(key)
    for text in (
        octets,
        key.encode(),
        key.lower().encode(),
        base64.b64encode(b"x" * 3 + octets),
        repr(octets).encode(),
    ):
        assert leaks("a test", b"..." + text + b"...") == ["block in a test"]
    assert leaks("a test", repr(Secret(octets)).encode()) == []


IN_KEYS = [
    'keys = "{}"', 'keys = ["{}"]', 'keys = {{ block = "{}" }}', 'keys = {{ block = {{ env = "{}" }} }}',
    'keys = {{ block = {{ file = "{}" }} }}', 'keys = {{ block = {{ value = "{}" }} }}',
    'keys = {{ "{}" = {{ env = "X" }} }}', 'keys = {{ block = {{ env = "{0}", file = "{0}" }} }}',
    'keys = {{ block = "{}"', 'block = "{}"',
]  # fmt: skip
IN_GATEWAY = ['next_keys = "{}"', 'auth = "{}"']
ON_TOP = [
    'fleet_keys = "{}"', 'fleet_keys = {{ env = "{}" }}', 'broker = {{ password = "{}" }}',
    'broker = {{ url = "mqtt://user:{}@h" }}', 'broker = {{ url = "mqtt://h?{}" }}',
]  # fmt: skip
WHEREVER = ['"{}" = 1', 'model = "{}"', 'system_title = "{}"', 'suite = "{}"', 'timeout = "{}"']
"""Where a hexadecimal key is not shown; a password cannot be told from another word there."""


@pytest.mark.parametrize(
    ("place", "key"),
    [(place, key) for place in (*IN_KEYS, *IN_GATEWAY, *ON_TOP) for key in ("hls", "block")]
    + [(place, "block") for place in WHEREVER],
)
def test_a_key_that_is_written_into_the_wrong_place_is_not_shown(tmp_path: Path, place: str, key: str) -> None:
    written, url = place.format(KEYS[key]), "dlms+tcp://127.0.0.1:4059?client=48&server=1"
    above, within = (written, "") if place in ON_TOP else ("", written)
    file = tmp_path / "file.toml"
    said: list[str] = []
    file.write_text(f'id = "gw9"\n{above}\n[[meter]]\nid = "MB0001"\nurl = "{url}"\n{within}\n')
    with pytest.raises(ConfigError) as wrong:
        make_units(load(file), tmp_path, zone_of("Asia/Kolkata"), bytes, lambda: 0)
    said.append(str(wrong.value))
    if place in IN_KEYS:
        file.write_text(f'[[meter]]\nid = "MB0001"\nmodel = "is15959-d1"\n{within}\n')
        with pytest.raises(BenchError) as wrong_too:
            assemble(read_bench(file), "file.toml", tmp_path)
        said.append(str(wrong_too.value))
    assert leaks("a sentence", "\n".join(said).encode()) == []
    assert all("file.toml" in each or "MB0001" in each or "key " in each for each in said), "it says where"


@pytest.mark.parametrize(
    "arguments",
    [
        ("dlms+tcp://127.0.0.1:1?client=48", "--key-env", KEYS["block"]),
        ("dlms+tcp://127.0.0.1:1?client=48", "--key-env", KEYS["hls"]),
        ("dlms+tcp://127.0.0.1:1?client=48", "--key-file", KEYS["hls"]),
        ("dlms+tcp://127.0.0.1:1?client=48", "--keys", KEYS["block"]),
        (f"dlms+tcp://user:{KEYS['hls']}@127.0.0.1:1?client=48",),
        (f"dlms+tcp://127.0.0.1:1?client=48&block={KEYS['block']}",),
    ],
)
@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_key_that_is_given_for_an_option_is_not_shown(arguments: tuple[str, ...], as_json: tuple[str, ...]) -> None:
    ended = CliRunner().invoke(app, ["relay", *arguments, "--auth", "hls", *as_json])
    assert ended.exit_code == 2
    assert leaks("the tool", ended.output.encode() + ended.stderr.encode()) == []
