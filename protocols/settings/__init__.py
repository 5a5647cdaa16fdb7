"""Settings that people write: TOML in, typed values out, and what is wrong in sentences with file, line and key."""
