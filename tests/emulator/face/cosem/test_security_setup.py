"""Security setup: new keys under the master key, all or none; a policy that is only ever strengthened."""

from collections.abc import Callable
from hashlib import shake_256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from emulator.keys.certificate_store import serial_octets
from emulator.keys.keyring import Keyring
from emulator.keys.ring import Ring
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.security.agreement import agree, ephemeral_key, open_ephemeral, signed_ephemeral
from protocols.dlms.security.bench_authority import (
    VALID_FROM,
    VALID_UNTIL,
    bench_authority,
    bench_certificate,
    bench_key,
)
from protocols.dlms.security.certificate import Usage, issue_certificate
from protocols.dlms.security.context import SecurityContext
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.key_wrap import wrap_key
from protocols.dlms.security.policy import Policy
from protocols.dlms.security.refused import Refused
from protocols.dlms.security.suite import SUITE_1
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.model.association import SECRETS_DEFAULT
from protocols.model.loader import load, load_file
from protocols.model.meter_model import MeterModel
from protocols.secret import Secret
from tests.emulator.face.cosem.fake_meter import Desk, FakeMeter, desk

SETUP = bytes((0, 0, 43, 0, 3, 255))
KEY = "64:0.0.43.0.3.255"
CLOCK = bytes((0, 0, 1, 0, 0, 255))
FRESH = Secret(b"a fresh key here")
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
    ring = Keyring(d1.face, None)
    keys = transferred((0, wrap_key(MASTER, FRESH)), (2, wrap_key(MASTER, FRESH)))
    context = ring.context(d1.association)
    assert context is not None
    assert act(d1, 2, keys) is ActionResult.SUCCESS
    assert context.current.keys.block == SECRETS_DEFAULT["block"]
    assert context.pending is not None
    assert context.pending.keys.block == context.pending.keys.authentication == FRESH
    context.confirm()
    assert context.current.keys.block == FRESH
    other = ring.ring(32).context(32)
    assert other is not None
    assert other.current.keys.block == SECRETS_DEFAULT["block"]
    assert other.pending is None
    meter = d1.face.meter
    assert isinstance(meter, FakeMeter)
    assert meter.transactions == [164]


def test_unconfirmed_and_confirmed_keys_survive_a_restart(d1: Desk) -> None:
    notes: dict[str, str] = {}

    def restarted() -> tuple[Desk, Keyring, SecurityContext]:
        again = desk(load("is15959-d1"))
        ring = Keyring(again.face, None)
        ring.keep(dict(notes), notes.__setitem__)
        context = ring.context(again.association)
        assert context is not None
        return again, ring, context

    each, _, context = restarted()
    context.current.received[0].use(40)
    assert act(each, 2, transferred((0, wrap_key(MASTER, FRESH)))) is ActionResult.SUCCESS
    _, _, context = restarted()
    assert context.current.keys.block == SECRETS_DEFAULT["block"]
    assert context.current.received[0].lowest > 40
    assert context.pending is not None
    context.confirm()
    _, ring, context = restarted()
    assert (context.current.keys.block, context.pending) == (FRESH, None)
    assert context.current.received[0].lowest == 0
    assert ring.ring(48).last_counter(48) == 0


def test_a_new_master_key_wraps_the_next_ones_and_so_does_the_old_one_until_then(d1: Desk) -> None:
    master = Secret(b"another master!!")
    assert act(d1, 2, transferred((3, wrap_key(MASTER, master)))) is ActionResult.SUCCESS
    assert act(d1, 2, transferred((0, wrap_key(MASTER, FRESH)))) is ActionResult.SUCCESS
    assert act(d1, 2, transferred((0, wrap_key(master, FRESH)))) is ActionResult.SUCCESS
    assert act(d1, 2, transferred((0, wrap_key(MASTER, FRESH)))) is ActionResult.OTHER_REASON
    assert act(d1, 2, transferred((0, wrap_key(FRESH, FRESH)))) is ActionResult.OTHER_REASON


@pytest.mark.parametrize(
    "second",
    [(2, bytes(24)), (9, wrap_key(MASTER, FRESH)), (2, b""), (2, wrap_key(FRESH, FRESH))],
    ids=["changed", "unknown key", "empty", "wrong master"],
)
def test_one_wrong_key_leaves_them_all(d1: Desk, second: tuple[int, bytes]) -> None:
    assert act(d1, 2, transferred((0, wrap_key(MASTER, FRESH)), second)) is ActionResult.OTHER_REASON
    assert d1.face.keyring is not None
    context = d1.face.keyring.context(d1.association)
    assert context is not None
    assert context.pending is None


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


