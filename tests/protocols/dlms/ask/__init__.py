"""Tests of protocols.dlms.ask."""
