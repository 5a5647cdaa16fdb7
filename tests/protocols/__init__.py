"""Tests of the protocol library, one file a module."""
