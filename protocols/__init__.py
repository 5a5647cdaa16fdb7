"""Bytes and meaning: every wire format the two programs speak; no socket, clock or coin outside transport/."""
