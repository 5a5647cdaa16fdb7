"""Any APDU of DLMS/COSEM, field by field; ciphered ones opened where the keys are given."""

from collections.abc import Sequence
from typing import Final

from construct import (
    BitsInteger,
    BitStruct,
    Byte,
    Bytes,
    Computed,
    Const,
    Construct,
    Enum,
    Error,
    ExprAdapter,
    Flag,
    If,
    Int8sb,
    Int8ub,
    Int16ub,
    Int24ub,
    Int32ub,
    Pass,
    Select,
    Struct,
    Switch,
    Terminated,
)

from protocols.dissect.acse import NAMES as ACSE_NAMES
from protocols.dissect.acse import describe_acse
from protocols.dissect.axdr import BOOLEAN, DATA, OCTET_STRING, field, optional, read, sequence_of
from protocols.dissect.ciphered import CIPHERED, Unlock, open_ciphered
from protocols.dissect.tree import Node
from protocols.dlms.conformance import Conformance
from protocols.dlms.results import ActionResult, DataAccessResult, ServiceError, StateError
from protocols.dlms.service_error import ConfirmedService, ErrorClass
from protocols.errors import RemoteProtocolError

INVOKE = BitStruct(
    "high_priority" / Flag, "confirmed" / Flag, "_reserved" / BitsInteger(2), "invoke_id" / BitsInteger(4)
)
LONG_INVOKE = BitStruct(
    "high_priority" / Flag,
    "confirmed" / Flag,
    "break_on_error" / Flag,
    "self_descriptive" / Flag,
    "_reserved" / BitsInteger(4),
    "long_invoke_id" / BitsInteger(24),
)

INSTANCE = ExprAdapter(Bytes(6), lambda octets, _context: ".".join(map(str, octets)), None)
ATTRIBUTE = Struct(field("class_id", Int16ub), field("instance_id", INSTANCE), field("attribute_id", Int8sb))
METHOD = Struct(field("class_id", Int16ub), field("instance_id", INSTANCE), field("method_id", Int8sb))
SELECTION = Struct(field("access_selector", Byte), field("access_parameters", DATA))
ATTRIBUTE_WITH_SELECTION = Struct("_attribute" / ATTRIBUTE, field("access_selection", optional(SELECTION)))

BLOCK = Struct(field("last_block", BOOLEAN), field("block_number", Int32ub), field("raw_data", OCTET_STRING))
ACCESS_RESULT = Enum(Byte, DataAccessResult)
ACTION_RESULT = Enum(Byte, ActionResult)


def _choice(choices: dict[int, tuple[str, Construct]]) -> Construct:
    """A CHOICE: the octet that chooses, then what it chose."""
    names = {name: number for number, (name, _) in choices.items()}
    bodies = {number: Struct(field(name, subcon)) for number, (name, subcon) in choices.items()}
    return Struct(
        field("choice", Enum(Byte, **names)),
        "_body" / Switch(lambda context: int(context.choice.value), bodies, default=Error),
    )


DATA_RESULT = _choice({0: ("data", DATA), 1: ("data_access_result", ACCESS_RESULT)})
RAW_RESULT = _choice({0: ("raw_data", OCTET_STRING), 1: ("data_access_result", ACCESS_RESULT)})
ACTION_RESPONSE = Struct(field("result", ACTION_RESULT), field("return_parameters", optional(DATA_RESULT)))


def _service(types: dict[int, tuple[str, Construct]]) -> Construct:
    """A service of logical-name referencing: its type, the invoke id, and what the type has."""
    names = {name: number for number, (name, _) in types.items()}
    bodies = {number: body for number, (_, body) in types.items()}
    return Struct(
        field("type", Enum(Byte, **names)),
        field("invoke_id_and_priority", INVOKE),
        "_body" / Switch(lambda context: int(context.type.value), bodies, default=Error),
        Terminated,
    )


