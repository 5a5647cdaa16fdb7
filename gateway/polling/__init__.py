"""Readings: what is due, whose turn it is on a line, what is missing, what it means."""
