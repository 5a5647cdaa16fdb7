"""The command line: what it prints, and how it ends."""

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner
from typer.testing import Result as Ended

from gateway.commands import app
from gateway.desk.send import exit_status, sentence
from gateway.exit_status import ExitStatus
from gateway.polling.reading import utc
from protocols.message.command import Result, Rung
from tests.broker import mosquitto
from tests.gateway.cores import NOW_MS
from tests.gateway.live import bench, client_48, dlms, running

PROGRAM = (sys.executable, "-c", "from gateway.commands import app; app()")


def invoke(*arguments: str) -> Ended:
    return CliRunner().invoke(app, list(arguments))


async def beside(*arguments: str) -> Ended:
    """What a tool does, while this loop's bench runs."""
    return await asyncio.to_thread(invoke, *arguments)


def result(rung: Rung, rule: str | None = None, **more: Any) -> Result:
    fields = {"meter": "MB1", "id": "c1", "final": True, "read_at": utc(NOW_MS)} | more
    return Result(rung=rung, rule=rule, **fields)


@pytest.mark.parametrize(
    ("ended", "status"),
    [
        (result(Rung.CONFIRMED), ExitStatus.DONE),
        (result(Rung.OBSERVED), ExitStatus.DONE),
        (result(Rung.ARMED), ExitStatus.DONE),
        (result(Rung.FAILED), ExitStatus.SAID_NO),
        (result(Rung.UNKNOWN), ExitStatus.SAID_NO),
        (result(Rung.EXPIRED), ExitStatus.SAID_NO),
        (result(Rung.REFUSED, "queue-full"), ExitStatus.SAID_NO),
        (result(Rung.REFUSED, "malformed"), ExitStatus.WRONG_USE),
        (result(Rung.REFUSED, "evidence"), ExitStatus.GUARDED),
        (result(Rung.REFUSED, "a rule that somebody named"), ExitStatus.GUARDED),
    ],
)
def test_how_a_command_ended_is_the_exit_status(ended: Result, status: ExitStatus) -> None:
    assert exit_status(ended) is status


def test_a_rung_is_a_sentence() -> None:
    refused = result(Rung.REFUSED, "evidence", reason="no balance was given", repeated=True)
    assert sentence(refused) == "refused by rule evidence: no balance was given (this id was sent before)"
    assert sentence(result(Rung.ACKNOWLEDGED, detail={"control_state": "connected"})) == (
        "acknowledged (control_state connected)"
    )


def test_a_configuration_is_checked_and_nothing_is_started(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text('id = "gw1"\n[[meter]]\nid = "M1"\nurl = "dlms+tcp://192.0.2.1:4059"\n', encoding="utf-8")
    good = invoke("config", "check", str(file))
    assert (good.exit_code, good.stdout) == (0, f"{file}: good; gateway gw1, 1 meters\n")
    file.write_text('id = "gw1"\nidd = 5\n', encoding="utf-8")
    bad = invoke("config", "check", str(file), "--json")
    assert bad.exit_code == ExitStatus.WRONG_USE
    assert json.loads(bad.stderr)["status"] == ExitStatus.WRONG_USE
    assert "line 2: key idd: unknown key; did you mean `id`" in json.loads(bad.stderr)["error"]
    assert [each.name for each in tmp_path.iterdir()] == ["gateway.toml"]


def test_a_key_that_is_not_there_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text(
        'id = "gw1"\n[[meter]]\nid = "M1"\nurl = "dlms+tcp://192.0.2.1:4059"\nauth = "lls"\n'
        'keys = { lls = { env = "NO_SUCH_VARIABLE" } }\n',
        encoding="utf-8",
    )
    bad = invoke("config", "check", str(file))
    assert bad.exit_code == ExitStatus.WRONG_USE
    assert "NO_SUCH_VARIABLE" in bad.stderr


async def test_a_meter_is_read_by_names_and_by_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench(dlms()) as urls:
        public, url = urls["MB0001"][0], client_48(urls["MB0001"])
        clock = await beside("read", public, "0.0.1.0.0.255")
        assert clock.exit_code == 0
        assert clock.stdout.startswith("clock")
        now = await beside("read", url, "--auth", "hls", "--json")
        (row,) = json.loads(now.stdout)["rows"]
        assert {"voltage", "current"} <= {value["name"] for value in row["values"]}
        energy = await beside("read", url, "3:1.0.1.8.0.255:2", "1.0.12.7.0.255", "--auth", "hls")
        assert energy.exit_code == 0
        assert len(energy.stdout.splitlines()) == 2
        monkeypatch.setenv("WRONG", "0123456789abcdef")
        proof = await beside("read", url, "--auth", "hls", "--key-env", "WRONG")
        assert proof.exit_code == ExitStatus.NOT_LET_IN
        assert proof.stderr.startswith("refused: ")
        reader = url.replace("client=48", "client=32")
        refused = await beside("read", reader, "--auth", "lls", "--key-env", "WRONG", "--json")
        assert refused.exit_code == ExitStatus.NOT_LET_IN
        assert json.loads(refused.stderr) == {"error": "refused: wrong password or client address", "status": 4}
        unknown = await beside("read", url, "1.0.99.99.99.255", "--auth", "hls")
        assert unknown.exit_code == ExitStatus.WRONG_USE
        rows = await beside("profile", url, "instantaneous", "--auth", "hls", "--csv")
        assert rows.exit_code == 0
        assert "voltage" in rows.stdout.splitlines()[0]
        absent = await beside("profile", url, "blok", "--auth", "hls")
        assert absent.exit_code == ExitStatus.SAID_NO
        assert "there is no profile 'blok'" in absent.stderr
        listed = await beside("objects", public)
        assert "0.0.1.0.0.255" in listed.stdout


def test_nobody_there_is_told_with_its_own_status() -> None:
    gone = invoke("read", "dlms+tcp://127.0.0.1:1")
    assert gone.exit_code == ExitStatus.NO_CONNECTION
    assert gone.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("relay", "dlms+tcp://127.0.0.1:1", "explode"), "'explode' is nothing a relay does"),
        (("profile", "dlms+tcp://127.0.0.1:1", "billing", "--from", "monday"), "'monday' is no instant"),
        (("read", "dlms+tcp://127.0.0.1:1", "--timeout", "soon"), "'soon' is no span of time"),
        (("read", "tcp://127.0.0.1:1"), "tcp"),
        (("read", "dlms+tcp://127.0.0.1:1", "--key-env", "A", "--key-file", "B"), "not by both"),
        (("send", "MB1", "disconnect", "--broker", "mqtt://127.0.0.1:1", "--args", "5"), "--args is a JSON object"),
        (("send", "MB1", "fly", "--broker", "mqtt://127.0.0.1:1"), "verb"),
        (("schema", "poem"), "'poem' is no payload"),
    ],
)
def test_wrong_use_is_one_sentence_and_nothing_is_begun(arguments: tuple[str, ...], said: str) -> None:
    wrong = invoke(*arguments)
    assert wrong.exit_code == ExitStatus.WRONG_USE
    assert said in wrong.stderr
    assert wrong.stderr.count("\n") == 1


