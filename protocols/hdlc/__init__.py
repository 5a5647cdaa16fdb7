"""The HDLC data link of DLMS/COSEM (IEC 62056-46): addresses, frames, framer, and the link in both roles."""
