"""What makers do differently, by name: consulted by the client, matched on a meter's identity by whoever makes one."""

from dataclasses import dataclass


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
    """

    no_release: bool = False
    release_length_wrong: bool = False
    no_with_list: bool = False
    invoke_id_not_echoed: bool = False
    server_title: bytes = b""
    request_octets_max: int = 0


NO_QUIRKS = Quirks()
