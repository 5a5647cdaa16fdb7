import dataclasses

import pytest

from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.keys import Keys
from protocols.dlms.security.suite import SUITE_0, SUITE_1, SUITE_2
from protocols.secret import Secret
from tests.protocols.dlms.security.keyring import CLIENT_TITLE, CLIENTS, private, with_key


def test_keys_do_not_show_themselves() -> None:
    for keys in CLIENTS:
        shown = f"{keys!r} {keys} {keys.ciphers!r} {dataclasses.replace(keys, dedicated=None)!r}"
        for name in ("block", "authentication", "broadcast", "dedicated", "master"):
            key = getattr(keys, name).reveal()
            assert repr(key)[2:-1] not in shown
            assert key.hex() not in shown.lower()
        assert "PrivateKey" not in shown


@pytest.mark.parametrize("name", ["block", "authentication", "broadcast", "dedicated", "master"])
def test_a_key_of_the_wrong_length_is_refused_without_showing_it(name: str) -> None:
    with pytest.raises(ValueError, match="16 octets, not 5") as caught:
        with_key(CLIENTS[0], name, Secret(b"SESAM"))
    assert "SESAM" not in str(caught.value)
    with pytest.raises(ValueError, match="32 octets, not 16"):
        with_key(CLIENTS[2], name, Secret(bytes(16)))


def test_a_title_and_curves_must_fit() -> None:
    with pytest.raises(ValueError, match="8 octets, not 3"):
        Keys(title=b"MBC", block=Secret(bytes(16)))
    with pytest.raises(ValueError, match="not of security suite 1"):
        dataclasses.replace(CLIENTS[1], signing_key=private(SUITE_2, "other"))
    with pytest.raises(ValueError, match="not of security suite 0"):
        Keys(title=CLIENT_TITLE, block=Secret(bytes(16)), signing_key=private(SUITE_1, "x"))


def test_a_cipher_shows_its_suite_and_no_more() -> None:
    assert repr(Cipher(SUITE_0, Secret(bytes(16)))) == "Cipher(suite 0)"
