"""DLMS/COSEM: values, APDUs, security and associations."""
