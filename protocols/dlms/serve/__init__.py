"""The services of the DLMS server, one module each: a plain request in, a plain response out."""
