"""Hypothesis strategies of what DLMS carries, for every test that needs any."""

from typing import Any

from hypothesis import strategies as st

from protocols.dlms.access import (
    AccessAction,
    AccessGet,
    AccessRequest,
    AccessResponse,
    AccessSet,
    AccessSpecification,
    GetResult,
    MethodResult,
    SetResult,
)
from protocols.dlms.acse import ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.action import (
    ActionRequestNextPblock,
    ActionRequestNormal,
    ActionRequestWithFirstPblock,
    ActionRequestWithList,
    ActionRequestWithListAndFirstPblock,
    ActionRequestWithPblock,
    ActionResponseNextPblock,
    ActionResponseNormal,
    ActionResponseWithList,
    ActionResponseWithPblock,
)
from protocols.dlms.ciphered import (
    PLAIN_TAGS,
    AgreedKey,
    GeneralCiphering,
    GeneralDedCiphering,
    GeneralGloCiphering,
    GeneralHeader,
    GeneralSigning,
    IdentifiedKey,
    ServiceCiphered,
    WrappedKey,
)
from protocols.dlms.descriptor import (
    ActionResponseWithOptionalData,
    AttributeDescriptor,
    DataBlock,
    MethodDescriptor,
)
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
    ReleaseRequestReason,
    ReleaseResponseReason,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.selection import Selection
from protocols.dlms.service_error import ConfirmedService, ConfirmedServiceError, ErrorClass, ExceptionResponse
from protocols.dlms.set import (
    SetRequestNormal,
    SetRequestWithDatablock,
    SetRequestWithFirstDatablock,
    SetRequestWithList,
    SetRequestWithListAndFirstDatablock,
    SetResponseDatablock,
    SetResponseLastDatablock,
    SetResponseLastDatablockWithList,
    SetResponseNormal,
    SetResponseWithList,
)
from protocols.dlms.short_name import (
    BlockNumber,
    BlockNumberAccess,
    DataBlockResult,
    ParameterizedAccess,
    ReadDataBlockAccess,
    ReadRequest,
    ReadResponse,
    UnconfirmedWriteRequest,
    VariableAccess,
    VariableName,
    WriteDataBlockAccess,
    WriteRequest,
    WriteResponse,
)
from protocols.dlms.value import Tag, Value, encode
from protocols.secret import Secret
from tests.protocols.dlms.apdu import Apdu


