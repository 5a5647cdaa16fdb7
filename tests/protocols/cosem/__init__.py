"""Tests of names, units, types and the catalogue."""
