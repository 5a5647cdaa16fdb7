"""Direct local data exchange (IEC 62056-21): sign-on at 300 baud, then mode C's read-out or mode E's HDLC."""
