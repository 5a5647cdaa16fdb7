"""Suites 1 and 2 with one's own authority: the example as it stands, every form, and certificates that do not hold."""

import os
import re
import shutil
import tomllib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from emulator.bench.assembly import assemble
from emulator.bench.file import BenchError, read_bench
from emulator.bench.file import check as check_bench
from emulator.bench.running import RunningBench
from emulator.keys.issue import issue
from gateway.configuration.config import ConfigError, check
from gateway.configuration.pairs import Trusts
from gateway.meter.dlms_link import DlmsLink
from gateway.meter.dlms_profile import Get, obis
from gateway.service.script import NotLetInError
from gateway.service.unit import Unit, make_units, zone_of
from protocols.dlms.security.certificate import Certificate, Usage
from protocols.dlms.security.key_file import certificates_in
from protocols.dlms.security.refused import Refused

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "certificates"
NOW = datetime(2026, 11, 20, tzinfo=UTC)
TITLE = bytes.fromhex("4D42474757310001")
NAME = Get(1, obis("0.0.42.0.0.255"), 2)
random = os.urandom  # noqa: TID251 (the test is the program's edge)
SUITES = {"EU0001": 1, "EU0002": 2}


def folder_with(where: Path, *, others: dict[str, bytes] | None = None, now: datetime = NOW) -> Path:
    """The example in a folder of its own, with the certificates that its first line asks for."""
    shutil.copytree(EXAMPLE, where, dirs_exist_ok=True)
    bench = read_bench(where / "bench.toml")
    issue(bench, where, {"gw1": TITLE} | (others or {}), where / "pki", now, random)
    return where


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_with(tmp_path_factory.mktemp("example"))


async def meters(folder: Path, change: dict[str, Any] | None = None) -> RunningBench:
    """The example's bench on free ports."""
    said = tomllib.loads((folder / "bench.toml").read_text())
    said["meter"] = [each | {"listen": ["dlms+tcp://127.0.0.1:0"]} | (change or {}) for each in said["meter"]]
    said["clock"] = {"start": NOW.isoformat(), "zone": "Europe/Berlin"}
    running = RunningBench(assemble(check_bench(said, "test"), "test", folder))
    await running.open()
    return running


@pytest.fixture
async def bench(example: Path) -> AsyncIterator[RunningBench]:
    running = await meters(example)
    try:
        yield running
    finally:
        await running.close()


def units(folder: Path, bench: RunningBench | None, now: datetime = NOW, **change: Any) -> dict[str, Unit]:
    """The example's meters as the gateway sees them; `change` is of every meter's section."""
    said = tomllib.loads((folder / "gateway.toml").read_text())
    said["meter"] = [each | change for each in said["meter"]]
    said["defaults"] |= {"timeout": "20s"}
    for each, resident in zip(said["meter"], [] if bench is None else bench.residents, strict=False):
        assert bench is not None
        each["url"] = bench.endpoint.urls(resident)[0].replace("client=16", "client=1")
    now_ms = round(now.timestamp() * 1000)
    made = make_units(check(said, "", "test"), folder, zone_of("Europe/Berlin"), random, lambda: now_ms)
    return {unit.id: unit for unit in made}


async def read(unit: Unit) -> str:
    link = unit.link(random)
    assert isinstance(link, DlmsLink)
    try:
        await link.open()
        return str((await link.ask(NAME))[1], "ascii")
    finally:
        await link.close()


@pytest.mark.parametrize("meter", SUITES)
async def test_the_example_reads_its_meters(example: Path, bench: RunningBench, meter: str) -> None:
    unit = units(example, bench)[meter]
    assert unit.credentials is not None
    assert unit.credentials.shared is not None
    assert unit.credentials.shared.title == TITLE
    assert unit.credentials.shared.context.current.keys.suite.number == SUITES[meter]
    assert (await read(unit)).endswith(meter)


def test_the_examples_first_lines_are_the_command() -> None:
    [words] = re.findall(r"#   meter-emulator certificates (.*)", (EXAMPLE / "bench.toml").read_text())
    assert words == f"bench.toml --title gw1={TITLE.hex().upper()} --out pki"


FORMS = ["ded", "general-glo", "general-ded", "general-ciphering", "general-ciphering-wrapped"]


@pytest.mark.parametrize("meter", SUITES)
@pytest.mark.parametrize("signed", [False, True, "without-length"])
@pytest.mark.parametrize("form", ["glo", "general-ciphering-ephemeral", "general-ciphering-static"])
async def test_every_agreed_and_signed_form(
    example: Path, bench: RunningBench, form: str, meter: str, *, signed: bool | str
) -> None:
    assert (await read(units(example, bench, form=form, signed=signed)[meter])).endswith(meter)


@pytest.mark.parametrize("form", FORMS)
async def test_every_other_form(example: Path, bench: RunningBench, form: str) -> None:
    said: dict[str, Any] = {"form": form}
    if form.endswith("wrapped"):
        (example / "master").write_text("101112131415161718191A1B1C1D1E1F")
        keys = tomllib.loads((example / "gateway.toml").read_text())["meter"][0]["keys"]
        said["keys"] = keys | {"master": {"file": "master"}}
    assert (await read(units_of_one(example, bench, said))).endswith("EU0001")


