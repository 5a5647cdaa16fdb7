"""Pushes: what meters send unasked, from the wire into the outbox."""
