"""APDUs into their protected envelopes and out of them: service-specific and general, global and dedicated.

`protect_*` takes a plain APDU and gives the ciphered one; `unprotect` takes any ciphered one and says what it was, by
which key and counter, or why it is refused. Which counter comes next is the caller's to keep: it counts up from
`Opened.counter` once an APDU was accepted, and never sends one twice.
"""

from collections.abc import Sequence
from typing import Final

from protocols.dlms.axdr import encode_octets
from protocols.dlms.ciphered import (
    DED_TAGS,
    GENERAL_CIPHERING,
    GENERAL_DED_CIPHERING,
    GENERAL_GLO_CIPHERING,
    GLO_TAGS,
    PLAIN_TAGS,
    GeneralDedCiphering,
    GeneralGloCiphering,
    ServiceCiphered,
)
from protocols.dlms.security.control import BROADCAST, HEADER_OCTETS, TAG_OCTETS, TITLE_OCTETS
from protocols.dlms.security.general import unprotect_general
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import NO_COUNTERS, Opened, cipher_of, global_cipher, open_content, originator
from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.errors import LocalProtocolError, RemoteProtocolError

OVERHEAD_OCTETS: Final = 1 + 1 + TITLE_OCTETS + 3 + HEADER_OCTETS + TAG_OCTETS
"""The most that these envelopes add to an APDU of up to 65,535 octets."""

_DED_TAGS: Final = frozenset(DED_TAGS.values())


def protect_glo(keys: Keys, control: int, counter: int, apdu: bytes) -> bytes:
    """An APDU under its service-specific tag and a global key.

    Raises:
        LocalProtocolError: there is no such tag, key or counter.
    """
    content = global_cipher(keys, control).seal(control, keys.title, counter, apdu)
    return _service_tag(GLO_TAGS, apdu) + encode_octets(content)


def protect_ded(keys: Keys, control: int, counter: int, apdu: bytes) -> bytes:
    """An APDU under its service-specific tag and the dedicated key.

    Raises:
        LocalProtocolError: there is no such tag, key or counter.
    """
    content = cipher_of(keys, KeyUse.DEDICATED).seal(control & ~BROADCAST, keys.title, counter, apdu)
    return _service_tag(DED_TAGS, apdu) + encode_octets(content)


def protect_general_glo(keys: Keys, control: int, counter: int, apdu: bytes) -> bytes:
    """Any APDU under a global key, with this side's system title.

    Raises:
        LocalProtocolError: there is no such key or counter.
    """
    content = global_cipher(keys, control).seal(control, keys.title, counter, apdu)
    return GeneralGloCiphering(keys.title, content).encode()


def protect_general_ded(keys: Keys, control: int, counter: int, apdu: bytes) -> bytes:
    """Any APDU under the dedicated key, with this side's system title.

    Raises:
        LocalProtocolError: there is no such key or counter.
    """
    content = cipher_of(keys, KeyUse.DEDICATED).seal(control & ~BROADCAST, keys.title, counter, apdu)
    return GeneralDedCiphering(keys.title, content).encode()


def unprotect(
    apdu: bytes, keys: Keys, title: bytes, *, counters: Sequence[int] = NO_COUNTERS, required: int = 0
) -> Opened | Refused:
    """What a ciphered APDU holds, or why it is refused.

    Args:
        apdu: of any ciphered form; general-signing is `general.open_signed`'s.
        keys: this side's.
        title: the other side's system title as the association knows it; empty where only the APDU says it.
        counters: the lowest invocation counter accepted, by `KeyUse`.
        required: `AUTHENTICATED`, `ENCRYPTED`, both or none: the least protection accepted.
    """
    tag = apdu[0] if apdu else 0
    plain_tag = PLAIN_TAGS.get(tag)
    try:
        if plain_tag is None:
            return _unprotect_general(tag, apdu, keys, title, counters, required)
        # The usual short form is read in place.
        short = len(apdu) > 1 and apdu[1] == len(apdu) - 2 < 0x80
        content = apdu[2:] if short else ServiceCiphered.decode(apdu).content
    except RemoteProtocolError as error:
        return Refused(RefusalKind.MALFORMED, f"not a ciphered APDU: {error}")
    use = KeyUse.DEDICATED if tag in _DED_TAGS else KeyUse.UNICAST
    opened = open_content(content, keys, use, title, counters, required)
    if isinstance(opened, Opened) and (not opened.apdu or opened.apdu[0] != plain_tag):
        return Refused(RefusalKind.MALFORMED, f"APDU {tag:02X} protects something else than APDU {plain_tag:02X}")
    return opened


def _unprotect_general(
    tag: int, apdu: bytes, keys: Keys, title: bytes, counters: Sequence[int], required: int
) -> Opened | Refused:
    envelope: GeneralGloCiphering | GeneralDedCiphering
    if tag == GENERAL_CIPHERING:
        return unprotect_general(apdu, keys, title, counters=counters, required=required)
    if tag == GENERAL_GLO_CIPHERING:
        envelope, use = GeneralGloCiphering.decode(apdu), KeyUse.UNICAST
    elif tag == GENERAL_DED_CIPHERING:
        envelope, use = GeneralDedCiphering.decode(apdu), KeyUse.DEDICATED
    else:
        return Refused(RefusalKind.MALFORMED, f"APDU {tag:02X} is not a ciphered one")
    sender = originator(envelope.system_title, title)
    if isinstance(sender, Refused):
        return sender
    return open_content(envelope.content, keys, use, sender, counters, required)


def _service_tag(tags: dict[int, int], apdu: bytes) -> bytes:
    tag = tags.get(apdu[0]) if apdu else None
    if tag is None:
        raise LocalProtocolError("this APDU has no service-specific ciphered form: it needs a general one")
    return bytes((tag,))
