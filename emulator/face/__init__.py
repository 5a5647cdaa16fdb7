"""Faces: the same meter as COSEM objects and as Modbus registers."""
