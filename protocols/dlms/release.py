"""RLRQ and RLRE: how an association is released.

Meters differ in how they write an RLRE: with and without a reason or user information, some with a length that does
not fit (see the quirk tables). `decode` of either takes `exact=False` for those: the length written is not believed.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from protocols.dlms import ber
from protocols.dlms.results import ReleaseRequestReason, ReleaseResponseReason
from protocols.errors import RemoteProtocolError

RLRQ: Final = 0x62
RLRE: Final = 0x63

_REASON, _USER_INFORMATION = 0x80, 0xBE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRequest:
    """RLRQ; the user information, if any, is the InitiateRequest (ciphered, in a ciphered association)."""

    tag: ClassVar[int] = RLRQ

    reason: ReleaseRequestReason | None = None
    user_information: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return _encode(self.tag, self.reason, self.user_information)

    @classmethod
    def decode(cls, data: bytes, *, exact: bool = True) -> "ReleaseRequest":
        """The RLRQ that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reason, user_information = _decode(cls.tag, data, exact=exact)
        return cls(
            reason=None if reason is None else ReleaseRequestReason(reason),
            user_information=user_information,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseResponse:
    """RLRE; the user information, if any, is the InitiateResponse (ciphered, in a ciphered association)."""

    tag: ClassVar[int] = RLRE

    reason: ReleaseResponseReason | None = None
    user_information: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return _encode(self.tag, self.reason, self.user_information)

    @classmethod
    def decode(cls, data: bytes, *, exact: bool = True) -> "ReleaseResponse":
        """The RLRE that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        reason, user_information = _decode(cls.tag, data, exact=exact)
        return cls(
            reason=None if reason is None else ReleaseResponseReason(reason),
            user_information=user_information,
        )


def _encode(tag: int, reason: int | None, user_information: bytes | None) -> bytes:
    content = b""
    if reason is not None:
        content += ber.element(_REASON, ber.integer_content(reason))
    if user_information is not None:
        content += ber.element(_USER_INFORMATION, ber.element(ber.OCTET_STRING, user_information))
    return ber.element(tag, content)


def _decode(tag: int, data: bytes, *, exact: bool) -> tuple[int | None, bytes | None]:
    if data[:1] != bytes((tag,)):
        raise RemoteProtocolError(f"no APDU {tag:02X}")
    try:
        return _exact(data)
    except RemoteProtocolError:
        if exact:
            raise
        return _lenient(data[2:])


def _exact(data: bytes) -> tuple[int | None, bytes | None]:
    given: dict[int, bytes] = {}
    for part, octets in ber.elements(ber.only(data)[1]):
        if part in given:
            raise RemoteProtocolError(f"ACSE element {part:02X} comes twice")
        given[part] = octets
    user_information = given.get(_USER_INFORMATION)
    return _reason(given.get(_REASON)), None if user_information is None else ber.only(user_information)[1]


def _reason(content: bytes | None) -> int | None:
    if content is None:
        return None
    reason = ber.decode_integer(content)
    if not 0 <= reason <= 0xFF:
        raise RemoteProtocolError(f"a release reason of {reason}")
    return reason


def _lenient(content: bytes) -> tuple[int | None, bytes | None]:
    """As much as can be read of an APDU whose lengths do not fit: the reason, if it stands at the start."""
    if content[:2] == bytes((_REASON, 1)) and len(content) > 2:
        return content[2], None
    return None, None
