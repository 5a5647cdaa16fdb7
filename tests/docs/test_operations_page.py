"""The hand-written pages of the gateway say what the program does: every metric, every rule, every example."""

import re
import tomllib
from pathlib import Path

from docs.__main__ import FOLDER
from gateway.configuration.config import check
from gateway.service.supervisor import Gateway
from protocols.message.command import Command, Rung
from protocols.message.reading import Reading
from tests.gateway.live import edge

OPERATIONS = (FOLDER / "operations.md").read_text(encoding="utf-8")
CONTRACT = (FOLDER / "contract.md").read_text(encoding="utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def test_every_metric_is_told_and_none_that_is_not(tmp_path: Path) -> None:
    gateway = Gateway(check({"id": "gw1"}, "", "test"), edge(tmp_path / "gateway.toml"))
    kinds = {"counter": "_total"}
    there = {
        family.name + kinds.get(family.type, "")
        for family in gateway.health.registry.collect()
        if family.name.startswith("gateway_")
    }
    gateway.core.store.close()
    assert set(re.findall(r"`(gateway_[a-z_]+)`", OPERATIONS)) == there


def test_the_examples_of_the_file_are_good() -> None:
    first, rules = blocks(OPERATIONS, "toml")
    config = check(tomllib.loads(first), first, "operations.md")
    assert config.meter[0].auth == "hls"
    guarded = check(tomllib.loads(first) | tomllib.loads(rules), rules, "operations.md")
    assert {rule.kind for rule in guarded.guard.rule} == {
        "moratorium", "headend_silence", "hours", "protected", "evidence", "blast_radius", "safety_hold",
        "reconnect_rate",
    }  # fmt: skip


def test_the_examples_of_the_contract_are_messages() -> None:
    reading, command = blocks(CONTRACT, "json")
    assert Reading.from_json(reading.encode()).rows[0].values[1].value is None
    assert Command.from_json(command.encode()).evidence is not None


def test_every_rung_is_told() -> None:
    told = set(re.findall(r"^\| `([a-z]+)` \|", CONTRACT, re.MULTILINE))
    assert {rung.value for rung in Rung} <= told


def test_links_between_pages_lead_somewhere() -> None:
    for page in (OPERATIONS, CONTRACT):
        for target in re.findall(r"\]\(([^)#]+)", page):
            assert (FOLDER / target).exists(), target
