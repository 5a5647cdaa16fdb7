"""The gateway, module by module."""
