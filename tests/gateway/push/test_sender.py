"""Who pushes: found by system title or device id, opened with the meter's keys, never twice with one counter."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.configuration.config import check
from gateway.push.sender import CONFIRMED_BIT, Letter, Senders
from gateway.service.unit import Unit, make_units
from protocols.dlms.ciphered import GeneralDedCiphering, GeneralGloCiphering
from protocols.dlms.notification import DataNotification, DataNotificationConfirm
from protocols.dlms.security.envelope import protect_general_glo, unprotect
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.value import Tag, encode, structure
from protocols.errors import LocalProtocolError
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load
from protocols.secret import Secret

TITLE = b"MBG00001"
D1 = load("is15959-d1").identity
OTHER_KEY = "0F0E0D0C0B0A09080706050403020100"


def _url(index: int) -> dict[str, str]:
    return {"url": f"dlms+tcp://192.0.2.{index}:4059?client=48"}


def units(*meters: dict[str, Any]) -> list[Unit]:
    plain = {"model": "is15959-d1", "auth": "hls"}
    config = check(
        {"id": "gw1", "meter": [plain | _url(index) | meter for index, meter in enumerate(meters)]}, "", "test"
    )
    return make_units(config, Path(), ZoneInfo("Asia/Kolkata"), bytes, lambda: 0)


def senders(*meters: dict[str, Any], refuse_replayed: bool = True) -> Senders:
    made = Senders(TITLE, refuse_replayed=refuse_replayed)
    made.adopt(units(*meters))
    return made


def plain(device_id: str = "MTBMB0001", long_invoke: int = 7) -> bytes:
    body = structure([encode((int(Tag.VISIBLE_STRING), device_id)), encode((0, None))])
    return DataNotification(long_invoke, b"", body).encode()


def keys(title: bytes, block: Secret | None = None) -> Keys:
    authentication = SECRETS_DEFAULT["authentication"]
    return Keys(title=title, block=block or SECRETS_DEFAULT["block"], authentication=authentication)


def ciphered(
    apdu: bytes, counter: int = 1, control: int = 0x20, title: bytes = b"", block: Secret | None = None
) -> bytes:
    return protect_general_glo(keys(title or D1.system_title("MB0001"), block), control, counter, apdu)


def letter(answer: Letter | Refused) -> Letter:
    assert isinstance(answer, Letter), answer
    return answer


def refused(answer: Letter | Refused) -> RefusalKind:
    assert isinstance(answer, Refused), answer
    return answer.kind


@pytest.mark.parametrize("control", [0x20, 0x30, 0x10])
def test_a_meter_is_known_by_its_system_title(control: int) -> None:
    found = letter(senders({"id": "MB0001"}, {"id": "MB0002"}).open(ciphered(plain(), control=control)))
    assert (found.unit.id, found.control, found.wants_confirmation) == ("MB0001", control, False)
    assert isinstance(found.notification, DataNotification)
    assert found.notification.long_invoke == 7


def test_an_unknown_title_is_learned_when_the_payload_names_a_meter_whose_key_it_is() -> None:
    own = {
        "id": "MB0002",
        "keys": {"block": {"env": "OTHER"}, "authentication": {"env": "OTHER"}, "hls": {"env": "OTHER"}},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTHER", OTHER_KEY)
        known = senders({"id": "MB0001"}, own)
    other = Secret(bytes.fromhex(OTHER_KEY))
    stranger = b"XYZ\x01\x02\x03\x04\x05"
    assert letter(known.open(ciphered(plain("MTBMB0002"), 1, title=stranger, block=other))).unit.id == "MB0002"
    assert letter(known.open(ciphered(plain("MTBMB0002"), 2, title=stranger, block=other))).unit.id == "MB0002"
    assert refused(known.open(ciphered(plain("MTBMB0002"), 3, title=b"another0"))) is RefusalKind.TITLE, "not its key"
    assert refused(known.open(ciphered(plain("MTBMB0009"), 3, title=b"another1"))) is RefusalKind.TITLE


def test_a_counter_counts_once_and_never_back() -> None:
    known = senders({"id": "MB0001"})
    letter(known.open(ciphered(plain(), 5)))
    assert refused(known.open(ciphered(plain(), 5))) is RefusalKind.COUNTER
    assert refused(known.open(ciphered(plain(), 4))) is RefusalKind.COUNTER
    letter(known.open(ciphered(plain(), 6)))
    lenient = senders({"id": "MB0001"}, refuse_replayed=False)
    letter(lenient.open(ciphered(plain(), 5)))
    letter(lenient.open(ciphered(plain(), 1)))


def test_keys_that_are_to_follow_open_pushes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXT", OTHER_KEY)
    following = Secret(bytes.fromhex(OTHER_KEY))
    known = senders({"id": "MB0001", "auth": "hls", "next_keys": {"block": {"env": "NEXT"}}})
    for counter, block in enumerate((None, following, following, None), 1):
        assert letter(known.open(ciphered(plain(), counter, block=block))).unit.id == "MB0001"
        assert refused(known.open(ciphered(plain(), counter, block=block))) is RefusalKind.COUNTER
    third = Secret(bytes(16))
    assert isinstance(known.open(ciphered(plain(), 9, block=third)), Refused)


def test_octets_that_nobody_has_encrypted_use_no_counter_up() -> None:
    known = senders({"id": "MB0001"})
    letter(known.open(ciphered(plain(), 1)))
    nonsense = ciphered(b"\x0f" + bytes(4) + b"\x00" + b"\xff\xff", 0xFFFFFFF0)
    assert letter(known.open(nonsense)).unit.id == "MB0001", "it is told as refused, for all one knows it is the meter"
    letter(known.open(ciphered(plain(), 2)))


def test_counters_survive_another_configuration() -> None:
    known = senders()
    made = units({"id": "MB0001"})
    known.adopt(made)
    letter(known.open(ciphered(plain(), 5)))
    known.adopt([*made, *units({"id": "MB0002"})])
    assert refused(known.open(ciphered(plain(), 5))) is RefusalKind.COUNTER
    known.adopt([])
    assert refused(known.open(ciphered(plain(), 9))) is RefusalKind.TITLE


def test_clear_pushes_are_taken_only_where_the_model_does_not_cipher() -> None:
    both = senders({"id": "MB0001"}, {"id": "EU1", "model": "eu-three-phase", "device_id": "EU-1", "auth": "none"})
    assert refused(both.open(plain())) is RefusalKind.POLICY
    assert letter(both.open(plain("EU-1"))).unit.id == "EU1"
    assert refused(both.open(plain("MB0009"))) is RefusalKind.TITLE
    unprotected = GeneralGloCiphering(D1.system_title("MB0001"), bytes(4) + b"\x01" + plain()).encode()
    assert isinstance(both.open(unprotected), Refused)


def test_a_confirmation_is_protected_as_the_push_was() -> None:
    known = senders({"id": "MB0001"}, {"id": "EU1", "model": "eu-three-phase", "device_id": "EU-1", "auth": "none"})
    found = letter(known.open(ciphered(plain(long_invoke=9 | CONFIRMED_BIT))))
    assert found.wants_confirmation
    shared = found.unit.credentials.shared if found.unit.credentials is not None else None
    assert shared is not None
    with pytest.raises(LocalProtocolError):
        known.confirmation(found)  # no stretch of the counter has been kept yet
    shared.counter.allow(100)
    opened = unprotect(known.confirmation(found), keys(b"12345678"), TITLE)
    assert isinstance(opened, Opened)
    assert DataNotificationConfirm.decode(opened.apdu).long_invoke == 9 | CONFIRMED_BIT
    clear = letter(known.open(plain("EU-1", 3 | CONFIRMED_BIT)))
    assert known.confirmation(clear)[0] == 0x10


@pytest.mark.parametrize(
    ("apdu", "kind"),
    [
        (b"", RefusalKind.MALFORMED),
        (b"\xc0\x01\x81\x00", RefusalKind.MALFORMED),
        (b"\x0f\x00", RefusalKind.MALFORMED),
        (b"\xdb", RefusalKind.MALFORMED),
        (b"\xc8\x05\x30\x00\x00\x00\x01", RefusalKind.MALFORMED),
        (GeneralGloCiphering(D1.system_title("MB0001"), b"\x20").encode(), RefusalKind.MALFORMED),
        (GeneralDedCiphering(D1.system_title("MB0001"), b"\x20\x00\x00\x00\x01" + b"x" * 20).encode(), RefusalKind.KEY),
    ],
)
def test_what_is_no_push_is_refused(apdu: bytes, kind: RefusalKind) -> None:
    assert refused(senders({"id": "MB0001"}).open(apdu)) is kind


@settings(max_examples=300)
@given(st.binary(max_size=120), st.sampled_from((b"", b"\x0f", b"\xdb\x08", b"\xdc\x08", b"\xdd", b"\xe0")))
def test_any_octets_are_opened_or_refused(octets: bytes, head: bytes) -> None:
    assert isinstance(_KNOWN.open(head + octets), Letter | Refused)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_changed_octet_of_an_authenticated_push_is_never_believed(place: int, flip: int) -> None:
    apdu = bytearray(ciphered(plain(), 1, 0x30))
    apdu[place % len(apdu)] ^= flip
    assert isinstance(senders({"id": "MB0001"}).open(bytes(apdu)), Refused)


_KNOWN = senders({"id": "MB0001"}, {"id": "EU1", "model": "eu-three-phase", "device_id": "EU-1", "auth": "none"})
