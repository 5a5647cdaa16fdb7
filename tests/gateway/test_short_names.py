"""A meter that refers to its objects by short names, through the gateway: tools, polls, writes, and ciphered."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.command.switching import settled
from gateway.desk.reach import Desk, meter_config, reach
from gateway.exit_status import ExitStatus
from gateway.meter.dlms_profile import Act, Get, GetMany, Set, obis
from gateway.meter.referencing import BaseNames, by_short_name
from gateway.service.script import NonsenseError
from protocols.dlms.ask.outcome import Invoked, Malformed
from protocols.dlms.client import AssociationClient
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.value import Tag, Value
from tests.broker import mosquitto
from tests.gateway.cores import NOW_MS
from tests.gateway.desk.tool import beside
from tests.gateway.live import bench, listener, running
from tests.protocols.dlms.bench import counting, proposal

EU = {"id": "EU0001", "model": "eu-three-phase", "listen": ["dlms+tcp://127.0.0.1:0"]}
OPTIONS = ("--auth", "lls", "--short-names", "--zone", "Europe/Berlin")
CLOCK, NAME, SWITCH = obis("0.0.1.0.0.255"), obis("0.0.42.0.0.255"), obis("0.0.96.3.10.255")
CIPHERED = """
base = "eu-three-phase"
title = "European meter, its short names ciphered"
[[association]]
client = 3
mechanism = "hls-gmac"
context = "sn-ciphered"
security = ["authenticated", "encrypted"]
security_setup = "0.0.43.0.0.255"
"""


def client_3(urls: dict[str, list[str]]) -> str:
    return urls["EU0001"][0].replace("client=16", "client=3")


def client_2(urls: dict[str, list[str]]) -> str:
    return urls["EU0001"][0].replace("client=16", "client=2")


@asynccontextmanager
async def desk(url: str, auth: str = "lls", **options: Any) -> AsyncIterator[Desk]:
    config = meter_config(url, auth, None, {"short_names": True} | options)
    async with reach(config, lambda: NOW_MS, "Europe/Berlin") as reached:
        yield reached


async def test_tools_read_by_short_names_what_they_read_by_logical_names() -> None:
    async with bench(EU, clock={"rate": 0}) as urls:
        by_short, by_logical = client_3(urls), client_2(urls)
        for tool in (
            ("read", "1:0.0.42.0.0.255", "3:1.0.1.8.0.255", "8:0.0.1.0.0.255", "--json"),
            ("profile", "1.0.99.1.0.255", "--last", "5", "--csv"),
            ("profile", "62:0.0.66.0.1.255", "--csv"),
        ):
            name, *rest = tool
            short = await beside(name, by_short, *rest, *OPTIONS)
            logical = await beside(name, by_logical, *rest, "--auth", "lls", "--zone", "Europe/Berlin")
            assert short.exit_code == logical.exit_code == 0, short.stderr
            assert short.stdout.replace(by_short, "") == logical.stdout.replace(by_logical, "")
        listed = json.loads((await beside("objects", by_short, *OPTIONS, "--json")).stdout)
        assert {(each["class_id"], each["obis"]) for each in listed} >= {(12, "0.0.40.0.0.255"), (3, "1.0.1.8.0.255")}
        found = await beside("read", by_short, "1.0.1.8.0.255", *OPTIONS)
        assert (found.exit_code, found.stdout.split()[0]) == (0, "active_energy_import")
        wrong = await beside("read", by_short, "1:0.0.42.0.0.255", "--auth", "lls", "--zone", "Europe/Berlin")
        assert wrong.exit_code == ExitStatus.NOT_LET_IN
        assert "logical or short names" in wrong.stderr


@pytest.mark.parametrize("security", ["none", "both"])
async def test_what_scripts_ask_is_asked_by_short_names_in_clear_and_ciphered(tmp_path: Path, security: str) -> None:
    model = tmp_path / "ciphered.toml"
    model.write_text(CIPHERED)
    ciphered = security == "both"
    meter = EU | ({"model": str(model)} if ciphered else {})
    auth = {"auth": "hls-gmac" if ciphered else "lls", "security": security}
    absent = Get(3, obis("1.0.99.99.99.255"), 2)
    async with bench(meter) as urls, desk(client_3(urls), **auth) as reached:
        name, nothing, clock = await reached.ask(GetMany((Get(1, NAME, 2), absent, Get(8, CLOCK, 2))))
        assert name[1].startswith(b"MTB")
        assert nothing is DataAccessResult.OBJECT_UNDEFINED
        assert await reached.ask(absent) is DataAccessResult.OBJECT_UNDEFINED
        assert await reached.ask(GetMany((absent,))) == [DataAccessResult.OBJECT_UNDEFINED]
        assert clock[0] == Tag.OCTET_STRING
        scripts = reached.unit.scripts
        for closed in (False, True):
            assert await reached.run(scripts.switch(closed=closed)) is None
            seen = await reached.run(settled(scripts, closed=closed, hopeless=False))
            assert seen is not None
            assert seen.output_state is closed
        assert await reached.ask(Act(70, obis("0.0.96.3.99.255"), 1)) == Invoked(ActionResult.OBJECT_UNDEFINED)
        refused = await reached.ask(Set(1, NAME, 2, (Tag.OCTET_STRING, b"X")))
        assert refused is DataAccessResult.READ_WRITE_DENIED
        assert await reached.ask(Set(1, SWITCH, 2, (Tag.UNSIGNED, 1))) is DataAccessResult.OBJECT_UNDEFINED


async def test_the_polling_service_reads_by_short_names(tmp_path: Path) -> None:
    with mosquitto(tmp_path) as broker:
        async with bench(EU) as urls, listener(broker.url) as ear:
            meter = {
                "id": "EU0001",
                "url": client_3(urls),
                "auth": "lls",
                "model": "eu-three-phase",
                "short_names": True,
                "read": {"block_load": {"every": "1s", "depth": "1h"}},
            }
            async with running(tmp_path, broker.url, [meter], clock={"zone": "Europe/Berlin"}):
                rows = await ear.first("EU0001/reading/block_load")
                assert rows["rows"][0]["at"].endswith("+01:00")


# The mapping alone


def test_base_names_are_learnt_and_what_is_no_list_is_refused() -> None:
    names = BaseNames()
    assert not names
    entry: Value = (
        Tag.STRUCTURE,
        [(Tag.LONG, -1536), (Tag.LONG_UNSIGNED, 70), (Tag.UNSIGNED, 0), (Tag.OCTET_STRING, SWITCH)],
    )
    names.learn((Tag.ARRAY, [entry]))
    assert names
    assert names.variable(AttributeDescriptor(70, SWITCH, 3)) == (0xFA10, None)
    assert names.method(MethodDescriptor(70, SWITCH, 2)) == (0xFA28, None)
    assert names.variable(AttributeDescriptor(70, CLOCK, 3)) is None
    assert names.variable(AttributeDescriptor(70, SWITCH, 0)) is None, "attribute 0 has no short name"
    for wrong in ((Tag.ARRAY, []), (Tag.ARRAY, [(Tag.UNSIGNED, 1)]), (Tag.UNSIGNED, 1), DataAccessResult.OTHER_REASON):
        with pytest.raises(NonsenseError):
            names.learn(wrong)
    names.forget()
    assert not names


def test_a_malformed_value_is_told_of_one_and_marked_among_several() -> None:
    names = BaseNames()
    names.learn((Tag.ARRAY, [(Tag.STRUCTURE, [(Tag.LONG, 256), (2, 8), (3, 0), (Tag.OCTET_STRING, CLOCK)])]))
    client = AssociationClient(proposal(context=2), 1, counting)
    get = Get(8, CLOCK, 2)
    with pytest.raises(NonsenseError):
        by_short_name(client, get, names).shape([Malformed("spoiled")])
    assert by_short_name(client, GetMany((get, get)), names).shape([Malformed("spoiled"), (17, 1)]) == [
        DataAccessResult.OTHER_REASON,
        (17, 1),
    ]
    with pytest.raises(TypeError):
        by_short_name(client, "poem", names)
