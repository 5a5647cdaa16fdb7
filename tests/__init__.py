"""Tests, in rooms that mirror the packages."""