GET_REQUEST = _service(
    {
        1: ("normal", Struct(field("attribute", ATTRIBUTE_WITH_SELECTION))),
        2: ("next", Struct(field("block_number", Int32ub))),
        3: ("with_list", Struct(field("attributes", sequence_of(ATTRIBUTE_WITH_SELECTION)))),
    }
)
GET_RESPONSE = _service(
    {
        1: ("normal", Struct(field("result", DATA_RESULT))),
        2: (
            "with_datablock",
            Struct(field("last_block", BOOLEAN), field("block_number", Int32ub), field("result", RAW_RESULT)),
        ),
        3: ("with_list", Struct(field("results", sequence_of(DATA_RESULT)))),
    }
)
SET_REQUEST = _service(
    {
        1: ("normal", Struct(field("attribute", ATTRIBUTE_WITH_SELECTION), field("value", DATA))),
        2: ("with_first_datablock", Struct(field("attribute", ATTRIBUTE_WITH_SELECTION), field("datablock", BLOCK))),
        3: ("with_datablock", Struct(field("datablock", BLOCK))),
        4: (
            "with_list",
            Struct(field("attributes", sequence_of(ATTRIBUTE_WITH_SELECTION)), field("values", sequence_of(DATA))),
        ),
        5: (
            "with_list_and_first_datablock",
            Struct(field("attributes", sequence_of(ATTRIBUTE_WITH_SELECTION)), field("datablock", BLOCK)),
        ),
    }
)
SET_RESPONSE = _service(
    {
        1: ("normal", Struct(field("result", ACCESS_RESULT))),
        2: ("datablock", Struct(field("block_number", Int32ub))),
        3: ("last_datablock", Struct(field("result", ACCESS_RESULT), field("block_number", Int32ub))),
        4: (
            "last_datablock_with_list",
            Struct(field("results", sequence_of(ACCESS_RESULT)), field("block_number", Int32ub)),
        ),
        5: ("with_list", Struct(field("results", sequence_of(ACCESS_RESULT)))),
    }
)
ACTION_REQUEST = _service(
    {
        1: ("normal", Struct(field("method", METHOD), field("parameter", optional(DATA)))),
        2: ("next_pblock", Struct(field("block_number", Int32ub))),
        3: ("with_list", Struct(field("methods", sequence_of(METHOD)), field("parameters", sequence_of(DATA)))),
        4: ("with_first_pblock", Struct(field("method", METHOD), field("pblock", BLOCK))),
        5: ("with_list_and_first_pblock", Struct(field("methods", sequence_of(METHOD)), field("pblock", BLOCK))),
        6: ("with_pblock", Struct(field("pblock", BLOCK))),
    }
)
ACTION_RESPONSE_APDU = _service(
    {
        1: ("normal", Struct(field("response", ACTION_RESPONSE))),
        2: ("with_pblock", Struct(field("pblock", BLOCK))),
        3: ("with_list", Struct(field("responses", sequence_of(ACTION_RESPONSE)))),
        4: ("next_pblock", Struct(field("block_number", Int32ub))),
    }
)

ACCESS_SPECIFICATION = _choice(
    {
        1: ("get", ATTRIBUTE),
        2: ("set", ATTRIBUTE),
        3: ("action", METHOD),
        4: ("get_with_selection", Struct("_attribute" / ATTRIBUTE, "_selection" / SELECTION)),
        5: ("set_with_selection", Struct("_attribute" / ATTRIBUTE, "_selection" / SELECTION)),
    }
)
ACCESS_REQUEST = Struct(
    field("long_invoke_id_and_priority", LONG_INVOKE),
    field("date_time", OCTET_STRING),
    field("access_request_specification", sequence_of(ACCESS_SPECIFICATION)),
    field("access_request_list_of_data", sequence_of(DATA)),
    Terminated,
)
ACCESS_RESPONSE = Struct(
    field("long_invoke_id_and_priority", LONG_INVOKE),
    field("date_time", OCTET_STRING),
    field("access_request_specification", optional(sequence_of(ACCESS_SPECIFICATION))),
    field("access_response_list_of_data", sequence_of(DATA)),
    field(
        "access_response_specification",
        sequence_of(_choice({1: ("get", ACCESS_RESULT), 2: ("set", ACCESS_RESULT), 3: ("action", ACTION_RESULT)})),
    ),
    Terminated,
)

VARIABLE = _choice(
    {
        2: ("variable_name", Int16ub),
        4: ("parameterized_access", Struct(field("variable_name", Int16ub), "_selection" / SELECTION)),
        5: ("block_number_access", Int16ub),
        6: (
            "read_data_block_access",
            Struct(field("last_block", BOOLEAN), field("block_number", Int16ub), field("raw_data", OCTET_STRING)),
        ),
        7: ("write_data_block_access", Struct(field("last_block", BOOLEAN), field("block_number", Int16ub))),
    }
)
READ_RESULT = _choice(
    {
        0: ("data", DATA),
        1: ("data_access_error", ACCESS_RESULT),
        2: (
            "data_block_result",
            Struct(field("last_block", BOOLEAN), field("block_number", Int16ub), field("raw_data", OCTET_STRING)),
        ),
        3: ("block_number", Int16ub),
    }
)
WRITE_RESULT = _choice({0: ("success", Pass), 1: ("data_access_error", ACCESS_RESULT), 2: ("block_number", Int16ub)})
WRITE = Struct(field("variables", sequence_of(VARIABLE)), field("values", sequence_of(DATA)), Terminated)


def _services(bits: int) -> str:
    return ", ".join(service.name.lower() for service in Conformance if service & bits and service.name)


CONFORMANCE = Struct(
    "_head" / Select(Const(b"\x5f\x1f\x04\x00"), Const(b"\x5f\x04\x00")),
    field("bits", Int24ub),
    "services" / Computed(lambda context: _services(context.bits.value)),
)
INITIATE_REQUEST = Struct(
    field("dedicated_key", optional(OCTET_STRING)),
    field("response_allowed", optional(BOOLEAN)),
    field("proposed_quality_of_service", optional(Int8sb)),
    field("proposed_dlms_version_number", Int8ub),
    field("proposed_conformance", CONFORMANCE),
    field("client_max_receive_pdu_size", Int16ub),
    Terminated,
)
INITIATE_RESPONSE = Struct(
    field("negotiated_quality_of_service", optional(Int8sb)),
    field("negotiated_dlms_version_number", Int8ub),
    field("negotiated_conformance", CONFORMANCE),
    field("server_max_receive_pdu_size", Int16ub),
    field("vaa_name", Int16ub),
    Terminated,
)

