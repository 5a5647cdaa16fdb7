"""The gateway as a running program: meters, lines, health, start and stop."""
