"""Security setup: new keys under the master key, all or none; a policy that is only ever strengthened."""

import pytest

from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.security.key_wrap import wrap_key
from protocols.dlms.value import Tag, Value, encode
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load
from protocols.secret import Secret
from tests.emulator.face.cosem.fake_meter import Desk, FakeMeter, desk

SETUP = bytes((0, 0, 43, 0, 3, 255))
KEY = "64:0.0.43.0.3.255"
CLOCK = bytes((0, 0, 1, 0, 0, 255))
FRESH = Secret(bytes(range(16)))
MASTER = SECRETS_DEFAULT["master"]


@pytest.fixture
def d1() -> Desk:
    return desk(load("is15959-d1"))


def transferred(*keys: tuple[int, bytes]) -> Value:
    rows = [(int(Tag.STRUCTURE), [(int(Tag.ENUM), key), (int(Tag.OCTET_STRING), wrapped)]) for key, wrapped in keys]
    return int(Tag.ARRAY), rows


def act(each: Desk, method: int, parameter: Value) -> ActionResult:
    return each.face.action(each.association, 64, SETUP, method, encode(parameter), each.now_us)[0]


def activate(each: Desk, policy: int) -> ActionResult:
    return act(each, 1, (int(Tag.ENUM), policy))


def test_a_setup_tells_policy_suite_and_titles(d1: Desk) -> None:
    d1.association.client_title = b"MTBCLNT1"
    assert d1.value(KEY, 2) == (Tag.ENUM, 0)
    assert d1.value(KEY, 3) == (Tag.ENUM, 0)
    assert d1.value(KEY, 4) == (Tag.OCTET_STRING, b"MTBCLNT1")
    assert d1.value(KEY, 5) == (Tag.OCTET_STRING, load("is15959-d1").identity.system_title("MB0001"))
    assert d1.value("15:0.0.40.0.3.255", 9) == (Tag.OCTET_STRING, SETUP)


def test_keys_are_changed_for_the_setups_own_client(d1: Desk) -> None:
    keys = transferred((0, wrap_key(MASTER, FRESH)), (2, wrap_key(MASTER, FRESH)))
    assert act(d1, 2, keys) is ActionResult.SUCCESS
    profiles = d1.face.associations()
    assert profiles[48].secrets["block"] == profiles[48].secrets["authentication"] == FRESH
    assert profiles[32].secrets["block"] == SECRETS_DEFAULT["block"]
    meter = d1.face.meter
    assert isinstance(meter, FakeMeter)
    assert meter.transactions == [164]


@pytest.mark.parametrize(
    "second",
    [(2, bytes(24)), (9, wrap_key(MASTER, FRESH)), (2, b""), (2, wrap_key(FRESH, FRESH))],
    ids=["changed", "unknown key", "empty", "wrong master"],
)
def test_one_wrong_key_leaves_them_all(d1: Desk, second: tuple[int, bytes]) -> None:
    assert act(d1, 2, transferred((0, wrap_key(MASTER, FRESH)), second)) is ActionResult.OTHER_REASON
    assert d1.face.associations()[48].secrets == SECRETS_DEFAULT


def test_a_policy_is_strengthened_and_then_asked_for(d1: Desk) -> None:
    assert activate(d1, 1) is ActionResult.SUCCESS
    get = d1.face.get
    assert get(d1.association, 8, CLOCK, 2, None, d1.now_us) is DataAccessResult.READ_WRITE_DENIED
    d1.association.security = 0x10
    assert isinstance(get(d1.association, 8, CLOCK, 2, None, d1.now_us), bytes)
    assert activate(d1, 3) is ActionResult.SUCCESS
    d1.association.security = 0x30
    assert activate(d1, 1) is ActionResult.OTHER_REASON
    assert d1.value(KEY, 2) == (Tag.ENUM, 3)
    other = desk(load("is15959-d1"), 32)
    assert isinstance(other.face.get(other.association, 8, CLOCK, 2, None, 0), bytes)


def test_a_policy_survives_a_restart(d1: Desk) -> None:
    notes: dict[str, str] = {}
    d1.face.keep({}, notes.__setitem__)
    activate(d1, 3)
    again = desk(load("is15959-d1"))
    again.face.keep(notes, notes.__setitem__)
    assert again.face.get(again.association, 8, CLOCK, 2, None, 0) is DataAccessResult.READ_WRITE_DENIED
