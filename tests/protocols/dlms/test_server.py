"""The server, APDU by APDU: who comes in, what is refused and how, and what a new request does to an old transfer."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.acse import ApplicationContext, AssociationResponse, Mechanism
from protocols.dlms.action import (
    ActionRequestNextPblock,
    ActionRequestNormal,
    ActionRequestWithPblock,
    ActionResponseNormal,
)
from protocols.dlms.admission import PasswordTries
from protocols.dlms.application import AssociationProfile
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, DataBlock
from protocols.dlms.general_block_transfer import GeneralBlock
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithDatablock,
    GetResponseWithList,
)
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotificationRequest,
    InformationReportRequest,
)
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.results import (
    ActionResult,
    AssociationResult,
    DataAccessResult,
    ProviderDiagnostic,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.selection import EntryDescriptor
from protocols.dlms.serve.happened import AssociationClosed, AssociationOpened, AssociationRefused
from protocols.dlms.server import ASSOCIATIONS_MAX
from protocols.dlms.service_error import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.set import (
    SetRequestNormal,
    SetRequestWithDatablock,
    SetRequestWithFirstDatablock,
    SetRequestWithList,
    SetRequestWithListAndFirstDatablock,
    SetResponseDatablock,
    SetResponseLastDatablock,
    SetResponseNormal,
)
from protocols.dlms.short_name import VariableName
from protocols.dlms.value import Tag, decode, encode
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import Apdu, LinkDown
from protocols.machine import Indication
from protocols.secret import Secret
from tests.protocols.dlms.apdu import decode as decode_apdu
from tests.protocols.dlms.logical_device import (
    CLOCK,
    ECHO,
    LN,
    LONG,
    PROFILE,
    ROWS,
    SERIAL,
    SWITCH,
    WRITABLE,
    LogicalDevice,
    profiles,
)
from tests.protocols.dlms.meter import Meter, aarq


def get(instance: bytes, class_id: int = 1, attribute: int = 2, **changes: Any) -> GetRequestNormal:
    return GetRequestNormal(0xC1, class_id, instance, attribute, **changes)


NOT_ALLOWED = ExceptionResponse(
    state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.OPERATION_NOT_POSSIBLE
)
NOT_SUPPORTED = ExceptionResponse(
    state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.SERVICE_NOT_SUPPORTED
)
TOO_LONG = ExceptionResponse(state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.PDU_TOO_LONG)
OTHER = ExceptionResponse(state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.OTHER_REASON)


# Who comes in.


def test_an_aarq_is_answered_with_the_common_services_and_both_sizes() -> None:
    meter = Meter()
    answer = meter.associate(conformance=Conformance.GET | Conformance.READ, max_pdu=100)
    assert answer.result == AssociationResult.ACCEPTED
    terms = InitiateResponse.decode(answer.user_information)
    assert (terms.conformance, terms.max_pdu, terms.vaa_name) == (Conformance.GET, 256, 7)
    (association,) = meter.layer.associations()
    assert (association.conformance, association.peer_max_pdu, association.own_max_pdu) == (Conformance.GET, 100, 256)
    assert meter.events() == [AssociationOpened(16, 1, 0)]


@pytest.mark.parametrize(
    ("conformance", "client_takes", "sent_max"),
    [
        (Conformance.GET, 1000, 1000),
        (Conformance.GET, 100, 100),
        (Conformance.GET, 0, 0xFFFF),
        (Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ, 1000, 256),
        (Conformance.GET | Conformance.GENERAL_BLOCK_TRANSFER, 0, 256),
        (Conformance.GET | Conformance.GENERAL_BLOCK_TRANSFER, 100, 100),
    ],
)
def test_without_blocks_an_answer_is_as_long_as_the_client_takes(
    conformance: Conformance, client_takes: int, sent_max: int
) -> None:
    meter = Meter()
    answer = meter.associate(conformance=conformance, max_pdu=client_takes)
    assert InitiateResponse.decode(answer.user_information).max_pdu == 256
    (association,) = meter.layer.associations()
    assert (association.peer_max_pdu, association.own_max_pdu) == (sent_max, 256)


def test_a_client_without_blocks_gets_what_fits_its_own_size_and_no_more() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.GET, max_pdu=1100)
    assert meter.ask(get(LONG)).result == meter.device.values[1, LONG, 2]
    meter.associate(conformance=Conformance.GET, max_pdu=1000)
    assert meter.ask(get(LONG)) == TOO_LONG


@pytest.mark.parametrize(
    ("client", "changes", "diagnostic"),
    [
        (16, {"version_1": False}, ProviderDiagnostic.NO_COMMON_ACSE_VERSION),
        (
            16,
            {"application_context": ApplicationContext.SHORT_NAME},
            UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
        ),
        (16, {"application_context": b"\x2a\x03"}, UserDiagnostic.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED),
        (16, {"mechanism": Mechanism.LOW}, UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED),
        (32, {"mechanism": None}, UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_REQUIRED),
        (32, {"mechanism": None, "authentication": False}, UserDiagnostic.AUTHENTICATION_REQUIRED),
        (32, {"mechanism": Mechanism.LOWEST}, UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED),
        (32, {"calling_authentication_value": b"wrong"}, UserDiagnostic.AUTHENTICATION_FAILURE),
        (32, {"calling_authentication_value": None}, UserDiagnostic.AUTHENTICATION_FAILURE),
        (48, {"mechanism": Mechanism.HIGH}, UserDiagnostic.AUTHENTICATION_MECHANISM_NAME_NOT_RECOGNISED),
        (99, {}, UserDiagnostic.CALLING_AP_TITLE_NOT_RECOGNIZED),
        (64, {}, UserDiagnostic.NO_REASON_GIVEN),
        (16, {"user_information": None}, UserDiagnostic.NO_REASON_GIVEN),
        (16, {"user_information": b"\x01\x00"}, UserDiagnostic.NO_REASON_GIVEN),
    ],
)
def test_what_does_not_fit_the_profile_is_refused_with_its_diagnostic(
    client: int, changes: dict[str, Any], diagnostic: UserDiagnostic | ProviderDiagnostic
) -> None:
    meter = Meter()
    answer = meter.associate(client, **changes)
    assert isinstance(answer, AssociationResponse)
    assert answer.result == AssociationResult.REJECTED_PERMANENT
    assert answer.diagnostic == diagnostic
    assert type(answer.diagnostic) is type(diagnostic)
    assert meter.layer.associations() == []
    (event,) = meter.events()
    assert isinstance(event, AssociationRefused)
    assert "secret" not in event.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dlms_version": 5}, "initiate: dlms-version-too-low"),
        ({"conformance": Conformance.READ}, "initiate: incompatible-conformance"),
        ({"max_pdu": 11}, "initiate: pdu-size-too-short"),
    ],
)
def test_terms_that_cannot_be_are_refused_with_a_confirmed_service_error(changes: dict[str, Any], reason: str) -> None:
    answer = Meter().associate(**changes)
    assert answer.result == AssociationResult.REJECTED_PERMANENT
    assert ConfirmedServiceError.decode(answer.user_information).title == reason


def test_a_client_without_a_limit_gets_the_servers_own_size() -> None:
    meter = Meter()
    meter.associate(max_pdu=0)
    assert meter.layer.associations()[0].peer_max_pdu == 256


def test_an_aarq_that_wants_no_answer_opens_in_silence() -> None:
    meter = Meter()
    assert meter.send(aarq(response_allowed=False).encode()) == []
    assert isinstance(meter.ask(get(SERIAL)), GetResponseNormal)


def test_a_client_with_a_list_of_users_associates_as_one_of_them() -> None:
    listed = replace(profiles()[16], users=frozenset({3, 7}))
    meter = Meter(LogicalDevice({**profiles(), 16: listed}))
    for user in (None, 4):
        answer = meter.associate(16, calling_ae_invocation_id=user)
        assert answer.result == AssociationResult.REJECTED_PERMANENT
        assert answer.diagnostic == UserDiagnostic.CALLING_AE_INVOCATION_IDENTIFIER_NOT_RECOGNIZED
    assert meter.associate(16, calling_ae_invocation_id=7).result == AssociationResult.ACCEPTED
    assert meter.layer.associations()[0].user_id == 7


def test_a_second_aarq_ends_the_first_association_even_when_refused() -> None:
    meter = Meter()
    meter.associate(32)
    meter.associate(32, calling_authentication_value=b"wrong")
    assert meter.layer.associations() == []
    assert meter.ask(get(SERIAL), 32) == NOT_ALLOWED
    assert [type(event) for event in meter.events()] == [AssociationOpened, AssociationClosed, AssociationRefused]


def test_a_malformed_aarq_is_refused() -> None:
    meter = Meter()
    (answer,) = meter.send(b"\x60\x03\xa1\x01\x00")
    assert answer.result == AssociationResult.REJECTED_PERMANENT


def test_associations_of_one_connection_stand_side_by_side_and_are_bounded() -> None:
    offered = {client: AssociationProfile(client=client, conformance=LN) for client in range(1, ASSOCIATIONS_MAX + 2)}
    meter = Meter(LogicalDevice(offered))
    results = [meter.associate(client).result for client in offered]
    assert results == [AssociationResult.ACCEPTED] * ASSOCIATIONS_MAX + [AssociationResult.REJECTED_TRANSIENT]
    assert isinstance(meter.ask(get(SERIAL), 3), GetResponseNormal)


def test_a_logical_device_that_is_not_there_does_not_answer() -> None:
    meter = Meter()
    assert meter.send(aarq().encode(), server=2) == []
    assert meter.send(get(SERIAL).encode(), server=2) == []


def test_after_wrong_passwords_in_a_row_the_next_aarq_waits_whatever_the_connection() -> None:
    tries = PasswordTries()
    offered = profiles(wrong_passwords_max=2, slow_down_us=5_000_000)
    first, second = Meter(LogicalDevice(offered), tries=tries), Meter(LogicalDevice(offered), tries=tries)
    for _ in range(2):
        first.associate(32, calling_authentication_value=b"wrong")
    assert second.send(aarq(32).encode(), 32, now_us=1_000_000) == []
    assert second.stack.deadline_us() == 5_000_000
    second.stack.on_deadline(4_999_999)
    assert second.stack.data_to_send(4_999_999) == []
    second.stack.on_deadline(5_000_000)
    (answer,) = second.stack.data_to_send(5_000_000)
    assert AssociationResponse.decode(answer.data).result == AssociationResult.ACCEPTED
    assert second.stack.deadline_us() is None
    assert first.associate(32, now_us=5_000_001).result == AssociationResult.ACCEPTED


def test_the_right_password_forgets_the_wrong_ones() -> None:
    meter = Meter(LogicalDevice(profiles(wrong_passwords_max=2, slow_down_us=5_000_000)))
    for _ in range(3):
        meter.associate(32, calling_authentication_value=b"wrong")
        answer = meter.associate(32)
        assert answer.result == AssociationResult.ACCEPTED


# Coming to an end.


def test_a_release_is_answered_in_kind_and_again_when_repeated() -> None:
    meter = Meter()
    meter.associate()
    answer = meter.ask(ReleaseRequest(user_information=InitiateRequest(conformance=LN).encode()))
    assert isinstance(answer, ReleaseResponse)
    assert InitiateResponse.decode(answer.user_information or b"").max_pdu == 256
    again = meter.ask(ReleaseRequest())
    assert again.user_information is None
    assert meter.ask(get(SERIAL)) == NOT_ALLOWED


def test_a_pre_established_association_stands_by_itself_and_cannot_be_released() -> None:
    meter = Meter()
    assert isinstance(meter.ask(get(SERIAL), 64), GetResponseNormal)
    assert meter.send(ReleaseRequest().encode(), 64) == []
    assert isinstance(meter.ask(get(SERIAL), 64), GetResponseNormal)


def test_a_lost_link_ends_its_association_and_no_other() -> None:
    meter = Meter()
    meter.associate(16)
    meter.associate(32)
    meter.events()
    meter.stack.receive_data(LinkDown(16, 1, "DISC"), 0)
    assert meter.events() == [AssociationClosed(16, 1, "DISC")]
    assert meter.ask(get(SERIAL), 16) == NOT_ALLOWED
    assert isinstance(meter.ask(get(SERIAL), 32), GetResponseNormal)
    meter.stack.receive_eof(0)
    assert meter.events() == [AssociationClosed(32, 1, "the connection ended")]


@pytest.mark.parametrize("tag", [0xC0, 0xC1, 0xC3, 0xD9, 0xE0, 0xC8, 0xDB])
def test_a_request_before_the_association_is_not_allowed(tag: int) -> None:
    assert Meter().send(bytes((tag, 1, 0xC1))) == [NOT_ALLOWED]


def test_short_name_requests_before_the_association_are_refused_in_their_way() -> None:
    (answer,) = Meter().send(bytes.fromhex("0501020000"))
    assert isinstance(answer, ConfirmedServiceError)
    assert answer.title == "vde-state-error: no-dlms-context"
    assert Meter().send(bytes.fromhex("1601020000010000")) == []


def test_what_came_in_ui_frames_is_never_answered() -> None:
    meter = Meter()
    meter.associate()
    meter.stack.receive_data(Apdu(16, 1, get(SERIAL).encode(), confirmed=False), 0)
    request = SetRequestNormal(0xC1, 1, WRITABLE, 2, None, encode((Tag.UNSIGNED, 3)))
    meter.stack.receive_data(Apdu(16, 1, request.encode(), confirmed=False), 0)
    assert meter.stack.data_to_send(0) == []
    assert len(meter.device.done) == 1


# Services.


def test_a_get_echoes_its_invoke_octet_by_the_short_way_and_the_long() -> None:
    meter = Meter()
    meter.associate()
    for invoke in (0x00, 0x41, 0xC7, 0x8F):
        answer = meter.ask(GetRequestNormal(invoke, 1, SERIAL, 2))
        assert answer == GetResponseNormal(invoke, encode((Tag.VISIBLE_STRING, "MB0001")))
    missing = meter.ask(GetRequestNormal(0xC2, 1, SERIAL, 3))
    assert missing == GetResponseNormal(0xC2, DataAccessResult.OBJECT_UNDEFINED)


def test_a_service_that_was_not_agreed_on_is_refused() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.SET)
    assert meter.ask(get(SERIAL)) == NOT_SUPPORTED
    meter.associate(conformance=Conformance.GET)
    assert meter.ask(SetRequestNormal(0xC1, 1, WRITABLE, 2, None, b"\x00")) == NOT_SUPPORTED
    assert meter.ask(ActionRequestNormal(0xC1, 70, SWITCH, 1, None)) == NOT_SUPPORTED
    assert meter.send(GeneralBlock(True, False, 1, 1, 0, b"\xc0").encode()) == [NOT_SUPPORTED]
    (refusal,) = meter.send(bytes.fromhex("05010200f0"))
    assert refusal.title == "service: service-unsupported"
    with_selection = meter.ask(get(PROFILE, 7, selection=EntryDescriptor(to_entry=2).selection()))
    assert with_selection.result == DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    listed = meter.ask(GetRequestWithList(0xC1, [AttributeDescriptor(1, SERIAL, 2)]))
    assert listed.results == [DataAccessResult.SCOPE_OF_ACCESS_VIOLATED]
    assert meter.ask(get(SERIAL, attribute=0)).result == DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    assert meter.device.reads == 0
    assert meter.device.done == []


def test_selections_reach_the_application_and_malformed_ones_do_not_break_it() -> None:
    meter = Meter()
    meter.associate()
    answer = meter.ask(get(PROFILE, 7, selection=EntryDescriptor(from_entry=2, to_entry=3).selection()))
    assert decode(answer.result) == (Tag.ARRAY, ROWS[1:3])
    wrong = EntryDescriptor().selection()
    wrong.parameter = encode((Tag.UNSIGNED, 1))
    assert meter.ask(get(PROFILE, 7, selection=wrong)).result == DataAccessResult.TYPE_UNMATCHED


def test_a_long_answer_goes_in_blocks_none_of_them_too_long() -> None:
    for size in (20, 64, 256):
        meter = Meter()
        meter.associate(max_pdu=size)
        answer = meter.ask(get(LONG))
        raw = b""
        while True:
            assert isinstance(answer, GetResponseWithDatablock)
            assert len(answer.encode()) <= size
            raw += bytes(answer.result)
            if answer.last:
                break
            answer = meter.ask(GetRequestNext(0xC1, answer.block_number))
        assert raw == meter.device.values[1, LONG, 2]
        assert meter.device.reads == 1


def test_a_block_asked_for_again_is_sent_again_and_a_wrong_one_ends_the_transfer() -> None:
    meter = Meter()
    meter.associate()
    meter.ask(get(LONG))
    second = meter.ask(GetRequestNext(0xC1, 1))
    assert meter.ask(GetRequestNext(0xC1, 1)) == second
    refusal = meter.ask(GetRequestNext(0xC1, 7))
    assert refusal == GetResponseWithDatablock(0xC1, True, 7, DataAccessResult.DATA_BLOCK_NUMBER_INVALID)
    refusal = meter.ask(GetRequestNext(0xC1, 2))
    assert refusal.result == DataAccessResult.NO_LONG_GET_IN_PROGRESS


def test_a_new_request_releases_the_transfer_under_way() -> None:
    meter = Meter()
    meter.associate()
    meter.ask(get(LONG))
    assert isinstance(meter.ask(get(SERIAL)), GetResponseNormal)
    assert meter.ask(GetRequestNext(0xC1, 1)).result == DataAccessResult.NO_LONG_GET_IN_PROGRESS


def test_without_any_block_transfer_a_long_answer_is_refused_as_too_long() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.GET | Conformance.ACTION)
    assert meter.ask(get(LONG)) == TOO_LONG


def test_a_method_whose_answer_is_too_long_was_invoked_and_says_so() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.ACTION, max_pdu=100)
    answer = meter.ask(ActionRequestNormal(0xC1, 9, ECHO, 1, encode((Tag.OCTET_STRING, bytes(200)))))
    assert answer == ActionResponseNormal(0xC1, ActionResult.SUCCESS, DataAccessResult.DATA_BLOCK_UNAVAILABLE)
    assert len(meter.device.done) == 1


def test_a_list_of_attributes_is_served_in_order_and_in_blocks() -> None:
    meter = Meter()
    meter.associate()
    short = [AttributeDescriptor(8, CLOCK, 2), AttributeDescriptor(1, SERIAL, 9), AttributeDescriptor(1, SERIAL, 2)]
    answer = meter.ask(GetRequestWithList(0xC3, short))
    assert isinstance(answer, GetResponseWithList)
    assert answer.results[1] == DataAccessResult.OBJECT_UNDEFINED
    answer = meter.ask(GetRequestWithList(0xC3, [AttributeDescriptor(1, LONG, 2)] * 2))
    assert isinstance(answer, GetResponseWithDatablock)


def test_more_references_than_the_limit_are_refused_without_a_call() -> None:
    offered = profiles(max_pdu=8000)
    meter = Meter(LogicalDevice(offered))
    meter.associate(max_pdu=8000)
    answer = meter.ask(GetRequestWithList(0xC1, [AttributeDescriptor(1, SERIAL, 2)] * 257))
    assert set(answer.results) == {DataAccessResult.SCOPE_OF_ACCESS_VIOLATED}
    assert meter.device.reads == 0


def test_a_list_that_adds_up_to_more_than_a_meter_has_is_answered_in_part() -> None:
    device = LogicalDevice(profiles(max_pdu=1024))
    device.values[1, LONG, 2] = encode((Tag.OCTET_STRING, bytes(3_000_000)))
    meter = Meter(device)
    meter.associate(max_pdu=1024)
    answer = meter.ask(GetRequestWithList(0xC1, [AttributeDescriptor(1, LONG, 2)] * 50))
    assert isinstance(answer, GetResponseWithDatablock)
    assert device.reads == 2


def test_a_request_longer_than_the_server_takes_is_refused() -> None:
    meter = Meter()
    meter.associate()
    value = encode((Tag.OCTET_STRING, bytes(300)))
    assert meter.ask(SetRequestNormal(0xC1, 1, LONG, 2, None, value)) == TOO_LONG
    assert meter.device.done == []


def test_an_unconfirmed_set_is_done_and_not_answered() -> None:
    meter = Meter()
    meter.associate()
    request = SetRequestNormal(0x81, 1, WRITABLE, 2, None, encode((Tag.UNSIGNED, 5)))
    assert meter.send(request.encode()) == []
    action = ActionRequestNormal(0x81, 70, SWITCH, 1, None)
    assert meter.send(action.encode()) == []
    assert len(meter.device.done) == 2


def set_blocks(value: bytes, octets: int = 100) -> list[Any]:
    pieces = [value[at : at + octets] for at in range(0, len(value), octets)]
    blocks = [DataBlock(number == len(pieces), number, piece) for number, piece in enumerate(pieces, 1)]
    first = SetRequestWithFirstDatablock(0xC1, AttributeDescriptor(1, LONG, 2), blocks[0])
    return [first, *(SetRequestWithDatablock(0xC1, block) for block in blocks[1:])]


def test_a_set_in_blocks_is_written_once_though_its_end_is_repeated() -> None:
    meter = Meter()
    meter.associate()
    value = encode((Tag.OCTET_STRING, bytes(250)))
    requests = set_blocks(value)
    assert meter.ask(requests[0]) == SetResponseDatablock(0xC1, 1)
    assert meter.ask(requests[0]) == SetResponseDatablock(0xC1, 1)
    assert meter.ask(requests[1]) == SetResponseDatablock(0xC1, 2)
    assert meter.ask(requests[1]) == SetResponseDatablock(0xC1, 2)
    assert meter.device.done == []
    answer = meter.ask(requests[2])
    assert answer == SetResponseLastDatablock(0xC1, DataAccessResult.SUCCESS, 3)
    assert meter.ask(requests[2]) == answer
    assert meter.device.done == [("set", LONG, 2, value)]
    meter.ask(GetRequestWithList(0xC1, []))
    assert meter.ask(requests[2]).result == DataAccessResult.NO_LONG_SET_IN_PROGRESS


def test_a_set_in_blocks_out_of_order_or_of_rubbish_writes_nothing() -> None:
    meter = Meter()
    meter.associate()
    requests = set_blocks(encode((Tag.OCTET_STRING, bytes(250))))
    meter.ask(requests[0])
    assert meter.ask(requests[2]).result == DataAccessResult.DATA_BLOCK_NUMBER_INVALID
    assert meter.ask(requests[1]).result == DataAccessResult.NO_LONG_SET_IN_PROGRESS
    for request in set_blocks(b"\x09\x82\x00" + bytes(200)):
        answer = meter.ask(request)
    assert answer.result == DataAccessResult.TYPE_UNMATCHED
    assert meter.device.done == []


def test_blocks_that_were_not_agreed_on_are_refused() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.SET | Conformance.ACTION)
    answer = meter.ask(set_blocks(encode((Tag.OCTET_STRING, bytes(250))))[0])
    assert answer.result == DataAccessResult.LONG_SET_ABORTED
    assert meter.ask(SetRequestWithList(0xC1, [AttributeDescriptor(1, WRITABLE, 2)], [b"\x00"])).results == [
        DataAccessResult.SCOPE_OF_ACCESS_VIOLATED
    ]


def test_action_blocks_without_a_transfer_are_refused() -> None:
    meter = Meter()
    meter.associate()
    assert meter.ask(ActionRequestNextPblock(0xC1, 1)).result.name == "NO_LONG_ACTION_IN_PROGRESS"
    assert meter.ask(ActionRequestWithPblock(0xC1, DataBlock(True, 2, b""))).result.name == "NO_LONG_ACTION_IN_PROGRESS"


def test_a_method_gets_a_well_formed_parameter_or_is_not_called() -> None:
    meter = Meter()
    meter.associate()
    for parameter in (b"\x09\x05ab", b"\x11\x01\x11\x02", b""):
        assert meter.ask(ActionRequestNormal(0xC1, 9, ECHO, 1, parameter)).result.name == "TYPE_UNMATCHED"
    assert meter.device.done == []


@pytest.mark.parametrize("data", ["c001", "c004c1", "c1", "c3ff", "d900", "c0 01 c1 0001 00006001 02"])
def test_malformed_requests_are_refused_and_the_association_stays(data: str) -> None:
    meter = Meter()
    meter.associate()
    assert meter.send(bytes.fromhex(data)) == [OTHER]
    assert isinstance(meter.ask(get(SERIAL)), GetResponseNormal)


def test_an_unknown_apdu_is_said_to_be_unknown_and_a_response_is_dropped() -> None:
    meter = Meter()
    meter.associate()
    unknown = ExceptionResponse(
        state_error=StateError.SERVICE_UNKNOWN, service_error=ServiceError.SERVICE_NOT_SUPPORTED
    )
    assert meter.send(b"\x99\x01") == [unknown]
    assert meter.send(GetResponseNormal(0xC1, b"\x00").encode()) == []
    assert meter.send(b"") == []
    meter.stack.receive_data(Apdu(16, 1, b""), 0)
    assert meter.stack.data_to_send(0) == []


def test_aarq_and_rlrq_do_not_come_in_general_blocks() -> None:
    meter = Meter()
    meter.associate()
    meter.events()
    for apdu in (aarq().encode(), ReleaseRequest().encode()):
        assert meter.send(GeneralBlock(True, False, 1, 1, 0, apdu).encode()) == []
    assert meter.events() == []
    assert isinstance(meter.ask(get(SERIAL)), GetResponseNormal)


def test_a_malformed_general_block_is_refused() -> None:
    meter = Meter()
    meter.associate()
    assert meter.send(b"\xe0\x80\x00") == [TOO_LONG]


# What the server sends unasked.


def test_a_notification_goes_to_an_associated_client_in_blocks_if_it_must() -> None:
    meter = Meter()
    small = DataNotification(1, b"", encode((Tag.UNSIGNED, 1))).encode()
    with pytest.raises(LocalProtocolError, match="no association"):
        meter.layer.notify(16, 1, small, 0)
    meter.layer.notify(64, 1, small, 0)
    assert meter.stack.data_to_send(0) == [Apdu(64, 1, small, confirmed=False)]
    large = DataNotification(1, b"", encode((Tag.OCTET_STRING, bytes(600)))).encode()
    meter.layer.notify(64, 1, large, 0)
    blocks = [decode_apdu(item.data) for item in meter.stack.data_to_send(0)]
    assert all(isinstance(block, GeneralBlock) for block in blocks)
    assert len(blocks) == 3
    meter.associate(conformance=Conformance.GET)
    with pytest.raises(LocalProtocolError, match="takes 512"):
        meter.layer.notify(16, 1, large, 0)


def test_events_and_reports_go_to_an_associated_client_as_they_are() -> None:
    meter = Meter()
    meter.associate()
    event = EventNotificationRequest(None, AttributeDescriptor(1, SERIAL, 2), encode((Tag.UNSIGNED, 7)))
    report = InformationReportRequest(None, [VariableName(0x1000)], [encode((Tag.UNSIGNED, 8))])
    for apdu in (event, report):
        meter.layer.notify(16, 1, apdu.encode(), 0)
        (item,) = meter.stack.data_to_send(0)
        assert not item.confirmed
        assert decode_apdu(item.data) == apdu


def test_the_confirmation_of_a_notification_is_handed_up() -> None:
    meter = Meter()
    meter.associate()
    meter.events()
    assert meter.send(DataNotificationConfirm(7, b"").encode()) == []
    assert meter.events() == [Indication(DataNotificationConfirm(7, b""))]
    assert meter.send(b"\x10\x00") == []


def test_an_application_that_finds_a_request_malformed_may_say_so_by_raising() -> None:
    class Picky(LogicalDevice):
        def get(self, *_: Any) -> bytes:
            raise RemoteProtocolError("no")

        def set(self, *_: Any) -> DataAccessResult:
            raise RemoteProtocolError("no")

        def action(self, *_: Any) -> tuple[ActionResult, None]:
            raise RemoteProtocolError("no")

    meter = Meter(Picky())
    meter.associate()
    assert meter.ask(get(SERIAL)).result == DataAccessResult.TYPE_UNMATCHED
    listed = meter.ask(GetRequestWithList(0xC1, [AttributeDescriptor(1, SERIAL, 2)]))
    assert listed.results == [DataAccessResult.TYPE_UNMATCHED]
    assert meter.ask(SetRequestNormal(0xC1, 1, WRITABLE, 2, None, b"\x00")).result == DataAccessResult.TYPE_UNMATCHED
    assert meter.ask(ActionRequestNormal(0xC1, 70, SWITCH, 1)).result == ActionResult.TYPE_UNMATCHED


def test_what_a_set_needs_beyond_set_has_to_be_agreed_on() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.SET)
    for number, selection in ((0, None), (2, EntryDescriptor().selection())):
        answer = meter.ask(SetRequestNormal(0xC1, 1, WRITABLE, number, selection, b"\x00"))
        assert answer.result == DataAccessResult.SCOPE_OF_ACCESS_VIOLATED


def test_a_list_to_set_in_blocks_is_written_when_it_fits_its_attributes() -> None:
    meter = Meter()
    meter.associate()
    attributes = [AttributeDescriptor(1, WRITABLE, 2)] * 2
    for raw, results in (
        (b"\x02\x11\x01\x11\x02", [DataAccessResult.SUCCESS] * 2),
        (b"\x01\x11\x01", [DataAccessResult.TYPE_UNMATCHED] * 2),
        (b"\x02\x11", [DataAccessResult.TYPE_UNMATCHED] * 2),
    ):
        answer = meter.ask(SetRequestWithListAndFirstDatablock(0xC1, attributes, DataBlock(True, 1, raw)))
        assert answer.results == results
    assert len(meter.device.done) == 2


def test_an_answer_of_more_general_blocks_than_can_be_counted_is_too_long() -> None:
    meter = Meter()
    meter.associate(conformance=Conformance.GET | Conformance.GENERAL_BLOCK_TRANSFER, max_pdu=12)
    meter.device.values[1, LONG, 2] = encode((Tag.OCTET_STRING, bytes(5 * 0xFFFF)))
    assert meter.ask(get(LONG)) == TOO_LONG


def test_a_pre_established_association_needs_its_keys_and_a_place() -> None:
    meter = Meter(LogicalDevice(profiles(context=3)))
    assert meter.ask(get(SERIAL), 64) == NOT_ALLOWED
    offered = {
        client: AssociationProfile(client=client, conformance=LN, pre_established=True)
        for client in range(1, ASSOCIATIONS_MAX + 2)
    }
    meter = Meter(LogicalDevice(offered))
    kinds = [type(meter.ask(get(SERIAL), client)) for client in offered]
    assert kinds == [GetResponseNormal] * ASSOCIATIONS_MAX + [ExceptionResponse]


@pytest.mark.parametrize(
    "wrong", [{"logical_name": b"\x00"}, {"context": 5}, {"mechanism": 8}, {"max_pdu": 11}, {"max_pdu": 65536}]
)
def test_a_profile_that_cannot_be_is_our_own_mistake(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is|has"):
        AssociationProfile(client=16, conformance=LN, **wrong)


# Any octets.


@given(st.lists(st.tuples(st.sampled_from([16, 32, 48, 64, 99]), st.binary(max_size=60)), max_size=12))
def test_any_octets_are_answered_or_dropped(frames: list[tuple[int, bytes]]) -> None:
    meter = Meter()
    meter.associate()
    for client, data in frames:
        meter.send(data, client)
    assert meter.stack.closed is None


TAGS = st.sampled_from([0xC0, 0xC1, 0xC3, 0xD9, 0xE0, 0x05, 0x06, 0x16, 0x60, 0x62])


@given(st.lists(st.tuples(TAGS, st.binary(max_size=40)), max_size=20))
def test_any_octets_behind_a_tag_that_is_served_are_answered_or_dropped(frames: list[tuple[int, bytes]]) -> None:
    meter = Meter()
    for tag, data in frames:
        meter.associate()
        meter.send(bytes((tag,)) + data)
        meter.send(data)
    assert meter.stack.closed is None


def test_a_secret_that_is_changed_counts_from_the_next_aarq_on() -> None:
    device = LogicalDevice(dict(profiles()))
    meter = Meter(device)
    assert meter.associate(32).result == AssociationResult.ACCEPTED
    device.offered = {32: AssociationProfile(client=32, mechanism=1, secrets={"lls": Secret("new")}, conformance=LN)}
    assert isinstance(meter.ask(get(SERIAL), 32), GetResponseNormal)
    assert meter.associate(32).diagnostic == UserDiagnostic.AUTHENTICATION_FAILURE
    assert meter.associate(32, calling_authentication_value=b"new").result == AssociationResult.ACCEPTED


def test_a_set_response_says_what_the_application_says() -> None:
    meter = Meter()
    meter.associate()
    answer = meter.ask(SetRequestNormal(0xC1, 8, CLOCK, 2, None, encode((Tag.UNSIGNED, 1))))
    assert answer == SetResponseNormal(0xC1, DataAccessResult.READ_WRITE_DENIED)


def test_a_long_answer_is_made_once_though_the_short_way_is_tried_first() -> None:
    meter = Meter()
    meter.associate(max_pdu=64, conformance=Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ)
    assert isinstance(meter.ask(get(LONG)), GetResponseWithDatablock)
    assert meter.device.reads == 1


def test_what_was_found_on_the_short_way_answers_the_same_request_alone() -> None:
    meter = Meter()
    meter.associate(max_pdu=64, conformance=Conformance.GET | Conformance.BLOCK_TRANSFER_WITH_GET_OR_READ)
    assert meter.layer.answer(16, 1, get(LONG).encode(), 0) is None
    assert meter.ask(get(SERIAL)) == GetResponseNormal(0xC1, encode((Tag.VISIBLE_STRING, "MB0001")))
    assert meter.layer.answer(16, 1, get(SERIAL).encode(), 0) == meter.ask(get(SERIAL)).encode()
    assert meter.layer.answer(16, 1, get(SERIAL, attribute=0).encode(), 0) is None
    assert meter.layer.answer(17, 1, get(SERIAL).encode(), 0) is None
