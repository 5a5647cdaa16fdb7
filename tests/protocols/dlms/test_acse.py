import pytest

from protocols.dlms.acse import ApplicationContext, AssociationRequest, AssociationResponse, Mechanism
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.results import ReleaseRequestReason, ReleaseResponseReason
from protocols.errors import RemoteProtocolError

CONTEXT = bytes.fromhex("A109060760857405080101")


def _aarq(content: str) -> bytes:
    octets = CONTEXT + bytes.fromhex(content)
    return bytes((0x60, len(octets))) + octets


def test_an_element_that_nobody_defined_is_skipped() -> None:
    assert AssociationRequest.decode(_aarq("9D 02 0102 BB 00")) == AssociationRequest()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("A109060760857405080101", "twice"),
        ("8A 01", "after the APDU"),
        ("9F 1F 00", "long tag"),
        ("A6 00", "0 elements"),
        ("A6 06 04 01 01 04 01 01", "2 elements"),
        ("A8 07 02 05 0102030405", "integer of 5"),
        ("8A 00", "bit string"),
        ("AC 03 82 01 00", "form 82"),
        ("BE 81", "ends"),
    ],
)
def test_a_malformed_aarq_is_refused_with_a_reason(content: str, reason: str) -> None:
    with pytest.raises(RemoteProtocolError, match=reason):
        AssociationRequest.decode(_aarq(content))


def test_without_a_context_there_is_no_aarq() -> None:
    with pytest.raises(RemoteProtocolError, match="no application context"):
        AssociationRequest.decode(b"\x60\x00")
    with pytest.raises(RemoteProtocolError, match="61 where 60"):
        AssociationRequest.decode(b"\x61\x00")


def test_a_foreign_context_or_mechanism_stays_an_object_identifier() -> None:
    foreign = bytes.fromhex("2B0601040101")
    request = AssociationRequest(application_context=foreign, mechanism=bytes.fromhex("60857405080208"))
    assert AssociationRequest.decode(request.encode()) == request
    assert AssociationRequest.decode(_aarq("8B 07 60857405080202")).mechanism is Mechanism.HIGH
    assert AssociationRequest.decode(_aarq("")).application_context is ApplicationContext.LOGICAL_NAME


def test_a_password_may_come_as_a_bit_string() -> None:
    assert AssociationRequest.decode(_aarq("AC 05 81 03 00 4142")).calling_authentication_value == b"AB"


def test_a_bit_string_without_the_first_bit_is_no_authentication() -> None:
    assert not AssociationRequest.decode(_aarq("8A 02 07 00")).authentication
    assert not AssociationRequest.decode(_aarq("80 02 07 00")).version_1
    assert AssociationRequest.decode(_aarq("80 02 02 84")).version_1


def test_an_aare_needs_a_result_and_a_diagnostic() -> None:
    for content in ("", "A203020100", "A305A103020100", "A203020100 A305A303020100", "A204020200FF A305A10302017F"):
        octets = CONTEXT + bytes.fromhex(content)
        wanted = AssociationResponse.decode
        if content.startswith("A204"):
            assert wanted(bytes((0x61, len(octets))) + octets).result == 255
            continue
        with pytest.raises(RemoteProtocolError):
            wanted(bytes((0x61, len(octets))) + octets)


@pytest.mark.parametrize("octets", ["6303800100 00", "6304800100", "63058001", "63 80 80 01 00", "63"])
def test_an_rlre_of_the_wrong_length_is_read_where_that_is_allowed(octets: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(RemoteProtocolError):
        ReleaseResponse.decode(data)
    reason = None if len(data) < 5 else ReleaseResponseReason.NORMAL
    assert ReleaseResponse.decode(data, exact=False) == ReleaseResponse(reason=reason)


def test_what_is_no_release_is_none_however_tolerant() -> None:
    for decode in (ReleaseResponse.decode, ReleaseRequest.decode):
        with pytest.raises(RemoteProtocolError):
            decode(b"\x61\x00", exact=False)
    with pytest.raises(RemoteProtocolError, match="twice"):
        ReleaseRequest.decode(bytes.fromhex("6206800100800100"))
    with pytest.raises(RemoteProtocolError, match="reason of -1"):
        ReleaseRequest.decode(bytes.fromhex("62038001FF"))


def test_a_well_formed_release_is_read_alike_however_tolerant() -> None:
    request = ReleaseRequest(reason=ReleaseRequestReason.URGENT, user_information=b"\x21\x00")
    assert ReleaseRequest.decode(request.encode(), exact=False) == request
