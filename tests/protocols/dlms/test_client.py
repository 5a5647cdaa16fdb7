"""The client against our server, every service; and alone, against answers that a good server would not give."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.access import AccessAction, AccessGet, AccessSet, AccessSpecification
from protocols.dlms.application import Association, Refusal
from protocols.dlms.ask.conversation import QUEUE_MAX, Progress
from protocols.dlms.ask.dropped import Drop, Dropped
from protocols.dlms.ask.outcome import (
    Aborted,
    Accessed,
    Associated,
    AssociationRefused,
    Invoked,
    Malformed,
    Released,
    ServiceRefused,
    is_failure,
)
from protocols.dlms.ask.session import AssociationEnded, Repeated
from protocols.dlms.association import ClientState
from protocols.dlms.client import AssociationClient
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, MethodDescriptor
from protocols.dlms.get import GetResponseNormal, GetResponseWithDatablock
from protocols.dlms.invoke import LONG_CONFIRMED
from protocols.dlms.notification import DataNotification, DataNotificationConfirm, EventNotificationRequest
from protocols.dlms.quirk import Quirks
from protocols.dlms.results import ActionResult, AssociationResult, DataAccessResult, UserDiagnostic
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.value import Tag, Value, encode
from protocols.errors import LocalProtocolError
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Indication, Stack, TimedOut
from protocols.secret import Secret
from tests.protocols.dlms.alone import Alone, invoke_of
from tests.protocols.dlms.bench import Bench, counting, proposal
from tests.protocols.dlms.logical_device import (
    CLOCK,
    ECHO,
    LN,
    LONG,
    PROFILE,
    ROWS,
    SERIAL,
    SN,
    SWITCH,
    WRITABLE,
    LogicalDevice,
    profiles,
)

SERIAL_NUMBER: Value = (Tag.VISIBLE_STRING, "MB0001")
LONG_VALUE: Value = (Tag.OCTET_STRING, bytes(range(256)) * 4)
BYTE: Value = (Tag.UNSIGNED, 7)


def attribute(instance: bytes, class_id: int = 1, number: int = 2, selection: Selection | None = None) -> Any:
    return AttributeDescriptor(class_id, instance, number, selection)


# Associating.


def test_it_associates_without_authentication_and_with_a_password() -> None:
    for client in (16, 32):
        bench = Bench(proposal(client))
        answer = bench.open()
        assert isinstance(answer, Associated)
        assert answer.max_pdu == 256
        assert answer.conformance == LN
        assert bench.client.associated


def test_a_refusal_says_why_and_everything_that_waited_ends() -> None:
    bench = Bench(proposal(32, secrets={"lls": Secret("wrong")}))
    ticket = bench.client.associate(0)
    waiting = bench.client.get(attribute(SERIAL), 0)
    answer = bench.run(ticket)
    assert isinstance(answer, AssociationRefused)
    assert answer.result == AssociationResult.REJECTED_PERMANENT
    assert answer.diagnostic == UserDiagnostic.AUTHENTICATION_FAILURE
    assert answer.sentence == "refused: wrong password or client address"
    assert bench.answer(waiting) == Aborted("no association: refused: wrong password or client address")
    assert bench.client.state is ClientState.IDLE
    with pytest.raises(LocalProtocolError, match="no association"):
        bench.client.get(attribute(SERIAL), 0)


def test_a_refusal_of_the_terms_names_them() -> None:
    bench = Bench(proposal(conformance=Conformance.READ))
    assert bench.open().sentence == "refused: initiate: incompatible-conformance"


def test_a_pre_established_association_is_used_at_once() -> None:
    bench = Bench(proposal(64, pre_established=True, conformance=LN))
    bench.client.associate(0)
    assert bench.run(bench.client.get(attribute(SERIAL), 0)) == SERIAL_NUMBER
    assert bench.run(bench.client.release(bench.now_us)) == Released()
    assert bench.server.associations() != []


def test_it_releases_and_associates_again_on_the_same_stack() -> None:
    bench = Bench()
    for disconnect in (True, False, True):
        bench.open()
        ticket = bench.client.get(attribute(SERIAL), bench.now_us)
        assert bench.run(bench.client.release(bench.now_us, disconnect=disconnect)) == Released()
        assert bench.answer(ticket) == SERIAL_NUMBER
        assert bench.server.associations() == []
        assert bench.client.state is ClientState.IDLE


def test_two_associations_at_once_are_our_own_mistake() -> None:
    bench = Bench()
    bench.open()
    with pytest.raises(LocalProtocolError):
        bench.client.associate(0)
    assert bench.client.associated


class Reversed:
    """An HLS mechanism for tests: the proof is the other side's challenge, backwards, behind one's own name."""

    challenge_octets = 16

    def __init__(self, role: str, name: bytes = b"", other: bytes = b"") -> None:
        self.role = role
        self.name = name
        self.other = other

    def certificate(self, association: Association) -> bytes | None:
        return None

    def prove(self, association: Association) -> bytes:
        theirs = association.server_challenge if self.role == "client" else association.client_challenge
        return self.name + theirs[::-1]

    def verify(self, proof: bytes, association: Association) -> bool:
        ours = association.client_challenge if self.role == "client" else association.server_challenge
        return proof == self.other + ours[::-1]


@pytest.mark.parametrize("context", [1, 2])
def test_both_sides_prove_themselves_in_two_passes(context: int) -> None:
    offered = profiles(context=context, conformance=LN if context == 1 else SN)
    device = LogicalDevice(offered)
    bench = Bench(
        proposal(48, mechanism=2, context=context),
        device,
        client={"authenticator": Reversed("client")},
        server={"authenticators": {2: Reversed("server")}, "names": {1: device}},
    )
    assert isinstance(bench.open(), Associated)
    (association,) = bench.server.associations()
    assert association.authenticated
    assert bench.client.association.authenticated


@pytest.mark.parametrize(
    ("client", "server", "sentence"),
    [
        (Reversed("client", b"x"), Reversed("server"), "the meter refuses our proof"),
        (Reversed("client"), Reversed("server", b"x"), "the meter's own proof does not hold"),
    ],
)
def test_a_proof_that_does_not_hold_opens_nothing(client: Reversed, server: Reversed, sentence: str) -> None:
    bench = Bench(proposal(48, mechanism=2), client={"authenticator": client}, server={"authenticators": {2: server}})
    answer = bench.open()
    assert isinstance(answer, AssociationRefused)
    assert sentence in answer.sentence
    assert bench.client.state is ClientState.IDLE


# Every service, against our server.


def test_it_reads_whole_attributes_and_parts_of_them() -> None:
    bench = Bench()
    bench.open()
    tickets = [
        bench.client.get(attribute(SERIAL), 0),
        bench.client.get(attribute(SERIAL, number=9), 0),
        bench.client.get(attribute(LONG), 0),
        bench.client.get(attribute(PROFILE, 7, selection=EntryDescriptor(from_entry=3, to_entry=5).selection()), 0),
    ]
    bench.line.run()
    assert [bench.answer(ticket) for ticket in tickets] == [
        SERIAL_NUMBER,
        DataAccessResult.OBJECT_UNDEFINED,
        LONG_VALUE,
        (Tag.ARRAY, ROWS[2:5]),
    ]
    progress = [event.octets for event in bench.events if isinstance(event, Progress)]
    assert progress == sorted(progress)
    assert len(progress) == 4


def test_a_list_takes_one_request_where_that_was_agreed_on_and_several_where_not() -> None:
    wanted = [attribute(SERIAL), attribute(SERIAL, number=9), attribute(WRITABLE), attribute(CLOCK, 8)]
    answers = []
    for changes, quirks, requests in (
        ({}, Quirks(), 1),
        ({"conformance": LN & ~Conformance.MULTIPLE_REFERENCES}, Quirks(), 4),
        ({}, Quirks(no_with_list=True), 4),
        ({"max_pdu": 45}, Quirks(), 2),
    ):
        bench = Bench(device=LogicalDevice(profiles(**changes)), client={"quirks": quirks})
        bench.open()
        before = bench.line.transmissions
        answers.append(bench.run(bench.client.get_list(wanted, bench.now_us)))
        blocks = sum(isinstance(event, Progress) for event in bench.events)
        assert (bench.line.transmissions - before) // 2 == requests + blocks
    assert answers[0][:3] == [SERIAL_NUMBER, DataAccessResult.OBJECT_UNDEFINED, (Tag.UNSIGNED, 0)]
    assert all(answer == answers[0] for answer in answers)


def test_an_empty_list_needs_no_request() -> None:
    bench = Bench()
    bench.open()
    assert bench.run(bench.client.get_list([], 0)) == []
    assert bench.client.associated


def test_a_list_that_the_meter_refuses_is_asked_for_one_by_one() -> None:
    blocks = Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ | Conformance.GENERAL_BLOCK_TRANSFER
    device = LogicalDevice(profiles(conformance=LN & ~blocks))
    device.values[1, LONG, 2] = encode((Tag.OCTET_STRING, bytes(200)))
    bench = Bench(device=device)
    bench.open()
    answer = bench.run(bench.client.get_list([attribute(LONG), attribute(LONG), attribute(SERIAL)], 0))
    assert answer == [(Tag.OCTET_STRING, bytes(200)), (Tag.OCTET_STRING, bytes(200)), SERIAL_NUMBER]


def test_it_writes_short_and_long_values_once() -> None:
    bench = Bench()
    bench.open()
    assert bench.run(bench.client.set(attribute(WRITABLE), BYTE, 0)) == DataAccessResult.SUCCESS
    assert bench.run(bench.client.set(attribute(SERIAL), BYTE, 0)) == DataAccessResult.READ_WRITE_DENIED
    assert bench.run(bench.client.set(attribute(LONG), LONG_VALUE, 0)) == DataAccessResult.SUCCESS
    assert bench.device.done == [("set", WRITABLE, 2, encode(BYTE)), ("set", LONG, 2, encode(LONG_VALUE))]


@pytest.mark.parametrize("together", [False, True])
def test_it_writes_lists_in_groups_or_together(together: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    bench = Bench()
    bench.open()
    values = [BYTE, LONG_VALUE, BYTE, BYTE]
    places = [attribute(WRITABLE), attribute(LONG), attribute(SERIAL), attribute(WRITABLE)]
    answer = bench.run(bench.client.set_list(places, values, 0, together=together))
    done, denied = DataAccessResult.SUCCESS, DataAccessResult.READ_WRITE_DENIED
    assert answer == [done, done, denied, done]
    assert len(bench.device.done) == 3


def test_it_invokes_methods_with_long_parameters_and_long_answers() -> None:
    bench = Bench()
    bench.open()
    switch, echo = MethodDescriptor(70, SWITCH, 1), MethodDescriptor(9, ECHO, 1)
    assert bench.run(bench.client.action(switch, None, 0)) == Invoked(ActionResult.SUCCESS)
    assert bench.run(bench.client.action(echo, BYTE, 0)) == Invoked(ActionResult.SUCCESS, BYTE)
    assert bench.run(bench.client.action(echo, LONG_VALUE, 0)) == Invoked(ActionResult.SUCCESS, LONG_VALUE)
    assert bench.run(bench.client.action(MethodDescriptor(1, SERIAL, 1), None, 0)).result.name == "OBJECT_UNDEFINED"
    assert [parameter for *_, parameter in bench.device.done] == [None, encode(BYTE), encode(LONG_VALUE)]


@pytest.mark.parametrize("together", [False, True])
def test_it_invokes_lists_in_groups_or_together(together: bool) -> None:  # noqa: FBT001 (a parameter of the test)
    bench = Bench()
    bench.open()
    methods = [MethodDescriptor(9, ECHO, 1), MethodDescriptor(70, SWITCH, 1), MethodDescriptor(9, ECHO, 1)]
    answer = bench.run(bench.client.action_list(methods, [LONG_VALUE, None, BYTE], 0, together=together))
    assert answer == [
        Invoked(ActionResult.SUCCESS, LONG_VALUE),
        Invoked(ActionResult.SUCCESS),
        Invoked(ActionResult.SUCCESS, BYTE),
    ]
    assert len(bench.device.done) == 3


def test_access_mixes_services_and_stops_where_it_was_told_to() -> None:
    bench = Bench()
    bench.open()
    wanted: list[AccessSpecification] = [
        AccessGet(attribute(SERIAL)),
        AccessSet(attribute(SERIAL)),
        AccessAction(MethodDescriptor(9, ECHO, 1)),
    ]
    values = [(Tag.NULL_DATA, None), BYTE, BYTE]
    null = (Tag.NULL_DATA, None)
    answer = bench.run(bench.client.access(wanted, values, 0))
    denied = Accessed(DataAccessResult.READ_WRITE_DENIED, null)
    assert answer == [Accessed(DataAccessResult.SUCCESS, SERIAL_NUMBER), denied, Accessed(ActionResult.SUCCESS, BYTE)]
    answer = bench.run(bench.client.access(wanted, values, 0, break_on_error=True))
    assert answer[2] == Accessed(ActionResult.OTHER_REASON, null)
    assert len(bench.device.done) == 1


def test_what_has_no_blocks_of_its_own_goes_in_general_blocks() -> None:
    services = (
        Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ
        | Conformance.BLOCK_TRANSFER_WITH_SET_OR_WRITE
        | Conformance.BLOCK_TRANSFER_WITH_ACTION
    )
    for client in ({"general_block_window": 1}, {"general_block_window": 63}, {}):
        bench = Bench(device=LogicalDevice(profiles(conformance=LN & ~services)), client=client)
        bench.open()
        assert bench.run(bench.client.get(attribute(LONG), 0)) == LONG_VALUE
        assert bench.run(bench.client.set(attribute(LONG), LONG_VALUE, 0)) == DataAccessResult.SUCCESS
        echo = MethodDescriptor(9, ECHO, 1)
        assert bench.run(bench.client.action(echo, LONG_VALUE, 0)) == Invoked(ActionResult.SUCCESS, LONG_VALUE)
        wanted: list[AccessSpecification] = [AccessGet(attribute(LONG)), AccessSet(attribute(LONG))]
        answer = bench.run(bench.client.access(wanted, [(Tag.NULL_DATA, None), LONG_VALUE], 0))
        assert [each.value for each in answer] == [LONG_VALUE, (Tag.NULL_DATA, None)]
        assert len(bench.device.done) == 3


def test_general_blocks_can_be_preferred_to_those_of_the_service() -> None:
    bench = Bench(client={"general_blocks": True})
    bench.open()
    assert bench.run(bench.client.set(attribute(LONG), LONG_VALUE, 0)) == DataAccessResult.SUCCESS
    assert bench.run(bench.client.get(attribute(SERIAL), 0)) == SERIAL_NUMBER


def test_a_request_that_cannot_be_cut_is_given_up_before_it_is_sent() -> None:
    device = LogicalDevice(profiles(conformance=Conformance.SET | Conformance.GET | Conformance.MULTIPLE_REFERENCES))
    bench = Bench(device=device)
    bench.open()
    answer = bench.run(bench.client.set_list([attribute(LONG), attribute(WRITABLE)], [LONG_VALUE, BYTE], 0))
    assert isinstance(answer[0], Aborted)
    assert "where the meter takes 256" in answer[0].sentence
    assert answer[1] == DataAccessResult.SUCCESS


# Short names.


def short_names(**changes: Any) -> Bench:
    device = LogicalDevice(profiles(context=2, conformance=SN, **changes))
    bench = Bench(proposal(context=2), device, server={"names": {1: device}})
    assert isinstance(bench.open(), Associated)
    return bench


def test_it_reads_and_writes_by_short_name() -> None:
    bench = short_names()
    serial, long, writable, profile = (
        bench.device.name_of(class_id, instance, 2)
        for class_id, instance in ((1, SERIAL), (1, LONG), (1, WRITABLE), (7, PROFILE))
    )
    answer = bench.run(bench.client.read([(serial, None), (0x0F00, None)], 0))
    assert answer == [SERIAL_NUMBER, DataAccessResult.OBJECT_UNDEFINED]
    assert bench.run(bench.client.read([(long, None)], 0)) == [LONG_VALUE]
    rows = EntryDescriptor(from_entry=3, to_entry=5).selection()
    assert bench.run(bench.client.read([(profile, rows)], 0)) == [(Tag.ARRAY, ROWS[2:5])]
    written = bench.run(bench.client.write([(writable, None), (serial, None)], [BYTE, BYTE], 0))
    assert written == [DataAccessResult.SUCCESS, DataAccessResult.READ_WRITE_DENIED]
    assert bench.run(bench.client.write([(long, None)], [LONG_VALUE], 0)) == [DataAccessResult.SUCCESS]
    assert len(bench.device.done) == 2


def test_it_invokes_methods_by_short_name() -> None:
    bench = short_names()
    assert bench.run(bench.client.write([(0x2000, None)], [BYTE], 0)) == [DataAccessResult.SUCCESS]
    echoed = bench.run(bench.client.read([(0x2008, Selection(0, encode(LONG_VALUE)))], 0))
    assert isinstance(echoed[0], ServiceRefused | Malformed | Aborted)  # longer than the meter takes, and no way to cut
    assert bench.run(bench.client.read([(0x2008, Selection(0, encode(BYTE)))], 0)) == [BYTE]
    assert len(bench.device.done) == 2


def test_an_unconfirmed_write_is_done_and_not_answered() -> None:
    bench = short_names()
    name = bench.device.name_of(1, WRITABLE, 2)
    bench.client.unconfirmed_write([(name, None)], [BYTE], 0)
    bench.line.run()
    assert bench.device.done == [("set", WRITABLE, 2, encode(BYTE))]
    with pytest.raises(LocalProtocolError):
        AssociationClient(proposal(), 1, counting).unconfirmed_write([(name, None)], [BYTE], 0)


def test_a_time_out_with_short_names_takes_the_link_down() -> None:
    bench = Alone(proposal(context=2))
    bench.accept(conformance=SN)
    first, second = bench.client.read([(0x1000, None)], 0), bench.client.read([(0x1000, Selection(0, b"\x00"))], 0)
    bench.pass_time()
    assert not any(isinstance(event, Repeated) for event in bench.events), "the second answer could not be told"
    assert bench.ends(first) == [TimedOut(first)]
    assert isinstance(bench.ends(second)[0].response, Aborted)
    assert isinstance(bench.sent[-1], LinkDisconnect)
    assert bench.client.state is ClientState.IDLE


# Alone, against a server that is scripted.


def test_a_read_is_repeated_under_a_new_name_and_the_late_answer_is_dropped() -> None:
    bench = Alone(timeout_us=1_000_000, retries=1)
    bench.accept()
    ticket = bench.client.get(attribute(SERIAL), 0)
    (first,) = bench.settle()
    (second,) = bench.pass_time()
    assert bench.now_us == 1_000_000
    assert invoke_of(first) != invoke_of(second)
    assert Repeated(ticket, 2) in bench.events
    bench.say(GetResponseNormal(invoke_of(first), encode((Tag.UNSIGNED, 1))).encode())
    assert bench.ends(ticket) == []
    assert bench.events[-1] == Dropped(Drop.LATE, 0xC4, invoke_of(first) & 0xF)
    assert bench.client.dropped == {Drop.LATE: 1}
    bench.say(GetResponseNormal(invoke_of(second), encode((Tag.UNSIGNED, 2))).encode())
    assert bench.response(ticket) == (Tag.UNSIGNED, 2)


def test_a_meter_that_does_not_echo_the_invoke_id_is_a_quirk() -> None:
    bench = Alone(quirks=Quirks(invoke_id_not_echoed=True))
    bench.accept()
    ticket = bench.client.get(attribute(SERIAL), 0)
    bench.say(GetResponseNormal(0x8F, encode(BYTE)).encode())
    assert bench.response(ticket) == BYTE


def test_an_answer_after_the_last_try_belongs_to_nobody() -> None:
    bench = Alone(timeout_us=1_000_000, retries=0)
    bench.accept()
    ticket, following = bench.client.get(attribute(SERIAL), 0), bench.client.get(attribute(CLOCK, 8), 0)
    (first,) = bench.settle()
    (second,) = bench.pass_time()
    assert bench.ends(ticket) == [TimedOut(ticket)]
    bench.say(GetResponseNormal(invoke_of(first), encode(BYTE)).encode())
    assert bench.ends(following) == []
    bench.say(GetResponseNormal(invoke_of(second), encode(BYTE)).encode())
    assert bench.response(following) == BYTE
    bench.say(GetResponseNormal(invoke_of(second), encode(BYTE)).encode())
    assert bench.client.dropped == {Drop.LATE: 2}


def test_what_changes_something_is_not_repeated_unless_the_caller_says_so() -> None:
    bench = Alone(timeout_us=1_000_000)
    bench.accept()
    tickets = [
        bench.client.set(attribute(WRITABLE), BYTE, 0),
        bench.client.action(MethodDescriptor(70, SWITCH, 1), None, 0),
        bench.client.access([AccessSet(attribute(WRITABLE))], [BYTE], 0),
    ]
    bench.settle()
    for ticket in tickets:
        bench.pass_time()
        assert bench.ends(ticket) == [TimedOut(ticket)]
    allowed = bench.client.set(attribute(WRITABLE), BYTE, bench.now_us, retries=1)
    bench.settle()
    assert len(bench.pass_time()) == 1
    assert bench.events[-1] == Repeated(allowed, 2)
    bench.pass_time()
    assert bench.ends(allowed) == [TimedOut(allowed)]


def test_within_a_long_answer_the_lost_block_alone_is_asked_for_again() -> None:
    bench = Alone(timeout_us=1_000_000)
    bench.accept()
    value = encode((Tag.OCTET_STRING, bytes(range(200))))
    ticket = bench.client.get(attribute(LONG), 0)
    (request,) = bench.settle()
    invoke = invoke_of(request)
    (following,) = bench.say(GetResponseWithDatablock(invoke, False, 1, value[:100]).encode())
    assert following.data == bytes((0xC0, 2, invoke, 0, 0, 0, 1))
    (again,) = bench.pass_time()
    assert again.data == following.data
    assert bench.say(GetResponseWithDatablock(invoke, False, 1, value[:100]).encode()) == []
    assert bench.say(GetResponseWithDatablock(invoke, False, 3, b"").encode()) == []
    bench.say(GetResponseWithDatablock(invoke, True, 2, value[100:]).encode())
    assert bench.response(ticket) == (Tag.OCTET_STRING, bytes(range(200)))
    assert bench.client.dropped == {Drop.OUT_OF_TURN: 2}


def test_a_block_transfer_that_the_meter_ends_gives_its_reason() -> None:
    bench = Alone()
    bench.accept()
    ticket = bench.client.get(attribute(LONG), 0)
    (request,) = bench.settle()
    invoke = invoke_of(request)
    bench.say(GetResponseWithDatablock(invoke, False, 1, b"abc").encode())
    bench.say(GetResponseWithDatablock(invoke, True, 2, DataAccessResult.LONG_GET_ABORTED).encode())
    assert bench.response(ticket) == DataAccessResult.LONG_GET_ABORTED


def test_a_refused_service_and_a_malformed_answer_are_failures_of_their_request_alone() -> None:
    bench = Alone()
    bench.accept()
    tickets = [bench.client.get(attribute(SERIAL), 0) for _ in range(6)]
    bench.settle()
    for answer in ("d80102", "0e050302", "d80106000000ff", "c4", "d8"):
        bench.say(bytes.fromhex(answer))
    bench.say(bytes((0xC4, 1, invoke_of(bench.sent[-1]), 0, 9, 200)))
    answers = [bench.response(ticket) for ticket in tickets]
    assert all(is_failure(answer) for answer in answers)
    assert [type(answer) for answer in answers] == [ServiceRefused] * 3 + [Malformed] * 3
    assert answers[0].sentence == "the meter refuses the service: service-not-allowed, service-not-supported"
    assert answers[1].sentence == "the meter refuses the service: service: service-unsupported"
    assert answers[2].sentence == "the meter refuses the invocation counter and names 255"
    assert bench.client.associated


def test_a_list_with_the_wrong_number_of_results_is_malformed() -> None:
    bench = Alone()
    bench.accept()
    ticket = bench.client.get_list([attribute(SERIAL), attribute(CLOCK, 8)], 0)
    (request,) = bench.settle()
    bench.say(bytes((0xC4, 3, invoke_of(request), 1, 0, 17, 5)))
    assert [type(answer) for answer in bench.response(ticket)] == [Malformed, Malformed]


def test_a_lost_link_ends_all_that_waits_and_says_so() -> None:
    bench = Alone()
    bench.accept()
    tickets = [bench.client.get(attribute(SERIAL), 0) for _ in range(2)]
    bench.say(LinkDown(16, 1, "no answer from the meter"))
    assert AssociationEnded("no answer from the meter") in bench.events
    assert [bench.response(ticket) for ticket in tickets] == [Aborted("no answer from the meter")] * 2
    assert bench.client.state is ClientState.IDLE
    bench.client.associate(bench.now_us)
    assert bench.settle() == [LinkConnect(16, 1)]


def test_a_connection_that_ends_while_associating_ends_that() -> None:
    bench = Alone()
    bench.stack.receive_eof(0)
    bench.settle()
    assert bench.response(1) == Aborted("the connection ended")


def test_an_aarq_without_an_answer_is_repeated_and_then_given_up() -> None:
    bench = Alone(timeout_us=1_000_000, retries=1)
    bench.say(LinkUp(16, 1))
    waiting = bench.client.get(attribute(SERIAL), 0)
    assert [item.data[0] for item in bench.pass_time()] == [0x60]
    assert bench.pass_time() == [LinkDisconnect(16, 1)]
    assert bench.ends(1) == [TimedOut(1)]
    assert isinstance(bench.response(waiting), Aborted)
    bench.say(LinkDown(16, 1, "we released the link"))
    assert bench.client.state is ClientState.IDLE


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("d80101", ServiceRefused),
        ("0e010601", ServiceRefused),
        ("6100", Malformed),
        ("61290109", Malformed),
        ("d8", Malformed),
    ],
)
def test_what_answers_an_aarq_badly_is_a_failure_of_the_association(answer: str, kind: type) -> None:
    bench = Alone()
    bench.say(LinkUp(16, 1))
    bench.say(bytes.fromhex("c401c100"))
    assert bench.client.dropped.total() == 1
    bench.say(bytes.fromhex(answer))
    assert type(bench.response(1)) is kind
    assert bench.client.state is ClientState.IDLE


def test_a_release_without_an_answer_and_one_that_is_malformed_still_end_it() -> None:
    bench = Alone(timeout_us=1_000_000)
    bench.accept()
    ticket = bench.client.release(0)
    bench.settle()
    assert bench.pass_time() == [LinkDisconnect(16, 1)]
    bench.say(LinkDown(16, 1, "we released the link"))
    assert bench.response(ticket) == Released("the meter did not answer the RLRQ")

    bench = Alone(timeout_us=1_000_000)
    bench.accept()
    bench.client.get(attribute(SERIAL), 0)
    ticket, after = bench.client.release(0), bench.client.get(attribute(SERIAL), 0)
    (request,) = bench.settle()
    bench.say(GetResponseNormal(invoke_of(request), encode(BYTE)).encode())
    bench.say(b"\x63\x80\x00")
    bench.pass_time()  # nor does the link answer
    assert bench.response(ticket).sentence.startswith("the RLRE is malformed")
    assert bench.response(after) == Aborted("the association was released before it")


def test_quirks_of_release_are_respected() -> None:
    bench = Alone(quirks=Quirks(no_release=True))
    bench.accept()
    bench.client.release(0)
    assert bench.settle() == [LinkDisconnect(16, 1)]

    bench = Alone(quirks=Quirks(release_length_wrong=True))
    bench.accept()
    ticket = bench.client.release(0)
    bench.settle()
    bench.say(bytes.fromhex("6305800100"))
    bench.say(LinkDown(16, 1, "we released the link"))
    assert bench.response(ticket) == Released()


def test_a_meter_that_takes_less_than_it_says_is_a_quirk() -> None:
    bench = Alone(quirks=Quirks(request_octets_max=64, server_title=b"ELG00001"))
    bench.accept(max_pdu=0)
    assert bench.client.association.peer_max_pdu == 64
    assert bench.client.association.server_title == b"ELG00001"
    bench.client.set(attribute(LONG), (Tag.OCTET_STRING, bytes(100)), 0)
    (request,) = bench.settle()
    assert request.data[:2] == b"\xc1\x02"
    assert len(request.data) <= 64


def test_the_queue_is_bounded_and_what_ends_at_once_does_not_pile_up() -> None:
    bench = Alone()
    bench.accept(conformance=Conformance.GET)
    first = bench.client.get(attribute(SERIAL), 0)
    (request,) = bench.settle()
    tickets = [bench.client.get_list([], 0) for _ in range(QUEUE_MAX)]
    with pytest.raises(LocalProtocolError, match="wait already"):
        bench.client.get(attribute(SERIAL), 0)
    bench.say(GetResponseNormal(invoke_of(request), encode(BYTE)).encode())
    assert bench.response(first) == BYTE
    assert all(bench.response(ticket) == [] for ticket in tickets)


# What the meter sends unasked.


def test_pushes_are_handed_up_whatever_is_under_way() -> None:
    push = DataNotification(5 | LONG_CONFIRMED, b"", encode(BYTE))
    event = EventNotificationRequest(None, attribute(SWITCH, 70), encode((Tag.BOOLEAN, False)))
    bench = Alone()
    bench.accept()
    bench.say(push.encode())
    ticket = bench.client.get(attribute(SERIAL), 0)
    (request,) = bench.settle()
    bench.say(event.encode())
    bench.say(b"\x0f\x00")
    bench.say(GetResponseNormal(invoke_of(request), encode(BYTE)).encode())
    assert bench.response(ticket) == BYTE
    assert [each.apdu for each in bench.events if isinstance(each, Indication)] == [push, event]
    assert bench.client.dropped.total() == 1
    bench.client.confirm(push, 0)
    (confirmation,) = bench.settle()
    assert confirmation.data == DataNotificationConfirm(push.long_invoke, b"").encode()


def test_a_push_in_general_blocks_is_put_together_and_not_acknowledged() -> None:
    bench = Bench(proposal(64, pre_established=True, conformance=LN))
    bench.open()
    push = DataNotification(5, b"", encode(LONG_VALUE))
    bench.server.notify(64, 1, push.encode(), 0)
    before = bench.line.transmissions
    bench.line.run()
    assert bench.events[-1] == Indication(push)
    assert bench.line.transmissions - before == 5


def test_apdus_for_others_are_dropped() -> None:
    bench = Alone()
    bench.accept()
    bench.say(Apdu(17, 1, b"\xc4"))
    bench.say(Apdu(16, 2, b"\xc4"))
    bench.say(Apdu(16, 1, b""))
    bench.say(b"\xe0\x80")
    bench.say(b"\x77\x00")
    assert bench.client.dropped == {Drop.NOT_OURS: 2, Drop.UNREADABLE: 2, Drop.UNASKED: 1}
    sentences = [event.sentence for event in bench.events if isinstance(event, Dropped)]
    assert sentences[0] == "GET response dropped: it is for another client or from another server"
    assert sentences[-1] == "an APDU with the tag 77 dropped: it answers nothing that was asked"


# Ciphering slides in.


class Recorder:
    """A protector for tests: a tag before each APDU, and a note of what passed."""

    overhead = 1

    def __init__(self) -> None:
        self.passed: list[tuple[str, int]] = []

    def unprotect(self, apdu: bytes, association: Association, now_us: int) -> bytes | Refusal:
        if apdu[:1] != b"\xdb":
            return Refusal(b"\xd8\x01\x05", "it is not protected")
        association.security = 0x30
        self.passed.append(("in", apdu[1]))
        return apdu[1:]

    def protect(self, apdu: bytes, association: Association, now_us: int) -> bytes:
        self.passed.append(("out", apdu[0]))
        return b"\xdb" + apdu


def test_everything_in_a_ciphered_association_passes_the_protector_and_fits_with_it() -> None:
    ours, theirs = Recorder(), Recorder()
    bench = Bench(
        proposal(context=3),
        LogicalDevice(profiles(context=3)),
        client={"protection": lambda _: ours},
        server={"protection": lambda _: theirs},
    )
    assert isinstance(bench.open(), Associated)
    assert bench.run(bench.client.get(attribute(LONG), 0)) == LONG_VALUE
    assert bench.run(bench.client.set(attribute(LONG), LONG_VALUE, 0)) == DataAccessResult.SUCCESS
    assert bench.run(bench.client.action(MethodDescriptor(9, ECHO, 1), LONG_VALUE, 0)).returned == LONG_VALUE
    (association,) = bench.server.associations()
    assert association.security == 0x30
    assert bench.run(bench.client.release(bench.now_us)) == Released()
    assert [tag for way, tag in ours.passed if way == "out"] == [tag for way, tag in theirs.passed if way == "in"]
    assert ours.passed[0] == ("out", 1)
    assert ours.passed[1] == ("in", 8)


def test_what_is_not_protected_in_a_ciphered_association_is_refused_and_not_served() -> None:
    bench = Bench(
        proposal(context=3),
        LogicalDevice(profiles(context=3)),
        client={"protection": lambda _: Recorder()},
        server={"protection": lambda _: Recorder()},
    )
    bench.open()
    server = Stack([bench.server])
    server.receive_data(Apdu(16, 1, bytes.fromhex("c001c1000100006001 00ff0200")), 0)
    assert server.data_to_send(0) == [Apdu(16, 1, b"\xd8\x01\x05")]
    server.receive_data(Apdu(16, 1, bytes.fromhex("c001c1000100006001 00ff0200"), confirmed=False), 0)
    assert server.data_to_send(0) == []
    assert bench.device.reads == 0


def test_a_ciphered_association_without_keys_is_refused() -> None:
    bench = Bench(proposal(context=3), LogicalDevice(profiles(context=3)), client={"protection": lambda _: Recorder()})
    answer = bench.open()
    assert isinstance(answer, AssociationRefused)
    assert answer.diagnostic == UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED
    bench = Bench(
        proposal(context=3),
        LogicalDevice(profiles(context=3)),
        client={},
        server={"protection": lambda _: Recorder()},
    )
    answer = bench.open()
    assert isinstance(answer, AssociationRefused)
    assert answer.sentence == "refused: application-reference: deciphering-error"


class Keyless(Recorder):
    """A protector whose keys run out after so many APDUs."""

    def __init__(self, lasting: int) -> None:
        super().__init__()
        self.lasting = lasting

    def protect(self, apdu: bytes, association: Association, now_us: int) -> bytes:
        if not self.lasting:
            raise LocalProtocolError("the invocation counter is used up")
        self.lasting -= 1
        return super().protect(apdu, association, now_us)


@pytest.mark.parametrize("lasting", [0, 1, 2])
def test_without_a_key_or_counter_everything_ends_by_that_reason(lasting: int) -> None:
    ours = Keyless(lasting)
    bench = Bench(
        proposal(48, mechanism=2, context=3),
        LogicalDevice(profiles(context=3)),
        client={"protection": lambda _: ours, "authenticator": Reversed("client")},
        server={"protection": lambda _: Recorder(), "authenticators": {2: Reversed("server")}},
    )
    opened = bench.client.associate(0)
    reason = "the invocation counter is used up"
    if not lasting:
        bench.line.settle()
        assert bench.answer(opened) == Aborted(reason)
        assert bench.client.state is ClientState.IDLE
        return
    asked = bench.client.get(attribute(SERIAL), 0)
    released = bench.client.release(0)
    bench.line.run()
    if lasting < 2:
        assert bench.answer(opened) == Aborted(reason)
        assert bench.answer(asked) == bench.answer(released) == Aborted(f"no association: {reason}")
    else:
        assert isinstance(bench.answer(opened), Associated)
        assert bench.answer(asked) == Aborted(reason)
        assert bench.answer(released) == Released()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ("c701c00300", AssociationRefused),
        ("c701c00000", AssociationRefused),
        ("c701c00001001105", AssociationRefused),
        ("c701", Malformed),
        ("d80101", ServiceRefused),
        ("0c0101", Malformed),
    ],
)
def test_what_answers_our_proof_badly_ends_the_association(answer: str, kind: type) -> None:
    bench = Alone(proposal(48, mechanism=2), authenticator=Reversed("client"))
    bench.say(LinkUp(48, 1))
    context = bytes.fromhex("a109060760857405080101a203020100a305a10302010e88020780")
    challenge = bytes.fromhex("890760857405080202aa0a8008") + bytes(8)
    content = context + challenge + bytes.fromhex("be10040e0800065f1f0400007e1f01000007")
    (proof,) = bench.say(bytes((0x61, len(content))) + content)
    assert proof.data[:2] == b"\xc3\x01"
    bench.say(bytes.fromhex("c401c000"))
    assert bench.client.dropped.total() == 1
    bench.say(bytes.fromhex(answer))
    assert type(bench.response(1)) is kind
    assert isinstance(bench.sent[-1], LinkDisconnect)


def test_an_aare_without_a_challenge_where_hls_was_asked_for_is_malformed() -> None:
    bench = Alone(proposal(48, mechanism=2), authenticator=Reversed("client"))
    bench.say(LinkUp(48, 1))
    bench.say(bytes.fromhex("6129a109060760857405080101a203020100a305a103020100be10040e0800065f1f0400007e1f01000007"))
    assert isinstance(bench.response(1), Malformed)


# Any octets.


@given(st.lists(st.binary(min_size=1, max_size=60), max_size=10), st.integers(0, 3))
def test_any_octets_give_events_and_every_ticket_one_end(frames: list[bytes], stage: int) -> None:
    bench = Alone(timeout_us=1_000_000, retries=0)
    if stage:
        bench.accept()
    if stage > 1:
        bench.client.get(attribute(LONG), 0)
        bench.client.set_list([attribute(LONG)] * 2, [LONG_VALUE] * 2, 0, together=stage == 3)
    bench.settle()
    for frame in frames:
        bench.say(frame)
        bench.say(bytes((0xC4, 2, 0xC1)) + frame)
        bench.say(bytes((0xC5, 2, 0xC2)) + frame)
        bench.say(b"\xe0" + frame)
    bench.say(LinkDown(16, 1, "enough"))
    bench.say(LinkDown(16, 1, "enough"))
    for ticket in range(1, 4 if stage > 1 else 2):
        assert len(bench.ends(ticket)) == 1
    assert bench.stack.closed is None
