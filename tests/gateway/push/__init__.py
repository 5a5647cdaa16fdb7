"""Pushes at the gateway: what they say, whose they are, over which way they come."""
