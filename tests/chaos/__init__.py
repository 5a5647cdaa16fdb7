"""Killing things at random: the gateway, the broker and the meters die, and a head-end counts what it has."""
