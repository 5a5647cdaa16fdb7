"""What makers do differently, by name: consulted by the client, matched on a meter's identity by whoever makes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocols.hdlc.parameters import WINDOW_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class Quirks:
    """The oddities of one maker's or one model's meters; the defaults are a meter without any.

    Attributes:
        no_release: RLRQ is not answered, or makes the meter fall silent: the link is taken down without it.
        release_length_wrong: the length within the RLRE does not fit; it is not believed.
        no_with_list: requests with list are agreed on and then not served: ask one by one.
        invoke_id_not_echoed: responses carry an invoke id of their own, so late answers cannot be told.
        server_title: used where the AARE's system title is empty or missing (Elgama meters are known to send none).
        request_octets_max: the meter takes no longer APDUs than this, whatever it negotiates; 0 is no such limit.
        hdlc_window_max: the meter handles no more HDLC frames in one go than this, whatever its UA says, so that no
            more are proposed (servers are known that answer each frame of a window, polled or not); 0 is no such limit.
        unlisted: scaler and unit of objects, by class and logical name, that profiles capture and that the meter does
            not have in its object list, so that it cannot be asked for them.
    """

    no_release: bool = False
    release_length_wrong: bool = False
    no_with_list: bool = False
    invoke_id_not_echoed: bool = False
    server_title: bytes = b""
    request_octets_max: int = 0
    hdlc_window_max: int = 0
    unlisted: Mapping[tuple[int, bytes], tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.request_octets_max < 0:
            raise ValueError(f"request_octets_max is 0 or more, not {self.request_octets_max}")
        if not 0 <= self.hdlc_window_max <= WINDOW_MAX:
            raise ValueError(f"hdlc_window_max is between 0 and {WINDOW_MAX}, not {self.hdlc_window_max}")


NO_QUIRKS = Quirks()
