"""One-off tools for a person at a bench: read, switch, list and send without a running gateway."""
