"""The envelopes of ciphered and signed APDUs: what stands around the octets that `security` protects and opens.

Three families carry any xDLMS APDU: the service-specific tags (one for each service and kind of key), the general
ones with a system title (general-glo- and general-ded-ciphering), and general-ciphering and general-signing, which
say from whom, to whom, when, and with which key.
"""

from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from protocols.dlms.axdr import Reader, encode_octets
from protocols.errors import RemoteProtocolError

GENERAL_GLO_CIPHERING: Final = 0xDB
GENERAL_DED_CIPHERING: Final = 0xDC
GENERAL_CIPHERING: Final = 0xDD
GENERAL_SIGNING: Final = 0xDF

GLO_TAGS: Final[dict[int, int]] = {
    0x01: 0x21,  # initiate-request
    0x05: 0x25,  # read-request
    0x06: 0x26,  # write-request
    0x08: 0x28,  # initiate-response
    0x0C: 0x2C,  # read-response
    0x0D: 0x2D,  # write-response
    0x0E: 0x2E,  # confirmed-service-error
    0x16: 0x36,  # unconfirmed-write-request
    0x18: 0x38,  # information-report-request
    0xC0: 0xC8,  # get-request
    0xC1: 0xC9,  # set-request
    0xC2: 0xCA,  # event-notification-request
    0xC3: 0xCB,  # action-request
    0xC4: 0xCC,  # get-response
    0xC5: 0xCD,  # set-response
    0xC7: 0xCF,  # action-response
}
"""Under a global key: the tag of each plain APDU that has a service-specific ciphered one."""

DED_TAGS: Final[dict[int, int]] = {
    0x01: 0x41,
    0x05: 0x45,
    0x06: 0x46,
    0x08: 0x48,
    0x0C: 0x4C,
    0x0D: 0x4D,
    0x0E: 0x4E,
    0x16: 0x56,
    0x18: 0x58,
    0xC0: 0xD0,
    0xC1: 0xD1,
    0xC2: 0xD2,
    0xC3: 0xD3,
    0xC4: 0xD4,
    0xC5: 0xD5,
    0xC7: 0xD7,
}
"""Under the dedicated key of the association: likewise."""

PLAIN_TAGS: Final[dict[int, int]] = {
    **{ciphered: plain for plain, ciphered in GLO_TAGS.items()},
    **{ciphered: plain for plain, ciphered in DED_TAGS.items()},
}
"""The plain tag of each service-specific ciphered one."""


@dataclass(slots=True)
class ServiceCiphered:
    """A service-specific ciphered APDU; `content` starts with the security header."""

    tag: int
    content: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return bytes((self.tag,)) + encode_octets(self.content)

    @classmethod
    def decode(cls, data: bytes) -> "ServiceCiphered":
        """The ciphered APDU that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        tag = reader.u8()
        if tag not in PLAIN_TAGS:
            raise RemoteProtocolError(f"APDU {tag:02X} is not a service-specific ciphered one")
        return reader.end(cls(tag, reader.octet_string()))


_General = TypeVar("_General", "GeneralGloCiphering", "GeneralDedCiphering")


def _decode_general(cls: type[_General], data: bytes) -> _General:
    reader = _reader(data, cls.tag)
    return reader.end(cls(reader.octet_string(), reader.octet_string()))


@dataclass(slots=True)
class GeneralGloCiphering:
    """Any APDU under a global key; `content` starts with the security header. Some meters leave the title empty."""

    tag: ClassVar[int] = GENERAL_GLO_CIPHERING

    system_title: bytes
    content: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xdb" + encode_octets(self.system_title) + encode_octets(self.content)

    @classmethod
    def decode(cls, data: bytes) -> "GeneralGloCiphering":
        """The general-glo-ciphering APDU that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        return _decode_general(cls, data)


