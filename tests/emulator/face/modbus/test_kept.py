"""What was written to registers is there after a restart, as it is in a meter's own memory."""

from pathlib import Path

from emulator.bench.assembly import assemble
from emulator.bench.file import check
from emulator.face.modbus.face import NOTE, ModbusFace
from tests.emulator.face.modbus.desk import Desk

BENCH = {
    "seed": 42,
    "clock": {"start": "2024-10-28T12:00:00+05:30"},
    "meter": [{"id": "EA0001", "model": "sdm120", "listen": ["modbus+tcp://127.0.0.1:0?unit=1"]}],
}


def face(folder: Path) -> ModbusFace:
    """The face of the bench's one meter, as a start with --state makes it."""
    [member] = assemble(check(BENCH, "test"), "test", Path(), folder).members
    assert isinstance(member.resident.modbus, ModbusFace)
    return member.resident.modbus


def test_written_registers_survive_a_restart(tmp_path: Path) -> None:
    registers = Desk("sdm120").map
    parity = registers.by_name("network_parity_stop")
    setting = registers.by_name("demand_period")
    assert parity is not None
    assert setting is not None
    first = face(tmp_path)
    for register, value in ((parity, 2.0), (setting, 15.0)):
        assert first.write_registers(16, register.address, register.encode(value), 0) is None

    second = face(tmp_path)
    for register, value in ((parity, 2.0), (setting, 15.0)):
        assert second.read_registers(3, register.address, register.words, 0) == register.encode(value)


def test_it_is_kept_before_it_takes_effect() -> None:
    desk = Desk("sdm120")
    written = desk.map.by_name("network_parity_stop")
    assert written is not None
    shown: list[tuple[str, str]] = []

    def put(name: str, value: str) -> None:
        assert desk.face.memory is None
        shown.append((name, value))

    desk.face.keep({}, put)
    data = written.encode(2.0)
    assert desk.face.write_registers(16, written.address, data, 0) is None
    assert shown == [(NOTE + written.name, data.hex())]


def test_notes_of_others_and_of_registers_that_are_gone_are_left_alone() -> None:
    desk = Desk("sdm120")
    written = desk.map.by_name("network_parity_stop")
    assert written is not None
    desk.face.keep({"key/1": "00", NOTE + "gone": "0000", NOTE + written.name: "00"}, lambda _name, _value: None)
    assert desk.face.memory is None
