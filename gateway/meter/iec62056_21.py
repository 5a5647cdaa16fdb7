"""One read-out of a meter in mode C of IEC 62056-21: sign-on, and the data block at the speed that both can have."""

from collections.abc import Callable
from typing import Any

from gateway.service.script import NoAnswerError, NoConnectionError
from protocols.address import ReadOutAddress
from protocols.iec62056_21.echo import EchoCancel
from protocols.iec62056_21.message import Request
from protocols.iec62056_21.reader import ReadOut, ReadOutReader
from protocols.machine import Answered, Stack
from protocols.transport.conversation import ConnectionLostError, converse
from protocols.transport.dial import dial


async def read_out(address: ReadOutAddress, notice: Callable[[Any], None] | None = None) -> ReadOut:
    """Read a meter out.

    Args:
        address: where it is.
        notice: is told how much has come.

    Raises:
        NoConnectionError: the device or the port can't be opened, or was closed.
        NoAnswerError: nobody answers, or no data block came whole.
    """
    reader = ReadOutReader(baud_max=address.baud_max, parity_in_bit_7=address.eight_bits)
    try:
        pump = await dial(address.carrier, lambda _peer: Stack([EchoCancel(), reader]))
    except OSError as error:
        what = "no answer in time" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise NoConnectionError(f"{address} can't be opened: {what}") from None
    conversation = converse(pump)
    conversation.on_indication = notice
    try:
        ended = await conversation.ask(lambda now_us: reader.request(Request(device_address=address.device), now_us))
    except ConnectionLostError as error:
        raise NoConnectionError(f"{address}: {error}") from None
    finally:
        await conversation.aclose()
    if not isinstance(ended, Answered):
        known = reader.identification
        if known is None:
            raise NoAnswerError(f"{address} does not answer a sign-on: check the optical head, its side, and the speed")
        raise NoAnswerError(f"{address} is {known.manufacturer} {known.text} and sent no data block that holds")
    response: ReadOut = ended.response
    return response
