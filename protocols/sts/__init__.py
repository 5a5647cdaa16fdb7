"""Tokens of the Standard Transfer Specification (IEC 62055-41), as far as public test vectors prove them."""