def _ranged(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(min_value=low, max_value=high)


def _signed(octets: int) -> st.SearchStrategy[int]:
    return _ranged(-(1 << 8 * octets - 1), (1 << 8 * octets - 1) - 1)


def _unsigned(octets: int) -> st.SearchStrategy[int]:
    return _ranged(0, (1 << 8 * octets) - 1)


_CONTENTS: dict[Tag, st.SearchStrategy[Any]] = {
    Tag.NULL_DATA: st.none(),
    Tag.BOOLEAN: st.booleans(),
    Tag.BIT_STRING: st.text("01", max_size=40),
    Tag.DOUBLE_LONG: _signed(4),
    Tag.DOUBLE_LONG_UNSIGNED: _unsigned(4),
    Tag.OCTET_STRING: st.binary(max_size=40) | st.binary(min_size=120, max_size=300),
    Tag.VISIBLE_STRING: st.text(st.characters(max_codepoint=255), max_size=20),
    Tag.UTF8_STRING: st.text(max_size=20),
    Tag.BCD: _unsigned(1),
    Tag.INTEGER: _signed(1),
    Tag.LONG: _signed(2),
    Tag.UNSIGNED: _unsigned(1),
    Tag.LONG_UNSIGNED: _unsigned(2),
    Tag.LONG64: _signed(8),
    Tag.LONG64_UNSIGNED: _unsigned(8),
    Tag.ENUM: _unsigned(1),
    Tag.FLOAT32: st.floats(width=32, allow_nan=False),
    Tag.FLOAT64: st.floats(allow_nan=False),
    Tag.DATE_TIME: st.binary(min_size=12, max_size=12),
    Tag.DATE: st.binary(min_size=5, max_size=5),
    Tag.TIME: st.binary(min_size=4, max_size=4),
    Tag.DELTA_INTEGER: _signed(1),
    Tag.DELTA_LONG: _signed(2),
    Tag.DELTA_DOUBLE_LONG: _signed(4),
    Tag.DELTA_UNSIGNED: _unsigned(1),
    Tag.DELTA_LONG_UNSIGNED: _unsigned(2),
    Tag.DELTA_DOUBLE_LONG_UNSIGNED: _unsigned(4),
    Tag.DONT_CARE: st.none(),
}


def _tagged(tag: Tag) -> st.SearchStrategy[Value]:
    return st.tuples(st.just(int(tag)), _CONTENTS[tag])


def scalars() -> st.SearchStrategy[Value]:
    """Values of every tag that holds no other value."""
    return st.one_of([_tagged(tag) for tag in _CONTENTS])


@st.composite
def compact_arrays(draw: st.DrawFn) -> Value:
    """Compact arrays whose elements are scalars, structures, or arrays within structures."""
    leaf = st.sampled_from([tag for tag in _CONTENTS if tag not in {Tag.NULL_DATA, Tag.DONT_CARE}])
    columns = draw(st.lists(leaf, min_size=1, max_size=4))
    repeat = draw(st.integers(min_value=0, max_value=3))
    count = draw(st.integers(min_value=0, max_value=4))
    if draw(st.booleans()):
        items = [draw(_tagged(columns[0])) for _ in range(count)]
        return int(Tag.COMPACT_ARRAY), (bytes((columns[0],)), items)
    described = bytes((Tag.STRUCTURE, len(columns) + 1, *columns, Tag.ARRAY, 0, repeat, columns[0]))
    rows = []
    for _ in range(count):
        cells = [draw(_tagged(tag)) for tag in columns]
        cells.append((int(Tag.ARRAY), [draw(_tagged(columns[0])) for _ in range(repeat)]))
        rows.append((int(Tag.STRUCTURE), cells))
    return int(Tag.COMPACT_ARRAY), (described, rows)


def values() -> st.SearchStrategy[Value]:
    """Any COSEM value, nested."""

    def nested(inner: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
        return st.tuples(st.sampled_from([1, 2]), st.lists(inner, max_size=5))

    return st.recursive(scalars() | compact_arrays(), nested, max_leaves=12)


def encoded_values() -> st.SearchStrategy[bytes]:
    """One value, as octets; `values` has the wild ones."""
    row = st.lists(scalars(), max_size=3).map(lambda cells: (int(Tag.STRUCTURE), cells))
    return (scalars() | row).map(encode)


_OCTET = _unsigned(1)
_SIGNED_OCTET = _signed(1)
_INSTANCE = st.binary(min_size=6, max_size=6)
_RAW = st.binary(max_size=40) | st.binary(min_size=120, max_size=260)
_DATE_TIME = st.just(b"") | st.binary(min_size=12, max_size=12)
_TITLE = st.just(b"") | st.binary(min_size=8, max_size=8)


def selections() -> st.SearchStrategy[Selection]:
    """Any selective access."""
    return st.builds(Selection, _OCTET, encoded_values())


def attributes() -> st.SearchStrategy[AttributeDescriptor]:
    """Attribute descriptors with or without a selection."""
    return st.builds(AttributeDescriptor, _unsigned(2), _INSTANCE, _SIGNED_OCTET, st.none() | selections())


def methods() -> st.SearchStrategy[MethodDescriptor]:
    """Method descriptors."""
    return st.builds(MethodDescriptor, _unsigned(2), _INSTANCE, _SIGNED_OCTET)


def data_blocks() -> st.SearchStrategy[DataBlock]:
    """Blocks of a service block transfer."""
    return st.builds(DataBlock, st.booleans(), _unsigned(4), _RAW)


def data_access_results() -> st.SearchStrategy[DataAccessResult]:
    """Every code of one octet, named or not."""
    return _OCTET.map(DataAccessResult)


def data_results() -> st.SearchStrategy[bytes | DataAccessResult]:
    """A value or why there is none."""
    return encoded_values() | data_access_results()


def action_outcomes() -> st.SearchStrategy[ActionResponseWithOptionalData]:
    """What a method gave back."""
    return st.builds(ActionResponseWithOptionalData, _OCTET.map(ActionResult), st.none() | data_results())


_FEW = 3


@st.composite
def _set_with_list(draw: st.DrawFn) -> SetRequestWithList:
    wanted = draw(st.lists(attributes(), max_size=_FEW))
    return SetRequestWithList(draw(_OCTET), wanted, [draw(encoded_values()) for _ in wanted])


@st.composite
def _action_with_list(draw: st.DrawFn) -> ActionRequestWithList:
    wanted = draw(st.lists(methods(), max_size=_FEW))
    return ActionRequestWithList(draw(_OCTET), wanted, [draw(encoded_values()) for _ in wanted])


def get_apdus() -> st.SearchStrategy[Apdu]:
    """GET in all forms."""
    return st.one_of(
        st.builds(GetRequestNormal, _OCTET, _unsigned(2), _INSTANCE, _SIGNED_OCTET, st.none() | selections()),
        st.builds(GetRequestNext, _OCTET, _unsigned(4)),
        st.builds(GetRequestWithList, _OCTET, st.lists(attributes(), max_size=_FEW)),
        st.builds(GetResponseNormal, _OCTET, data_results()),
        st.builds(GetResponseWithDatablock, _OCTET, st.booleans(), _unsigned(4), _RAW | data_access_results()),
        st.builds(GetResponseWithList, _OCTET, st.lists(data_results(), max_size=_FEW)),
    )


def set_apdus() -> st.SearchStrategy[Apdu]:
    """SET in all forms."""
    results = st.lists(data_access_results(), max_size=_FEW)
    return st.one_of(
        st.builds(
            SetRequestNormal,
            _OCTET,
            _unsigned(2),
            _INSTANCE,
            _SIGNED_OCTET,
            st.none() | selections(),
            encoded_values(),
        ),
        st.builds(SetRequestWithFirstDatablock, _OCTET, attributes(), data_blocks()),
        st.builds(SetRequestWithDatablock, _OCTET, data_blocks()),
        _set_with_list(),
        st.builds(SetRequestWithListAndFirstDatablock, _OCTET, st.lists(attributes(), max_size=_FEW), data_blocks()),
        st.builds(SetResponseNormal, _OCTET, data_access_results()),
        st.builds(SetResponseDatablock, _OCTET, _unsigned(4)),
        st.builds(SetResponseLastDatablock, _OCTET, data_access_results(), _unsigned(4)),
        st.builds(SetResponseLastDatablockWithList, _OCTET, results, _unsigned(4)),
        st.builds(SetResponseWithList, _OCTET, results),
    )


def action_apdus() -> st.SearchStrategy[Apdu]:
    """ACTION in all forms."""
    return st.one_of(
        st.builds(ActionRequestNormal, _OCTET, _unsigned(2), _INSTANCE, _SIGNED_OCTET, st.none() | encoded_values()),
        st.builds(ActionRequestNextPblock, _OCTET, _unsigned(4)),
        _action_with_list(),
        st.builds(ActionRequestWithFirstPblock, _OCTET, methods(), data_blocks()),
        st.builds(ActionRequestWithListAndFirstPblock, _OCTET, st.lists(methods(), max_size=_FEW), data_blocks()),
        st.builds(ActionRequestWithPblock, _OCTET, data_blocks()),
        st.builds(ActionResponseNormal, _OCTET, _OCTET.map(ActionResult), st.none() | data_results()),
        st.builds(ActionResponseWithPblock, _OCTET, data_blocks()),
        st.builds(ActionResponseWithList, _OCTET, st.lists(action_outcomes(), max_size=_FEW)),
        st.builds(ActionResponseNextPblock, _OCTET, _unsigned(4)),
    )


def access_specifications() -> st.SearchStrategy[AccessSpecification]:
    """What an ACCESS request asks for."""
    return st.one_of(
        st.builds(AccessGet, attributes()), st.builds(AccessSet, attributes()), st.builds(AccessAction, methods())
    )


@st.composite
def _access_requests(draw: st.DrawFn) -> AccessRequest:
    wanted = draw(st.lists(access_specifications(), max_size=_FEW))
    return AccessRequest(draw(_unsigned(4)), draw(_DATE_TIME), wanted, [draw(encoded_values()) for _ in wanted])


def access_apdus() -> st.SearchStrategy[Apdu]:
    """ACCESS, both ways."""
    results = st.one_of(
        st.builds(GetResult, data_access_results()),
        st.builds(SetResult, data_access_results()),
        st.builds(MethodResult, _OCTET.map(ActionResult)),
    )
    return _access_requests() | st.builds(
        AccessResponse,
        _unsigned(4),
        _DATE_TIME,
        st.none() | st.lists(access_specifications(), max_size=_FEW),
        st.lists(encoded_values(), max_size=_FEW),
        st.lists(results, max_size=_FEW),
    )


def variable_accesses() -> st.SearchStrategy[VariableAccess]:
    """Short names, whole, in part or in blocks."""
    return st.one_of(
        st.builds(VariableName, _unsigned(2)),
        st.builds(ParameterizedAccess, _unsigned(2), selections()),
        st.builds(BlockNumberAccess, _unsigned(2)),
        st.builds(ReadDataBlockAccess, st.booleans(), _unsigned(2), _RAW),
        st.builds(WriteDataBlockAccess, st.booleans(), _unsigned(2)),
    )


@st.composite
def _short_name_writes(draw: st.DrawFn) -> Apdu:
    variables = draw(st.lists(variable_accesses(), max_size=_FEW))
    written = [draw(encoded_values()) for _ in variables]
    return WriteRequest(variables, written) if draw(st.booleans()) else UnconfirmedWriteRequest(variables, written)


def short_name_apdus() -> st.SearchStrategy[Apdu]:
    """Read, Write and UnconfirmedWrite."""
    read_results = st.one_of(
        data_results(),
        st.builds(DataBlockResult, st.booleans(), _unsigned(2), _RAW),
        st.builds(BlockNumber, _unsigned(2)),
    )
    return st.one_of(
        st.builds(ReadRequest, st.lists(variable_accesses(), max_size=_FEW)),
        st.builds(ReadResponse, st.lists(read_results, max_size=_FEW)),
        _short_name_writes(),
        st.builds(WriteResponse, st.lists(data_access_results() | st.builds(BlockNumber, _unsigned(2)), max_size=_FEW)),
    )


def notification_apdus() -> st.SearchStrategy[Apdu]:
    """What is sent unasked."""
    plain = st.builds(AttributeDescriptor, _unsigned(2), _INSTANCE, _SIGNED_OCTET, st.none())
    return st.one_of(
        st.builds(DataNotification, _unsigned(4), _DATE_TIME, encoded_values()),
        st.builds(DataNotificationConfirm, _unsigned(4), _DATE_TIME),
        st.builds(EventNotificationRequest, st.none() | st.binary(min_size=12, max_size=12), plain, encoded_values()),
        st.builds(
            InformationReportRequest,
            st.none() | st.just(b"20241028000000Z"),
            st.lists(variable_accesses(), max_size=_FEW),
            st.lists(encoded_values(), max_size=_FEW),
        ),
    )


def initiate_apdus() -> st.SearchStrategy[Apdu]:
    """InitiateRequest and InitiateResponse."""
    return st.one_of(
        st.builds(
            InitiateRequest,
            dedicated_key=st.none() | st.binary(min_size=16, max_size=16).map(Secret),
            response_allowed=st.booleans(),
            quality_of_service=st.none() | _SIGNED_OCTET,
            dlms_version=_OCTET,
            conformance=_unsigned(3),
            max_pdu=_unsigned(2),
        ),
        st.builds(
            InitiateResponse,
            quality_of_service=st.none() | _SIGNED_OCTET,
            dlms_version=_OCTET,
            conformance=_unsigned(3),
            max_pdu=_unsigned(2),
            vaa_name=_unsigned(2),
        ),
    )


def service_error_apdus() -> st.SearchStrategy[Apdu]:
    """ConfirmedServiceError and ExceptionResponse."""
    plain = _OCTET.filter(lambda code: code != ServiceError.INVOCATION_COUNTER_ERROR)
    return st.one_of(
        st.builds(
            ConfirmedServiceError,
            service=_OCTET.map(ConfirmedService),
            error_class=_OCTET.map(ErrorClass),
            reason=_OCTET,
        ),
        st.builds(ExceptionResponse, state_error=_OCTET.map(StateError), service_error=plain.map(ServiceError)),
        st.builds(
            ExceptionResponse,
            state_error=_OCTET.map(StateError),
            service_error=st.just(ServiceError.INVOCATION_COUNTER_ERROR),
            invocation_counter=st.none() | _unsigned(4),
        ),
    )


def acse_apdus() -> st.SearchStrategy[Apdu]:
    """AARQ, AARE, RLRQ and RLRE."""
    octets = st.none() | _RAW
    number = st.none() | _signed(4)
    foreign = st.binary(min_size=1, max_size=8)
    contexts = st.sampled_from(ApplicationContext) | foreign
    mechanisms = st.none() | st.sampled_from(Mechanism) | foreign
    return st.one_of(
        st.builds(
            AssociationRequest,
            version_1=st.booleans(),
            application_context=contexts,
            called_ap_title=octets,
            called_ae_qualifier=octets,
            called_ap_invocation_id=number,
            called_ae_invocation_id=number,
            calling_ap_title=octets,
            calling_ae_qualifier=octets,
            calling_ap_invocation_id=number,
            calling_ae_invocation_id=number,
            authentication=st.booleans(),
            mechanism=mechanisms,
            calling_authentication_value=octets,
            implementation_information=octets,
            user_information=octets,
        ),
        st.builds(
            AssociationResponse,
            version_1=st.booleans(),
            application_context=contexts,
            result=_OCTET.map(AssociationResult),
            diagnostic=_OCTET.map(UserDiagnostic) | _OCTET.map(ProviderDiagnostic),
            responding_ap_title=octets,
            responding_ae_qualifier=octets,
            responding_ap_invocation_id=number,
            responding_ae_invocation_id=number,
            authentication=st.booleans(),
            mechanism=mechanisms,
            responding_authentication_value=octets,
            implementation_information=octets,
            user_information=octets,
        ),
        st.builds(ReleaseRequest, reason=st.none() | _OCTET.map(ReleaseRequestReason), user_information=octets),
        st.builds(ReleaseResponse, reason=st.none() | _OCTET.map(ReleaseResponseReason), user_information=octets),
    )


def general_headers() -> st.SearchStrategy[GeneralHeader]:
    """The headers of general-ciphering and general-signing."""
    return st.builds(GeneralHeader, st.binary(max_size=9), _TITLE, _TITLE, _DATE_TIME, st.binary(max_size=9))


def ciphered_apdus() -> st.SearchStrategy[Apdu]:
    """Every envelope, around anything."""
    key_info = st.one_of(
        st.none(),
        st.builds(IdentifiedKey, _OCTET),
        st.builds(WrappedKey, _OCTET, _RAW),
        st.builds(AgreedKey, st.binary(min_size=1, max_size=1), _RAW),
    )
    return st.one_of(
        st.builds(ServiceCiphered, st.sampled_from(sorted(PLAIN_TAGS)), _RAW),
        st.builds(GeneralGloCiphering, _TITLE, _RAW),
        st.builds(GeneralDedCiphering, _TITLE, _RAW),
        st.builds(GeneralCiphering, general_headers(), key_info, _RAW),
        st.builds(GeneralSigning, general_headers(), _RAW, _RAW),
    )


def general_block_apdus() -> st.SearchStrategy[Apdu]:
    """General block transfer."""
    window = st.integers(min_value=0, max_value=63)
    return st.builds(GeneralBlock, st.booleans(), st.booleans(), window, _unsigned(2), _unsigned(2), _RAW)


def apdus() -> st.SearchStrategy[Apdu]:
    """Any APDU of DLMS/COSEM."""
    return st.one_of(
        get_apdus(),
        set_apdus(),
        action_apdus(),
        access_apdus(),
        short_name_apdus(),
        notification_apdus(),
        initiate_apdus(),
        service_error_apdus(),
        acse_apdus(),
        ciphered_apdus(),
        general_block_apdus(),
    )
