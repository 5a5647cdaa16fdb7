"""APDUs written octet by octet, as the standard's own examples and public logs of real meters have them.

The GET of the clock is an example of the standard (it is also the plaintext of the ciphering examples). The association
of client 16 without security and the rest are spelled out here by the ASN.1 of IEC 62056-5-3, one field a line, to be
read beside it.
"""

import pytest

from protocols.dlms.access import AccessAction, AccessGet, AccessRequest, AccessResponse, GetResult, MethodResult
from protocols.dlms.acse import ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.action import ActionRequestNormal, ActionResponseNormal, ActionResponseWithPblock
from protocols.dlms.ciphered import (
    AgreedKey,
    GeneralCiphering,
    GeneralGloCiphering,
    GeneralHeader,
    GeneralSigning,
    IdentifiedKey,
    ServiceCiphered,
)
from protocols.dlms.conformance import Conformance
from protocols.dlms.descriptor import AttributeDescriptor, DataBlock, MethodDescriptor
from protocols.dlms.general_block_transfer import GeneralBlock
from protocols.dlms.get import (
    GetRequestNext,
    GetRequestNormal,
    GetRequestWithList,
    GetResponseNormal,
    GetResponseWithDatablock,
    GetResponseWithList,
)
from protocols.dlms.initiate import VAA_SHORT_NAME, InitiateRequest, InitiateResponse
from protocols.dlms.notification import DataNotification, EventNotificationRequest, InformationReportRequest
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.results import (
    ActionResult,
    AssociationResult,
    DataAccessResult,
    ReleaseRequestReason,
    ServiceError,
    StateError,
    UserDiagnostic,
)
from protocols.dlms.selection import EntryDescriptor, Selection
from protocols.dlms.service_error import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.set import SetRequestNormal, SetRequestWithFirstDatablock, SetResponseLastDatablock
from protocols.dlms.short_name import (
    BlockNumberAccess,
    DataBlockResult,
    ParameterizedAccess,
    ReadRequest,
    ReadResponse,
    VariableName,
    WriteRequest,
    WriteResponse,
)
from tests.protocols.dlms.apdu import Apdu, decode

CLOCK = bytes((0, 0, 1, 0, 0, 255))
RELAY = bytes((0, 0, 96, 3, 10, 255))
LOAD_PROFILE = bytes((1, 0, 99, 1, 0, 255))

