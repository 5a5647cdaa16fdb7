"""The requests of the DLMS client, one module a service: octets to send, octets taken, and one result in the end."""
