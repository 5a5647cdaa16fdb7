"""A meter as its Modbus registers: what they show, what may be written, and what a maker made of it."""
