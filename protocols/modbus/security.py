"""Modbus/TCP Security: TLS below, and a role in the client's certificate that says what it may do.

The carrier is TLS on port 802 with certificates on both sides, which is transport's matter; the frames are those of
Modbus TCP. What is here is the role (one UTF8String in an extension of its own) and the layer that holds requests
against it; a function that a role may not use is answered as one that the device does not have.
"""

from collections.abc import Mapping
from typing import Final

from cryptography import x509

from protocols.machine import Layer, Peer
from protocols.modbus.adu import Adu
from protocols.modbus.code import EXCEPTION, ExceptionCode

ROLE_OID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.50316.802.1")
"""MB-TCP-Security v36, R-21."""

_UTF8_STRING: Final = 0x0C

READ_FUNCTIONS: Final = frozenset((1, 2, 3, 4, 7, 11, 12, 17, 20, 24, 43))
"""What changes nothing in a device; function 8 is not among them, since it can silence a unit."""

NO_ROLE: Final = ""
"""The role of a peer without certificate, or whose certificate names none."""

Rights = Mapping[str, frozenset[int]]
"""The functions that each role may use; a role that is not in here may use none."""


def role_of(peer: Peer) -> str:
    """The role in a peer's certificate; `NO_ROLE` where there is none, or more or less than one UTF8String in it."""
    if peer.certificate is None:
        return NO_ROLE
    try:
        extension = x509.load_der_x509_certificate(peer.certificate).extensions.get_extension_for_oid(ROLE_OID)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return NO_ROLE
    value = extension.value
    return _text(value.value) if isinstance(value, x509.UnrecognizedExtension) else NO_ROLE


def _text(der: bytes) -> str:
    """One short UTF8String."""
    if len(der) < 2 or der[0] != _UTF8_STRING or der[1] != len(der) - 2 or der[1] & 0x80:
        return NO_ROLE
    try:
        return der[2:].decode()
    except UnicodeDecodeError:
        return NO_ROLE


class RoleGuard(Layer[Adu, Adu]):
    """Between framer and server: a request that the peer's role may not make is refused here.

    Args:
        role: of the peer, as `role_of` reads it.
        rights: what each role may do.
    """

    def __init__(self, role: str, rights: Rights) -> None:
        self._allowed = rights.get(role, frozenset())

    def from_below(self, item: Adu, now_us: int) -> None:
        """Let a request through, or answer it with an illegal function."""
        if item.pdu[0] in self._allowed:
            self.above(item, now_us)
        else:
            refusal = bytes((item.pdu[0] | EXCEPTION, ExceptionCode.ILLEGAL_FUNCTION))
            self.below(Adu(item.unit, refusal, item.transaction), now_us)