APDUS: Final[dict[int, tuple[str, Construct]]] = {
    0x01: ("initiate_request", INITIATE_REQUEST),
    0x05: ("read_request", Struct(field("variables", sequence_of(VARIABLE)), Terminated)),
    0x06: ("write_request", WRITE),
    0x08: ("initiate_response", INITIATE_RESPONSE),
    0x0C: ("read_response", Struct(field("results", sequence_of(READ_RESULT)), Terminated)),
    0x0D: ("write_response", Struct(field("results", sequence_of(WRITE_RESULT)), Terminated)),
    0x0E: (
        "confirmed_service_error",
        Struct(
            field("service", Enum(Byte, ConfirmedService)),
            field("service_error", Enum(Byte, ErrorClass)),
            field("reason", Byte),
            Terminated,
        ),
    ),
    0x0F: (
        "data_notification",
        Struct(
            field("long_invoke_id_and_priority", LONG_INVOKE),
            field("date_time", OCTET_STRING),
            field("notification_body", DATA),
            Terminated,
        ),
    ),
    0x10: (
        "data_notification_confirm",
        Struct(field("long_invoke_id_and_priority", LONG_INVOKE), field("date_time", OCTET_STRING), Terminated),
    ),
    0x16: ("unconfirmed_write_request", WRITE),
    0x18: (
        "information_report_request",
        Struct(
            field("current_time", optional(OCTET_STRING)),
            field("variables", sequence_of(VARIABLE)),
            field("values", sequence_of(DATA)),
            Terminated,
        ),
    ),
    0xC0: ("get_request", GET_REQUEST),
    0xC1: ("set_request", SET_REQUEST),
    0xC2: (
        "event_notification_request",
        Struct(
            field("time", optional(OCTET_STRING)),
            field("attribute", ATTRIBUTE),
            field("attribute_value", DATA),
            Terminated,
        ),
    ),
    0xC3: ("action_request", ACTION_REQUEST),
    0xC4: ("get_response", GET_RESPONSE),
    0xC5: ("set_response", SET_RESPONSE),
    0xC7: ("action_response", ACTION_RESPONSE_APDU),
    0xD8: (
        "exception_response",
        Struct(
            field("state_error", Enum(Byte, StateError)),
            field("service_error", Enum(Byte, ServiceError)),
            # Servers from before the counter was standardised leave it out.
            "_counter"
            / If(
                lambda context: int(context.service_error.value) == ServiceError.INVOCATION_COUNTER_ERROR,
                Select(Struct(field("invocation_counter", Int32ub)), Pass),
            ),
            Terminated,
        ),
    ),
    0xD9: ("access_request", ACCESS_REQUEST),
    0xDA: ("access_response", ACCESS_RESPONSE),
    0xE0: (
        "general_block_transfer",
        Struct(
            field("block_control", BitStruct("last_block" / Flag, "streaming" / Flag, "window" / BitsInteger(6))),
            field("block_number", Int16ub),
            field("block_number_ack", Int16ub),
            field("block_data", OCTET_STRING),
            Terminated,
        ),
    ),
}
"""Name and description of every APDU that is neither ACSE's nor ciphered, after its tag."""


def describe(data: bytes, unlock: Sequence[Unlock] = ()) -> Node:
    """One APDU.

    Args:
        data: its octets.
        unlock: keys to try on what is ciphered.

    Raises:
        RemoteProtocolError: it is none.
    """
    if not data:
        raise RemoteProtocolError("an APDU of no octets")
    tag = data[0]
    if tag in ACSE_NAMES:
        return describe_acse(data, lambda inner, title: _inner(inner, unlock, title))
    if tag in CIPHERED:
        name, description = CIPHERED[tag]
        fields = read(description, data, 1, what=name.replace("_", " "))
        opened = open_ciphered(data, fields, unlock, lambda inner: describe(inner, unlock))
        return Node(name, 0, len(data), None, (_tag(tag), *fields, *opened))
    if tag in APDUS:
        name, description = APDUS[tag]
        return Node(name, 0, len(data), None, (_tag(tag), *read(description, data, 1, what=name.replace("_", " "))))
    raise RemoteProtocolError(f"no APDU has the tag {tag:02X}")


def _tag(tag: int) -> Node:
    return Node("tag", 0, 1, tag)


def _inner(data: bytes, unlock: Sequence[Unlock], title: bytes) -> Node | None:
    """An APDU within another one, which may also be something else."""
    try:
        return describe(data, [one.also(title) for one in unlock] if title else unlock)
    except RemoteProtocolError:
        return None