@dataclass(slots=True)
class GeneralDedCiphering:
    """Any APDU under the dedicated key; `content` starts with the security header."""

    tag: ClassVar[int] = GENERAL_DED_CIPHERING

    system_title: bytes
    content: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xdc" + encode_octets(self.system_title) + encode_octets(self.content)

    @classmethod
    def decode(cls, data: bytes) -> "GeneralDedCiphering":
        """The general-ded-ciphering APDU that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        return _decode_general(cls, data)


@dataclass(slots=True)
class IdentifiedKey:
    """A key that both sides hold: 0 the global unicast, 1 the global broadcast encryption key."""

    key_id: int

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return bytes((0, self.key_id))


@dataclass(slots=True)
class WrappedKey:
    """A key that travels wrapped: `kek_id` 0 is the master key."""

    kek_id: int
    key_ciphered_data: bytes

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return bytes((1, self.kek_id)) + encode_octets(self.key_ciphered_data)


@dataclass(slots=True)
class AgreedKey:
    """A key that both sides agree on.

    `key_parameters` names the scheme: 01 one-pass Diffie-Hellman C(1e, 1s), 02 static unified model C(0e, 2s).
    """

    key_parameters: bytes
    key_ciphered_data: bytes

    def encode(self) -> bytes:
        """The octets within an APDU."""
        return b"\x02" + encode_octets(self.key_parameters) + encode_octets(self.key_ciphered_data)


KeyInfo = IdentifiedKey | WrappedKey | AgreedKey


@dataclass(slots=True)
class GeneralHeader:
    """What general-ciphering and general-signing say of themselves; all octet strings, each may be empty."""

    transaction_id: bytes = b""
    originator_system_title: bytes = b""
    recipient_system_title: bytes = b""
    date_time: bytes = b""
    other_information: bytes = b""

    def encode(self) -> bytes:
        """The octets within an APDU, which are also the start of what is authenticated or signed."""
        return b"".join(
            (
                encode_octets(self.transaction_id),
                encode_octets(self.originator_system_title),
                encode_octets(self.recipient_system_title),
                encode_octets(self.date_time),
                encode_octets(self.other_information),
            )
        )


@dataclass(slots=True)
class GeneralCiphering:
    """Any APDU, with the key named or sent along; `content` starts with the security header."""

    tag: ClassVar[int] = GENERAL_CIPHERING

    header: GeneralHeader
    key_info: KeyInfo | None
    content: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        key_info = b"\x00" if self.key_info is None else b"\x01" + self.key_info.encode()
        return b"\xdd" + self.header.encode() + key_info + encode_octets(self.content)

    @classmethod
    def decode(cls, data: bytes) -> "GeneralCiphering":
        """The general-ciphering APDU that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, GENERAL_CIPHERING)
        header = _read_header(reader)
        # Nothing authenticates this flag, so it is taken in one spelling alone.
        flag = reader.u8()
        if flag > 1:
            raise RemoteProtocolError(f"a usage flag of {flag:02X}")
        key_info = _read_key_info(reader) if flag else None
        return reader.end(cls(header, key_info, reader.octet_string()))


@dataclass(slots=True)
class GeneralSigning:
    """Any APDU, plain or ciphered, with its sender's signature."""

    tag: ClassVar[int] = GENERAL_SIGNING

    header: GeneralHeader
    content: bytes
    signature: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\xdf" + self.header.encode() + encode_octets(self.content) + encode_octets(self.signature)

    @classmethod
    def decode(cls, data: bytes) -> "GeneralSigning":
        """The general-signing APDU that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = _reader(data, GENERAL_SIGNING)
        return reader.end(cls(_read_header(reader), reader.octet_string(), reader.octet_string()))


def _reader(data: bytes, tag: int) -> Reader:
    reader = Reader(data)
    found = reader.u8()
    if found != tag:
        raise RemoteProtocolError(f"APDU {found:02X} where {tag:02X} was to be read")
    return reader


def _read_header(reader: Reader) -> GeneralHeader:
    return GeneralHeader(
        reader.octet_string(),
        reader.octet_string(),
        reader.octet_string(),
        reader.octet_string(),
        reader.octet_string(),
    )


def _read_key_info(reader: Reader) -> KeyInfo:
    choice = reader.u8()
    if choice == 0:
        return IdentifiedKey(reader.u8())
    if choice == 1:
        return WrappedKey(reader.u8(), reader.octet_string())
    if choice == 2:
        return AgreedKey(reader.octet_string(), reader.octet_string())
    raise RemoteProtocolError(f"key information of the kind {choice}")