# Version 1

SUITE_1_MODEL = """
base = "is15959-d1"
title = "a D1 of suite 1"
[objects."64:0.0.43.0.3.255"]
version = 1
attributes.3 = { value = 1 }
execute = [1, 2, 3, 4, 5, 6, 7, 8]
"""
CLIENT_TITLE = b"MTBCLNT1"


@pytest.fixture(scope="module")
def suite_1_model(tmp_path_factory: pytest.TempPathFactory) -> MeterModel:
    path = tmp_path_factory.mktemp("models") / "suite-1.toml"
    path.write_text(SUITE_1_MODEL)
    return load_file(path)


@pytest.fixture
def suite_1(suite_1_model: MeterModel) -> Desk:
    return with_ring(suite_1_model, {}, lambda _name, _text: None)


def with_ring(model: MeterModel, notes: dict[str, str], put: Callable[[str, str], None]) -> Desk:
    each = desk(model)
    ring = Keyring(each.face, lambda count: shake_256(b"entropy").digest(count))
    ring.keep(notes, put)
    each.association.client_title = CLIENT_TITLE
    assert ring.context(each.association) is not None
    return each


def returned(each: Desk, method: int, parameter: Value) -> Value:
    result, data = each.face.action(each.association, 64, SETUP, method, encode(parameter), each.now_us)
    assert result is ActionResult.SUCCESS
    assert isinstance(data, bytes)
    return decode(data)


def ring_of(each: Desk) -> Ring:
    assert each.face.keyring is not None
    return each.face.keyring.ring(48)


def enum(number: int) -> Value:
    return int(Tag.ENUM), number


def octets(content: bytes) -> Value:
    return int(Tag.OCTET_STRING), content


def structure(*members: Value) -> Value:
    return int(Tag.STRUCTURE), list(members)


def test_keys_are_agreed_and_the_same_on_both_sides(suite_1: Desk) -> None:
    signing = bench_key(SUITE_1, CLIENT_TITLE, Usage.DIGITAL_SIGNATURE)
    ephemeral = ephemeral_key(SUITE_1, lambda count: shake_256(b"client").digest(count))
    data = signed_ephemeral(SUITE_1, ephemeral, signing, b"\x00")
    tag, rows = returned(suite_1, 3, (int(Tag.ARRAY), [structure(enum(0), octets(data))]))
    assert tag == Tag.ARRAY
    [(_, [(_, key_id), (_, answer)])] = rows
    assert key_id == 0
    title = suite_1.face.plan.model.identity.system_title("MB0001")
    meters = bench_key(SUITE_1, title, Usage.DIGITAL_SIGNATURE).public_key()
    other = open_ephemeral(SUITE_1, answer, meters, b"\x00")
    assert not isinstance(other, Refused)
    wanted = agree(SUITE_1, ephemeral, other, originator=CLIENT_TITLE, recipient=title)
    context = ring_of(suite_1).context(48)
    assert context is not None
    assert context.pending is not None
    assert context.pending.keys.block == wanted


def test_keys_of_a_stranger_are_not_agreed(suite_1: Desk) -> None:
    stranger = bench_key(SUITE_1, b"MTBOTHER", Usage.DIGITAL_SIGNATURE)
    data = signed_ephemeral(SUITE_1, stranger, stranger, b"\x00")
    parameter = int(Tag.ARRAY), [structure(enum(0), octets(data))]
    assert act(suite_1, 3, parameter) is ActionResult.OTHER_REASON
    assert act(suite_1, 3, (int(Tag.ARRAY), [])) is ActionResult.OTHER_REASON
    context = ring_of(suite_1).context(48)
    assert context is not None
    assert context.pending is None


