"""General-ciphering and general-signing: any APDU from anyone to anyone, with the key named, sent along or agreed.

What these APDUs say of themselves (transaction, originator, recipient, time) is authenticated or signed with the rest,
each element with its length, as it stands in the APDU. For signatures the Green Book says so of the content too; what
signs in the field (Gurux, EnergyICT, the firmware of Korean meters) leaves the content's length out. Both are taken.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec

from protocols.dlms.axdr import encode_octets
from protocols.dlms.ciphered import (
    AgreedKey,
    GeneralCiphering,
    GeneralHeader,
    GeneralSigning,
    IdentifiedKey,
    KeyInfo,
    WrappedKey,
)
from protocols.dlms.security.agreement import ONE_PASS, STATIC_UNIFIED, agree, open_ephemeral, signed_ephemeral
from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import BROADCAST
from protocols.dlms.security.key_wrap import unwrap_key, wrap_key
from protocols.dlms.security.keys import Keys, KeyUse
from protocols.dlms.security.opened import NO_COUNTERS, Opened, global_cipher, open_content, originator
from protocols.dlms.security.refused import RefusalKind, Refused, show_title
from protocols.dlms.security.signature import sign, verify
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.secret import Secret

_Key = TypeVar("_Key")

_MASTER_KEY = 0
"""The only key encryption key that general-ciphering can name."""


def protect_identified(keys: Keys, control: int, counter: int, header: GeneralHeader, apdu: bytes) -> bytes:
    """Any APDU in general-ciphering, under the global key that the security control byte names.

    Raises:
        LocalProtocolError: there is no such key or counter.
    """
    info = IdentifiedKey(1 if control & BROADCAST else 0)
    return _seal(global_cipher(keys, control), keys, control, counter, header, info, apdu)


def protect_wrapped(
    keys: Keys, control: int, counter: int, header: GeneralHeader, apdu: bytes, *, key: Secret
) -> bytes:
    """Any APDU in general-ciphering, under a new key that travels along, wrapped by the master key.

    Raises:
        LocalProtocolError: there is no master key.
    """
    if keys.master is None:
        raise LocalProtocolError("there is no master key to wrap with")
    info = WrappedKey(_MASTER_KEY, wrap_key(keys.master, key))
    cipher = Cipher(keys.suite, key, keys.authentication)
    return _seal(cipher, keys, control & ~BROADCAST, counter, header, info, apdu)


def protect_agreed(
    keys: Keys,
    control: int,
    counter: int,
    header: GeneralHeader,
    apdu: bytes,
    *,
    ephemeral: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """Any APDU in general-ciphering, under a key agreed with the recipient.

    Args:
        keys: this side's; with `other_agreement_key`, and `signing_key` or `agreement_key`.
        control: the security control byte.
        counter: the invocation counter.
        header: names both sides, and with C(0e, 2s) the transaction.
        apdu: to protect.
        ephemeral: for C(1e, 1s), a new private key; without one C(0e, 2s) is used.

    Raises:
        LocalProtocolError: a key that the scheme needs is not there.
    """
    other = _held(keys.other_agreement_key)
    sender, recipient = header.originator_system_title, header.recipient_system_title
    if ephemeral is not None:
        data = signed_ephemeral(keys.suite, ephemeral, _held(keys.signing_key))
        info = AgreedKey(bytes((ONE_PASS,)), data)
        key = agree(keys.suite, ephemeral, other, originator=sender, recipient=recipient)
    else:
        info = AgreedKey(bytes((STATIC_UNIFIED,)), b"")
        key = agree(
            keys.suite,
            _held(keys.agreement_key),
            other,
            originator=sender,
            recipient=recipient,
            transaction_id=header.transaction_id,
        )
    cipher = Cipher(keys.suite, key, keys.authentication)
    return _seal(cipher, keys, control & ~BROADCAST, counter, header, info, apdu)


def unprotect_general(
    data: bytes, keys: Keys, title: bytes, *, counters: Sequence[int] = NO_COUNTERS, required: int = 0
) -> Opened | Refused:
    """What a general-ciphering APDU holds, or why it is refused; arguments as `envelope.unprotect` has them."""
    try:
        general = GeneralCiphering.decode(data)
    except RemoteProtocolError as error:
        return Refused(RefusalKind.MALFORMED, f"not a general-ciphering APDU: {error}")
    header, info, content = general.header, general.key_info, general.content
    sender = _sender(header, keys, title)
    if isinstance(sender, Refused):
        return sender
    if info is None or isinstance(info, IdentifiedKey):
        use = KeyUse.UNICAST
        if info is not None:
            if info.key_id > 1:
                return Refused(RefusalKind.KEY, f"key id {info.key_id} names no global key")
            use = KeyUse(info.key_id)
        return open_content(content, keys, use, sender, counters, required, header.encode())
    key = _unwrap(info, keys) if isinstance(info, WrappedKey) else _agreed(info, keys, header)
    if isinstance(key, Refused):
        return key
    try:
        cipher = Cipher(keys.suite, key, keys.authentication)
    except ValueError as error:
        return Refused(RefusalKind.KEY, f"the key sent along is none: {error}")
    use = KeyUse.TRANSACTION
    plain = cipher.open(content, sender, counter_min=counters[use], required=required, header=header.encode())
    if isinstance(plain, Refused):
        return plain
    return Opened(plain, content[0], int.from_bytes(content[1:5], "big"), use, sender)


def sign_apdu(keys: Keys, header: GeneralHeader, apdu: bytes, *, with_length: bool = True) -> bytes:
    """An APDU, plain or ciphered, with this side's signature.

    Args:
        keys: this side's.
        header: names both sides.
        apdu: to sign.
        with_length: whether the signature covers the length of the APDU too; see the module.

    Raises:
        LocalProtocolError: there is no key to sign with.
    """
    signature = sign(keys.suite, _held(keys.signing_key), _covered(header, apdu, with_length=with_length))
    return GeneralSigning(header, apdu, signature).encode()


def _covered(header: GeneralHeader, apdu: bytes, *, with_length: bool) -> bytes:
    return header.encode() + (encode_octets(apdu) if with_length else apdu)


class Signed(NamedTuple):
    """What a signature that holds covers.

    Attributes:
        content: the APDU, plain or ciphered.
        with_length: whether its length is covered too.
    """

    content: bytes
    with_length: bool


def open_signed(data: bytes, keys: Keys, title: bytes) -> Signed | Refused:
    """The signed APDU, which may be used, or why not.

    Args:
        data: a general-signing APDU.
        keys: this side's, with `other_signing_key`.
        title: the other side's system title as the association knows it; empty where only the APDU says it.
    """
    try:
        signed = GeneralSigning.decode(data)
    except RemoteProtocolError as error:
        return Refused(RefusalKind.MALFORMED, f"not a general-signing APDU: {error}")
    sender = _sender(signed.header, keys, title)
    if isinstance(sender, Refused):
        return sender
    if keys.other_signing_key is None:
        return Refused(RefusalKind.KEY, f"there is no public key to check the signature of {show_title(sender)} with")
    suite, other = keys.suite, keys.other_signing_key
    refused = verify(suite, other, _covered(signed.header, signed.content, with_length=True), signed.signature)
    if refused is None:
        return Signed(signed.content, with_length=True)
    if verify(suite, other, _covered(signed.header, signed.content, with_length=False), signed.signature) is None:
        return Signed(signed.content, with_length=False)
    return refused


def _seal(
    cipher: Cipher, keys: Keys, control: int, counter: int, header: GeneralHeader, info: KeyInfo, apdu: bytes
) -> bytes:
    content = cipher.seal(control, header.originator_system_title or keys.title, counter, apdu, header.encode())
    return GeneralCiphering(header, info, content).encode()


def _sender(header: GeneralHeader, keys: Keys, title: bytes) -> bytes | Refused:
    recipient = header.recipient_system_title
    if recipient and recipient != keys.title:
        reason = f"the APDU is for {show_title(recipient)}, this is {show_title(keys.title)}"
        return Refused(RefusalKind.TITLE, reason)
    return originator(header.originator_system_title, title)


def _unwrap(info: WrappedKey, keys: Keys) -> Secret | Refused:
    if info.kek_id != _MASTER_KEY or keys.master is None:
        return Refused(RefusalKind.KEY, f"there is no key encryption key {info.kek_id}")
    return unwrap_key(keys.master, info.key_ciphered_data)


def _agreed(info: AgreedKey, keys: Keys, header: GeneralHeader) -> Secret | Refused:
    if keys.suite.curve is None or keys.agreement_key is None:
        return Refused(RefusalKind.KEY, f"security suite {keys.suite.number} has no key agreement here")
    nonce: bytes | None = None
    if info.key_parameters == bytes((ONE_PASS,)):
        if keys.other_signing_key is None:
            return Refused(RefusalKind.KEY, "there is no public key to check the ephemeral key's signature with")
        other = open_ephemeral(keys.suite, info.key_ciphered_data, keys.other_signing_key)
        if isinstance(other, Refused):
            return other
    elif info.key_parameters == bytes((STATIC_UNIFIED,)) and keys.other_agreement_key is not None:
        other, nonce = keys.other_agreement_key, header.transaction_id
    else:
        return Refused(RefusalKind.KEY, "the scheme of key agreement is unknown, or the other side's key for it is")
    return agree(
        keys.suite,
        keys.agreement_key,
        other,
        originator=header.originator_system_title,
        recipient=header.recipient_system_title,
        transaction_id=nonce,
    )


def _held(key: _Key | None) -> _Key:
    if key is None:
        raise LocalProtocolError("a key that this scheme of key agreement or signature needs is not there")
    return key
