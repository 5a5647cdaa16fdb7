"""The meter as COSEM objects: what a DLMS server calls to read, write and act on it."""
