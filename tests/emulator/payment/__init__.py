"""Tests of `emulator.payment`."""
