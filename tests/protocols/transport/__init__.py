"""Tests of the transports, on loopback, ptys and in memory."""
