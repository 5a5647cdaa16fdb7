"""Meter URLs: where a meter is and how it is spoken to, to dial it or to listen as one.

```
dlms+tcp://HOST:4059?client=48&server=1        the wrapper on TCP           dlms+udp://HOST:4059     on UDP
dlms+hdlc+tcp://HOST:PORT?physical=17          HDLC on TCP
dlms+tcp+listen://0.0.0.0:4059                 the meter dials in (cellular)
dlms+hdlc:///dev/ttyUSB0?baud=9600&physical=17&address_size=2               dlms+mode-e:///dev/ttyUSB0
dlms+hdlc://pty?path=run/line1&physical=17     to listen only: a new pseudo-terminal with that stable path
modbus+tcp://HOST:502?unit=1   modbus+tls://HOST:802   modbus+rtu:///dev/ttyUSB0?baud=9600&parity=N&unit=1
modbus+ascii:///dev/ttyUSB0    modbus+rtu+tcp://HOST:PORT
iec62056-21:///dev/ttyUSB0?device=12345        a read-out in mode C          iec62056-21+tcp://HOST:PORT
```

A URL becomes a frozen value with a `carrier`, which says what to open; who has an equal carrier is on the same line.
Secrets have no place in a URL and are refused. `str` of a value is the URL again.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

BAUDS: Final = (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
PARITIES: Final = ("N", "E", "O")
PORT_MAX: Final = 65535
UNIT_MAX: Final = 255  # 1 to 247 are meters; 0 and 248 to 255 are used on TCP for the device itself
SAP_MAX: Final = 0x3FFF  # upper half of a four-byte HDLC address; also below the wrapper's 16 bits
PHYSICAL_MAX: Final = 0x3FFF  # lower half of a four-byte HDLC address
ADDRESS_SIZES: Final = (1, 2, 4)
CLIENT_MAX: Final = 0x7F  # an HDLC client address is one byte with its lowest bit taken
PASSWORD_WORDS: Final = frozenset({"password", "passwd", "pass", "pwd", "secret", "token"})
KEY_WORDS: Final = frozenset({"lls", "hls", "key", "keys", "block", "authentication", "master"})


class AddressError(ValueError):
    """A meter URL that says nothing we can dial; the sentence says what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A TCP port to connect to or to listen on; with `shared`, the meters that give it that name share the port."""

    host: str
    port: int
    shared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Udp:
    """A UDP port to send to or to receive on."""

    host: str
    port: int
    shared: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """A TCP port behind TLS with certificates on both sides; the three are file names."""

    host: str
    port: int
    shared: str = ""
    authority: str = ""
    certificate: str = ""
    private_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpListen:
    """A TCP port on which the head-end's side waits and to which the meter dials in."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialLine:
    """A serial device and the line it starts with."""

    device: str
    baud: int
    data_bits: int = 8
    parity: str = "N"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pty:
    """A pseudo-terminal to be opened by whoever listens; `path` becomes a symbolic link to its other end."""

    path: str = ""
    baud: int = 9600


Carrier: TypeAlias = Tcp | Udp | Tls | TcpListen | SerialLine | Pty


@dataclass(frozen=True, slots=True, kw_only=True)
class DlmsAddress:
    """A DLMS meter: what carries it and the SAPs at both ends.

    `physical` is the lower HDLC address, None where there is only the upper one; `address_size` is the length of the
    server's HDLC address in bytes, 0 for the shortest that fits.
    """

    scheme: str
    carrier: Carrier
    client: int = 16
    server: int = 1
    physical: int | None = None
    address_size: int = 0

    @property
    def link(self) -> Literal["wrapper", "hdlc", "mode-e"]:
        """What frames the APDUs."""
        if self.scheme == "dlms+mode-e":
            return "mode-e"
        return "hdlc" if "hdlc" in self.scheme else "wrapper"

    def __str__(self) -> str:
        return _format(self.scheme, self.carrier, _differences(self, _DLMS_OPTIONS, always=("client", "server")))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusAddress:
    """A Modbus meter: what carries it and its unit identifier."""

    scheme: str
    carrier: Carrier
    unit: int = 1

    @property
    def framing(self) -> Literal["tcp", "rtu", "ascii"]:
        """What frames the PDUs."""
        if "rtu" in self.scheme:
            return "rtu"
        return "ascii" if "ascii" in self.scheme else "tcp"

    def __str__(self) -> str:
        return _format(self.scheme, self.carrier, {"unit": str(self.unit)})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutAddress:
    """A meter that is read out in characters (IEC 62056-21): `device` is its address among several, or empty.

    `baud_max` is the highest speed that the reader's side of the line can change to; a port on TCP cannot change it.
    With `eight_bits` the line has eight bits without parity, and characters carry their parity in the highest.
    """

    scheme: str
    carrier: Carrier
    device: str = ""
    baud_max: int = 19200
    eight_bits: bool = False

    def __str__(self) -> str:
        bits = "8" if self.eight_bits and not isinstance(self.carrier, SerialLine) else ""
        own = {"device": self.device, "baud_max": str(self.baud_max), "data_bits": bits}
        return _format(self.scheme, self.carrier, own)


