"""dlms-cosem 21.3.2: what it computes, and as a client of the emulator what it reads and how it is refused."""

from collections.abc import Iterator
from typing import Any

import pytest
from dlms_cosem import security as theirs
from dlms_cosem.cosem import CosemAttribute, CosemMethod, Obis
from dlms_cosem.enumerations import AuthenticationMechanism, CosemInterface
from dlms_cosem.exceptions import ApplicationAssociationError, DecryptionError, DlmsClientException
from hypothesis import given
from hypothesis import strategies as st

from protocols.dlms.security.cipher import Cipher
from protocols.dlms.security.control import PROTECTED
from protocols.dlms.security.key_wrap import unwrap_key, wrap_key
from protocols.dlms.security.suite import SUITES
from protocols.dlms.value import Tag, decode, encode
from protocols.secret import Secret
from tests.emulator import peers
from tests.emulator.program import Running, emulator

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


# As a client of the emulator

BENCH = """
seed = 1
[[meter]]
id = "MB0001"
model = "is15959-d1"
load = { constant = 500 }
listen = ["dlms+tcp://127.0.0.1:0"]
[[meter]]
id = "MB0002"
model = "is15959-d1-gmac"
load = { constant = 500 }
listen = ["dlms+tcp://127.0.0.1:0", "dlms+hdlc+tcp://127.0.0.1:0"]
"""
REFUSED = (ApplicationAssociationError, DlmsClientException)
LLS: dict[str, Any] = {"authentication_method": AuthenticationMechanism.LLS, "password": b"meterbench"}
GMAC: dict[str, Any] = {
    "authentication_method": AuthenticationMechanism.HLS_GMAC,
    "client_system_title": b"MBC00001",
    "encryption_key": bytes.fromhex("000102030405060708090A0B0C0D0E0F"),
    "authentication_key": bytes.fromhex("D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF"),
}
SWITCH = CosemMethod(CosemInterface.DISCONNECT_CONTROL, Obis.from_string("0.0.96.3.10.255"), 1)
PROFILE = CosemAttribute(CosemInterface.PROFILE_GENERIC, Obis.from_string("1.0.99.2.0.255"), 2)


@pytest.fixture(scope="module")
def meters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("security")
    (folder / "bench.toml").write_text(BENCH)
    with emulator("bench.toml", cwd=folder) as running:
        yield running


def url_of(meters: Running, meter: str, client: int, line: int = 0) -> str:
    return meters.urls(meter)[line].replace("client=16", f"client={client}")


def counter_of(meters: Running, meter: str, client: int, line: int = 0) -> int:
    """The counter to begin with, as the public client reads it."""
    with peers.dlms_client(url_of(meters, meter, 16, line)) as public:
        return int(decode(peers.get(public, 1, f"0.0.43.1.{client // 16}.255", 2))[1]) + 1


def read_name(url: str, **options: Any) -> str:
    with peers.dlms_client(url, **options) as client:
        return str(decode(peers.get(client, 1, "0.0.42.0.0.255", 2))[1])


def test_it_reads_as_the_public_client(meters: Running) -> None:
    assert read_name(url_of(meters, "MB0001", 16)).endswith("MB0001")


def test_it_reads_with_a_password(meters: Running) -> None:
    assert read_name(url_of(meters, "MB0001", 32), **LLS).endswith("MB0001")


def test_it_reads_with_a_password_and_ciphered(meters: Running) -> None:
    counter = counter_of(meters, "MB0002", 32)
    options = GMAC | LLS | {"client_initial_invocation_counter": counter}
    assert read_name(url_of(meters, "MB0002", 32), **options).endswith("MB0002")


@pytest.mark.parametrize("line", [0, 1], ids=["wrapper", "HDLC"])
def test_it_authenticates_by_gmac_reads_a_profile_and_switches_ciphered(meters: Running, line: int) -> None:
    options = GMAC | {"client_initial_invocation_counter": counter_of(meters, "MB0002", 48, line)}
    with peers.dlms_client(url_of(meters, "MB0002", 48, line), **options) as client:
        rows = decode(client.get(PROFILE))[1]
        assert len(rows) == 70  # in blocks, each ciphered
        assert client.action(SWITCH, encode((Tag.INTEGER, 0))) is None
        assert decode(peers.get(client, 70, "0.0.96.3.10.255", 3)) == (Tag.ENUM, 0)
        assert client.action(CosemMethod(SWITCH.interface, SWITCH.instance, 2), encode((Tag.INTEGER, 0))) is None
    assert counter_of(meters, "MB0002", 48) > options["client_initial_invocation_counter"] + 4


def test_a_wrong_key_a_wrong_password_and_a_replayed_counter_are_refused(meters: Running) -> None:
    counter = counter_of(meters, "MB0002", 48)
    right = GMAC | {"client_initial_invocation_counter": counter}
    url = url_of(meters, "MB0002", 48)
    for wrong in (
        {"encryption_key": bytes(16)},
        {"authentication_key": bytes(16)},
        {"client_initial_invocation_counter": 1},
    ):
        with pytest.raises(REFUSED):
            read_name(url, **right | wrong)
    assert counter_of(meters, "MB0002", 48) == counter
    assert read_name(url, **right).endswith("MB0002")
    with pytest.raises(REFUSED):
        read_name(url, **right)
    with pytest.raises(REFUSED):
        read_name(url_of(meters, "MB0001", 32), **LLS | {"password": b"wrong"})


def test_a_client_without_keys_is_not_let_in(meters: Running) -> None:
    with pytest.raises(REFUSED):
        read_name(url_of(meters, "MB0002", 48), **LLS)
