"""AARQ and AARE: how an association is asked for and answered (the ACSE of IEC 62056-5-3, in BER).

Elements that the standard does not define are skipped, as the extensibility rules of ACSE ask; one that comes twice
is refused. What is left out keeps its default. User information is an xDLMS InitiateRequest or InitiateResponse (or a
ciphered one, or a confirmed-service-error) and stays octets here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final, TypeVar

from protocols.dlms import ber
from protocols.dlms.results import AssociationResult, ProviderDiagnostic, UserDiagnostic
from protocols.errors import RemoteProtocolError

AARQ: Final = 0x60
AARE: Final = 0x61

_COSEM_CONTEXT: Final = bytes.fromhex("60857405080100")[:-1]
_COSEM_MECHANISM: Final = bytes.fromhex("60857405080200")[:-1]
_ONE_BIT_SET: Final = b"\x07\x80"
_ONE_BIT_CLEAR: Final = b"\x07\x00"
_CHARSTRING, _BITSTRING = 0x80, 0x81


class ApplicationContext(IntEnum):
    """The application context names of COSEM, by the last arc of their object identifier."""

    LOGICAL_NAME = 1
    SHORT_NAME = 2
    LOGICAL_NAME_CIPHERED = 3
    SHORT_NAME_CIPHERED = 4


class Mechanism(IntEnum):
    """The authentication mechanism names of COSEM, by the last arc of their object identifier."""

    LOWEST = 0
    LOW = 1
    HIGH = 2
    HIGH_MD5 = 3
    HIGH_SHA1 = 4
    HIGH_GMAC = 5
    HIGH_SHA256 = 6
    HIGH_ECDSA = 7


_Arc = TypeVar("_Arc", ApplicationContext, Mechanism)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRequest:
    """AARQ.

    Attributes:
        version_1: whether version 1 of ACSE, the only one, is among those proposed.
        application_context: one of COSEM's, or the object identifier of another (its content octets).
        calling_ap_title: the client's system title.
        calling_ae_qualifier: the client's certificate for digital signature.
        calling_ae_invocation_id: the client user's identification.
        authentication: whether the authentication functional unit is asked for.
        mechanism: one of COSEM's, or the object identifier of another.
        calling_authentication_value: a password (LLS) or a challenge (HLS).
        user_information: the InitiateRequest.
    """

    version_1: bool = True
    application_context: ApplicationContext | bytes = ApplicationContext.LOGICAL_NAME
    called_ap_title: bytes | None = None
    called_ae_qualifier: bytes | None = None
    called_ap_invocation_id: int | None = None
    called_ae_invocation_id: int | None = None
    calling_ap_title: bytes | None = None
    calling_ae_qualifier: bytes | None = None
    calling_ap_invocation_id: int | None = None
    calling_ae_invocation_id: int | None = None
    authentication: bool = False
    mechanism: Mechanism | bytes | None = None
    calling_authentication_value: bytes | None = field(default=None, repr=False)
    implementation_information: bytes | None = None
    user_information: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The octets of the APDU."""
        return _apdu(
            AARQ,
            (
                (0x80, None if self.version_1 else _ONE_BIT_CLEAR),
                (0xA1, _object_identifier(_COSEM_CONTEXT, self.application_context)),
                (0xA2, _octets(self.called_ap_title)),
                (0xA3, _octets(self.called_ae_qualifier)),
                (0xA4, _integer(self.called_ap_invocation_id)),
                (0xA5, _integer(self.called_ae_invocation_id)),
                (0xA6, _octets(self.calling_ap_title)),
                (0xA7, _octets(self.calling_ae_qualifier)),
                (0xA8, _integer(self.calling_ap_invocation_id)),
                (0xA9, _integer(self.calling_ae_invocation_id)),
                (0x8A, _ONE_BIT_SET if self.authentication else None),
                (0x8B, _mechanism(self.mechanism)),
                (0xAC, _charstring(self.calling_authentication_value)),
                (0xBD, self.implementation_information),
                (0xBE, _octets(self.user_information)),
            ),
        )

    @classmethod
    def decode(cls, data: bytes) -> "AssociationRequest":
        """The AARQ that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        given = _elements(AARQ, data)
        return cls(
            version_1=0x80 not in given or ber.first_bit(given[0x80]),
            application_context=_context(given),
            called_ap_title=_inner(given.get(0xA2)),
            called_ae_qualifier=_inner(given.get(0xA3)),
            called_ap_invocation_id=_inner_integer(given.get(0xA4)),
            called_ae_invocation_id=_inner_integer(given.get(0xA5)),
            calling_ap_title=_inner(given.get(0xA6)),
            calling_ae_qualifier=_inner(given.get(0xA7)),
            calling_ap_invocation_id=_inner_integer(given.get(0xA8)),
            calling_ae_invocation_id=_inner_integer(given.get(0xA9)),
            authentication=0x8A in given and ber.first_bit(given[0x8A]),
            mechanism=_named(Mechanism, _COSEM_MECHANISM, given[0x8B]) if 0x8B in given else None,
            calling_authentication_value=_authentication_value(given.get(0xAC)),
            implementation_information=given.get(0xBD),
            user_information=_inner(given.get(0xBE)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationResponse:
    """AARE.

    Attributes:
        application_context: the one in force, or the one that would have been accepted.
        result: whether the association stands.
        diagnostic: why not, from the ACSE user or the ACSE provider; with HLS also "authentication required".
        responding_ap_title: the server's system title.
        responding_ae_qualifier: the server's certificate for digital signature.
        authentication: whether the authentication functional unit is in use.
        responding_authentication_value: the server's challenge (HLS).
        user_information: the InitiateResponse, or the confirmed-service-error.
    """

    version_1: bool = True
    application_context: ApplicationContext | bytes = ApplicationContext.LOGICAL_NAME
    result: AssociationResult = AssociationResult.ACCEPTED
    diagnostic: UserDiagnostic | ProviderDiagnostic = UserDiagnostic.NULL
    responding_ap_title: bytes | None = None
    responding_ae_qualifier: bytes | None = None
    responding_ap_invocation_id: int | None = None
    responding_ae_invocation_id: int | None = None
    authentication: bool = False
    mechanism: Mechanism | bytes | None = None
    responding_authentication_value: bytes | None = field(default=None, repr=False)
    implementation_information: bytes | None = None
    user_information: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """The octets of the APDU."""
        source = 0xA2 if isinstance(self.diagnostic, ProviderDiagnostic) else 0xA1
        return _apdu(
            AARE,
            (
                (0x80, None if self.version_1 else _ONE_BIT_CLEAR),
                (0xA1, _object_identifier(_COSEM_CONTEXT, self.application_context)),
                (0xA2, ber.integer(self.result)),
                (0xA3, ber.element(source, ber.integer(self.diagnostic))),
                (0xA4, _octets(self.responding_ap_title)),
                (0xA5, _octets(self.responding_ae_qualifier)),
                (0xA6, _integer(self.responding_ap_invocation_id)),
                (0xA7, _integer(self.responding_ae_invocation_id)),
                (0x88, _ONE_BIT_SET if self.authentication else None),
                (0x89, _mechanism(self.mechanism)),
                (0xAA, _charstring(self.responding_authentication_value)),
                (0xBD, self.implementation_information),
                (0xBE, _octets(self.user_information)),
            ),
        )

    @classmethod
    def decode(cls, data: bytes) -> "AssociationResponse":
        """The AARE that `data` is.

        Raises:
            RemoteProtocolError: it is none.
        """
        given = _elements(AARE, data)
        return cls(
            version_1=0x80 not in given or ber.first_bit(given[0x80]),
            application_context=_context(given),
            result=AssociationResult(_octet(_inner_integer(given.get(0xA2)))),
            diagnostic=_diagnostic(given.get(0xA3)),
            responding_ap_title=_inner(given.get(0xA4)),
            responding_ae_qualifier=_inner(given.get(0xA5)),
            responding_ap_invocation_id=_inner_integer(given.get(0xA6)),
            responding_ae_invocation_id=_inner_integer(given.get(0xA7)),
            authentication=0x88 in given and ber.first_bit(given[0x88]),
            mechanism=_named(Mechanism, _COSEM_MECHANISM, given[0x89]) if 0x89 in given else None,
            responding_authentication_value=_authentication_value(given.get(0xAA)),
            implementation_information=given.get(0xBD),
            user_information=_inner(given.get(0xBE)),
        )


def _apdu(tag: int, parts: Iterable[tuple[int, bytes | None]]) -> bytes:
    return ber.element(tag, b"".join([ber.element(part, content) for part, content in parts if content is not None]))


def _octets(octets: bytes | None) -> bytes | None:
    return None if octets is None else ber.element(ber.OCTET_STRING, octets)


def _integer(value: int | None) -> bytes | None:
    return None if value is None else ber.integer(value)


def _charstring(octets: bytes | None) -> bytes | None:
    return None if octets is None else ber.element(_CHARSTRING, octets)


def _object_identifier(prefix: bytes, name: IntEnum | bytes) -> bytes:
    octets = name if isinstance(name, bytes) else prefix + bytes((name,))
    return ber.element(ber.OBJECT_IDENTIFIER, octets)


def _mechanism(name: Mechanism | bytes | None) -> bytes | None:
    if name is None or isinstance(name, bytes):
        return name
    return _COSEM_MECHANISM + bytes((name,))


def _elements(tag: int, data: bytes) -> dict[int, bytes]:
    """The elements of an ACSE APDU by tag."""
    found, content = ber.only(data)
    if found != tag:
        raise RemoteProtocolError(f"APDU {found:02X} where {tag:02X} was to be read")
    given: dict[int, bytes] = {}
    for part, octets in ber.elements(content):
        if part in given:
            raise RemoteProtocolError(f"ACSE element {part:02X} comes twice")
        given[part] = octets
    return given


def _inner(content: bytes | None) -> bytes | None:
    return None if content is None else ber.only(content)[1]


def _inner_integer(content: bytes | None) -> int | None:
    return None if content is None else ber.decode_integer(ber.only(content)[1])


def _octet(value: int | None) -> int:
    if value is None or not 0 <= value <= 0xFF:
        raise RemoteProtocolError("an AARE without a result or a diagnostic that can be read")
    return value


def _context(given: dict[int, bytes]) -> ApplicationContext | bytes:
    if 0xA1 not in given:
        raise RemoteProtocolError("no application context name")
    return _named(ApplicationContext, _COSEM_CONTEXT, ber.only(given[0xA1])[1])


def _named(names: type[_Arc], prefix: bytes, octets: bytes) -> _Arc | bytes:
    """COSEM's name of an object identifier, or its octets where it is none."""
    if octets[:-1] == prefix and octets[-1] in {int(arc) for arc in names}:
        return names(octets[-1])
    return octets


def _authentication_value(content: bytes | None) -> bytes | None:
    if content is None:
        return None
    tag, octets = ber.only(content)
    if tag == _CHARSTRING:
        return octets
    if tag == _BITSTRING and octets[:1] == b"\x00":
        return octets[1:]
    raise RemoteProtocolError(f"an authentication value of the form {tag:02X}")


def _diagnostic(content: bytes | None) -> UserDiagnostic | ProviderDiagnostic:
    if content is None:
        raise RemoteProtocolError("an AARE without a diagnostic")
    source, inner = ber.only(content)
    code = _octet(_inner_integer(inner))
    if source == 0xA1:
        return UserDiagnostic(code)
    if source == 0xA2:
        return ProviderDiagnostic(code)
    raise RemoteProtocolError(f"a diagnostic from the unknown source {source:02X}")
