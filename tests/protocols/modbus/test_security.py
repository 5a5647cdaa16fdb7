"""Modbus/TCP Security: the role in a certificate, and what it may do."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from protocols.machine import Peer, Stack
from protocols.modbus.adu import Adu
from protocols.modbus.security import NO_ROLE, READ_FUNCTIONS, ROLE_OID, RoleGuard, role_of
from protocols.modbus.server import ModbusServer
from tests.protocols.modbus.memory import Memory

KEY = ec.derive_private_key(0x1234567890, ec.SECP256R1())


def certificate(*extensions: bytes) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(KEY.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2024, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2034, 1, 1, tzinfo=UTC))
    )
    for value in extensions:
        builder = builder.add_extension(x509.UnrecognizedExtension(ROLE_OID, value), critical=False)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("der", "role"),
    [
        (None, NO_ROLE),
        (b"garbage", NO_ROLE),
        (certificate(), NO_ROLE),
        (certificate(b"\x0c\x08Operator"), "Operator"),
        (certificate(b"\x04\x08Operator"), NO_ROLE),
        (certificate(b"\x0c\x09Operator"), NO_ROLE),
        (certificate(b"\x0c\x02\xff\xfe"), NO_ROLE),
        (certificate(b"\x0c"), NO_ROLE),
    ],
)
def test_the_role_is_one_text_in_its_extension(der: bytes | None, role: str) -> None:
    assert role_of(Peer("tls", "127.0.0.1:1", der)) == role


RIGHTS = {"Viewer": READ_FUNCTIONS, "Operator": READ_FUNCTIONS | {6}}


@pytest.mark.parametrize(
    ("role", "pdu", "answer"),
    [
        ("Viewer", "0300000001", "03020000"),
        ("Viewer", "0600000001", "8601"),
        ("Viewer", "0800040000", "8801"),
        ("Operator", "0600000001", "0600000001"),
        ("Nobody", "0300000001", "8301"),
        (NO_ROLE, "0300000001", "8301"),
    ],
)
def test_a_role_may_do_what_it_may_do(role: str, pdu: str, answer: str) -> None:
    stack = Stack([RoleGuard(role, RIGHTS), ModbusServer({1: Memory()})])
    stack.receive_data(Adu(1, bytes.fromhex(pdu), 9), 0)
    assert stack.data_to_send(0) == [Adu(1, bytes.fromhex(answer), 9)]
