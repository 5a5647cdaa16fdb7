"""The forms a protected APDU can travel in, and the way into each: what stands around it and which key is used."""

from enum import Enum
from typing import Final

from protocols.dlms.ciphered import (
    DED_TAGS,
    GENERAL_CIPHERING,
    GENERAL_DED_CIPHERING,
    GENERAL_GLO_CIPHERING,
    GENERAL_SIGNING,
    GLO_TAGS,
    PLAIN_TAGS,
    AgreedKey,
    GeneralCiphering,
    GeneralHeader,
    WrappedKey,
)
from protocols.dlms.notification import DATA_NOTIFICATION, DATA_NOTIFICATION_CONFIRM
from protocols.dlms.security.agreement import ONE_PASS, ephemeral_key
from protocols.dlms.security.context import KeySet, SecurityContext
from protocols.dlms.security.control import BROADCAST
from protocols.dlms.security.envelope import protect_ded, protect_general_ded, protect_general_glo, protect_glo
from protocols.dlms.security.general import protect_agreed, protect_identified, protect_wrapped
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.service_error import EXCEPTION_RESPONSE
from protocols.errors import LocalProtocolError
from protocols.secret import Secret


class Form(Enum):
    """How an APDU is wrapped when it is protected."""

    GLO = "glo"
    DED = "ded"
    GENERAL_GLO = "general-glo"
    GENERAL_DED = "general-ded"
    IDENTIFIED = "general-ciphering"
    WRAPPED = "general-ciphering, wrapped key"
    ONE_PASS = "general-ciphering, agreed key C(1e, 1s)"  # noqa: S105 (a scheme, not a password)
    STATIC = "general-ciphering, agreed key C(0e, 2s)"


CIPHERED_TAGS: Final = frozenset((*PLAIN_TAGS, GENERAL_GLO_CIPHERING, GENERAL_DED_CIPHERING, GENERAL_CIPHERING))
"""First octets of what can be deciphered."""

INITIATE_TAGS: Final = frozenset((0x01, 0x08))
"""InitiateRequest and InitiateResponse: always under the global key, since they bring the dedicated one."""

ACCESS_TAGS: Final = frozenset((0xD9, 0xDA))

KNOWN_TAGS: Final = frozenset(
    (*GLO_TAGS, *ACCESS_TAGS, DATA_NOTIFICATION, DATA_NOTIFICATION_CONFIRM, EXCEPTION_RESPONSE, GENERAL_SIGNING)
)
"""First octets of what can come out of a general form: anything else was deciphered with a wrong key."""

_FIXED: Final = {GENERAL_GLO_CIPHERING: Form.GENERAL_GLO, GENERAL_DED_CIPHERING: Form.GENERAL_DED}
_DED: Final = frozenset(DED_TAGS.values())

USE: Final = {
    Form.GLO: KeyUse.UNICAST,
    Form.DED: KeyUse.DEDICATED,
    Form.GENERAL_GLO: KeyUse.UNICAST,
    Form.GENERAL_DED: KeyUse.DEDICATED,
    Form.IDENTIFIED: KeyUse.UNICAST,
    Form.WRAPPED: KeyUse.TRANSACTION,
    Form.ONE_PASS: KeyUse.TRANSACTION,
    Form.STATIC: KeyUse.TRANSACTION,
}
"""Which of this side's counters a form uses."""


def form_of(apdu: bytes) -> tuple[Form, bytes]:
    """The form of a ciphered APDU that was accepted, and its transaction id, empty where it has none."""
    tag = apdu[0]
    if tag != GENERAL_CIPHERING:
        return _FIXED.get(tag, Form.DED if tag in _DED else Form.GLO), b""
    general = GeneralCiphering.decode(apdu)
    info, transaction = general.key_info, general.header.transaction_id
    if isinstance(info, WrappedKey):
        return Form.WRAPPED, transaction
    if isinstance(info, AgreedKey):
        return (Form.ONE_PASS if info.key_parameters == bytes((ONE_PASS,)) else Form.STATIC), transaction
    return Form.IDENTIFIED, transaction


def seal(
    form: Form,
    context: SecurityContext,
    keyset: KeySet,
    keys: Keys,
    control: int,
    plain: bytes,
    other_title: bytes,
    transaction_id: bytes,
) -> bytes:
    """Protect an APDU in a form, with the next counter.

    Args:
        form: which; what it has no tag for goes in the general form of the same key.
        context: for random octets.
        keyset: whose counter is used.
        keys: the same keys, with the dedicated one of the association.
        control: the security control byte.
        plain: the APDU.
        other_title: whom it is for.
        transaction_id: of general-ciphering.

    Raises:
        LocalProtocolError: a key or a counter is missing.
    """
    if plain[0] not in GLO_TAGS:
        form = {Form.GLO: Form.GENERAL_GLO, Form.DED: Form.GENERAL_DED}.get(form, form)
    elif plain[0] in INITIATE_TAGS:
        form = Form.GLO
    broadcast = control & BROADCAST and USE[form] is KeyUse.UNICAST
    counter = keyset.sent[KeyUse.BROADCAST if broadcast else USE[form]].take()
    match form:
        case Form.GLO:
            return protect_glo(keys, control, counter, plain)
        case Form.DED:
            return protect_ded(keys, control, counter, plain)
        case Form.GENERAL_GLO:
            return protect_general_glo(keys, control, counter, plain)
        case Form.GENERAL_DED:
            return protect_general_ded(keys, control, counter, plain)
    header = GeneralHeader(transaction_id, keys.title, other_title)
    match form:
        case Form.WRAPPED:
            key = Secret(_entropy(context, keys.suite.key_octets))
            return protect_wrapped(keys, control, counter, header, plain, key=key)
        case Form.ONE_PASS:
            ephemeral = ephemeral_key(keys.suite, lambda count: _entropy(context, count))
            return protect_agreed(keys, control, counter, header, plain, ephemeral=ephemeral)
        case Form.STATIC:
            return protect_agreed(keys, control, counter, header, plain)
    return protect_identified(keys, control, counter, header, plain)


def _entropy(context: SecurityContext, count: int) -> bytes:
    if context.entropy is None:
        raise LocalProtocolError("this form of protection needs random octets, and there is no source of them")
    return context.entropy(count)