VECTORS: dict[str, tuple[str, Apdu]] = {
    "GET of the clock": ("C0 01 00 0008 0000010000FF 02 00", GetRequestNormal(0, 8, CLOCK, 2)),
    "GET of rows 1 to 4 by entry": (
        "C0 01 C1 0007 0100630100FF 02 01 02 0204 0600000001 0600000004 120001 120000",
        GetRequestNormal(0xC1, 7, LOAD_PROFILE, 2, EntryDescriptor(from_entry=1, to_entry=4).selection()),
    ),
    "GET of the next block": ("C0 02 C1 00000001", GetRequestNext(0xC1, 1)),
    "GET with list": (
        "C0 03 C1 02 0008 0000010000FF 02 00 0046 000060030AFF 02 00",
        GetRequestWithList(0xC1, [AttributeDescriptor(8, CLOCK, 2), AttributeDescriptor(70, RELAY, 2)]),
    ),
    "the relay is closed": ("C4 01 C1 00 0301", GetResponseNormal(0xC1, b"\x03\x01")),
    "no such object": ("C4 01 C1 01 04", GetResponseNormal(0xC1, DataAccessResult.OBJECT_UNDEFINED)),
    "a block, not the last": (
        "C4 02 C1 00 00000001 00 03 010203",
        GetResponseWithDatablock(0xC1, last=False, block_number=1, result=b"\x01\x02\x03"),
    ),
    "a list, one half refused": (
        "C4 03 C1 02 00 0301 01 03",
        GetResponseWithList(0xC1, [b"\x03\x01", DataAccessResult.READ_WRITE_DENIED]),
    ),
    "SET of a register": (
        "C1 01 C1 0003 0100010800FF 02 00 0600000001",
        SetRequestNormal(0xC1, 3, bytes((1, 0, 1, 8, 0, 255)), 2, None, b"\x06\x00\x00\x00\x01"),
    ),
    "SET in blocks": (
        "C1 02 C1 0014 00000D0000FF 07 00 00 00000001 04 01020304",
        SetRequestWithFirstDatablock(
            0xC1,
            AttributeDescriptor(20, bytes((0, 0, 13, 0, 0, 255)), 7),
            DataBlock(last=False, number=1, raw=b"\x01\x02\x03\x04"),
        ),
    ),
    "SET in blocks, done": (
        "C5 03 C1 00 00000002",
        SetResponseLastDatablock(0xC1, DataAccessResult.SUCCESS, 2),
    ),
    "remote disconnect": (
        "C3 01 C1 0046 000060030AFF 01 01 0F00",
        ActionRequestNormal(0xC1, 70, RELAY, 1, b"\x0f\x00"),
    ),
    "disconnected": ("C7 01 C1 00 00", ActionResponseNormal(0xC1, ActionResult.SUCCESS)),
    "a method that returns": (
        "C7 01 C1 00 01 00 1105",
        ActionResponseNormal(0xC1, ActionResult.SUCCESS, b"\x11\x05"),
    ),
    "a method that returns in blocks": (
        "C7 02 C1 01 00000003 02 AABB",
        ActionResponseWithPblock(0xC1, DataBlock(last=True, number=3, raw=b"\xaa\xbb")),
    ),
    "ACCESS, a get and an action": (
        "D9 40000001 00 02 01 0008 0000010000FF 02 03 0046 000060030AFF 01 02 00 0F00",
        AccessRequest(
            0x40000001,
            b"",
            [AccessGet(AttributeDescriptor(8, CLOCK, 2)), AccessAction(MethodDescriptor(70, RELAY, 1))],
            [b"\x00", b"\x0f\x00"],
        ),
    ),
    "ACCESS, answered": (
        "DA 40000001 00 00 02 1101 00 02 01 00 03 03",
        AccessResponse(
            0x40000001,
            b"",
            None,
            [b"\x11\x01", b"\x00"],
            [GetResult(DataAccessResult.SUCCESS), MethodResult(ActionResult.READ_WRITE_DENIED)],
        ),
    ),
    "a push": (
        "0F 00000001 0C 07E80A1C01000000008000FF 0201 1105",
        DataNotification(1, bytes.fromhex("07E80A1C01000000008000FF"), b"\x02\x01\x11\x05"),
    ),
    "an event": (
        "C2 00 0001 0000600B00FF 02 120065",
        EventNotificationRequest(None, AttributeDescriptor(1, bytes((0, 0, 96, 11, 0, 255)), 2), b"\x12\x00\x65"),
    ),
    "a report": ("18 00 01 02 FA08 01 1105", InformationReportRequest(None, [VariableName(0xFA08)], [b"\x11\x05"])),
    "Read of a short name": ("05 01 02 FA10", ReadRequest([VariableName(0xFA10)])),
    "Read in part, then the next block": (
        "05 02 04 FA10 02 00 05 0001",
        ReadRequest([ParameterizedAccess(0xFA10, Selection(2, b"\x00")), BlockNumberAccess(1)]),
    ),
    "read, refused, in blocks": (
        "0C 03 00 1105 01 03 02 01 0002 01 AA",
        ReadResponse(
            [b"\x11\x05", DataAccessResult.READ_WRITE_DENIED, DataBlockResult(last=True, block_number=2, raw=b"\xaa")]
        ),
    ),
    "Write of a short name": ("06 01 02 FA10 01 1105", WriteRequest([VariableName(0xFA10)], [b"\x11\x05"])),
    "written, refused": (
        "0D 02 00 01 03",
        WriteResponse([DataAccessResult.SUCCESS, DataAccessResult.READ_WRITE_DENIED]),
    ),
    "association without security": (
        "60 1D A1 09 06 07 60857405080101 BE 10 04 0E 01 00 00 00 06 5F1F 04 00 001E1D FFFF",
        AssociationRequest(
            user_information=bytes.fromhex("01000000065F1F0400001E1DFFFF"),
        ),
    ),
    "association with a password": (
        (
            "60 36 A1 09 06 07 60857405080101 8A 02 07 80 8B 07 60857405080201 AC 0A 80 08 3132333435363738"
            " BE 10 04 0E 01 00 00 00 06 5F1F 04 00 001E1D FFFF"
        ),
        AssociationRequest(
            authentication=True,
            mechanism=Mechanism.LOW,
            calling_authentication_value=b"12345678",
            user_information=bytes.fromhex("01000000065F1F0400001E1DFFFF"),
        ),
    ),
    "association ciphered, with a challenge": (
        (
            "60 40 A1 09 06 07 60857405080103 A6 0A 04 08 4D4D4D0000BC614E 8A 02 07 80 8B 07 60857405080205"
            " AC 0A 80 08 4B35366956616759 BE 0E 04 0C 21 0A 30 01234567 0102030405"
        ),
        AssociationRequest(
            application_context=ApplicationContext.LOGICAL_NAME_CIPHERED,
            calling_ap_title=bytes.fromhex("4D4D4D0000BC614E"),
            authentication=True,
            mechanism=Mechanism.HIGH_GMAC,
            calling_authentication_value=b"K56iVagY",
            user_information=bytes.fromhex("210A30012345670102030405"),
        ),
    ),
    "associated": (
        (
            "61 29 A1 09 06 07 60857405080101 A2 03 02 01 00 A3 05 A1 03 02 01 00"
            " BE 10 04 0E 08 00 06 5F1F 04 00 001E1D 04C8 0007"
        ),
        AssociationResponse(user_information=bytes.fromhex("0800065F1F0400001E1D04C80007")),
    ),
    "wrong password": (
        "61 17 A1 09 06 07 60857405080101 A2 03 02 01 01 A3 05 A1 03 02 01 0D",
        AssociationResponse(
            result=AssociationResult.REJECTED_PERMANENT, diagnostic=UserDiagnostic.AUTHENTICATION_FAILURE
        ),
    ),
    "proposed by short name": (
        "01 00 00 00 06 5F1F 04 00 1C0320 FFFF",
        InitiateRequest(
            conformance=Conformance.READ
            | Conformance.WRITE
            | Conformance.UNCONFIRMED_WRITE
            | Conformance.INFORMATION_REPORT
            | Conformance.MULTIPLE_REFERENCES
            | Conformance.PARAMETERIZED_ACCESS,
            max_pdu=0xFFFF,
        ),
    ),
    "agreed by short name": (
        "08 00 06 5F1F 04 00 1C0320 01F4 FA00",
        InitiateResponse(conformance=0x1C0320, max_pdu=500, vaa_name=VAA_SHORT_NAME),
    ),
    "incompatible conformance": ("0E 01 06 02", ConfirmedServiceError(reason=2)),
    "release": ("62 03 80 01 00", ReleaseRequest(reason=ReleaseRequestReason.NORMAL)),
    "release without a reason": ("62 00", ReleaseRequest()),
    "released without a reason": ("63 00", ReleaseResponse()),
    "service not allowed": (
        "D8 01 02",
        ExceptionResponse(state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.SERVICE_NOT_SUPPORTED),
    ),
    "the counter is behind": (
        "D8 02 06 00000123",
        ExceptionResponse(
            state_error=StateError.SERVICE_UNKNOWN,
            service_error=ServiceError.INVOCATION_COUNTER_ERROR,
            invocation_counter=0x123,
        ),
    ),
    "glo-get-request": (
        "C8 12 20 01234567 411312FF935A47566827C467BC",
        ServiceCiphered(0xC8, bytes.fromhex("2001234567411312FF935A47566827C467BC")),
    ),
    "general-glo-ciphering, title left empty": (
        "DB 00 05 30 00000001",
        GeneralGloCiphering(b"", b"\x30\x00\x00\x00\x01"),
    ),
    "general-ciphering, agreed key": (
        "DD 01 07 08 4D4D4D0000000001 08 4D4D4D0000BC614E 00 00 01 02 01 02 02 AABB 05 31 00000001",
        GeneralCiphering(
            GeneralHeader(b"\x07", bytes.fromhex("4D4D4D0000000001"), bytes.fromhex("4D4D4D0000BC614E")),
            AgreedKey(b"\x02", b"\xaa\xbb"),
            b"\x31\x00\x00\x00\x01",
        ),
    ),
    "general-ciphering, broadcast key": (
        "DD 00 00 00 00 00 01 00 01 05 31 00000001",
        GeneralCiphering(GeneralHeader(), IdentifiedKey(1), b"\x31\x00\x00\x00\x01"),
    ),
    "general-signing": (
        "DF 00 00 00 00 00 02 C001 02 AABB",
        GeneralSigning(GeneralHeader(), b"\xc0\x01", b"\xaa\xbb"),
    ),
    "general-block-transfer": (
        "E0 C5 0001 0002 03 010203",
        GeneralBlock(last=True, streaming=True, window=5, number=1, acknowledged=2, data=b"\x01\x02\x03"),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_octets_mean_this_and_are_written_so(name: str) -> None:
    octets, apdu = VECTORS[name]
    assert decode(bytes.fromhex(octets)) == apdu
    assert apdu.encode() == bytes.fromhex(octets)


def test_a_real_push_has_the_lengths_that_it_says() -> None:
    """An Indian meter's push over the wrapper, as far as it is public (gurux.fi/comment/28022): 0x59 octets.

    The title, the counter and the cipher text were not published; zeros stand in for them.
    """
    apdu = bytes.fromhex("DB08" + "00" * 8 + "4E20" + "00" * 4) + bytes(0x4E - 5)
    assert len(apdu) == 0x59
    push = decode(apdu)
    assert isinstance(push, GeneralGloCiphering)
    assert (len(push.system_title), push.content[0], len(push.content)) == (8, 0x20, 0x4E)
