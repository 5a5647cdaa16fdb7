"""The HDLC link in both roles, under the names that the rest of the project stacks."""

from protocols.hdlc.client import HdlcClient
from protocols.hdlc.server import HdlcServer

__all__ = ["HdlcClient", "HdlcServer"]
