"""AES-GCM as DLMS uses it: the octets from the security header to the tag, under one pair of keys.

An `AESGCM` object is far cheaper than a cipher context for each message, but it wants tags of sixteen octets and DLMS
has twelve. So a tag is checked the other way round: the key stream gives the plaintext (encrypting is decrypting), and
encrypting that plaintext again gives the tag it should have.
"""

from hmac import compare_digest
from struct import Struct
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.dlms.security.control import (
    AUTHENTICATED,
    BROADCAST,
    COMPRESSED,
    COUNTER_MAX,
    ENCRYPTED,
    HEADER_OCTETS,
    PROTECTED,
    SUITE_MASK,
    TAG_OCTETS,
    TITLE_OCTETS,
    describe,
)
from protocols.dlms.security.refused import RefusalKind, Refused, show_title
from protocols.dlms.security.suite import SUITES, Suite
from protocols.errors import LocalProtocolError
from protocols.secret import Secret

_FULL_TAG_OCTETS: Final = 16

_pack_head = Struct(">BBBI").pack
"""Tag, length, security control byte, invocation counter."""


class Cipher:
    """One encryption key with its authentication key.

    Args:
        suite: the suite in force.
        key: the block cipher key (unicast, broadcast, dedicated, or of one transaction).
        authentication: the authentication key; without one, nothing can be authenticated.

    Raises:
        ValueError: a key has not the length that the suite asks for.
    """

    __slots__ = ("_associated", "_encrypt", "_protected", "suite")

    def __init__(self, suite: Suite, key: Secret, authentication: Secret | None = None) -> None:
        suite.check("block cipher", key)
        self.suite = suite
        self._encrypt = AESGCM(key.reveal()).encrypt
        # What is authenticated beside the APDU, by security control byte.
        self._associated: dict[int, bytes] = {}
        if authentication is not None:
            suite.check("authentication", authentication)
            for kind in (AUTHENTICATED, PROTECTED):
                for usage in (0, BROADCAST):
                    control = suite.number | kind | usage
                    self._associated[control] = bytes((control,)) + authentication.reveal()

        self._protected = self._associated.get(suite.number | PROTECTED, b"")

    def __repr__(self) -> str:
        return f"Cipher(suite {self.suite.number})"

    def seal(self, control: int, title: bytes, counter: int, plain: bytes, header: bytes = b"") -> bytes:
        """Protect an APDU: security header, content, tag.

        Args:
            control: the security control byte; its suite is filled in.
            title: the system title of this side.
            counter: the invocation counter, never used before with this key.
            plain: the APDU.
            header: what general-ciphering authenticates beside it.

        Raises:
            LocalProtocolError: the counter is used up, or there is no authentication key.
            ValueError: the control byte asks for nothing, or the title is none.
        """
        control = control & ~SUITE_MASK | self.suite.number
        start = bytes((control,)) + _counter(counter)
        nonce = _title(title) + start[1:]
        kind = control & PROTECTED
        if kind == ENCRYPTED:
            return start + self._encrypt(nonce, plain, None)[:-_FULL_TAG_OCTETS]
        associated = self._associated.get(control)
        if associated is None:
            raise _unusable(control)
        if kind == PROTECTED:
            return start + self._encrypt(nonce, plain, associated + header)[: TAG_OCTETS - _FULL_TAG_OCTETS]
        return start + plain + self._encrypt(nonce, b"", associated + header + plain)[:TAG_OCTETS]

    def open(
        self, content: bytes, title: bytes, *, counter_min: int = 0, required: int = 0, header: bytes = b""
    ) -> bytes | Refused:
        """The APDU that `content` (security header, content, tag) protects, or why it is not accepted.

        Args:
            content: what stands in the envelope.
            title: the system title of the other side.
            counter_min: the lowest invocation counter that was not used yet.
            required: `AUTHENTICATED`, `ENCRYPTED`, both or none: the least protection accepted.
            header: what general-ciphering authenticates beside it.
        """
        if len(content) < HEADER_OCTETS:
            return Refused(RefusalKind.MALFORMED, "the ciphered APDU ends within its security header")
        control = content[0]
        kind = control & PROTECTED
        if control & ~(PROTECTED | BROADCAST) != self.suite.number or not kind or required & ~kind:
            return self._refuse_control(control, required)
        if len(title) != TITLE_OCTETS:
            return Refused(RefusalKind.TITLE, "the other side's system title is not known")
        counter = int.from_bytes(content[1:5], "big")
        if counter < counter_min:
            reason = f"invocation counter {counter} was used before: {counter_min} is the lowest accepted"
            return Refused(RefusalKind.COUNTER, reason, counter_min)
        nonce = title + content[1:5]
        if kind == ENCRYPTED:
            return self._encrypt(nonce, content[5:], None)[:-_FULL_TAG_OCTETS]
        associated = self._associated.get(control)
        if associated is None:
            return Refused(RefusalKind.KEY, "there is no authentication key to check an authenticated APDU with")
        if len(content) < HEADER_OCTETS + TAG_OCTETS:
            return Refused(RefusalKind.MALFORMED, "the ciphered APDU ends within its authentication tag")
        plain, tag = content[5:-TAG_OCTETS], content[-TAG_OCTETS:]
        if kind == PROTECTED:
            plain = self._encrypt(nonce, plain, None)[:-_FULL_TAG_OCTETS]
            wanted = self._encrypt(nonce, plain, associated + header)[-_FULL_TAG_OCTETS:-4]
        else:
            wanted = self._encrypt(nonce, b"", associated + header + plain)[:TAG_OCTETS]
        if compare_digest(wanted, tag):
            return plain
        return Refused(
            RefusalKind.TAG,
            "the tag does not verify: block or authentication key is wrong, "
            f"or the system title is not {show_title(title)}",
        )

    def seal_short(self, tag: int, title: bytes, counter: int, plain: bytes) -> bytes:
        """A whole service-specific APDU of up to 127 octets behind its length, authenticated and encrypted.

        What nearly all traffic is made of; the caller has an authentication key, a title and a counter that is left.
        """
        suite = self.suite.number
        head = _pack_head(tag, len(plain) + HEADER_OCTETS + TAG_OCTETS, suite | PROTECTED, counter)
        return head + self._encrypt(title + head[3:], plain, self._protected)[: TAG_OCTETS - _FULL_TAG_OCTETS]

    def open_short(self, apdu: bytes, nonce: bytes) -> bytes | None:
        """What such an APDU protects; None for anything wrong, of which `open` says what it is.

        Args:
            apdu: with a security control byte that says both protections.
            nonce: the other side's title and the counter.
        """
        if len(nonce) != TITLE_OCTETS + 4:
            return None
        content = apdu[7:]
        plain = self._encrypt(nonce, content[:-TAG_OCTETS], None)[:-_FULL_TAG_OCTETS]
        wanted = self._encrypt(nonce, plain, self._protected)
        return plain if compare_digest(wanted[: TAG_OCTETS - _FULL_TAG_OCTETS], content) else None

    def gmac(self, title: bytes, counter: int, data: bytes) -> bytes:
        """The tag over `data` alone, as HLS mechanism 5 uses it."""
        associated = self._associated.get(self.suite.number | AUTHENTICATED)
        if associated is None:
            raise _unusable(AUTHENTICATED)
        return self._encrypt(_title(title) + _counter(counter), b"", associated + data)[:TAG_OCTETS]

    def _refuse_control(self, control: int, required: int) -> Refused:
        suite = control & SUITE_MASK
        if suite >= len(SUITES):
            return Refused(RefusalKind.SUITE, f"security suite {suite} is reserved")
        if suite != self.suite.number:
            reason = f"security suite {suite} is not the one in force, {self.suite.number}"
            return Refused(RefusalKind.SUITE, reason)
        if control & COMPRESSED:
            return Refused(RefusalKind.POLICY, "compressed APDUs (ITU-T V.44) are not supported")
        reason = f"security control {control:02X} ({describe(control)}) is less than {describe(required | suite)}"
        if not control & PROTECTED:
            reason = f"security control {control:02X} protects nothing"
        return Refused(RefusalKind.POLICY, reason)


def _title(title: bytes) -> bytes:
    if len(title) != TITLE_OCTETS:
        raise ValueError(f"a system title has {TITLE_OCTETS} octets, not {len(title)}")
    return title


def _counter(counter: int) -> bytes:
    if not 0 <= counter <= COUNTER_MAX:
        raise LocalProtocolError("the invocation counter is used up: the key must be changed")
    return counter.to_bytes(4, "big")


def _unusable(control: int) -> Exception:
    if control & AUTHENTICATED and not control & COMPRESSED:
        return LocalProtocolError("there is no authentication key to authenticate with")
    return ValueError(f"security control {control:02X} ({describe(control)}) cannot be written")
