"""InitiateRequest and InitiateResponse: what client and server propose and agree on, within AARQ and AARE."""

from dataclasses import dataclass
from typing import Final

from protocols.dlms.axdr import Reader, encode_octets
from protocols.dlms.conformance import CONFORMANCE_BITS
from protocols.errors import RemoteProtocolError
from protocols.secret import Secret

INITIATE_REQUEST: Final = 0x01
INITIATE_RESPONSE: Final = 0x08

DLMS_VERSION: Final = 6
VAA_LOGICAL_NAME: Final = 0x0007
VAA_SHORT_NAME: Final = 0xFA00
"""The base name of the current association, where objects have short names."""

# [APPLICATION 31] takes two octets, then the length, then the number of unused bits.
_CONFORMANCE_HEAD: Final = b"\x5f\x1f\x04\x00"
_CONFORMANCE_HEAD_SHORT: Final = b"\x5f\x04\x00"
"""Older implementations leave out the second octet of the tag."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateRequest:
    """The xDLMS-Initiate.request.

    Attributes:
        dedicated_key: a key for this association alone; only where this APDU travels ciphered.
        response_allowed: whether the client wants an answer.
        quality_of_service: proposed, never used by COSEM.
        dlms_version: 6.
        conformance: the services proposed, as bits of `Conformance`.
        max_pdu: the longest APDU that the client takes, 0 for no limit.
    """

    dedicated_key: Secret | None = None
    response_allowed: bool = True
    quality_of_service: int | None = None
    dlms_version: int = DLMS_VERSION
    conformance: int
    max_pdu: int = 0

    def encode(self) -> bytes:
        """The octets of the APDU."""
        key = self.dedicated_key
        return b"".join(
            (
                b"\x01",
                b"\x00" if key is None else b"\x01" + encode_octets(key.reveal()),
                b"\x00" if self.response_allowed else b"\x01\x00",
                _optional_signed(self.quality_of_service),
                bytes((self.dlms_version,)),
                _CONFORMANCE_HEAD,
                self.conformance.to_bytes(3, "big"),
                self.max_pdu.to_bytes(2, "big"),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "InitiateRequest":
        """The InitiateRequest that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        _expect(reader, INITIATE_REQUEST)
        return reader.end(
            cls(
                dedicated_key=Secret(reader.octet_string()) if reader.present() else None,
                response_allowed=reader.boolean() if reader.present() else True,
                quality_of_service=_decode_optional_signed(reader),
                dlms_version=reader.u8(),
                conformance=_conformance(reader),
                max_pdu=reader.u16(),
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class InitiateResponse:
    """The xDLMS-Initiate.response.

    Attributes:
        quality_of_service: agreed, never used by COSEM.
        dlms_version: 6.
        conformance: the services agreed on, as bits of `Conformance`.
        max_pdu: the longest APDU that the server takes.
        vaa_name: 0x0007 with logical names, 0xFA00 with short names.
    """

    quality_of_service: int | None = None
    dlms_version: int = DLMS_VERSION
    conformance: int
    max_pdu: int
    vaa_name: int = VAA_LOGICAL_NAME

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"".join(
            (
                b"\x08",
                _optional_signed(self.quality_of_service),
                bytes((self.dlms_version,)),
                _CONFORMANCE_HEAD,
                self.conformance.to_bytes(3, "big"),
                self.max_pdu.to_bytes(2, "big"),
                self.vaa_name.to_bytes(2, "big"),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "InitiateResponse":
        """The InitiateResponse that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        _expect(reader, INITIATE_RESPONSE)
        return reader.end(
            cls(
                quality_of_service=_decode_optional_signed(reader),
                dlms_version=reader.u8(),
                conformance=_conformance(reader),
                max_pdu=reader.u16(),
                vaa_name=reader.u16(),
            )
        )


def _expect(reader: Reader, tag: int) -> None:
    found = reader.u8()
    if found != tag:
        raise RemoteProtocolError(f"APDU {found:02X} where {tag:02X} was to be read")


def _optional_signed(value: int | None) -> bytes:
    return b"\x00" if value is None else b"\x01" + value.to_bytes(1, "big", signed=True)


def _decode_optional_signed(reader: Reader) -> int | None:
    return int.from_bytes(reader.octets(1), "big", signed=True) if reader.present() else None


def _conformance(reader: Reader) -> int:
    head = reader.octets(3)
    if head != _CONFORMANCE_HEAD_SHORT:
        head += reader.octets(1)
        if head != _CONFORMANCE_HEAD:
            raise RemoteProtocolError("no conformance block where one must stand")
    return int.from_bytes(reader.octets(3), "big") & CONFORMANCE_BITS