MeterAddress: TypeAlias = DlmsAddress | ModbusAddress


class _Scheme(NamedTuple):
    """How one scheme is written: its carrier, the port or baud it has when none is given, and its serial line."""

    kind: Literal["tcp", "udp", "tls", "listen", "serial"]
    default: int = 0
    data_bits: int = 8
    parity: str = "N"
    example: str = ""


SCHEMES: Final[Mapping[str, _Scheme]] = {
    "dlms+tcp": _Scheme("tcp", 4059, example="dlms+tcp://192.0.2.7:4059?client=48&server=1"),
    "dlms+udp": _Scheme("udp", 4059, example="dlms+udp://192.0.2.7:4059?client=48&server=1"),
    "dlms+tcp+listen": _Scheme("listen", 4059, example="dlms+tcp+listen://0.0.0.0:4059"),
    "dlms+hdlc+tcp": _Scheme("tcp", example="dlms+hdlc+tcp://192.0.2.7:4001?client=32&server=1"),
    "dlms+hdlc": _Scheme("serial", 9600, example="dlms+hdlc:///dev/ttyUSB0?baud=9600&physical=17"),
    "dlms+mode-e": _Scheme("serial", 300, 7, "E", "dlms+mode-e:///dev/ttyUSB0"),
    "modbus+tcp": _Scheme("tcp", 502, example="modbus+tcp://192.0.2.7:502?unit=1"),
    "modbus+tls": _Scheme("tls", 802, example="modbus+tls://192.0.2.7:802?unit=1&authority=ca.pem"),
    "modbus+rtu": _Scheme("serial", 9600, example="modbus+rtu:///dev/ttyUSB0?baud=9600&parity=N&unit=1"),
    "modbus+ascii": _Scheme(
        "serial", 9600, example="modbus+ascii:///dev/ttyUSB0?baud=9600&data_bits=7&parity=E&unit=1"
    ),
    "modbus+rtu+tcp": _Scheme("tcp", example="modbus+rtu+tcp://192.0.2.7:4001?unit=1"),
}
"""Every scheme. Ports without an assignment must be given; 4059, 502 and 802 are the assigned ones."""


READ_OUT_SCHEMES: Final[Mapping[str, _Scheme]] = {
    "iec62056-21": _Scheme("serial", 300, 7, "E", "iec62056-21:///dev/ttyUSB0"),
    "iec62056-21+tcp": _Scheme("tcp", example="iec62056-21+tcp://192.0.2.7:4001"),
}
"""Meters that are read out, and not asked."""


def parse(url: str, *, listen: bool = False) -> MeterAddress:
    """Read a meter URL strictly.

    Args:
        url: as in the module's table.
        listen: for the meter's side; only there may the port be 0 (any free one), a port be shared or `pty` be opened.

    Raises:
        AddressError: one sentence that says what is wrong and what would be right; it never repeats a secret.
    """
    name, carrier, options = _parts(url, SCHEMES, listen=listen)
    address = _dlms(name, carrier, options) if name.startswith("dlms") else _modbus(name, carrier, options)
    options.end()
    return address


def parse_read_out(url: str) -> ReadOutAddress:
    """Read the URL of a meter that is read out; an optical head may be named as for DLMS, with `dlms+mode-e`.

    Raises:
        AddressError: as with `parse`.
    """
    if url.startswith("dlms+mode-e:"):
        return ReadOutAddress(scheme="iec62056-21", carrier=parse(url).carrier)
    name, carrier, options = _parts(url, READ_OUT_SCHEMES, listen=False)
    on_line = isinstance(carrier, SerialLine)
    baud_max = options.number("baud_max", 19200 if on_line else 300, BAUDS.__contains__, "a speed of the line")
    bits = carrier.data_bits if isinstance(carrier, SerialLine) else int(options.choice("data_bits", "7", ("7", "8")))
    device = options.text("device")
    options.end()
    return ReadOutAddress(scheme=name, carrier=carrier, device=device, baud_max=baud_max, eight_bits=bits == 8)


