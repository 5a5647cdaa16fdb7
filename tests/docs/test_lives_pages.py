"""The pages of pushes, firmware and payment: their examples are files that the programs take."""

import re
import tomllib
from pathlib import Path

import pytest

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, PushSection
from emulator.bench.file import check as check_bench
from gateway.configuration.config import check

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a page."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_the_gateway_of_the_page_of_pushes_is_one() -> None:
    _, example = blocks("push.md", "toml")
    config = check({"id": "gw1"} | tomllib.loads(example), example, "push.md")
    assert (config.push.replayed, config.meter[0].pushes) == ("refuse", True)


def test_the_bench_of_the_page_of_pushes_is_one_and_shows_every_option() -> None:
    example, _ = blocks("push.md", "toml")
    household = assemble(check_bench(tomllib.loads(example), "push.md"), "push.md", Path())
    assert [each.resident.id for each in household.members] == ["MB0001", "EU0001"]
    shown = {name for each in tomllib.loads(example)["meter"] for name in each["push"]}
    assert shown == set(PushSection.model_fields)


@pytest.mark.parametrize(
    ("model", "push", "sentence"),
    [
        ("sdm120", {}, "has no push setups"),
        ("is15959-d1", {"confirmed": True}, "are older than version 2"),
        ("eu-three-phase", {"every": 60}, "has no push schedule 0.0.15.0.4.255"),
    ],
)
def test_a_push_that_a_model_cannot_do_is_a_fault_of_the_file(
    model: str, push: dict[str, object], sentence: str
) -> None:
    said = {"meter": [{"id": "M1", "model": model, "push": {"to": "connection"} | push}]}
    with pytest.raises(BenchError, match=sentence):
        assemble(check_bench(said, "bench.toml"), "bench.toml", Path())
