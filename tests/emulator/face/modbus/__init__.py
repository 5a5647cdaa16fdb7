"""Tests of meters as Modbus registers."""
