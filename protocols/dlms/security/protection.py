"""The protection of one association, in both roles: what comes is opened and judged, what goes is sealed.

The server answers in the form in which it was asked, protected no less, and refuses in clear, since a client whose keys
are wrong could read nothing else. The client protects everything alike and takes no answer that is protected less; only
refusals may reach it in clear. Nothing that was refused has used a counter or is looked at further.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from protocols.dlms.application import Refusal
from protocols.dlms.ciphered import GENERAL_SIGNING, GLO_TAGS, GeneralHeader
from protocols.dlms.results import ServiceError, StateError
from protocols.dlms.security.control import HEADER_OCTETS, PROTECTED, TAG_OCTETS
from protocols.dlms.security.envelope import OVERHEAD_OCTETS, unprotect
from protocols.dlms.security.form import CIPHERED_TAGS, INITIATE_TAGS, KNOWN_TAGS, Form, form_of, seal
from protocols.dlms.security.general import open_signed, sign_apdu
from protocols.dlms.security.opened import Opened
from protocols.dlms.security.policy import SIGNED
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.dlms.service_error import CONFIRMED_SERVICE_ERROR, EXCEPTION_RESPONSE, ExceptionResponse
from protocols.errors import LocalProtocolError

if TYPE_CHECKING:
    from protocols.dlms.application import Association
    from protocols.dlms.security.context import KeySet, SecurityContext
    from protocols.dlms.security.keys import Keys
    from protocols.secret import Secret

GENERAL_OVERHEAD_OCTETS: Final = 320
"""What general-ciphering adds at most: titles, and an ephemeral key with its signature, both of suite 2."""

SIGNING_OVERHEAD_OCTETS: Final = 160
"""Titles, lengths, and a signature of suite 2."""

_SERVICE_TAGS: Final = {ciphered: plain for plain, ciphered in GLO_TAGS.items() if plain not in INITIATE_TAGS}
"""The plain tag of what usually comes."""

_SHORT_TAGS: Final = {plain: ciphered for ciphered, plain in _SERVICE_TAGS.items()}
_SHORT_MIN: Final = 1 + 1 + HEADER_OCTETS + TAG_OCTETS
_SHORT_MAX: Final = 0x80 - HEADER_OCTETS - TAG_OCTETS
"""APDUs with one octet of length: longer than the one when ciphered, shorter than the other in clear."""

_ANSWERS: Final = {
    RefusalKind.POLICY: ServiceError.OPERATION_NOT_POSSIBLE,
    RefusalKind.COUNTER: ServiceError.INVOCATION_COUNTER_ERROR,
}
"""How a server answers what it refuses, where it is not by a deciphering error."""

_OTHER_KEYS: Final = frozenset(
    {RefusalKind.TAG, RefusalKind.MALFORMED, RefusalKind.KEY, RefusalKind.COUNTER, RefusalKind.SUITE}
)
"""What may come of opening with the old keys what was protected with the new ones."""

_SERVICE_FORMS: Final = frozenset({Form.GLO, Form.DED})
_OVERHEADS: Final = {form: OVERHEAD_OCTETS for form in Form if not form.value.startswith("general-ciphering")}


class _Protection(ABC):
    """What both roles have in common.

    Args:
        context: keys, counters and policy, shared with other associations of the same two sides.
    """

    __slots__ = (
        "_base",
        "_context",
        "_dedicated",
        "_form",
        "_keys",
        "_quick",
        "_signed",
        "_transaction",
        "_with_length",
        "overhead",
    )

    def __init__(self, context: SecurityContext) -> None:
        self._context = context
        self._base: Keys = context.current.keys
        self._keys = self._base
        self._dedicated: Secret | None = None
        self._transaction = b""
        self._with_length = True
        self._use_form(Form.GLO, signed=False)

    def _use_form(self, form: Form, *, signed: bool) -> None:
        self._form = form
        self._signed = signed
        self._quick = form is Form.GLO and not signed
        self.overhead = _OVERHEADS.get(form, GENERAL_OVERHEAD_OCTETS) + (SIGNING_OVERHEAD_OCTETS if signed else 0)

    @abstractmethod
    def _other_title(self, association: Association) -> bytes:
        """The system title of whoever sends, empty where it is not known."""

    def _open(self, apdu: bytes, association: Association, required: int) -> bytes | Refused:
        """Open an APDU of any form, and note how it was protected."""
        context = self._context
        keyset = context.current
        opened = self._try(keyset, apdu, association, required)
        if isinstance(opened, Refused) and context.pending is not None and opened.kind in _OTHER_KEYS:
            again = self._try(context.pending, apdu, association, required)
            if isinstance(again, Opened):
                opened, keyset = again, context.pending
                context.confirm()
        if isinstance(opened, Refused):
            return opened
        keyset.received[opened.key].use(opened.counter)
        association.security = opened.control
        return opened.apdu

    def _try(self, keyset: KeySet, apdu: bytes, association: Association, required: int) -> Opened | Refused:
        """Open with some keys; `Opened.control` has `SIGNED` where it was signed."""
        keys = self._with_dedicated(keyset, association)
        if isinstance(keys, Refused):
            return keys
        title, signed = self._other_title(association), False
        if apdu[:1] == bytes((GENERAL_SIGNING,)):
            outer = open_signed(apdu, keys, title)
            if isinstance(outer, Refused):
                return outer
            apdu, signed = outer.content, True
            self._note_signature(with_length=outer.with_length)
        if not apdu or apdu[0] not in CIPHERED_TAGS:
            return _in_clear(apdu, signed=signed)
        opened = unprotect(apdu, keys, title, counters=keyset.lowest, required=required & PROTECTED)
        if isinstance(opened, Refused):
            return opened
        if opened.apdu[:1] == bytes((GENERAL_SIGNING,)):
            inner = open_signed(opened.apdu, keys, title)
            if isinstance(inner, Refused):
                return inner
            opened.apdu, signed = inner.content, True
            self._note_signature(with_length=inner.with_length)
        if opened.apdu[:1] not in _KNOWN:
            return Refused(RefusalKind.MALFORMED, "what was deciphered is no APDU: the block cipher key is wrong")
        if required & SIGNED and not signed:
            return Refused(RefusalKind.POLICY, "the APDU is not signed, and the security policy asks for it")
        self._note_form(apdu, signed=signed)
        return opened

    @abstractmethod
    def _note_signature(self, *, with_length: bool) -> None:
        """A signature that covers the length of what it signs, or not, was found to hold."""

    @abstractmethod
    def _note_form(self, apdu: bytes, *, signed: bool) -> None:
        """An APDU of this form was accepted."""

    def _with_dedicated(self, keyset: KeySet, association: Association) -> Keys | Refused:
        """The keys, with the dedicated one of the association; made once and again when one of them has changed."""
        key = association.dedicated_key
        if keyset.keys is not self._base or key is not self._dedicated:
            try:
                self._keys = keyset.keys if key is None else keyset.keys.with_dedicated(key)
            except ValueError as error:
                return Refused(RefusalKind.KEY, str(error))
            if key is not None and key is not self._dedicated:
                self._context.begin_dedicated(key)
            self._base, self._dedicated = keyset.keys, key
        return self._keys

    def _seal(self, plain: bytes, association: Association, control: int) -> bytes:
        """Protect an APDU in the form of this association.

        Raises:
            LocalProtocolError: a key or a counter is missing.
        """
        keyset = self._context.current
        keys = self._with_dedicated(keyset, association)
        if isinstance(keys, Refused):
            raise LocalProtocolError(keys.reason)
        title = self._other_title(association)
        control &= ~SIGNED
        sealed = seal(self._form, self._context, keyset, keys, control, plain, title, self._transaction)
        if not self._signed or plain[0] in INITIATE_TAGS:
            return sealed
        header = GeneralHeader(self._transaction, keys.title, title)
        return sign_apdu(keys, header, sealed, with_length=self._with_length)


_KNOWN: Final = frozenset(bytes((tag,)) for tag in KNOWN_TAGS)


class ServerProtection(_Protection):
    """The server's side of one association."""

    __slots__ = ()

    def _other_title(self, association: Association) -> bytes:
        return association.client_title or self._context.other_title

    def unprotect(self, apdu: bytes, association: Association, now_us: int) -> bytes | Refusal:
        """The plain request, or how to refuse it."""
        # Nearly all that comes: one service, one octet of length, both protections under the unicast key.
        context = self._context
        keyset, size = context.current, len(apdu)
        if self._quick and size > _SHORT_MIN and apdu[1] == size - 2 < 0x80 and apdu[2] == keyset.usual:
            stamp, counter = apdu[3:7], keyset.received[0]
            value = int.from_bytes(stamp, "big")
            if value >= counter.lowest and context.policy[0] < SIGNED:
                title = association.client_title or context.other_title
                plain = keyset.unicast.open_short(apdu, title + stamp)
                if plain is not None and plain[0] == _SERVICE_TAGS.get(apdu[0]):
                    if value < counter.limit:
                        counter.lowest = value + 1
                    else:
                        counter.use(value)
                    association.security = apdu[2]
                    return plain
        opened = self._open(apdu, association, context.policy.request)
        return _refuse(opened) if isinstance(opened, Refused) else opened

    def protect(self, apdu: bytes, association: Association, now_us: int) -> bytes:
        """An answer, protected as its request was and as the policy asks; or something unasked."""
        context = self._context
        keyset, policy = context.current, context.policy[1]
        if self._quick and association.security == keyset.usual and policy < SIGNED and len(apdu) < _SHORT_MAX:
            tag, counter = _SHORT_TAGS.get(apdu[0]), keyset.sent[0]
            value = counter.lowest
            if tag is not None and value < counter.limit:
                counter.lowest = value + 1
                return keyset.unicast.seal_short(tag, keyset.keys.title, value, apdu)
        if apdu[0] == EXCEPTION_RESPONSE and self._form in _SERVICE_FORMS:
            return apdu
        control = (association.security & PROTECTED or context.control) | policy & PROTECTED
        if policy & SIGNED and not self._signed:
            self._use_form(self._form, signed=True)
        try:
            return self._seal(apdu, association, control)
        except LocalProtocolError:
            # No key of this form, or no counter left: nothing that is to be protected may leave.
            return ExceptionResponse(
                state_error=StateError.SERVICE_NOT_ALLOWED, service_error=ServiceError.OPERATION_NOT_POSSIBLE
            ).encode()

    def _note_signature(self, *, with_length: bool) -> None:
        self._with_length = with_length

    def _note_form(self, apdu: bytes, *, signed: bool) -> None:
        form, self._transaction = form_of(apdu)
        self._use_form(form, signed=signed)


