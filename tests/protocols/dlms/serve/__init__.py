"""Tests of protocols.dlms.serve."""
