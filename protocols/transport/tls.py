"""TLS contexts for Modbus Security: certificates on both sides, TLS 1.2 at least."""

import ssl

from protocols.address import Tls


def server_context(carrier: Tls) -> ssl.SSLContext:
    """For listening: our certificate, and with `authority` a client certificate is demanded.

    Raises:
        OSError: a file is missing or holds no certificate.
    """
    if not carrier.certificate:
        raise FileNotFoundError(
            2, "a TLS listener needs certificate=FILE and private_key=FILE in its URL", "certificate"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(carrier.certificate, carrier.private_key or None)
    if carrier.authority:
        context.load_verify_locations(carrier.authority)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_context(carrier: Tls) -> ssl.SSLContext:
    """For dialling: the server is checked against `authority`, or the system's; ours is shown where there is one.

    Raises:
        OSError: a file is missing or holds no certificate.
    """
    context = ssl.create_default_context(cafile=carrier.authority or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if carrier.certificate:
        context.load_cert_chain(carrier.certificate, carrier.private_key or None)
    return context
