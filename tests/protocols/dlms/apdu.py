"""Any APDU of DLMS/COSEM by its first octet: the table that laws over all of them go by."""

from collections.abc import Callable
from typing import Final, Protocol

from protocols.dlms import action, get
from protocols.dlms import set as set_service
from protocols.dlms.access import AccessRequest, AccessResponse
from protocols.dlms.acse import AARE, AARQ, AssociationRequest, AssociationResponse
from protocols.dlms.ciphered import (
    PLAIN_TAGS,
    GeneralCiphering,
    GeneralDedCiphering,
    GeneralGloCiphering,
    GeneralSigning,
    ServiceCiphered,
)
from protocols.dlms.general_block_transfer import TAG as GENERAL_BLOCK_TRANSFER
from protocols.dlms.general_block_transfer import decode_general_block
from protocols.dlms.initiate import INITIATE_REQUEST, INITIATE_RESPONSE, InitiateRequest, InitiateResponse
from protocols.dlms.notification import (
    DataNotification,
    DataNotificationConfirm,
    EventNotificationRequest,
    InformationReportRequest,
)
from protocols.dlms.release import ReleaseRequest, ReleaseResponse
from protocols.dlms.service_error import (
    CONFIRMED_SERVICE_ERROR,
    EXCEPTION_RESPONSE,
    ConfirmedServiceError,
    ExceptionResponse,
)
from protocols.dlms.short_name import ReadRequest, ReadResponse, UnconfirmedWriteRequest, WriteRequest, WriteResponse
from protocols.errors import RemoteProtocolError


class Apdu(Protocol):
    """What every APDU class offers."""

    def encode(self) -> bytes:
        """The octets of the APDU."""


_DECODERS: Final[dict[int, Callable[[bytes], Apdu]]] = {
    INITIATE_REQUEST: InitiateRequest.decode,
    INITIATE_RESPONSE: InitiateResponse.decode,
    AARQ: AssociationRequest.decode,
    AARE: AssociationResponse.decode,
    get.GET_REQUEST: get.decode_request,
    get.GET_RESPONSE: get.decode_response,
    set_service.SET_REQUEST: set_service.decode_request,
    set_service.SET_RESPONSE: set_service.decode_response,
    action.ACTION_REQUEST: action.decode_request,
    action.ACTION_RESPONSE: action.decode_response,
    CONFIRMED_SERVICE_ERROR: ConfirmedServiceError.decode,
    EXCEPTION_RESPONSE: ExceptionResponse.decode,
    GENERAL_BLOCK_TRANSFER: decode_general_block,
    **dict.fromkeys(PLAIN_TAGS, ServiceCiphered.decode),
    **{
        kind.tag: kind.decode
        for kind in (
            ReleaseRequest,
            ReleaseResponse,
            AccessRequest,
            AccessResponse,
            DataNotification,
            DataNotificationConfirm,
            EventNotificationRequest,
            InformationReportRequest,
            ReadRequest,
            ReadResponse,
            WriteRequest,
            WriteResponse,
            UnconfirmedWriteRequest,
            GeneralGloCiphering,
            GeneralDedCiphering,
            GeneralCiphering,
            GeneralSigning,
        )
    },
}


def decode(data: bytes) -> Apdu:
    """The APDU that `data` is.

    Raises:
        RemoteProtocolError: it is none, or one that COSEM does not have.
    """
    if not data:
        raise RemoteProtocolError("an APDU of no octets")
    decoder = _DECODERS.get(data[0])
    if decoder is None:
        raise RemoteProtocolError(f"no APDU has the tag {data[0]:02X}")
    return decoder(data)
