"""Tests of `protocols.sts`."""
