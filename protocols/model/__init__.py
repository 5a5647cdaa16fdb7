"""Meter models: one TOML a meter, loaded into frozen values that both programs run from."""
