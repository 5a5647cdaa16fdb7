"""What a server sends unasked: DataNotification (and its confirmation), EventNotification, InformationReport."""

from dataclasses import dataclass
from typing import ClassVar, Final

from protocols.dlms.axdr import Reader, encode_octets
from protocols.dlms.descriptor import AttributeDescriptor, encode_list, read_signed, read_values
from protocols.dlms.short_name import VariableAccess, read_variable_accesses
from protocols.errors import RemoteProtocolError

DATA_NOTIFICATION: Final = 0x0F
DATA_NOTIFICATION_CONFIRM: Final = 0x10
EVENT_NOTIFICATION_REQUEST: Final = 0xC2
INFORMATION_REPORT_REQUEST: Final = 0x18


@dataclass(slots=True)
class DataNotification:
    """A push: `date_time` is empty, or a date-time of 12 octets; `body` is one value, encoded."""

    tag: ClassVar[int] = DATA_NOTIFICATION

    long_invoke: int
    date_time: bytes
    body: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\x0f%b%b%b" % (self.long_invoke.to_bytes(4, "big"), encode_octets(self.date_time), self.body)

    @classmethod
    def decode(cls, data: bytes) -> "DataNotification":
        """The DataNotification that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != DATA_NOTIFICATION:
            raise RemoteProtocolError("no data-notification")
        return cls(reader.u32(), reader.octet_string(), reader.rest())


@dataclass(slots=True)
class DataNotificationConfirm:
    """What the receiver of a confirmed push answers; `long_invoke` is the push's."""

    tag: ClassVar[int] = DATA_NOTIFICATION_CONFIRM

    long_invoke: int
    date_time: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return b"\x10%b%b" % (self.long_invoke.to_bytes(4, "big"), encode_octets(self.date_time))

    @classmethod
    def decode(cls, data: bytes) -> "DataNotificationConfirm":
        """The confirmation that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != DATA_NOTIFICATION_CONFIRM:
            raise RemoteProtocolError("no data-notification-confirm")
        return reader.end(cls(reader.u32(), reader.octet_string()))


@dataclass(slots=True)
class EventNotificationRequest:
    """One attribute's value, as of `time` (12 octets, or None); the attribute has no selection."""

    tag: ClassVar[int] = EVENT_NOTIFICATION_REQUEST

    time: bytes | None
    attribute: AttributeDescriptor
    value: bytes

    def encode(self) -> bytes:
        """The octets of the APDU."""
        time = b"\x00" if self.time is None else b"\x01" + encode_octets(self.time)
        return bytes((EVENT_NOTIFICATION_REQUEST,)) + time + self.attribute.encode_plain() + self.value

    @classmethod
    def decode(cls, data: bytes) -> "EventNotificationRequest":
        """The EventNotification that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != EVENT_NOTIFICATION_REQUEST:
            raise RemoteProtocolError("no event-notification-request")
        time = reader.octet_string() if reader.present() else None
        attribute = AttributeDescriptor(reader.u16(), reader.octets(6), read_signed(reader))
        return cls(time, attribute, reader.rest())


@dataclass(slots=True)
class InformationReportRequest:
    """Several variables' values; `current_time` is the octets of a GeneralizedTime, or None."""

    tag: ClassVar[int] = INFORMATION_REPORT_REQUEST

    current_time: bytes | None
    variables: list[VariableAccess]
    values: list[bytes]

    def encode(self) -> bytes:
        """The octets of the APDU."""
        time = b"\x00" if self.current_time is None else b"\x01" + encode_octets(self.current_time)
        variables = encode_list([variable.encode() for variable in self.variables])
        return bytes((INFORMATION_REPORT_REQUEST,)) + time + variables + encode_list(self.values)

    @classmethod
    def decode(cls, data: bytes) -> "InformationReportRequest":
        """The InformationReport that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reader = Reader(data)
        if reader.u8() != INFORMATION_REPORT_REQUEST:
            raise RemoteProtocolError("no information-report-request")
        time = reader.octet_string() if reader.present() else None
        return reader.end(cls(time, read_variable_accesses(reader), read_values(reader)))
