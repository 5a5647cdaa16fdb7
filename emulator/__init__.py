"""Meters without hardware: one physical state behind DLMS/COSEM and Modbus."""
