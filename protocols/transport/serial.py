"""Serial devices: opened by pyserial, then driven without blocking."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import serial

from protocols.address import SerialLine
from protocols.machine import SetLine
from protocols.transport.terminal import TerminalTransport

P = TypeVar("P", bound=asyncio.Protocol)


def open_serial(carrier: SerialLine, make: Callable[[], P]) -> P:
    """Open a serial device and start the protocol on it.

    Raises:
        OSError: the device is not there, is not ours to open, or is taken by another program.
    """
    port = serial.Serial()
    port.port = carrier.device
    port.timeout = 0
    port.write_timeout = 0
    port.exclusive = True
    line = SetLine(carrier.baud, carrier.data_bits, carrier.parity, carrier.stop_bits)
    pty = str(Path(carrier.device).resolve()).startswith("/dev/pts/")

    def apply_line(line: SetLine) -> None:
        if pty:
            line = SetLine(line.baud)
        port.apply_settings(
            {"baudrate": line.baud, "bytesize": line.data_bits, "parity": line.parity, "stopbits": line.stop_bits}
        )

    apply_line(line)
    port.open()
    os.set_blocking(port.fileno(), False)
    protocol = make()
    TerminalTransport(
        port.fileno(),
        protocol,
        name=carrier.device,
        line=line,
        pty=pty,
        apply_line=apply_line,
        release=port.close,
    )
    return protocol
