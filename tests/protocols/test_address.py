"""Meter URLs: what they become, what they refuse, and that they come back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.address import (
    BAUDS,
    AddressError,
    DlmsAddress,
    ModbusAddress,
    Pty,
    SerialLine,
    Tcp,
    TcpListen,
    Tls,
    Udp,
    count_up,
    parse,
)


def test_the_design_s_examples_are_read() -> None:
    assert parse("dlms+tcp://192.0.2.1:4059?client=48&server=1") == DlmsAddress(
        scheme="dlms+tcp", carrier=Tcp(host="192.0.2.1", port=4059), client=48, server=1
    )
    assert parse("dlms+hdlc+tcp://meter.example:4001?client=32&server=1").carrier == Tcp(
        host="meter.example", port=4001
    )
    assert parse("dlms+tcp+listen://0.0.0.0:4059").carrier == TcpListen(host="0.0.0.0", port=4059)  # noqa: S104
    assert parse("dlms+hdlc:///dev/ttyUSB0?baud=9600&physical=17&address_size=2") == DlmsAddress(
        scheme="dlms+hdlc", carrier=SerialLine(device="/dev/ttyUSB0", baud=9600), physical=17, address_size=2
    )
    assert parse("dlms+mode-e:///dev/ttyUSB0").carrier == SerialLine(
        device="/dev/ttyUSB0", baud=300, data_bits=7, parity="E"
    )
    assert parse("modbus+tcp://h?unit=1") == ModbusAddress(scheme="modbus+tcp", carrier=Tcp(host="h", port=502), unit=1)
    assert parse("modbus+rtu:///dev/ttyUSB0?baud=19200&parity=E&unit=7").carrier == SerialLine(
        device="/dev/ttyUSB0", baud=19200, parity="E"
    )
    assert parse("dlms+hdlc://pty?path=run/line1&physical=17", listen=True).carrier == Pty(path="run/line1")
    assert parse("dlms+udp://h").carrier == Udp(host="h", port=4059)
    assert parse("modbus+tls://h?authority=ca.pem").carrier == Tls(host="h", port=802, authority="ca.pem")
    assert parse("modbus+tcp://127.0.0.1:0?shared=bus1", listen=True).carrier == Tcp(
        host="127.0.0.1", port=0, shared="bus1"
    )
    assert parse("dlms+tcp://[::1]:4059").carrier == Tcp(host="::1", port=4059)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("dlms+tpc://h:1", "did you mean dlms\\+tcp://"),
        ("http://h", "begins with one of"),
        ("", "begins with one of"),
        ("dlms+tcp://", "host is missing"),
        ("dlms+hdlc+tcp://h", "port is missing"),
        ("dlms+tcp://h:0", "port 0 is only for listening"),
        ("dlms+tcp://h:99999", "no URL"),
        ("dlms+tcp://[::1", "no URL"),
        ("dlms+tcp://h:1/path", "no path belongs"),
        ("dlms+tcp://h:1#x", "no part after #"),
        ("dlms+tcp://h:1?cleint=16", "did you mean `client`"),
        ("dlms+tcp://h:1?physical=17", "means nothing in this URL"),
        ("dlms+tcp://h:1?client=0", "client is 1 to 127"),
        ("dlms+tcp://h:1?client=abc", "client is 1 to 127"),
        ("dlms+tcp://h:1?client=1&client=2", "given twice"),
        ("dlms+tcp://h:1?client", "name=value"),
        ("dlms+tcp://h:1?shared=x", "means nothing"),
        ("dlms+hdlc://pty?path=x", "opened by the meter's side"),
        ("dlms+hdlc://ttyUSB0", "absolute path behind three slashes"),
        ("dlms+hdlc:///dev/ttyUSB0?baud=9601", "baud is one of 300"),
        ("dlms+hdlc:///dev/ttyUSB0?parity=X", "use one of N, E, O"),
        ("dlms+hdlc:///dev/ttyUSB0?server=300&address_size=2", "too short for this server address; use 4"),
        ("dlms+hdlc://h:17/dev/tty", "has no port"),
        ("modbus+tcp://h?unit=256", "unit is 0 to 255"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(url: str, says: str) -> None:
    with pytest.raises(AddressError, match=says):
        parse(url)


@pytest.mark.parametrize(
    "url",
    ["dlms+tcp://h:1?password=hunter2", "dlms+tcp://user:hunter2@h:1", "dlms+tcp://h:1?LLS=hunter2"],
)
def test_secrets_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(AddressError, match="keys = ") as refused:
        parse(url)
    assert "hunter2" not in str(refused.value)


HOSTS = st.sampled_from(["127.0.0.1", "meter-7.example", "::1"])
PORTS = st.integers(1, 65535)
TCPS = st.builds(Tcp, host=HOSTS, port=PORTS, shared=st.sampled_from(["", "bus 1"]))
SERIALS = st.builds(
    SerialLine,
    device=st.sampled_from(["/dev/ttyUSB0", "/run/a b/line%1"]),
    baud=st.sampled_from(BAUDS),
    data_bits=st.sampled_from([7, 8]),
    parity=st.sampled_from("NEO"),
    stop_bits=st.sampled_from([1, 2]),
)
ADDRESSES = st.one_of(
    st.builds(
        DlmsAddress,
        scheme=st.just("dlms+tcp"),
        carrier=TCPS,
        client=st.integers(1, 127),
        server=st.integers(0, 0x3FFF),
    ),
    st.builds(
        DlmsAddress,
        scheme=st.sampled_from(["dlms+hdlc", "dlms+mode-e"]),
        carrier=st.one_of(SERIALS, st.builds(Pty, path=st.sampled_from(["", "run/line1"]))),
        client=st.integers(1, 127),
        server=st.integers(0, 0x3FFF),
        physical=st.one_of(st.none(), st.integers(0, 0x3FFF)),
        address_size=st.sampled_from([0, 4]),
    ),
    st.builds(
        ModbusAddress,
        scheme=st.sampled_from(["modbus+tcp", "modbus+rtu+tcp"]),
        carrier=TCPS,
        unit=st.integers(0, 255),
    ),
    st.builds(
        ModbusAddress, scheme=st.sampled_from(["modbus+rtu", "modbus+ascii"]), carrier=SERIALS, unit=st.integers(0, 255)
    ),
)


@given(ADDRESSES)
def test_an_address_written_is_read_back(address: DlmsAddress | ModbusAddress) -> None:
    assert parse(str(address), listen=True) == address


@given(st.text())
def test_any_text_gives_an_address_or_an_address_error(text: str) -> None:
    for url in (text, f"dlms+tcp://{text}", f"modbus+rtu://{text}", f"dlms+tcp://h:1?{text}"):
        try:
            parse(url, listen=True)
        except AddressError:
            continue


def counted(url: str, step: int) -> str:
    return str(count_up(parse(url, listen=True), step))


def test_where_nothing_counts_all_meters_share_one_address() -> None:
    for url in ("dlms+tcp://127.0.0.1:0", "modbus+tcp://127.0.0.1:0?unit=3"):
        address = parse(url, listen=True)
        assert count_up(address, 7) is address


def test_ports_and_physical_addresses_count_up() -> None:
    assert counted("dlms+tcp://127.0.0.1:4059", 2) == "dlms+tcp://127.0.0.1:4061?client=16&server=1"
    assert counted("dlms+tcp://127.0.0.1:0", 2) == "dlms+tcp://127.0.0.1:0?client=16&server=1"
    assert counted("dlms+hdlc://pty?path=run/line1&physical=17", 2).endswith("physical=19")
    assert counted("dlms+hdlc+tcp://h:5?physical=17", 1) == "dlms+hdlc+tcp://h:6?client=16&server=1&physical=18"
    assert counted("modbus+tcp://127.0.0.1:0?unit=5", 3) == "modbus+tcp://127.0.0.1:0?unit=5"


def test_on_a_shared_port_what_tells_meters_apart_counts_up() -> None:
    assert counted("modbus+tcp://h:502?unit=5&shared=a", 3) == "modbus+tcp://h:502?shared=a&unit=8"
    assert counted("modbus+rtu://pty?unit=5", 3).endswith("unit=8")
    assert "server=4" in counted("dlms+tcp://h:4059?shared=a", 3)


def test_counting_up_ends_with_a_sentence() -> None:
    for url in ("modbus+rtu://pty?unit=250", "dlms+tcp://h:65530", "dlms+hdlc://pty?physical=16380"):
        with pytest.raises(AddressError, match="use a smaller count"):
            counted(url, 10)
