"""The wrapper of the DLMS TCP-UDP/IP profile: an eight-octet header before each APDU (IEC 62056-47).

Version 1, source wPort, destination wPort, length, each two octets, most significant first. On TCP the stream may be
cut anywhere; on UDP a datagram holds exactly one. The wrapper has no connection of its own: a client's `LinkConnect`
is answered with `LinkUp` at once.
"""

from enum import Enum
from struct import Struct
from typing import Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import Apdu, LinkConnect, LinkDisconnect, LinkDown, LinkUp
from protocols.machine import Layer

HEADER: Final = Struct(">HHHH")
HEADER_BYTES: Final = HEADER.size
VERSION: Final = 1
APDU_BYTES_MAX: Final = 0xFFFF  # the length field holds no more

_unpack_from = HEADER.unpack_from
_pack = HEADER.pack
_new = tuple.__new__  # half the cost of Apdu(...), and this runs on every request


class Role(Enum):
    """Which side of the wrapper we are: it says which wPort is the client's."""

    CLIENT = "client"
    SERVER = "server"


def encode(source: int, destination: int, apdu: bytes) -> bytes:
    """One frame.

    Raises:
        LocalProtocolError: the APDU is longer than the length field can say.
    """
    if len(apdu) > APDU_BYTES_MAX:
        raise _too_long(apdu)
    return _pack(VERSION, source, destination, len(apdu)) + apdu


def _too_long(apdu: bytes) -> LocalProtocolError:
    return LocalProtocolError(f"an APDU of {len(apdu)} octets does not fit a wrapper frame of {APDU_BYTES_MAX}")


class _Wrapped(Layer[bytes, Apdu | LinkConnect | LinkDisconnect]):
    """What TCP and UDP share: all but how frames are found in what arrives."""

    __slots__ = ("_apdu_bytes_max", "_server")

    def __init__(self, role: Role, *, apdu_bytes_max: int = APDU_BYTES_MAX) -> None:
        self._server = role is Role.SERVER
        self._apdu_bytes_max = min(apdu_bytes_max, APDU_BYTES_MAX)

    def from_above(self, item: Apdu | LinkConnect | LinkDisconnect, now_us: int) -> None:
        """Frame an APDU; confirm at once that a link which needs no opening is up, or down."""
        if type(item) is Apdu:
            client, server, data, _ = item
            source, destination = (server, client) if self._server else (client, server)
            if 0 < len(data) <= APDU_BYTES_MAX:
                self.below(_pack(VERSION, source, destination, len(data)) + data, now_us)
            elif data:  # none at all asks what there still is, which only a link with turns needs
                raise _too_long(data)
        elif type(item) is LinkConnect:
            self.above(LinkUp(item.client, item.server), now_us)
        else:
            self.above(LinkDown(item.client, item.server, "we released the link"), now_us)


class Wrapper(_Wrapped):
    """Stream below, `Apdu` above.

    The stream is not to be trusted again once a header is wrong, so that closes the machine.

    Args:
        role: which side we are.
        apdu_bytes_max: the longest APDU taken; a header that announces a longer one closes the machine.
    """

    __slots__ = ("_held",)

    def __init__(self, role: Role, *, apdu_bytes_max: int = APDU_BYTES_MAX) -> None:
        super().__init__(role, apdu_bytes_max=apdu_bytes_max)
        self._held = bytearray()

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take any cut of the stream.

        Raises:
            RemoteProtocolError: another version than 1, or a longer APDU than allowed.
        """
        if not self._held and len(item) > HEADER_BYTES:
            version, source, destination, length = _unpack_from(item)
            if len(item) == HEADER_BYTES + length and version == VERSION and length <= self._apdu_bytes_max:
                apdu = item[HEADER_BYTES:]
                if self._server:
                    answer = self.ask(source, destination, apdu, now_us)
                    if answer is None:
                        self.above(_new(Apdu, (source, destination, apdu, True)), now_us)
                    else:
                        self.below(_pack(VERSION, destination, source, len(answer)) + answer, now_us)
                else:
                    self.above(_new(Apdu, (destination, source, apdu, True)), now_us)
                return
        self._held += item
        self._split(now_us)

    def _split(self, now_us: int) -> None:
        held, at = self._held, 0
        while len(held) - at >= HEADER_BYTES:
            version, source, destination, length = _unpack_from(held, at)
            if version != VERSION:
                raise RemoteProtocolError(f"wrapper version {version}, where only {VERSION} exists")
            if length > self._apdu_bytes_max:
                raise RemoteProtocolError(
                    f"a wrapper frame of {length} octets, where {self._apdu_bytes_max} are allowed"
                )
            end = at + HEADER_BYTES + length
            if end > len(held):
                break
            if length:  # an empty frame says nothing
                client, server = (source, destination) if self._server else (destination, source)
                self.above(Apdu(client, server, bytes(held[at + HEADER_BYTES : end])), now_us)
            at = end
        del held[:at]


class WrapperDatagram(_Wrapped):
    """Datagrams below, `Apdu` above: a datagram that is not exactly one frame is dropped and counted.

    `dropped` is that count; datagrams come from anybody, so a bad one closes nothing.
    """

    def __init__(self, role: Role, *, apdu_bytes_max: int = APDU_BYTES_MAX) -> None:
        super().__init__(role, apdu_bytes_max=apdu_bytes_max)
        self.dropped = 0

    def from_below(self, item: bytes, now_us: int) -> None:
        """Take one datagram."""
        if len(item) > HEADER_BYTES:
            version, source, destination, length = _unpack_from(item)
            if version == VERSION and len(item) == HEADER_BYTES + length and length <= self._apdu_bytes_max:
                client, server = (source, destination) if self._server else (destination, source)
                self.above(Apdu(client, server, item[HEADER_BYTES:]), now_us)
                return
        self.dropped += 1
