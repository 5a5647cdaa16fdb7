"""Meter models: one TOML a meter, loaded by `loader` into frozen values that both programs run from."""