def _parts(url: str, schemes: Mapping[str, _Scheme], *, listen: bool) -> tuple[str, Carrier, "_Options"]:
    """The scheme, what to open, and the options that are left to whoever knows the scheme."""
    try:
        parts = urlsplit(url)
        host, port, user = parts.hostname, parts.port, parts.username
    except ValueError as error:
        example = next(iter(schemes.values())).example
        raise AddressError(f"this is no URL ({error}); a meter URL looks like {example}") from None
    scheme = schemes.get(parts.scheme)
    if scheme is None:
        raise AddressError(_unknown_scheme(parts.scheme, schemes))
    if user is not None:
        raise AddressError("a URL carries no user and no password; put secrets into the meter's `keys = {...}`")
    if parts.fragment:
        raise AddressError(f"a meter URL has no part after #; it looks like {scheme.example}")
    options = _Options(parts.query, scheme)
    if scheme.kind == "serial":
        if port is not None:
            raise AddressError(f"a serial device has no port; the URL looks like {scheme.example}")
        return parts.scheme, _serial(scheme, host, unquote(parts.path), options, listen=listen), options
    if parts.path not in {"", "/"}:
        raise AddressError(f"no path belongs behind the port; the URL looks like {scheme.example}")
    return parts.scheme, _socket(scheme, host, port, options, listen=listen), options


def count_up(address: MeterAddress, step: int) -> MeterAddress:
    """The listen address of the `step`-th meter after this one (design: ports and physical addresses count up).

    A port of its own counts up and port 0 stays 0; on a line or port that several meters share, what tells them apart
    counts up instead: the physical address, the server SAP of a wrapper, the Modbus unit.

    Raises:
        AddressError: where the numbers come to their end.
    """
    if not step:
        return address
    carrier = address.carrier
    shared = isinstance(carrier, SerialLine | Pty) or bool(getattr(carrier, "shared", ""))
    if not isinstance(carrier, SerialLine | Pty) and not shared and carrier.port:
        carrier = replace(carrier, port=_limit("port", carrier.port + step, PORT_MAX))
    if carrier is address.carrier and not shared and getattr(address, "physical", None) is None:
        return address  # nothing counts: thousands of meters share it
    if isinstance(address, ModbusAddress):
        unit = _limit("unit", address.unit + step, UNIT_MAX) if shared else address.unit
        return replace(address, carrier=carrier, unit=unit)
    if address.physical is not None:
        return replace(address, carrier=carrier, physical=_limit("physical", address.physical + step, PHYSICAL_MAX))
    server = _limit("server", address.server + step, SAP_MAX) if shared else address.server
    return replace(address, carrier=carrier, server=server)


def _limit(name: str, value: int, most: int) -> int:
    if value > most:
        raise AddressError(
            f"{name} would count up to {value}, the highest is {most}; use a smaller count or start lower"
        )
    return value


def _unknown_scheme(scheme: str, schemes: Mapping[str, _Scheme]) -> str:
    if scheme in READ_OUT_SCHEMES:
        return f"a meter at {scheme}: can be read out and not asked; `meter-gateway read-out` does it"
    near = get_close_matches(scheme, schemes, n=1)
    if near:
        return f"unknown scheme {scheme!r}; did you mean {schemes[near[0]].example}"
    return f"unknown scheme {scheme!r}; the URL begins with one of {', '.join(schemes)}"


class _Options:
    """The query of a URL, each key taken once; what nobody took is an error."""

    def __init__(self, query: str, scheme: _Scheme) -> None:
        self._scheme = scheme
        self._known: list[str] = []
        self._left: dict[str, str] = {}
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
        except ValueError:
            raise AddressError(f"what follows ? is name=value&name=value, as in {scheme.example}") from None
        for name, value in pairs:
            if name.lower() in PASSWORD_WORDS | KEY_WORDS:
                raise AddressError(
                    f"`{name}` would put a secret into the URL; put it into the meter's `keys = {{...}}`"
                )
            if name in self._left:
                raise AddressError(f"`{name}` is given twice")
            self._left[name] = value

    def text(self, name: str, default: str = "") -> str:
        self._known.append(name)
        return self._left.pop(name, default)

    def choice(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in allowed:
            raise AddressError(f"{name}={value} is not possible; use one of {', '.join(allowed)}")
        return value

    def number(self, name: str, default: int, allowed: Callable[[int], bool], right: str) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdecimal() and len(value) < 10 and allowed(int(value))):
            raise AddressError(f"{name}={value} is not possible; {name} is {right}")
        return int(value)

    def end(self) -> None:
        for name in self._left:
            near = get_close_matches(name, self._known, n=1)
            hint = f"did you mean `{near[0]}`" if near else f"possible here are {', '.join(self._known)}"
            raise AddressError(f"`{name}` means nothing in this URL; {hint}")


