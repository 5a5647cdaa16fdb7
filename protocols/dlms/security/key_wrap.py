"""AES key wrap (RFC 3394): how a key travels under the master key."""

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from protocols.dlms.security.refused import RefusalKind, Refused
from protocols.secret import Secret


def wrap_key(master: Secret, key: Secret) -> bytes:
    """The octets of `key` under the master key."""
    return aes_key_wrap(master.reveal(), key.reveal())


def unwrap_key(master: Secret, wrapped: bytes) -> Secret | Refused:
    """The key that was wrapped, or why it could not be had."""
    try:
        return Secret(aes_key_unwrap(master.reveal(), wrapped))
    except (InvalidUnwrap, ValueError):
        return Refused(RefusalKind.KEY, "the wrapped key does not unwrap: the master key is wrong, or it was changed")
