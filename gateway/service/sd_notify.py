"""Tells systemd how the service is doing: ready, alive, stopping. Without systemd it says nothing to nobody."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """See sd_notify(3); messages are lines such as `READY=1`.

    Args:
        environment: the program's, for NOTIFY_SOCKET.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")

    def tell(self, *lines: str) -> None:
        """Send; a socket that is not there is nobody's fault and no matter."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.sendto("\n".join(lines).encode(), address)
        except OSError:
            self._address = ""
