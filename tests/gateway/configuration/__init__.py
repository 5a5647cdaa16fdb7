"""The configuration file and the credentials it names; errors say file, line and key."""
