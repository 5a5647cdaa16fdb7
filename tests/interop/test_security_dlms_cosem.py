"""Ciphering and GMAC as dlms-cosem 21.3.2 computes them: another implementation on `cryptography`'s other interface."""

import pytest
from dlms_cosem import security as theirs
from dlms_cosem.exceptions import DecryptionError
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.key_wrap import unwrap_key, wrap_key
from protocols.dlms.security.suite import SUITES
from protocols.secret import Secret

pytestmark = pytest.mark.interop

suites = st.sampled_from([0, 1, 2])
titles = st.binary(min_size=8, max_size=8)
counters = st.integers(0, 0xFFFFFFFF)
plains = st.binary(min_size=1, max_size=200)


def _keys(suite: int) -> tuple[bytes, bytes]:
    size = SUITES[suite].key_octets
    return bytes(range(size)), bytes(range(0xD0 - 32, 0xD0 - 32 + size))


def _cipher(suite: int) -> Cipher:
    key, authentication = _keys(suite)
    return Cipher(SUITES[suite], Secret(key), Secret(authentication))


@given(suites, titles, counters, plains)
def test_authenticated_encryption_is_the_same(suite: int, title: bytes, counter: int, plain: bytes) -> None:
    key, authentication = _keys(suite)
    control = theirs.SecurityControlField(suite, authenticated=True, encrypted=True)
    ours = _cipher(suite).seal(PROTECTED, title, counter, plain)
    assert ours[:1] == control.to_bytes()
    assert ours[5:] == theirs.encrypt(control, title, counter, key, plain, authentication)
    assert theirs.decrypt(control, title, counter, key, ours[5:], authentication) == plain
    with pytest.raises(DecryptionError):
        theirs.decrypt(control, title, counter ^ 1, key, ours[5:], authentication)


@given(suites, titles, counters, st.binary(min_size=8, max_size=64))
def test_gmac_is_the_same(suite: int, title: bytes, counter: int, challenge: bytes) -> None:
    key, authentication = _keys(suite)
    control = theirs.SecurityControlField(suite, authenticated=True)
    wanted = theirs.gmac(control, title, counter, key, authentication, challenge)
    assert _cipher(suite).gmac(title, counter, challenge) == wanted


def test_keys_are_wrapped_the_same() -> None:
    master, key = _keys(0)
    control = theirs.SecurityControlField(0)
    wrapped = wrap_key(Secret(master), Secret(key))
    assert wrapped == theirs.wrap_key(control, master, key)
    assert unwrap_key(Secret(master), wrapped) == Secret(key)
