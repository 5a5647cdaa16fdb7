"""What makers do differently: an emulated meter has each quirk, shows who it is, and is read because that is known."""

import dataclasses
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.configuration.config import ConfigError
from gateway.configuration.credentials import KeyRing
from gateway.configuration.pairs import Trusts
from gateway.desk.reach import meter_config, reach
from gateway.meter.dlms_carrier import hdlc_parameters
from gateway.meter.dlms_link import DlmsLink
from gateway.meter.dlms_profile import Get, GetMany, obis
from gateway.meter.profile_part import Part
from gateway.meter.quirk_match import Recognition
from gateway.service.script import MeterError, NoAnswerError, NoConnectionError
from gateway.service.unit import known_quirks, make_unit
from protocols.dlms.acse import AssociationResponse
from protocols.dlms.quirk import NO_QUIRKS, Quirks
from protocols.dlms.results import DataAccessResult
from protocols.hdlc.parameters import Parameters
from protocols.machine import Layer
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel
from protocols.model.quirk_table import KnownQuirks, read_quirk_table
from protocols.model.table import ModelError
from tests.gateway.cores import NOW_MS
from tests.gateway.odd_meter import Oddly, odd_meter

URL = "dlms+tcp://127.0.0.1:4059?client=16&server=1"
CLOCK = Get(8, obis("0.0.1.0.0.255"), 2)
SERIAL = Get(1, obis("0.0.96.1.0.255"), 2)
NAME = obis("0.0.42.0.0.255")
RLRQ, RLRE, AARE, GET_REQUEST, GET_RESPONSE = 0x62, 0x63, 0x61, 0xC0, 0xC4


def known(quirks: Quirks, flag: str = "MTB", **shows: str) -> tuple[KnownQuirks, ...]:
    names = {obis(name.strip("_").replace("_", ".")): text for name, text in shows.items()}
    return (KnownQuirks(title="an odd one", flag=flag, shows=names, quirks=quirks, source="this test"),)


# Each quirk, with a meter that has it


