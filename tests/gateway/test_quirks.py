"""What a model says of its maker's oddities reaches the client that reads its meters."""

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.configuration.credentials import KeyRing
from gateway.desk.reach import meter_config
from gateway.meter.dlms_link import DlmsLink, hdlc_parameters
from gateway.service.unit import make_unit
from protocols.dlms.quirk import NO_QUIRKS, Quirks
from protocols.hdlc.parameters import Parameters
from protocols.model.loader import load
from protocols.model.meter_model import MeterModel

URL = "dlms+tcp://127.0.0.1:4059?client=16&server=1"


def _quirks(model: MeterModel | None) -> Quirks:
    config = meter_config(URL, "none", None, {} if model is None else {"model": model.id})
    ring = KeyRing(Path(), {}, b"MBD00001", bytes)
    unit = make_unit(config, ZoneInfo("Asia/Kolkata"), ring, {} if model is None else {model.id: model})
    link = unit.link(bytes)
    assert isinstance(link, DlmsLink)
    return link.quirks


def test_the_quirks_of_the_model_that_a_meter_is_said_to_be_are_the_clients() -> None:
    odd = Quirks(no_release=True, request_octets_max=64)
    assert _quirks(replace(load("is15959-d1"), quirks=odd)) == odd


def test_a_meter_of_which_nothing_is_said_has_none() -> None:
    assert _quirks(None) == NO_QUIRKS
    assert _quirks(load("is15959-d1")) == NO_QUIRKS


def test_a_meter_that_lies_about_its_window_is_proposed_no_longer_one() -> None:
    assert hdlc_parameters(NO_QUIRKS) == Parameters.symmetric(2030, 7)
    assert hdlc_parameters(Quirks(hdlc_window_max=1)) == Parameters.symmetric(2030, 1)
