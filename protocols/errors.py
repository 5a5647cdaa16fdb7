"""What can go wrong between two machines, sorted by whose fault it is.

ProtocolError (never raised itself)
├─ LocalProtocolError    our own program asked for what the state does not allow
└─ RemoteProtocolError   the peer broke the standard

A refusal that the standard allows (a Modbus exception code, a data-access-result, an AARE that rejects, DM or FRMR)
is a value, a time-out is an event, end of stream is a state, and an `OSError` stays in `transport/`.
"""


class ProtocolError(Exception):
    """The common root, to catch; never raised itself."""


class LocalProtocolError(ProtocolError):
    """Our own program asked a machine for something that its state does not allow."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the standard; the sentence says how, and carries no key and no payload."""
