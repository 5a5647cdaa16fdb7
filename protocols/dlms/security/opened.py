"""What came out of a protected APDU, and the steps that all envelopes share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import BROADCAST, TITLE_OCTETS
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.refused import RefusalKind, Refused, show_title
from protocols.errors import LocalProtocolError

NO_COUNTERS: Final = (0, 0, 0, 0)
"""No invocation counter was used yet, by `KeyUse`."""


@dataclass(slots=True)
class Opened:
    """A protected APDU that was accepted.

    Attributes:
        apdu: the plain APDU.
        control: the security control byte: how it was protected.
        counter: the invocation counter it used; the next one of this key must be higher.
        key: which key.
        title: the system title of whoever protected it.
    """

    apdu: bytes
    control: int
    counter: int
    key: KeyUse
    title: bytes


def cipher_of(keys: Keys, use: KeyUse) -> Cipher:
    """The cipher of one key.

    Raises:
        LocalProtocolError: there is no such key.
    """
    cipher = keys.ciphers[use]
    if cipher is None:
        raise LocalProtocolError(f"there is no {use.name.lower()} key to protect with")
    return cipher


def global_cipher(keys: Keys, control: int) -> Cipher:
    """The cipher of the global key that a security control byte names.

    Raises:
        LocalProtocolError: there is no such key.
    """
    return cipher_of(keys, KeyUse.BROADCAST if control & BROADCAST else KeyUse.UNICAST)


def originator(stated: bytes, known: bytes) -> bytes | Refused:
    """Whose APDU it is: some meters leave the title empty, none may change it within an association."""
    if not stated:
        return known
    if len(stated) != TITLE_OCTETS:
        return Refused(RefusalKind.TITLE, f"a system title of {len(stated)} octets")
    if known and stated != known:
        reason = f"the APDU is from {show_title(stated)}, the association is with {show_title(known)}"
        return Refused(RefusalKind.TITLE, reason)
    return stated


def open_content(
    content: bytes, keys: Keys, use: KeyUse, title: bytes, counters: Sequence[int], required: int, header: bytes = b""
) -> Opened | Refused:
    """Open what stands in an envelope with a key that both sides hold.

    Args:
        content: security header, content, tag.
        keys: this side's.
        use: which key the envelope means; a unicast one becomes broadcast where the control byte says so.
        title: the originator's system title.
        counters: the lowest invocation counter accepted, by `KeyUse`.
        required: the least protection accepted.
        header: what is authenticated beside the content.
    """
    if content and content[0] & BROADCAST:
        if use is KeyUse.DEDICATED:
            return Refused(RefusalKind.POLICY, "a dedicated key is no broadcast key")
        use = KeyUse.BROADCAST
    elif use is KeyUse.BROADCAST:
        return Refused(RefusalKind.POLICY, "the broadcast key is named, but not by the security control byte")
    cipher = keys.ciphers[use]
    if cipher is None:
        return Refused(RefusalKind.KEY, f"there is no {use.name.lower()} key")
    plain = cipher.open(content, title, counter_min=counters[use], required=required, header=header)
    if isinstance(plain, Refused):
        return plain
    return Opened(plain, content[0], int.from_bytes(content[1:5], "big"), use, title)
