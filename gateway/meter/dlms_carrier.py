"""What carries the APDUs of one DLMS meter: the layers that its URL asks for, and what is often wrong with each."""

from typing import Any, Final

from protocols.address import DlmsAddress, SerialLine
from protocols.dlms.quirk import Quirks
from protocols.hdlc.client import HdlcClient
from protocols.hdlc.framer import HdlcFramer
from protocols.hdlc.parameters import INFORMATION_MAX, WINDOW_MAX, Parameters
from protocols.iec62056_21.echo import EchoCancel
from protocols.iec62056_21.reader import ModeEReader
from protocols.iec62056_21.sign_off import SignOff
from protocols.machine import Layer
from protocols.wrapper import Role, Wrapper, WrapperDatagram

SILENCE: Final = {
    "wrapper": "check client and server in its URL, and whether it speaks HDLC there (dlms+hdlc+tcp)",
    "hdlc": "check client, physical, address_size and the line's speed in its URL, and whether it speaks HDLC there",
    "mode-e": "check where the optical head sits, and client and physical in its URL",
}
"""What is often the matter where a meter says nothing, by its link."""


def hdlc_parameters(quirks: Quirks) -> Parameters:
    """What is proposed to a meter: all that we can take, but for its quirks; it settles for less by itself."""
    return Parameters.symmetric(INFORMATION_MAX, quirks.hdlc_window_max or WINDOW_MAX)


def carrier_layers(address: DlmsAddress, quirks: Quirks, timeout_ms: int, retries: int) -> list[Layer[Any, Any]]:
    """The layers under an association, from the wire upwards.

    Args:
        address: of the meter.
        quirks: what it does differently.
        timeout_ms: how long one answer may take.
        retries: how often a frame is sent again.
    """
    if address.link == "wrapper":
        return [WrapperDatagram(Role.CLIENT) if address.scheme == "dlms+udp" else Wrapper(Role.CLIENT)]
    hdlc: list[Layer[Any, Any]] = [
        HdlcFramer(),
        HdlcClient(
            physical=address.physical,
            address_size=address.address_size or None,
            parameters=hdlc_parameters(quirks),
            t1_us=timeout_ms * 1000,
            retries_max=retries,
        ),
    ]
    if address.link == "hdlc":
        return hdlc
    carrier = address.carrier
    # A line of eight bits leaves the parity of the sign-on's characters to us.
    sign_on = ModeEReader(parity_in_bit_7=isinstance(carrier, SerialLine) and carrier.data_bits == 8)
    return [EchoCancel(), sign_on, *hdlc, SignOff(sign_on)]
