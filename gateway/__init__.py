"""Meters in, MQTT out, and commands back, with nothing lost on the way."""
