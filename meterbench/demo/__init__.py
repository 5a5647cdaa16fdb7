"""The demo: broker, emulator and gateway as the real programs, watched from the broker."""
