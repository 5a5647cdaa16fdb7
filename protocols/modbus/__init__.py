"""Modbus, both roles, without I/O: framings, PDUs, registers and the maps of real meters."""
