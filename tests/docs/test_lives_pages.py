"""The pages of pushes, firmware and payment: their examples are files that the programs take."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from docs.payment import SECTIONS, described
from emulator.bench.assembly import assemble
from emulator.bench.file import KEY_NAMES, BenchError, PushSection, read_bench
from emulator.bench.file import check as check_bench
from emulator.payment.token import BenchFormat, Entered
from gateway.configuration.config import check
from protocols.secret import Secret
from tests.emulator.program import once

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_model_and_the_bench_of_the_page_of_payment_are_a_meter(tmp_path: Path) -> None:
    for name in ("mine.toml", "bench.toml"):
        [content] = blocks("payment.md", f"toml {name}")
        (tmp_path / name).write_text(content)
    (tmp_path / "token.key").write_text("00112233445566778899aabbccddeeff")
    [member] = assemble(read_bench(tmp_path / "bench.toml"), "bench.toml", tmp_path).members
    payment = member.model.physics.payment
    assert payment.unit == "major"
    assert payment.account is not None
    assert payment.account.clearance_threshold == 5000
    assert payment.account.charges[0].rates == ((0, 412), (2, 552))
    printed = once("token", "bench.toml", "PP0001", "500", cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    key = Secret(bytes.fromhex("00112233445566778899aabbccddeeff"))
    token = BenchFormat(key, "PP0001").read(printed.stdout.split()[0].encode())
    assert isinstance(token, Entered)
    assert token.amount == 500


def test_the_page_of_payment_shows_every_option() -> None:
    for part in SECTIONS.values():
        shown = [name for names, text in described(part) for name in names if text]
        assert sorted(shown) == sorted(field.name for field in fields(part))


def test_every_key_of_a_meter_is_on_the_page_of_benches() -> None:
    page = (DOCS / "bench.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in page for name in KEY_NAMES)


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
