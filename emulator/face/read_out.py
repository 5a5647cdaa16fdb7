"""What a meter says when it is read out in mode C (IEC 62056-21): its serial number, its clock, and its registers.

The data sets come from the model's COSEM objects: registers of electricity that show a measured quantity, under their
reduced OBIS codes C.D.E, energies in kilo-units with three decimals.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from emulator.face.cosem.host import Host
from emulator.face.cosem.link_setup import LocalPort
from protocols.iec62056_21.data_block import DataSet, Value
from protocols.iec62056_21.message import HDLC, Identification
from protocols.model.cosem_object import Measured
from protocols.model.meter_model import MeterModel
from protocols.quantity import QUANTITIES

REGISTERS: Final = frozenset({3, 4, 5})
"""Register, extended register and demand register: classes whose attribute 2 is one number."""

ELECTRICITY: Final = 1
KILO: Final = frozenset({"Wh", "varh", "VAh"})
BAUD_CHARACTER: Final = "5"  # 9600 baud


def identification_of(model: MeterModel, port: LocalPort | None = None) -> Identification:
    """What a meter of a model says at a sign-on; HDLC is on offer where it has COSEM objects.

    Args:
        model: the meter's.
        port: what its local port setup says of speed and haste, or None where it has none.
    """
    identity = model.identity
    baud_character, maker = BAUD_CHARACTER, identity.flag
    if port is not None:
        baud_character = port.baud_character
        maker = maker[:2] + (maker[2].lower() if port.reacts_fast else maker[2])
    text = "".join(each for each in f"{model.id}.{identity.firmware_version}" if each.isalnum() or each in ".-")[:16]
    enhanced = HDLC if model.objects else None
    return Identification(manufacturer=maker, baud_character=baud_character, text=text, enhanced=enhanced)


def data_sets(meter: Host, model: MeterModel, at_ms: int) -> Iterator[DataSet]:
    """The data block at an instant of true time."""
    yield _set("0.0.0", meter.id)
    reading = meter.clock.reading(at_ms)
    local = datetime.fromtimestamp(reading.utc_ms // 1000, UTC) + timedelta(minutes=reading.offset_minutes)
    yield _set("0.9.1", f"{local:%H%M%S}")
    yield _set("0.9.2", f"{local:%y%m%d}")
    for cosem_object in model.objects.values():
        source = cosem_object.attributes.get(2)
        group = cosem_object.logical_name.octets
        if cosem_object.class_id in REGISTERS and group[0] == ELECTRICITY and isinstance(source, Measured):
            if QUANTITIES[source.quantity].kind == "instant":
                continue
            value = meter.value(source.quantity, at_ms)
            yield _register(".".join(map(str, group[2:5])), source.quantity, value)


def _register(address: str, name: str, value: int) -> DataSet:
    quantity = QUANTITIES[name]
    kilo = quantity.unit in KILO
    sign, amount = ("-" if value < 0 else ""), abs(value) // (1000 if kilo else 1)
    digits = 3 if kilo else -quantity.exponent
    text = str(amount).zfill(digits + 1)
    number = f"{sign}{text[:-digits]}.{text[-digits:]}" if digits else f"{sign}{text}"
    return DataSet(address=address, values=(Value(text=number, unit=("k" if kilo else "") + quantity.unit),))


def _set(address: str, text: str) -> DataSet:
    return DataSet(address=address, values=(Value(text=text),))