def units_of_one(folder: Path, bench: RunningBench, change: dict[str, Any]) -> Unit:
    """The meter of suite 1 alone."""
    said = tomllib.loads((folder / "gateway.toml").read_text())
    [url] = bench.endpoint.urls(bench.residents[0])
    said["meter"] = [said["meter"][0] | {"url": url.replace("client=16", "client=1"), "timeout": "20s"} | change]
    now_ms = round(NOW.timestamp() * 1000)
    [unit] = make_units(check(said, "", "test"), folder, zone_of("Europe/Berlin"), random, lambda: now_ms)
    return unit


async def test_a_meter_of_another_authority_is_not_believed(example: Path, tmp_path: Path) -> None:
    """The meter stands in for one whose keys are somebody else's: it takes us in, and we do not take it."""
    stranger = folder_with(tmp_path / "stranger")
    # It believes our authority, so that our own proof holds; its certificate comes from another.
    (stranger / "pki" / "ours.pem").write_bytes((example / "pki" / "root.pem").read_bytes())
    bench = await meters(stranger, {"authorities": ["pki/ours.pem", "pki/root.pem"]})
    try:
        with pytest.raises(NotLetInError, match=r"no authority known here has issued certificate .*`certificates`"):
            await read(units(example, bench, certificates=["pki/gw1-suite1-signing.pem"])["EU0001"])
    finally:
        await bench.close()


async def test_a_client_of_another_authority_is_refused(example: Path, tmp_path: Path, bench: RunningBench) -> None:
    stranger = folder_with(tmp_path / "stranger")
    with pytest.raises(NotLetInError, match=r"the meter refuses our proof"):
        await read(units(stranger, bench)["EU0001"])


async def test_a_pinned_certificate_needs_no_authority(example: Path, bench: RunningBench) -> None:
    pinned = ["pki/EU0001-signing.pem", "pki/gw1-suite1-signing.pem"]
    named = units_of_one(example, bench, {"authorities": [], "certificates": pinned})
    assert (await read(named)).endswith("EU0001")
    other = units_of_one(example, bench, {"authorities": [], "certificates": ["pki/gw1-suite1-signing.pem"]})
    with pytest.raises(
        NotLetInError,
        match=r"no certificate of .* is named, and without authorities, the one that was sent is not believed",
    ):
        await read(other)


def test_a_certificate_is_judged_when_it_is_used(example: Path) -> None:
    """A gateway that runs for years asks the clock each time."""
    clock = [round(NOW.timestamp() * 1000)]
    trusts = Trusts(example, lambda: clock[0])
    config = units(example, None)["EU0001"].config
    trust = trusts.trust(config)
    assert trust is not None
    assert isinstance(trust.certificate_of(TITLE, Usage.KEY_AGREEMENT, trusts.now()), Certificate)
    clock[0] += 4000 * 86_400_000
    refused = trust.certificate_of(TITLE, Usage.KEY_AGREEMENT, trusts.now())
    assert isinstance(refused, Refused)
    assert "is not valid at this time" in refused.reason


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"certificates": ["pki/nobody.pem"]}, r'"EU0001", key certificates: .*nobody.pem: can\'t be read \(No such'),
        ({"certificates": ["gateway.toml"]}, r"key certificates: .*gateway.toml: these octets are no X.509"),
        ({"authorities": ["pki/EU0001-signing.pem"]}, r"key authorities: .*no certificate of an authority"),
        ({"keys": {}}, r"key keys.signing: our own private key is needed beside certificates"),
        (
            {"keys": {"signing": {"file": "gateway.toml"}}},
            r"key keys.signing: not a private key of security suite 1; it",
        ),
        (
            {"keys": {"signing": {"file": "pki/EU0002-signing.key"}}},
            r"keys.signing: not a private key of security suite",
        ),
        (
            {"form": "general-ciphering-static", "keys": {"signing": {"file": "pki/gw1-suite1-signing.key"}}},
            "agreement",
        ),
    ],
)
def test_what_is_wrong_is_said(example: Path, change: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        units(example, None, **change)


def test_our_own_certificate_must_hold(example: Path) -> None:
    with pytest.raises(ConfigError, match=r"our own certificate: certificate .* is not valid at this time"):
        units(example, None, now=NOW + timedelta(days=4000))


def test_a_locked_private_key_is_told_from_a_wrong_one(example: Path, tmp_path: Path) -> None:
    key = load_pem_private_key((example / "pki/gw1-suite1-signing.key").read_bytes(), None)
    locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))
    (tmp_path / "locked.key").write_bytes(locked)
    with pytest.raises(ConfigError, match=r"keys.signing: the private key is locked by a password: unlock it first"):
        units(example, None, keys={"signing": {"file": str(tmp_path / "locked.key")}})


def test_a_bench_says_what_is_wrong_too(example: Path) -> None:
    said = tomllib.loads((example / "bench.toml").read_text())
    said["meter"][0]["keys"] = {"signing": {"file": "pki/EU0002-signing.key"}}
    with pytest.raises(BenchError, match='"EU0001": not a private key of security suite 1'):
        assemble(check_bench(said, "test"), "test", example)


def test_files_are_for_their_owner_and_hold_a_chain(example: Path) -> None:
    pki = example / "pki"
    assert {each.stat().st_mode & 0o777 for each in pki.iterdir()} == {0o600}
    roots = certificates_in(["pki/root.pem"], example)
    assert [each.suite.number for each in roots] == [1, 2]
    assert len(certificates_in(["pki"], example)) == 2 + 2 * 2 * 2
