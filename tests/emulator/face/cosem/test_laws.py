"""Whatever is asked, written or invoked, a face on a real meter answers and never raises."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.bench.resident import Resident
from emulator.face.cosem.face import CosemFace
from emulator.face.cosem.link_setup import CLASSES as LINK_SETUPS
from emulator.face.cosem.plan import plan_of
from emulator.line.line import Line
from emulator.line.machines import Member
from emulator.meter import Meter
from protocols.address import parse
from protocols.cosem.data_type import RANGES, TAGS, DataType, Kind
from protocols.dlms.results import ActionResult, DataAccessResult
from protocols.dlms.selection import Selection
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.hdlc.address import Address
from protocols.hdlc.frame import Frame, read, unnumbered_control
from protocols.hdlc.frame import Kind as FrameKind
from protocols.hdlc.frame import encode as framed
from protocols.machine import Peer
from protocols.model.loader import load
from tests.emulator.face.cosem.fake_meter import NOON_MS, Desk, LinkTime, associate
from tests.emulator.fakes import bench_clock

LOAD = {"constant": 500}
MIGHTIEST = {"is15959-d1": 48, "is15959-d1-sts": 48, "eu-three-phase": 1}
"""Models that differ most, and who may do most with each."""

VIEWS = {model_id: plan_of(load(model_id)).views[client] for model_id, client in MIGHTIEST.items()}

_SPECIAL_OCTETS = st.sampled_from([4, 5, 6, 12]).flatmap(lambda size: st.binary(min_size=size, max_size=size))


def fresh(model_id: str = "is15959-d1") -> Desk:
    model = load(model_id)
    meter = Meter("MB0001", model, seed=1, load=LOAD, supply=None, start_ms=NOON_MS)
    face = CosemFace(meter, model, LinkTime())
    return Desk(face, associate(face, MIGHTIEST[model_id]))


def contents(tag: int) -> st.SearchStrategy[Any]:
    if tag in RANGES:
        return st.integers(*RANGES[tag])
    match tag:
        case Tag.NULL_DATA:
            return st.none()
        case Tag.BOOLEAN:
            return st.booleans()
        case Tag.BIT_STRING:
            return st.text("01", max_size=130)
        case Tag.OCTET_STRING:
            return st.one_of(_SPECIAL_OCTETS, st.binary(max_size=20))
        case Tag.VISIBLE_STRING | Tag.UTF8_STRING:
            return st.text(st.characters(max_codepoint=255), max_size=9)
        case Tag.FLOAT32:
            return st.floats(width=32)
        case Tag.FLOAT64:
            return st.floats()
        case _:
            return st.nothing()


def fitting(kind: DataType) -> st.SearchStrategy[Value]:
    """Values of a type."""
    match kind.kind:
        case Kind.ANY:
            return st.sampled_from(["unsigned", "double-long", "octet-string", "float32", "bit-string"]).flatmap(
                lambda name: st.tuples(st.just(TAGS[name]), contents(TAGS[name]))
            )
        case Kind.CHOICE:
            return st.one_of([fitting(each) for _, each in kind.members])
        case Kind.ARRAY:
            return st.tuples(st.just(int(Tag.ARRAY)), st.lists(fitting(kind.members[0][1]), max_size=3))
        case Kind.STRUCTURE:
            members = st.tuples(*[fitting(each) for _, each in kind.members]).map(list)
            return st.tuples(st.just(int(Tag.STRUCTURE)), members)
        case _:
            assert kind.tag is not None
            return st.tuples(st.just(kind.tag), contents(kind.tag))


ANY_VALUE = st.one_of(
    fitting(DataType(kind=Kind.ANY)),
    st.lists(fitting(DataType(kind=Kind.ANY)), max_size=4).map(lambda each: (int(Tag.STRUCTURE), each)),
)
OFTEN = settings(max_examples=120, deadline=None)


@OFTEN
@given(st.sampled_from(sorted(MIGHTIEST)), st.data())
def test_any_value_written_to_any_attribute_is_answered(model_id: str, data: st.DataObject) -> None:
    writers = VIEWS[model_id].writers
    key = data.draw(st.sampled_from(sorted(writers)))
    kind = writers[key][0]
    value = data.draw(st.one_of(fitting(kind), ANY_VALUE) if kind else ANY_VALUE)
    desk = fresh(model_id)
    result = desk.face.set(desk.association, *key, None, encode(value), desk.now_us)
    assert isinstance(result, DataAccessResult)
    if kind is not None and not kind.matches(value):
        assert result is DataAccessResult.TYPE_UNMATCHED
    answer = desk.face.get(desk.association, *key, None, desk.now_us)
    if isinstance(answer, bytes):
        decode(answer)


SETUPS = sorted(key for key in VIEWS["eu-three-phase"].writers if key[0] in LINK_SETUPS)
LISTEN = ("dlms+tcp://127.0.0.1:0", "dlms+hdlc+tcp://127.0.0.1:0?physical=17", "dlms+hdlc://pty", "dlms+mode-e://pty")


@OFTEN
@given(st.sampled_from(LISTEN), st.lists(st.sampled_from(SETUPS), max_size=6), st.data())
def test_whatever_setups_have_taken_the_next_link_can_be_opened(
    url: str, keys: list[tuple[int, bytes, int]], data: st.DataObject
) -> None:
    desk = fresh("eu-three-phase")
    for key in keys:
        kind = VIEWS["eu-three-phase"].writers[key][0]
        assert kind is not None
        desk.face.set(desk.association, *key, None, encode(data.draw(fitting(kind))), desk.now_us)
    assert isinstance(desk.face.meter, Meter)
    resident = Resident(desk.face.meter, bench_clock(), bytes, cosem=desk.face)
    resident.look(0)
    member = Member(resident, parse(url, listen=True))
    machine = Line([member]).machine(Peer("memory", "test"))
    assert machine is not None
    machine.data_to_send(0)
    if "hdlc" in url:
        server = bytes(Address.server(1, member.physical))
        machine.receive_data(framed(Frame(server, b"\x21", unnumbered_control(FrameKind.SNRM, poll_final=True))), 0)
        (answer,) = machine.data_to_send(0)
        assert isinstance(answer, bytes)
        frame = read(answer[1:-1])
        assert isinstance(frame, Frame)
        assert frame.kind is FrameKind.UA
    machine.on_deadline(1 << 40)


@OFTEN
@given(st.sampled_from(sorted(MIGHTIEST)), st.data())
def test_any_parameter_of_any_method_is_answered(model_id: str, data: st.DataObject) -> None:
    methods = VIEWS[model_id].methods
    key = data.draw(st.sampled_from(sorted(methods)))
    kind = methods[key][0]
    value = data.draw(st.one_of(fitting(kind), ANY_VALUE) if kind else ANY_VALUE)
    desk = fresh(model_id)
    result, _ = desk.face.action(desk.association, *key, encode(value), desk.now_us)
    assert isinstance(result, ActionResult)


@OFTEN
@given(st.sampled_from(sorted(VIEWS["is15959-d1"].selective)), st.integers(0, 5), ANY_VALUE | st.binary(max_size=30))
def test_any_selection_is_answered(key: tuple[int, bytes, int], selector: int, parameter: Value | bytes) -> None:
    desk = fresh()
    encoded = parameter if isinstance(parameter, bytes) else encode(parameter)
    answer = desk.face.get(desk.association, *key, Selection(selector, encoded), desk.now_us)
    assert isinstance(answer, bytes | DataAccessResult)


@given(st.binary(max_size=12))
def test_octets_that_are_no_value_are_of_the_wrong_type(octets: bytes) -> None:
    try:
        decode(octets)
    except Exception:  # noqa: BLE001 (what is no value is what is wanted)
        desk = fresh()
        key = (70, bytes((0, 0, 96, 3, 10, 255)), 4)
        assert desk.face.set(desk.association, *key, None, octets, desk.now_us) is DataAccessResult.TYPE_UNMATCHED
