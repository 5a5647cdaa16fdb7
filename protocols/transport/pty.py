"""Pseudo-terminals with a stable path: the meter holds the master end, a client opens the path as a serial device.

A Linux pty keeps the baud, which the master can read, and no parity. A slave descriptor of our own stays open, or the
master would read an error whenever the last client leaves. The path is a symbolic link to a device whose number
changes from run to run; an abstract socket named after the path says whether whoever made a link is still alive, so
that a link left by a killed program is replaced and one in use is not.
"""

import asyncio
import contextlib
import errno
import os
import pty
import socket
import termios
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from protocols.address import Pty
from protocols.machine import SetLine
from protocols.transport.terminal import TerminalTransport

P = TypeVar("P", bound=asyncio.Protocol)

TERMIOS_BAUDS: Final = {
    getattr(termios, f"B{baud}"): baud
    for baud in (300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
}  # fmt: skip


class PtyLine:
    """An open pseudo-terminal: the master's descriptor, the device name to dial, the link if there is one.

    Args:
        carrier: where the symbolic link goes and which baud the line has at first.

    Raises:
        OSError: the path is taken, or cannot be made there.
    """

    def __init__(self, carrier: Pty) -> None:
        self._claim = _claim(carrier.path) if carrier.path else None
        self._link: Path | None = None
        try:
            self.fd, self._slave = pty.openpty()
            self.device = os.ttyname(self._slave)
            tty.setraw(self._slave)
            self.set_line(SetLine(carrier.baud))
            os.set_blocking(self.fd, False)
            if carrier.path:
                self._link = _link(Path(carrier.path), self.device)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> str:
        """What a client opens: the link, absolute, or else the device."""
        return str(self._link) if self._link is not None else self.device

    def baud(self) -> int:
        """The baud that the client has set at its end."""
        return TERMIOS_BAUDS.get(termios.tcgetattr(self.fd)[5], 0)

    def set_line(self, line: SetLine) -> None:
        """Set the baud as the client's end sees it; bits and parity mean nothing here."""
        attributes = termios.tcgetattr(self.fd)
        speed = getattr(termios, f"B{line.baud}")
        attributes[4] = attributes[5] = speed
        termios.tcsetattr(self.fd, termios.TCSANOW, attributes)

    def close(self) -> None:
        """Close both ends and take the link away if it is still ours."""
        if self._link is not None:
            with contextlib.suppress(OSError):
                if self._link.readlink() == Path(self.device):
                    self._link.unlink()
            self._link = None
        for fd in (getattr(self, "fd", -1), getattr(self, "_slave", -1)):
            with contextlib.suppress(OSError):
                os.close(fd)
        self.fd = self._slave = -1
        if self._claim is not None:
            self._claim.close()


def open_pty(carrier: Pty, make: Callable[[PtyLine], P], line: SetLine | None = None) -> tuple[PtyLine, P]:
    """Open a pseudo-terminal and start the protocol on its master end.

    Args:
        carrier: its path and baud.
        make: makes the protocol for the line.
        line: how the meter's end is set at first, 8N1 at the carrier's baud when not given.

    Raises:
        OSError: the path is taken, or cannot be made there.
    """
    opened = PtyLine(carrier)
    protocol = make(opened)
    TerminalTransport(
        opened.fd,
        protocol,
        name=opened.path,
        line=line or SetLine(carrier.baud),
        pty=True,
        apply_line=opened.set_line,
        release=opened.close,
    )
    return opened, protocol


def _claim(path: str) -> socket.socket:
    """Say that this path is ours for as long as we live."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(b"\0meterbench-pty:" + os.fsencode(Path(path).absolute())[-90:])
    except OSError as error:
        claim.close()
        if error.errno != errno.EADDRINUSE:
            raise
        text = "another running emulator has this pty path; give another one or end that program"
        raise OSError(errno.EADDRINUSE, text, path) from None
    return claim


def _link(path: Path, device: str) -> Path:
    """Point the path at the device, in one step, replacing nothing but a link that an earlier run has left."""
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink():
        if not str(path.readlink()).startswith("/dev/pts/"):
            raise FileExistsError(
                errno.EEXIST, "this link was not made by an emulator and stays; give another path", str(path)
            )
    elif path.exists():
        raise FileExistsError(errno.EEXIST, "something else has this name; give another path", str(path))
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    fresh.symlink_to(device)
    fresh.replace(path)
    return path
