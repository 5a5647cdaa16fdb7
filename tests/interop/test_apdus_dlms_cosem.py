"""Octets that one of the two libraries writes are read by the other: dlms-cosem 21.3.2 knows part of the APDUs.

It is asked only for what it claims: no short names, no ACCESS, no block-wise SET or ACTION, selective access by range
alone, ACSE of less than 128 octets. Where it reads what ours wrote, it writes the same octets again.
"""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from dlms_cosem import cosem, dlms_data, enumerations, time
from dlms_cosem.protocol import acse, xdlms
from dlms_cosem.protocol.xdlms import selective_access
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.acse import ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.action import ActionRequestNormal, ActionResponseNormal
from protocols.dlms.date_time import DateTime
from protocols.dlms.descriptor import AttributeDescriptor
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithDatablock,
    GetResponseWithList,
)
from protocols.dlms.initiate import InitiateRequest, InitiateResponse
from protocols.dlms.notification import DataNotification
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.results import (
    ActionResult,
    AssociationResult,
    DataAccessResult,
    ProviderDiagnostic,
    ReleaseRequestReason,
    ReleaseResponseReason,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.selection import CaptureObject, RangeDescriptor
from protocols.dlms.service_error import ConfirmedService, ConfirmedServiceError, ErrorClass, ExceptionResponse
from protocols.dlms.set import SetRequestNormal, SetResponseNormal
from protocols.dlms.value import Tag, Value, encode
from protocols.dlms.value import decode as decode_value
from protocols.secret import Secret
from tests.protocols.dlms.apdu import decode

pytestmark = pytest.mark.interop

# Values that dlms-cosem both reads and writes as the standard says.
_SHARED = {
    Tag.NULL_DATA: st.none(),
    Tag.DOUBLE_LONG: st.integers(-(1 << 31), (1 << 31) - 1),
    Tag.DOUBLE_LONG_UNSIGNED: st.integers(0, (1 << 32) - 1),
    Tag.OCTET_STRING: st.binary(max_size=20),
    Tag.INTEGER: st.integers(-128, 127),
    Tag.LONG: st.integers(-(1 << 15), (1 << 15) - 1),
    Tag.UNSIGNED: st.integers(0, 255),
    Tag.LONG_UNSIGNED: st.integers(0, 65535),
    Tag.LONG64: st.integers(-(1 << 63), (1 << 63) - 1),
    Tag.LONG64_UNSIGNED: st.integers(0, (1 << 64) - 1),
    Tag.ENUM: st.integers(0, 255),
}
_scalars = st.one_of([st.tuples(st.just(int(tag)), held) for tag, held in _SHARED.items()])
_values = st.recursive(
    _scalars, lambda inner: st.tuples(st.sampled_from([1, 2]), st.lists(inner, min_size=1, max_size=4)), max_leaves=8
)

# Its invoke ids, classes and results are enums of what it knows.
_invokes = st.builds(lambda number, flags: number | flags, st.integers(0, 15), st.sampled_from([0, 0x40, 0x80, 0xC0]))
_classes = st.sampled_from([int(known) for known in enumerations.CosemInterface])
_instances = st.binary(min_size=6, max_size=6)
_numbers = st.integers(1, 100)
_access_results = st.sampled_from([int(known) for known in enumerations.DataAccessResult]).map(DataAccessResult)
_action_results = st.sampled_from([int(known) for known in enumerations.ActionResultStatus]).map(ActionResult)
_blocks = st.integers(0, (1 << 32) - 1)
_raw = st.binary(max_size=100)
_services = list(xdlms.Conformance.conformance_bit_position.values())
# It loses the first octet of the conformance block that an InitiateRequest proposes.
_conformances = st.sets(st.sampled_from([bit for bit in _services if bit < 16])).map(
    lambda bits: sum(1 << bit for bit in bits)
)


def _plain(value: dlms_data.AbstractDlmsData) -> Any:
    return value.to_python()


def _bare(value: Value) -> Any:
    tag, held = value
    if tag in {Tag.ARRAY, Tag.STRUCTURE}:
        return [_bare(item) for item in held]
    return held


@given(_values)
def test_values_are_read_alike(value: Value) -> None:
    (theirs,) = dlms_data.DlmsDataParser().parse(encode(value))
    assert _plain(theirs) == _bare(value)


@given(st.one_of([st.tuples(st.just(int(tag)), held) for tag, held in _SHARED.items() if tag != Tag.NULL_DATA]))
def test_their_scalars_are_read(value: Value) -> None:
    (theirs,) = dlms_data.DlmsDataParser().parse(encode(value))
    assert decode_value(bytes(theirs.to_bytes())) == value


_requests = {
    xdlms.GetRequestFactory: st.one_of(
        st.builds(GetRequestNormal, _invokes, _classes, _instances, _numbers, st.none()),
        st.builds(GetRequestNext, _invokes, _blocks),
    ),
    xdlms.GetResponseFactory: st.one_of(
        st.builds(GetResponseNormal, _invokes, _access_results),
        st.builds(GetResponseWithDatablock, _invokes, st.booleans(), _blocks, _raw),
        st.builds(GetResponseWithDatablock, _invokes, st.just(True), _blocks, _access_results),
    ),
    xdlms.SetRequestFactory: st.builds(
        SetRequestNormal, _invokes, _classes, _instances, _numbers, st.none(), _values.map(encode)
    ),
    xdlms.SetResponseFactory: st.builds(SetResponseNormal, _invokes, _access_results),
    xdlms.ActionRequestFactory: st.builds(
        ActionRequestNormal, _invokes, _classes, _instances, _numbers, st.none() | _values.map(encode)
    ),
    xdlms.ActionResponseFactory: st.builds(
        ActionResponseNormal, _invokes, _action_results, st.none() | _values.map(encode) | _access_results
    ),
    xdlms.ExceptionResponse: st.builds(
        ExceptionResponse,
        state_error=st.sampled_from(StateError),
        service_error=st.sampled_from([code for code in ServiceError if code != ServiceError.INVOCATION_COUNTER_ERROR]),
    ),
    xdlms.InitiateRequest: st.builds(
        InitiateRequest,
        dedicated_key=st.none() | st.binary(min_size=16, max_size=16).map(Secret),
        conformance=_conformances,
        max_pdu=st.integers(0, 65535),
    ),
    xdlms.InitiateResponse: st.builds(InitiateResponse, conformance=_conformances, max_pdu=st.integers(0, 65535)),
    xdlms.ConfirmedServiceError: st.builds(
        ConfirmedServiceError,
        service=st.just(ConfirmedService.INITIATE_ERROR),
        error_class=st.just(ErrorClass.INITIATE),
        reason=st.integers(0, 4),
    ),
    xdlms.DataNotification: st.builds(
        DataNotification, st.integers(0, (1 << 24) - 1), st.just(b""), _values.map(encode)
    ),
    acse.ReleaseRequest: st.builds(ReleaseRequest, reason=st.sampled_from(ReleaseRequestReason)),
    acse.ReleaseResponse: st.builds(ReleaseResponse, reason=st.sampled_from(ReleaseResponseReason)),
}


@pytest.mark.parametrize("kind", _requests, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_what_we_write_is_read_and_written_again_alike(kind: Any, data: st.DataObject) -> None:
    ours: Any = data.draw(_requests[kind])
    octets = ours.encode()
    theirs = kind.from_bytes(octets)
    again = bytes(theirs.to_bytes())
    if kind is xdlms.ConfirmedServiceError:
        assert theirs.error == ours.reason
    elif kind is xdlms.InitiateResponse:
        # It writes a quality of service always, and nobody uses it.
        assert theirs.server_max_receive_pdu_size == ours.max_pdu
        assert theirs.negotiated_conformance.to_bytes()[1:] == ours.conformance.to_bytes(3, "big")
    else:
        assert decode(again) == ours
        assert again == octets


@given(_invokes, _values.map(encode))
def test_a_value_in_a_normal_response_is_read_alike(invoke: int, value: bytes) -> None:
    theirs = xdlms.GetResponseFactory.from_bytes(GetResponseNormal(invoke, value).encode())
    assert theirs.data == value
    assert theirs.invoke_id_and_priority.to_bytes() == bytes((invoke,))


@given(st.sampled_from(StateError), st.integers(0, (1 << 32) - 1))
def test_the_counter_that_a_server_expects_is_read_alike(state: StateError, counter: int) -> None:
    ours = ExceptionResponse(
        state_error=state, service_error=ServiceError.INVOCATION_COUNTER_ERROR, invocation_counter=counter
    )
    assert xdlms.ExceptionResponse.from_bytes(ours.encode()).invocation_counter_data == counter


@given(
    _invokes,
    st.lists(st.tuples(_classes, _instances, _numbers), min_size=1, max_size=4),
    st.lists(_values | _access_results, min_size=1, max_size=4),
)
def test_get_with_list_is_read_alike(
    invoke: int, wanted: list[tuple[int, bytes, int]], given_back: list[Value | DataAccessResult]
) -> None:
    request = GetRequestWithList(invoke, [AttributeDescriptor(*one) for one in wanted])
    theirs = xdlms.GetRequestFactory.from_bytes(request.encode())
    assert [
        (one.attribute.interface, one.attribute.instance.to_bytes(), one.attribute.attribute)
        for one in theirs.cosem_attributes_with_selection
    ] == wanted
    assert decode(bytes(theirs.to_bytes())) == request

    results = [one if isinstance(one, DataAccessResult) else encode(one) for one in given_back]
    response = GetResponseWithList(invoke, results)
    answered = xdlms.GetResponseFactory.from_bytes(response.encode())
    for one, other in zip(answered.response_data, given_back, strict=True):
        if isinstance(other, DataAccessResult):
            assert one == other
        else:
            assert _plain(one) == _bare(other)


def _initiate(*, ciphered: bool = False) -> Any:
    conformance = xdlms.Conformance(get=True, action=True)
    if ciphered:
        return xdlms.GlobalCipherInitiateRequest(
            security_control=_security_control(), invocation_counter=7, ciphered_text=b"x" * 20
        )
    return xdlms.InitiateRequest(proposed_conformance=conformance, client_max_receive_pdu_size=1024)


def _security_control() -> Any:
    from dlms_cosem.security import SecurityControlField

    return SecurityControlField(security_suite=0, authenticated=True, encrypted=True)


@pytest.mark.parametrize("mechanism", [None, 1, 2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("ciphered", [False, True])
def test_their_aarq_is_read(mechanism: int | None, *, ciphered: bool) -> None:
    theirs = acse.ApplicationAssociationRequest(
        user_information=acse.UserInformation(content=_initiate(ciphered=ciphered)),
        system_title=b"MBC00001" if ciphered else None,
        authentication=None if mechanism is None else enumerations.AuthenticationMechanism(mechanism),
        authentication_value=None if mechanism is None else b"12345678",
        ciphered=ciphered,
    )
    octets = bytes(theirs.to_bytes())
    ours = AssociationRequest.decode(octets)
    context = ApplicationContext.LOGICAL_NAME_CIPHERED if ciphered else ApplicationContext.LOGICAL_NAME
    assert ours == AssociationRequest(
        application_context=context,
        calling_ap_title=b"MBC00001" if ciphered else None,
        authentication=mechanism is not None,
        mechanism=None if mechanism is None else Mechanism(mechanism),
        calling_authentication_value=None if mechanism is None else b"12345678",
        user_information=bytes(_initiate(ciphered=ciphered).to_bytes()),
    )
    assert ours.encode() == octets
    assert bytes(acse.ApplicationAssociationRequest.from_bytes(ours.encode()).to_bytes()) == octets


@pytest.mark.parametrize("result", AssociationResult)
@pytest.mark.parametrize("diagnostic", [*UserDiagnostic, *ProviderDiagnostic])
@pytest.mark.parametrize("mechanism", [None, Mechanism.HIGH_GMAC])
def test_our_aare_is_read(
    result: AssociationResult, diagnostic: UserDiagnostic | ProviderDiagnostic, mechanism: Mechanism | None
) -> None:
    ours = AssociationResponse(
        result=result,
        diagnostic=diagnostic,
        responding_ap_title=b"MBM00001",
        authentication=mechanism is not None,
        mechanism=mechanism,
        responding_authentication_value=None if mechanism is None else b"P6wRJ21F",
        user_information=InitiateResponse(conformance=0x10, max_pdu=1024).encode(),
    )
    theirs = acse.ApplicationAssociationResponse.from_bytes(ours.encode())
    assert theirs.result == result
    assert theirs.result_source_diagnostics == diagnostic
    assert type(theirs.result_source_diagnostics).__name__.startswith(
        "AcseServiceProvider" if isinstance(diagnostic, ProviderDiagnostic) else "AcseServiceUser"
    )
    assert theirs.system_title == b"MBM00001"
    assert theirs.authentication_value == ours.responding_authentication_value
    assert theirs.user_information.content.server_max_receive_pdu_size == 1024
    assert AssociationResponse.decode(bytes(theirs.to_bytes())).diagnostic == diagnostic


def test_a_range_is_described_alike() -> None:
    india = timezone(timedelta(hours=5, minutes=30))
    start, end = datetime(2024, 10, 28, tzinfo=india), datetime(2024, 10, 29, 12, 15, tzinfo=india)
    clock = cosem.CosemAttribute(enumerations.CosemInterface.CLOCK, cosem.Obis(0, 0, 1, 0, 0, 255), 2)
    theirs = selective_access.RangeDescriptor(selective_access.CaptureObject(clock), start, end)
    # It leaves the weekday open and takes the status from nowhere.
    bounds = [(Tag.OCTET_STRING, bytes(time.datetime_to_bytes(moment))) for moment in (start, end)]
    ours = RangeDescriptor(
        restricting_object=CaptureObject(8, bytes((0, 0, 1, 0, 0, 255)), 2), from_value=bounds[0], to_value=bounds[1]
    )
    assert ours.selection().encode() == bytes(theirs.to_bytes())
    assert RangeDescriptor.from_selection(ours.selection()) == ours
    assert [DateTime.decode(held).instant() for _, held in bounds] == [start, end]


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)), st.integers(-12 * 60, 12 * 60).filter(bool))  # noqa: DTZ001 (made aware below)
def test_date_times_are_read_alike(naive: datetime, offset: int) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 10_000 * 10_000, tzinfo=timezone(timedelta(minutes=offset)))
    theirs, _ = time.datetime_from_bytes(DateTime.from_instant(moment).encode())
    assert theirs == moment
    assert DateTime.decode(bytes(time.datetime_to_bytes(moment))).instant() == moment
