"""Tests of the HDLC data link."""
