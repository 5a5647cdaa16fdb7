"""DLMS/COSEM security (IEC 62056-5-3): suites 0 to 2, every ciphered and signed form, authentication, key agreement.

Pure functions and small values: invocation counters, challenges and random octets are arguments, what cannot be
accepted comes back as `Refused`, and keys stand only in `Secret`s. Everything cryptographic is done by `cryptography`.
"""