class SilentOnRelease(Oddly):
    """Falls silent when it is asked to release, and notes that it was."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def asked(self, apdu: bytes) -> list[bytes]:
        if apdu[0] == RLRQ:
            self._notes.append("released")
            return []
        return [apdu]


class WrongReleaseLength(Oddly):
    """The length within its RLRE does not fit."""

    def answered(self, apdu: bytes) -> list[bytes]:
        return [bytes((RLRE, apdu[1] + 2)) + apdu[2:]] if apdu[0] == RLRE else [apdu]


class NoLists(Oddly):
    """Does not answer requests with list, though it has agreed on them."""

    def asked(self, apdu: bytes) -> list[bytes]:
        return [] if apdu[:2] == bytes((GET_REQUEST, 3)) else [apdu]


class OwnInvokeId(Oddly):
    """Answers under a name of its own."""

    def answered(self, apdu: bytes) -> list[bytes]:
        return [apdu[:2] + b"\xcf" + apdu[3:]] if apdu[0] == GET_RESPONSE else [apdu]


class ShortOfMemory(Oddly):
    """Takes no request of more than 100 octets, though it says it does."""

    def asked(self, apdu: bytes) -> list[bytes]:
        return [] if len(apdu) > 100 else [apdu]


class NoTitle(Oddly):
    """Its AARE carries no system title."""

    def answered(self, apdu: bytes) -> list[bytes]:
        if apdu[0] != AARE:
            return [apdu]
        return [dataclasses.replace(AssociationResponse.decode(apdu), responding_ap_title=None).encode()]


async def read_both(
    where: str,
    quirks: Quirks,
    model: Path | None = None,
    client: int = 16,
    auth: str = "none",
    *,
    patient: bool = True,
) -> list[object]:
    """Sixteen attributes at once, of a meter that is known by what it shows, or by its model."""
    patience = {"timeout": "500ms", "retries": 8} if patient else {"timeout": "50ms", "retries": 0}
    options = patience | ({} if model is None else {"model": str(model)})
    config = meter_config(f"dlms+tcp://{where}?client={client}&server=1", auth, None, options)
    table = known(quirks) if model is None and quirks != NO_QUIRKS else ()
    async with reach(config, lambda: NOW_MS, quirks=table) as desk:
        answers = await desk.ask(GetMany((SERIAL, CLOCK) * 8))
    assert len(answers) == 16
    return [answers[0][1], answers[1][0]]


Oddities = Callable[[], Sequence[Layer[object, object]]]


@pytest.mark.parametrize(
    ("quirks", "odd"),
    [(Quirks(no_with_list=True), lambda: [NoLists()]), (Quirks(request_octets_max=100), lambda: [ShortOfMemory()])],
)
async def test_a_meter_is_read_because_its_quirk_is_known(quirks: Quirks, odd: Oddities) -> None:
    async with odd_meter(odd, "eu-three-phase") as where:
        with pytest.raises((NoAnswerError, NoConnectionError)):
            await read_both(where, NO_QUIRKS, client=2, auth="lls", patient=False)
        assert await read_both(where, quirks, client=2, auth="lls") == [b"MB0001", 9]


async def test_a_meter_that_releases_badly_is_let_go_the_way_it_bears() -> None:
    notes: list[str] = []
    async with odd_meter(lambda: [SilentOnRelease(notes)]) as where:
        await read_both(where, NO_QUIRKS)
        assert notes == ["released"]
        await read_both(where, Quirks(no_release=True))
        assert notes == ["released"], "not once, though it was associated with twice"


async def test_a_wrong_length_of_the_rlre_is_told_unless_it_is_known(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "gateway.meter.dlms_link"):
        async with odd_meter(lambda: [WrongReleaseLength()]) as where:
            await read_both(where, NO_QUIRKS)
            assert "released, but the RLRE is malformed" in caplog.text
            caplog.clear()
            await read_both(where, Quirks(release_length_wrong=True))
            assert caplog.text == ""


async def test_what_stands_before_a_meter_can_show_itself_its_model_says(tmp_path: Path) -> None:
    model = tmp_path / "odd.toml"
    model.write_text('base = "is15959-d1"\ntitle = "odd"\n[quirks]\ninvoke_id_not_echoed = true\n')
    async with odd_meter(lambda: [OwnInvokeId()]) as where:
        with pytest.raises((NoAnswerError, NoConnectionError)):
            await read_both(where, NO_QUIRKS, patient=False)
        assert await read_both(where, NO_QUIRKS, model) == ["MB0001", 9]
    title = load("is15959-d1").identity.system_title("MB0001").hex()
    async with odd_meter(lambda: [NoTitle()]) as where:
        with pytest.raises(MeterError):
            await read_both(where, NO_QUIRKS, client=48, auth="hls")
        model.write_text(f'base = "is15959-d1"\ntitle = "odd"\n[quirks]\nserver_title = "{title}"\n')
        assert await read_both(where, NO_QUIRKS, model, client=48, auth="hls") == ["MB0001", 9]


async def test_a_column_that_is_not_in_the_object_list_has_the_scaler_that_is_known() -> None:
    energy, column = obis("1.0.1.8.0.255"), "3:1.0.1.8.0.255"
    whole = load("eu-three-phase")
    reader = whole.associations[2]
    seen = reader.sees if reader.sees is not None else frozenset(str(each.key) for each in whole.objects.values())
    hidden = replace(whole, associations={**whole.associations, 2: replace(reader, sees=seen - {column})})
    config_of = "dlms+tcp://{}?client=2&server=1"
    values: dict[str, tuple[str | None, str | None]] = {}
    async with odd_meter(model=hidden) as where:
        for name, quirks in (("unknown", Quirks()), ("known", Quirks(unlisted={(3, energy): (0, 30)}))):
            config = meter_config(config_of.format(where), "lls", None, {})
            async with reach(config, lambda: NOW_MS, "Europe/Berlin", quirks=known(quirks)) as desk:
                assert await desk.ask(Get(3, energy, 3)) is DataAccessResult.OBJECT_UNDEFINED
                table = await desk.run(desk.unit.scripts.rows("1.0.99.1.0.255", None, Part(last=1)))  # type: ignore[union-attr]
            values[name] = next((v.value, v.unit) for v in table.rows[-1].values if v.obis == "1.0.1.8.0.255")
    assert values["unknown"] == (values["known"][0], None)
    assert values["known"][1] == "Wh"


def test_a_meter_that_lies_about_its_window_is_proposed_no_longer_one() -> None:
    assert hdlc_parameters(NO_QUIRKS) == Parameters.symmetric(2030, 7)
    assert hdlc_parameters(Quirks(hdlc_window_max=1)) == Parameters.symmetric(2030, 1)


# Who is who


def _quirks(model: MeterModel | None, table: Sequence[KnownQuirks] = ()) -> Quirks:
    config = meter_config(URL, "none", None, {} if model is None else {"model": model.id})
    ring = KeyRing(Path(), {}, b"MBD00001", bytes, Trusts(Path(), lambda: 0))
    unit = make_unit(config, ZoneInfo("Asia/Kolkata"), ring, {} if model is None else {model.id: model}, table)
    link = unit.link(bytes)
    assert isinstance(link, DlmsLink)
    return link.quirks


def test_the_quirks_of_the_model_that_a_meter_is_said_to_be_are_the_clients() -> None:
    odd = Quirks(no_release=True, request_octets_max=64)
    assert _quirks(replace(load("is15959-d1"), quirks=odd)) == odd
    assert Recognition(odd, known(NO_QUIRKS)).settled, "what is said is not looked for"


def test_a_meter_of_which_nothing_is_said_has_none_until_it_is_seen() -> None:
    assert _quirks(None) == NO_QUIRKS
    assert _quirks(load("is15959-d1"), known(Quirks(no_release=True))) == NO_QUIRKS


class Shown:
    """A meter as far as it is asked who it is."""

    def __init__(self, **shows: str) -> None:
        self._shows = {obis(name.strip("_").replace("_", ".")): text for name, text in shows.items()}
        self.asked: list[bytes] = []

    async def ask(self, request: Get | GetMany) -> object:
        items = request.items if isinstance(request, GetMany) else (request,)
        self.asked += [each.instance for each in items]
        shown = [self._shows.get(each.instance) for each in items]
        answers = [DataAccessResult.OBJECT_UNDEFINED if each is None else (9, each.encode()) for each in shown]
        return answers if isinstance(request, GetMany) else answers[0]


async def test_a_title_says_the_maker_and_spares_the_questions() -> None:
    recognition, meter = Recognition(table=known(Quirks(no_release=True), flag="ABC")), Shown()
    assert not await recognition.look(b"MTB00001", meter.ask)
    assert (meter.asked, recognition.settled, recognition.quirks) == ([], True, NO_QUIRKS)
    recognition = Recognition(table=known(Quirks(no_release=True), flag="MTB"))
    assert await recognition.look(b"MTB00001", meter.ask)
    assert (meter.asked, recognition.quirks) == ([], Quirks(no_release=True))


async def test_without_a_title_the_device_name_says_it_and_what_else_is_shown_the_model() -> None:
    table = (
        *known(Quirks(no_release=True), flag="MTB"),
        *known(Quirks(request_octets_max=64), flag="MTB", _1_0_0_2_0_255="2."),
        *known(Quirks(no_with_list=True), flag="MTB", _1_0_0_2_0_255="3."),
        *known(Quirks(hdlc_window_max=1), flag="ABC"),
        *known(Quirks(server_title=b"AAAAAAAA"), flag="", _0_0_42_0_0_255="MTB"),
    )
    meter, recognition = Shown(_0_0_42_0_0_255="MTB00001", _1_0_0_2_0_255="2.1"), Recognition(table=table)
    assert await recognition.look(b"", meter.ask)
    assert meter.asked == [NAME, obis("1.0.0.2.0.255")]
    assert recognition.quirks == Quirks(no_release=True, request_octets_max=64, server_title=b"AAAAAAAA")
    mute, recognition = Shown(), Recognition(table=table)
    assert not await recognition.look(b"", mute.ask)
    assert recognition.settled


TABLE = """
[[meter]]
title = "the 2019 series"
flag = "XYZ"
shows = { "1.0.0.2.0.255" = "2.1" }
source = "seen on the bench"
quirks = { no_release = true, unlisted = { "3:1.0.99.128.0.255" = [-3, 30] } }
"""


def test_a_file_of_quirks_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    (entry,) = read_quirk_table(TABLE, "quirks.toml")
    assert (entry.flag, entry.shows) == ("XYZ", {obis("1.0.0.2.0.255"): "2.1"})
    assert entry.quirks == Quirks(no_release=True, unlisted={(3, obis("1.0.99.128.0.255")): (-3, 30)})
    for text, said in (
        ("[[meter", "not TOML"),
        (TABLE.replace("XYZ", "xyz"), "three capital letters"),
        (
            TABLE.replace('flag = "XYZ"', "").replace('shows = { "1.0.0.2.0.255" = "2.1" }', ""),
            "which meters these are",
        ),
        (TABLE.replace("no_release", "norelease"), "did you mean no_release"),
        (TABLE.replace("[-3, 30]", "[-3]"), "scaler and unit"),
        (TABLE.replace("1.0.0.2.0.255", "energy"), "energy"),
        (TABLE.replace('source = "seen on the bench"', ""), "source is missing"),
    ):
        with pytest.raises(ModelError, match=said):
            read_quirk_table(text, "quirks.toml")
    (tmp_path / "quirks.toml").write_text(TABLE)
    assert known_quirks(tmp_path / "quirks.toml") == (entry,)
    for file, said in (("absent.toml", "can't be read"), ("quirks.toml", "flag is")):
        (tmp_path / "quirks.toml").write_text(TABLE.replace("XYZ", "X"))
        with pytest.raises(ConfigError, match=said):
            known_quirks(tmp_path / file)