async def test_a_relay_is_worked_and_what_it_came_to_is_read_back() -> None:
    async with bench(dlms()) as urls:
        url = client_48(urls["MB0001"])
        for action, contact in (("status", True), ("disconnect", False), ("reconnect", True)):
            done = await beside("relay", url, action, "--auth", "hls", "--json")
            assert (done.exit_code, json.loads(done.stdout)["output_state"]) == (0, contact), action
        public = await beside("relay", urls["MB0001"][0], "disconnect")
        assert public.exit_code == ExitStatus.SAID_NO


async def test_a_command_is_followed_to_its_end(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(dlms()) as urls:
            meter = {"id": "MB0001", "url": client_48(urls["MB0001"]), "auth": "hls", "observe_after": "10ms"}
            async with running(tmp_path, broker.url, [meter]):
                to = ("--broker", broker.url)
                done = await beside("send", "MB0001", "disconnect", "--cause", "maintenance", *to)
                rungs = [line.split(" ")[0] for line in done.stdout.splitlines()]
                assert rungs == ["accepted", "sent", "acknowledged", "confirmed", "observed"]
                assert done.exit_code == 0
                again = ("--id", "once", "--expires-in", "1h", *to)
                ask = ("send", "MB0001", "read", "--args", '{"profile": "nameplate"}')
                assert "confirmed" in (await beside(*ask, *again)).stdout
                assert "id-reused" in (await beside(*ask, *again)).stdout, "it expires at another time"
                held = await beside("send", "MB0001", "disconnect", *to, "--json")
                assert held.exit_code == ExitStatus.GUARDED
                assert json.loads(held.stdout.splitlines()[-1])["rule"] == "evidence"
                evidence = ("--evidence-balance", "-500")
                poor = await beside("send", "MB0001", "disconnect", *evidence, *to)
                assert poor.exit_code == 0
                nobody = await beside("send", "MB9", "reconnect", "--gateway", "gw1", *to)
                assert nobody.exit_code == ExitStatus.SAID_NO
                assert "unknown-meter" in nobody.stdout
    gone = await beside("send", "MB0001", "reconnect", "--broker", broker.url, "--gateway", "gw1")
    assert gone.exit_code == ExitStatus.NO_CONNECTION


async def test_the_program_says_when_it_is_ready_and_ends_when_it_is_told(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    with mosquitto(tmp_path) as broker:
        file.write_text(f'id = "gw1"\n[broker]\nurl = "{broker.url}"\n', encoding="utf-8")
        for how in ("SIGTERM", "SIGINT", "stdin"):
            process = await asyncio.create_subprocess_exec(
                *PROGRAM,
                "run",
                str(file),
                "--until-stdin-closes",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            ready = json.loads(await process.stdout.readline())
            assert (ready["ready"], ready["id"], ready["broker"]) == (True, "gw1", broker.url)
            if how == "stdin":
                process.stdin.close()
            else:
                process.send_signal(getattr(signal, how))
            _, log = await process.communicate()
            assert process.returncode == 0, log.decode()


def test_a_wrong_file_ends_the_program_before_anything_is_begun(tmp_path: Path) -> None:
    file = tmp_path / "gateway.toml"
    file.write_text("id = 5\n", encoding="utf-8")
    wrong = invoke("run", str(file))
    assert wrong.exit_code == ExitStatus.WRONG_USE
    assert "line 1: key id" in wrong.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["gateway.toml"]
