"""The state tables of an HDLC link in normal response mode, server and client (IEC 62056-46).

(state, event) -> (next state, what to do). An event is a kind of frame, or one of `LinkEvent`. A pair that is not in
the table is not allowed: a frame is passed over, a request from above is our own fault. Segmentation and windows are
kept by `window.py`; a segment is a step of `TAKE_INFORMATION` that completes no message.
"""

from collections.abc import Mapping
from enum import Enum, IntEnum
from typing import Final

from protocols.hdlc.frame import Kind


class LinkState(IntEnum):
    """Where a link stands; integers, because they key the tables on the hot path."""

    DISCONNECTED = 0
    CONNECTING = 1
    CONNECTED = 2
    DISCONNECTING = 3
    REJECTED = 4  # FRMR has been sent; only SNRM and DISC lead on


class LinkEvent(IntEnum):
    """What happens to a link besides frames; the numbers keep clear of `Kind`."""

    CONNECT = 100
    DISCONNECT = 101
    APDU = 102
    EXHAUSTED = 103  # all retries of T1 are used up
    INVALID = 104  # a frame of a known kind that breaks the rules of the link
    REFUSED = 105  # an SNRM that we do not admit
    INACTIVE = 106  # nothing heard for too long


class Action(Enum):
    """What a step does."""

    OPEN = "settle parameters, reset the numbers, answer UA"
    CLOSE = "answer UA, tell above"
    ANSWER_DM = "answer DM"
    TAKE_INFORMATION = "acknowledge, take the segment, answer if polled"
    TAKE_READY = "acknowledge, go on sending"
    TAKE_NOT_READY = "acknowledge, hold what there is to send"
    TAKE_UNNUMBERED = "hand up without acknowledgement"
    REJECT = "answer FRMR"
    REJECT_AGAIN = "answer FRMR if polled"
    SEND_SNRM = "send SNRM"
    SEND_DISC = "send DISC"
    UP = "take over the parameters, tell above"
    DOWN = "tell above"
    PUT = "queue the message, send if it is our turn"


Step = tuple[LinkState, Action]

_S = LinkState
_K = Kind
_E = LinkEvent
_A = Action

SERVER: Final[Mapping[tuple[int, int], Step]] = {
    (_S.DISCONNECTED, _K.SNRM): (_S.CONNECTED, _A.OPEN),
    (_S.DISCONNECTED, _E.REFUSED): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.DISCONNECTED, _K.DISC): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.DISCONNECTED, _K.UI): (_S.DISCONNECTED, _A.TAKE_UNNUMBERED),
    (_S.DISCONNECTED, _K.INFORMATION): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.DISCONNECTED, _K.RR): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.DISCONNECTED, _K.RNR): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.DISCONNECTED, _K.UNKNOWN): (_S.DISCONNECTED, _A.ANSWER_DM),
    (_S.CONNECTED, _K.SNRM): (_S.CONNECTED, _A.OPEN),
    (_S.CONNECTED, _E.REFUSED): (_S.CONNECTED, _A.ANSWER_DM),
    (_S.CONNECTED, _K.DISC): (_S.DISCONNECTED, _A.CLOSE),
    (_S.CONNECTED, _K.UI): (_S.CONNECTED, _A.TAKE_UNNUMBERED),
    (_S.CONNECTED, _K.INFORMATION): (_S.CONNECTED, _A.TAKE_INFORMATION),
    (_S.CONNECTED, _K.RR): (_S.CONNECTED, _A.TAKE_READY),
    (_S.CONNECTED, _K.RNR): (_S.CONNECTED, _A.TAKE_NOT_READY),
    (_S.CONNECTED, _K.UNKNOWN): (_S.REJECTED, _A.REJECT),
    (_S.CONNECTED, _E.INVALID): (_S.REJECTED, _A.REJECT),
    (_S.CONNECTED, _E.APDU): (_S.CONNECTED, _A.PUT),
    (_S.CONNECTED, _E.INACTIVE): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTED, _E.DISCONNECT): (_S.DISCONNECTED, _A.DOWN),
    (_S.REJECTED, _K.SNRM): (_S.CONNECTED, _A.OPEN),
    (_S.REJECTED, _E.REFUSED): (_S.REJECTED, _A.ANSWER_DM),
    (_S.REJECTED, _K.DISC): (_S.DISCONNECTED, _A.CLOSE),
    (_S.REJECTED, _K.UI): (_S.REJECTED, _A.REJECT_AGAIN),
    (_S.REJECTED, _K.INFORMATION): (_S.REJECTED, _A.REJECT_AGAIN),
    (_S.REJECTED, _K.RR): (_S.REJECTED, _A.REJECT_AGAIN),
    (_S.REJECTED, _K.RNR): (_S.REJECTED, _A.REJECT_AGAIN),
    (_S.REJECTED, _K.UNKNOWN): (_S.REJECTED, _A.REJECT_AGAIN),
    (_S.REJECTED, _E.INACTIVE): (_S.DISCONNECTED, _A.DOWN),
    (_S.REJECTED, _E.DISCONNECT): (_S.DISCONNECTED, _A.DOWN),
}
"""The secondary: it speaks only when polled, but for UI."""