class ClientProtection(_Protection):
    """The client's side of one association.

    Args:
        context: keys, counters, and by `control` what everything is protected with.
        form: how requests travel.
        signed: whether they are signed too.
        with_length: whether signatures cover the length of what they sign; see `general`.
    """

    __slots__ = ("_transactions",)

    def __init__(
        self, context: SecurityContext, form: Form = Form.GLO, *, signed: bool = False, with_length: bool = True
    ) -> None:
        super().__init__(context)
        self._with_length = with_length
        self._use_form(form, signed=signed)
        self._transactions = 0

    def _other_title(self, association: Association) -> bytes:
        return association.server_title or self._context.other_title

    def unprotect(self, apdu: bytes, association: Association, now_us: int) -> bytes | Refusal:
        """The plain answer; a refusal in clear is one too."""
        if apdu[:1] in _REFUSALS:
            return apdu
        context = self._context
        required = context.control & PROTECTED | context.policy.response
        opened = self._open(apdu, association, required)
        return Refusal(None, opened.reason) if isinstance(opened, Refused) else opened

    def protect(self, apdu: bytes, association: Association, now_us: int) -> bytes:
        """A request, protected.

        Raises:
            LocalProtocolError: a key is missing, or the counter is used up.
        """
        if self._form not in _OVERHEADS:
            self._transactions += 1
            self._transaction = self._transactions.to_bytes(8, "big")
        return self._seal(apdu, association, self._context.control)

    def _note_signature(self, *, with_length: bool) -> None:
        """A meter signs as it likes."""

    def _note_form(self, apdu: bytes, *, signed: bool) -> None:
        """A meter answers as it likes, as long as it protects."""


_REFUSALS: Final = frozenset(bytes((tag,)) for tag in (EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR))


def _in_clear(apdu: bytes, *, signed: bool) -> Refused:
    what = f"APDU {apdu[0]:02X}" if apdu else "an empty APDU"
    if signed:
        return Refused(RefusalKind.POLICY, f"{what} is signed but not ciphered: it could be sent twice")
    return Refused(RefusalKind.POLICY, f"{what} came in clear, in a ciphered association")


def _refuse(refused: Refused) -> Refusal:
    error = _ANSWERS.get(refused.kind, ServiceError.DECIPHERING_ERROR)
    counter = refused.counter_expected if error is ServiceError.INVOCATION_COUNTER_ERROR else None
    answer = ExceptionResponse(
        state_error=StateError.SERVICE_NOT_ALLOWED, service_error=error, invocation_counter=counter
    )
    return Refusal(answer.encode(), refused.reason)
