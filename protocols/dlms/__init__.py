"""DLMS/COSEM (IEC 62056-5-3): values, APDUs, security, and the two association machines that speak them."""