def _socket(scheme: _Scheme, host: str | None, port: int | None, options: _Options, *, listen: bool) -> Carrier:
    if not host:
        raise AddressError(f"the host is missing; the URL looks like {scheme.example}")
    if port is None:
        if not scheme.default:
            raise AddressError(f"the port is missing; the URL looks like {scheme.example}")
        port = scheme.default
    if port == 0 and not (listen and scheme.kind != "listen"):
        raise AddressError("port 0 is only for listening, where it takes any free port; name the port to dial")
    if scheme.kind == "listen":
        return TcpListen(host=host, port=port)
    shared = options.text("shared") if listen else ""
    if scheme.kind == "tls":
        return Tls(
            host=host,
            port=port,
            shared=shared,
            authority=options.text("authority"),
            certificate=options.text("certificate"),
            private_key=options.text("private_key"),
        )
    return (
        Udp(host=host, port=port, shared=shared) if scheme.kind == "udp" else Tcp(host=host, port=port, shared=shared)
    )


def _serial(scheme: _Scheme, host: str | None, path: str, options: _Options, *, listen: bool) -> Carrier:
    bauds = ", ".join(map(str, BAUDS))
    baud = options.number("baud", scheme.default, BAUDS.__contains__, f"one of {bauds}")
    if host == "pty" and path in {"", "/"}:
        if not listen:
            raise AddressError(
                "`pty` is opened by the meter's side; name the path it made, as in dlms+hdlc:///run/line1"
            )
        return Pty(path=options.text("path"), baud=baud)
    if host or path in {"", "/"}:
        raise AddressError(f"a device is an absolute path behind three slashes, as in {scheme.example}")
    data_bits = options.number("data_bits", scheme.data_bits, (7, 8).__contains__, "7 or 8")
    parity = options.choice("parity", scheme.parity, PARITIES)
    stop_bits = options.number("stop_bits", 1, (1, 2).__contains__, "1 or 2")
    return SerialLine(device=path, baud=baud, data_bits=data_bits, parity=parity, stop_bits=stop_bits)


_DLMS_OPTIONS: Final = ("client", "server", "physical", "address_size")


def _dlms(scheme: str, carrier: Carrier, options: _Options) -> DlmsAddress:
    hdlc = "hdlc" in scheme or scheme == "dlms+mode-e"
    client = options.number("client", 16, lambda n: 1 <= n <= CLIENT_MAX, f"1 to {CLIENT_MAX}")
    server = options.number("server", 1, lambda n: 0 <= n <= SAP_MAX, f"0 to {SAP_MAX}")
    if not hdlc:
        return DlmsAddress(scheme=scheme, carrier=carrier, client=client, server=server)
    lower = options.number("physical", PHYSICAL_MAX + 1, lambda n: 0 <= n <= PHYSICAL_MAX + 1, f"0 to {PHYSICAL_MAX}")
    physical = None if lower > PHYSICAL_MAX else lower
    size = options.number("address_size", 0, (0, *ADDRESS_SIZES).__contains__, "1, 2 or 4")
    need = _address_size(server, physical)
    if size and size < need:
        raise AddressError(f"address_size={size} is too short for this server address; use {need}")
    return DlmsAddress(
        scheme=scheme, carrier=carrier, client=client, server=server, physical=physical, address_size=size
    )


def _address_size(server: int, physical: int | None) -> int:
    """The shortest HDLC address for the two: seven bits in one byte, or twice seven, or twice fourteen."""
    if max(server, physical or 0) > 0x7F:
        return 4
    return 1 if physical is None else 2


def _modbus(scheme: str, carrier: Carrier, options: _Options) -> ModbusAddress:
    unit = options.number("unit", 1, lambda n: 0 <= n <= UNIT_MAX, f"0 to {UNIT_MAX}")
    return ModbusAddress(scheme=scheme, carrier=carrier, unit=unit)


def _differences(address: DlmsAddress, names: tuple[str, ...], always: tuple[str, ...]) -> dict[str, str]:
    return {
        name: str(value)
        for name in names
        if (value := getattr(address, name)) is not None and (name in always or value != 0 or name == "physical")
    }


def _format(scheme: str, carrier: Carrier, options: dict[str, str]) -> str:
    known = SCHEMES.get(scheme) or READ_OUT_SCHEMES[scheme]
    match carrier:
        case Pty(path=path, baud=baud):
            where, own = "pty", {"path": path, "baud": str(baud) if baud != known.default else ""}
        case SerialLine():
            where = quote(carrier.device)
            own = {
                "baud": str(carrier.baud),
                "data_bits": str(carrier.data_bits) if carrier.data_bits != known.data_bits else "",
                "parity": carrier.parity if carrier.parity != known.parity else "",
                "stop_bits": str(carrier.stop_bits) if carrier.stop_bits != 1 else "",
            }
        case _:
            where = f"[{carrier.host}]:{carrier.port}" if ":" in carrier.host else f"{carrier.host}:{carrier.port}"
            names = ("shared", "authority", "certificate", "private_key")
            own = {name: getattr(carrier, name, "") for name in names}
    query = urlencode({name: value for name, value in (own | options).items() if value}, safe="/:")
    return f"{scheme}://{where}?{query}"
