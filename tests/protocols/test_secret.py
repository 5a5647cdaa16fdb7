"""A secret does not show itself."""

import pickle

import pytest

from protocols.secret import Secret

KEY = bytes.fromhex("000102030405060708090A0B0C0D0E0F")


def test_nothing_shows_it() -> None:
    secret = Secret(KEY)
    shown = f"{secret} {secret!r} {[secret]} {secret:}"
    for form in (KEY.hex(), KEY.hex().upper(), repr(KEY)[2:-1]):
        assert form not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


def test_it_compares_and_reveals() -> None:
    assert Secret("meterbench").reveal() == b"meterbench"
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret(KEY[:-1])
    assert Secret(KEY) != KEY
    assert Secret(KEY).matches(KEY)
    assert not Secret(KEY).matches(KEY[::-1])
    assert len(Secret(KEY)) == 16