def test_a_new_pair_takes_over_with_its_certificate(suite_1_model: MeterModel) -> None:
    notes: dict[str, str] = {}
    each = with_ring(suite_1_model, notes, notes.__setitem__)
    title = each.face.plan.model.identity.system_title("MB0001")
    store = ring_of(each).certificates
    before = store.private_key(Usage.DIGITAL_SIGNATURE)
    assert act(each, 4, enum(0)) is ActionResult.SUCCESS
    assert store.private_key(Usage.DIGITAL_SIGNATURE) is before
    _, request = returned(each, 5, enum(0))
    public = x509.load_der_x509_csr(request).public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    certificate = bench_certificate(SUITE_1, title, Usage.DIGITAL_SIGNATURE, public)
    assert act(each, 6, octets(certificate.encode())) is ActionResult.SUCCESS
    now = store.private_key(Usage.DIGITAL_SIGNATURE)
    assert now is not None
    assert now.public_key() == public
    _, rows = each.value(KEY, 6)
    assert [(row[1][0], row[1][1], row[1][2]) for row in rows] == [
        (enum(0), enum(0), octets(serial_octets(certificate)))
    ]
    by_entity = structure(enum(0), structure(enum(0), enum(0), octets(title)))
    assert returned(each, 7, by_entity) == octets(certificate.encode())
    by_serial = structure(enum(1), structure(rows[0][1][2], rows[0][1][3]))
    assert returned(each, 7, by_serial) == octets(certificate.encode())
    again = with_ring(suite_1_model, dict(notes), notes.__setitem__)
    kept = ring_of(again).certificates.private_key(Usage.DIGITAL_SIGNATURE)
    assert kept is not None
    assert kept.public_key() == public
    assert act(again, 8, by_serial) is ActionResult.SUCCESS
    assert act(again, 8, by_serial) is ActionResult.OBJECT_UNAVAILABLE
    assert again.value(KEY, 6) == (Tag.ARRAY, [])


def test_a_clients_certificate_says_whose_signature_counts(suite_1: Desk) -> None:
    key = ephemeral_key(SUITE_1, lambda count: shake_256(b"another").digest(count))
    certificate = bench_certificate(SUITE_1, CLIENT_TITLE, Usage.DIGITAL_SIGNATURE, key.public_key())
    assert act(suite_1, 6, octets(certificate.encode())) is ActionResult.SUCCESS
    assert suite_1.face.keyring is not None
    suite_1.association.asked_us = suite_1.now_us
    context = suite_1.face.keyring.context(suite_1.association)
    assert context is not None
    assert context.current.keys.other_signing_key == key.public_key()


def test_a_certificate_that_does_not_verify_is_refused(suite_1: Desk) -> None:
    stranger = bench_key(SUITE_1, b"MTBOTHER", Usage.DIGITAL_SIGNATURE)
    forged = issue_certificate(
        stranger.public_key(),
        CLIENT_TITLE.hex(),
        Usage.DIGITAL_SIGNATURE,
        issuer=bench_authority(SUITE_1).certificate.x509.subject,
        issuer_key=stranger,
        serial=7,
        valid_from=VALID_FROM,
        valid_until=VALID_UNTIL,
    )
    title = suite_1.face.plan.model.identity.system_title("MB0001")
    not_ours = bench_certificate(SUITE_1, title, Usage.DIGITAL_SIGNATURE, stranger.public_key())
    for each in (forged.encode(), not_ours.encode(), b"no certificate", b""):
        assert act(suite_1, 6, octets(each)) is ActionResult.OTHER_REASON
    assert suite_1.value(KEY, 6) == (Tag.ARRAY, [])


@pytest.mark.parametrize(
    ("method", "parameter"),
    [
        (4, enum(2)),
        (5, enum(9)),
        (7, structure(enum(0), structure(enum(9), enum(0), octets(b"")))),
        (7, structure(enum(2), structure(enum(0)))),
        (8, structure(enum(0), enum(1))),
        (8, structure(enum(1), structure(octets(b"\x01"), octets(b"nobody")))),
    ],
)
def test_what_is_not_there_is_refused(suite_1: Desk, method: int, parameter: Value) -> None:
    assert act(suite_1, method, parameter) is not ActionResult.SUCCESS


def test_suite_0_has_no_pairs(d1: Desk, tmp_path: Path) -> None:
    path = tmp_path / "suite-0.toml"
    path.write_text(SUITE_1_MODEL.replace("{ value = 1 }", "{ value = 0 }"))
    each = with_ring(load_file(path), {}, lambda _name, _text: None)
    rows = int(Tag.ARRAY), [structure(enum(0), octets(bytes(128)))]
    for method, parameter in ((3, rows), (4, enum(0)), (5, enum(0)), (6, octets(b""))):
        assert act(each, method, parameter) is ActionResult.OTHER_REASON
    assert act(d1, 3, rows) is not ActionResult.SUCCESS


def test_a_policy_of_version_1_is_bits(suite_1: Desk) -> None:
    assert activate(suite_1, 0x03) is ActionResult.OTHER_REASON
    assert activate(suite_1, 0x0C | 0x60) is ActionResult.SUCCESS
    context = ring_of(suite_1).context(48)
    assert context is not None
    assert context.policy == Policy(PROTECTED, PROTECTED)
    suite_1.association.security = PROTECTED
    assert activate(suite_1, 0x0C) is ActionResult.OTHER_REASON