CLIENT: Final[Mapping[tuple[int, int], Step]] = {
    (_S.DISCONNECTED, _E.CONNECT): (_S.CONNECTING, _A.SEND_SNRM),
    (_S.DISCONNECTED, _E.DISCONNECT): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTING, _E.CONNECT): (_S.CONNECTING, _A.SEND_SNRM),
    (_S.CONNECTING, _E.DISCONNECT): (_S.DISCONNECTING, _A.SEND_DISC),
    (_S.CONNECTING, _K.UA): (_S.CONNECTED, _A.UP),
    (_S.CONNECTING, _K.DM): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTING, _K.FRMR): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTING, _E.EXHAUSTED): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTED, _E.CONNECT): (_S.CONNECTING, _A.SEND_SNRM),
    (_S.CONNECTED, _E.DISCONNECT): (_S.DISCONNECTING, _A.SEND_DISC),
    (_S.CONNECTED, _E.APDU): (_S.CONNECTED, _A.PUT),
    (_S.CONNECTED, _K.INFORMATION): (_S.CONNECTED, _A.TAKE_INFORMATION),
    (_S.CONNECTED, _K.RR): (_S.CONNECTED, _A.TAKE_READY),
    (_S.CONNECTED, _K.RNR): (_S.CONNECTED, _A.TAKE_NOT_READY),
    (_S.CONNECTED, _K.DM): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTED, _K.FRMR): (_S.DISCONNECTED, _A.DOWN),
    (_S.CONNECTED, _E.INVALID): (_S.DISCONNECTING, _A.SEND_DISC),
    (_S.CONNECTED, _E.EXHAUSTED): (_S.DISCONNECTED, _A.DOWN),
    (_S.DISCONNECTING, _E.CONNECT): (_S.CONNECTING, _A.SEND_SNRM),
    (_S.DISCONNECTING, _E.DISCONNECT): (_S.DISCONNECTING, _A.SEND_DISC),
    (_S.DISCONNECTING, _K.UA): (_S.DISCONNECTED, _A.DOWN),
    (_S.DISCONNECTING, _K.DM): (_S.DISCONNECTED, _A.DOWN),
    (_S.DISCONNECTING, _K.FRMR): (_S.DISCONNECTED, _A.DOWN),
    (_S.DISCONNECTING, _E.EXHAUSTED): (_S.DISCONNECTED, _A.DOWN),
    **{(state, _K.UI): (state, _A.TAKE_UNNUMBERED) for state in _S if state is not _S.REJECTED},
}
"""The primary: it has the turn until it polls, and again after the final bit or T1."""
