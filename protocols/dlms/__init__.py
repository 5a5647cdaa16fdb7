"""DLMS (IEC 62056-5-3): the application layer between meters and those who read them."""
