"""Direct local data exchange: a meter, a mode E reader and a read-out on any characters; the data block itself."""

from protocols.checksum import bcc
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.data_block import DataSet, Value, decode, encode
from protocols.iec62056_21.echo import EchoCancel
from protocols.iec62056_21.message import Identification, OptionSelect, Request
from protocols.iec62056_21.meter import SignOnMeter
from protocols.iec62056_21.reader import ModeEReader, ReadOutReader
from protocols.machine import Stack

METER = Identification(manufacturer="MBE", baud_character="5", text="bench", enhanced="2")
DATA = (DataSet(address="1-0:1.8.0*255", values=(Value(text="000123.45", unit="kWh"), Value(text="1"))),)
HDLC = bytes(OptionSelect(protocol="2", baud_character="5", mode="2"))
READ_OUT = bytes(OptionSelect(protocol="0", baud_character="5", mode="0"))
SEEDS = [
    bytes(Request()) + HDLC + b"~\xa0\x07",
    bytes(Request(device_address="12")) + READ_OUT + b"\x15",
    bytes(METER) + HDLC + b"~\xa0",
    bytes(METER) + encode(DATA),
    encode(DATA)[:-1] + b"\x00" + encode(DATA),
    b"0.0.0(1)(2*V)\r\n(3)\r\n!\r\n",
]
HELD_BYTES_MAX = 0x10000


def target(data: bytes) -> None:
    for piece in (len(data) or 1, 3):
        meter = Stack([EchoCancel(), SignOnMeter(METER, data_block=lambda _: DATA)])
        _feed(meter, data, piece)
        assert meter.closed is None
        reader = ModeEReader()
        mode_e = Stack([EchoCancel(), reader])
        reader.from_above(b"~", 0)
        _feed(mode_e, data, piece)
        read_out = ReadOutReader()
        mode_c = Stack([EchoCancel(), read_out])
        read_out.request(Request(), 0)
        _feed(mode_c, data, piece)
        assert mode_c.closed is None
        assert len(read_out._block) <= HELD_BYTES_MAX
    checked = data + b"\x03"
    for message in (data, b"\x02" + checked + bytes((bcc(checked),))):
        try:
            decode(message)
        except RemoteProtocolError:
            continue


def _feed(stack: Stack, data: bytes, piece: int) -> None:
    now_us = 0
    for at in range(0, len(data), piece):
        stack.receive_data(data[at : at + piece], now_us)
        stack.data_to_send(now_us)
        if at % 5 == 0:
            now_us += 1_000_000
            stack.on_deadline(now_us)
    for _ in range(8):  # every wait ends: nothing is asked for more than twice again
        at_us = stack.deadline_us()
        if at_us is None:
            return
        stack.on_deadline(at_us)
    assert stack.deadline_us() is None, "a wait without end"
