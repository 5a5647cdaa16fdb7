"""Room on the disk for a bad day: a file that is given up when the disk is full, so that room can be made at all.

To give up old rows the store must write first. While nothing can be written the gateway goes on reading and answers
that it is not ready; what could not be stored is counted, and once there is room again it is named as a hole.
"""

import contextlib
import os
from pathlib import Path
from typing import Final

from gateway.outbox.store import BALLAST_BYTES

RESERVE: Final = 8
"""The disk must have so many times the ballast free before it is laid down again."""


class Ballast:
    """See the module.

    Args:
        store: the store's file, which the ballast lies beside.
    """

    def __init__(self, store: Path) -> None:
        self._path = store.with_name(store.name + ".ballast")

    @property
    def is_laid(self) -> bool:
        """Whether there is something to give up."""
        return self._path.exists()

    def give_up(self) -> bool:
        """Make room; whether there was any to make."""
        with contextlib.suppress(OSError):
            self._path.unlink()
            return True
        return False

    def lay(self) -> None:
        """Put it in its place, where the disk has room enough."""
        if self.is_laid:
            return
        with contextlib.suppress(OSError):
            disk = os.statvfs(self._path.parent)
            if disk.f_bavail * disk.f_frsize > RESERVE * BALLAST_BYTES:
                self._path.write_bytes(b"\0" * BALLAST_BYTES)
