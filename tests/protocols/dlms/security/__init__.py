"""Ciphering, signing, authentication, key agreement, certificates."""
