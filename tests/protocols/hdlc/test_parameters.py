"""What SNRM and UA settle."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import RemoteProtocolError
from protocols.hdlc.parameters import DEFAULT, Parameters, decode, encode

PARAMETERS = st.builds(
    Parameters,
    information_transmit=st.integers(1, 2030),
    information_receive=st.integers(1, 2030),
    window_transmit=st.integers(1, 7),
    window_receive=st.integers(1, 7),
)


@given(PARAMETERS)
def test_what_is_encoded_is_decoded(parameters: Parameters) -> None:
    assert decode(encode(parameters)) == parameters


@given(st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda data: b"\x81\x80" + data)))
def test_any_octets_are_parameters_or_a_remote_protocol_error(data: bytes) -> None:
    try:
        decode(data)
    except RemoteProtocolError:
        return


@given(PARAMETERS, PARAMETERS)
def test_both_sides_come_to_the_same(client: Parameters, server: Parameters) -> None:
    answered = server.limited_by(client)
    settled = client.limited_by(answered)
    assert settled.information_transmit == answered.information_receive <= client.information_transmit
    assert settled.information_receive == answered.information_transmit <= client.information_receive
    assert settled.window_transmit == answered.window_receive <= client.window_transmit
    assert settled.window_receive == answered.window_transmit <= client.window_receive


def test_nothing_said_means_the_defaults() -> None:
    assert decode(b"") == DEFAULT == Parameters.symmetric(128)
    assert decode(bytes.fromhex("818000")) == DEFAULT


def test_the_defaults_are_written_as_real_meters_write_them() -> None:
    assert encode(DEFAULT).hex() == "818012050180060180" + "070400000001" + "080400000001"


def test_a_length_may_have_one_octet_or_two() -> None:
    assert decode(bytes.fromhex("81800806020080" + "05020400")).information_transmit == 1024


def test_what_is_out_of_range_is_taken_as_the_nearest_that_exists() -> None:
    told = decode(bytes.fromhex("81800F" + "0502FFFF" + "060100" + "0704000000FF" + "0800"))
    assert told == Parameters(information_transmit=2030, information_receive=128, window_transmit=7)


def test_groups_and_parameters_that_we_do_not_know_are_passed_over() -> None:
    assert decode(bytes.fromhex("81 F002AAAA 8006 9901 00 060140")).information_receive == 64


@pytest.mark.parametrize("information", ["80", "8180", "818005", "81800105", "8180020502", "82801205"])
def test_what_is_not_made_of_fields_is_refused(information: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode(bytes.fromhex(information))


@pytest.mark.parametrize("bad", [{"information_transmit": 0}, {"information_receive": 2031}, {"window_receive": 8}])
def test_what_the_standard_does_not_have_can_not_be_offered(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Parameters(**bad)
