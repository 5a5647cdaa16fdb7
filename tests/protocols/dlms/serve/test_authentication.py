"""The second pass of HLS, and what is not served before it."""

from typing import Any

import pytest

from protocols.dlms.acse import Mechanism
from protocols.dlms.action import ActionRequestNormal, ActionResponseNormal
from protocols.dlms.application import Association
from protocols.dlms.get import GetRequestNormal
from protocols.dlms.results import ActionResult, AssociationResult, ServiceError, UserDiagnostic
from protocols.dlms.serve.happened import AssociationOpened, AssociationRefused
from protocols.dlms.service_error import ConfirmedServiceError, ExceptionResponse
from protocols.dlms.value import Tag, encode, octet_string
from tests.protocols.dlms.logical_device import ASSOCIATION, SERIAL, LogicalDevice, profiles
from tests.protocols.dlms.meter import Meter, aarq

CHALLENGE = b"client's challenge"


class Backwards:
    """The proof is the other side's challenge, backwards."""

    challenge_octets = 12

    def certificate(self, association: Association) -> bytes | None:
        return None

    def prove(self, association: Association) -> bytes:
        return association.client_challenge[::-1]

    def verify(self, proof: bytes, association: Association) -> bool:
        return proof == association.server_challenge[::-1]


def challenged(**settings: Any) -> tuple[Meter, Any]:
    """A meter after the first pass, and its AARE."""
    meter = Meter(LogicalDevice(profiles(**settings)), authenticators={2: Backwards()})
    answer = meter.associate(48, authentication=True, mechanism=Mechanism.HIGH, calling_authentication_value=CHALLENGE)
    return meter, answer


def reply(parameter: bytes | None, instance: bytes = ASSOCIATION) -> ActionRequestNormal:
    return ActionRequestNormal(0xC1, 15, instance, 1, parameter)


def test_the_first_pass_answers_with_a_challenge_from_the_entropy() -> None:
    meter, answer = challenged()
    assert answer.result == AssociationResult.ACCEPTED
    assert answer.diagnostic == UserDiagnostic.AUTHENTICATION_REQUIRED
    assert answer.mechanism == Mechanism.HIGH
    assert answer.responding_authentication_value == bytes(range(12))
    assert meter.events() == []
    assert not meter.layer.associations()[0].authenticated


def test_a_proof_that_holds_opens_the_association_and_is_answered_with_ours() -> None:
    meter, _ = challenged()
    answer = meter.ask(reply(octet_string(bytes(range(12))[::-1])), 48)
    assert answer == ActionResponseNormal(0xC1, ActionResult.SUCCESS, octet_string(CHALLENGE[::-1]))
    assert meter.events() == [AssociationOpened(48, 1, 2)]
    assert meter.ask(GetRequestNormal(0xC1, 1, SERIAL, 2), 48).result[:1] == b"\x0a"


@pytest.mark.parametrize("parameter", [octet_string(b"wrong"), encode((Tag.UNSIGNED, 1)), None])
def test_a_proof_that_does_not_hold_ends_it(parameter: bytes | None) -> None:
    meter, _ = challenged()
    answer = meter.ask(reply(parameter), 48)
    assert answer == ActionResponseNormal(0xC1, ActionResult.OTHER_REASON)
    (event,) = meter.events()
    assert isinstance(event, AssociationRefused)
    assert meter.layer.associations() == []


def test_nothing_else_is_served_before_the_proof() -> None:
    meter, _ = challenged()
    for request in (
        GetRequestNormal(0xC1, 1, SERIAL, 2),
        reply(octet_string(b""), SERIAL),
        ActionRequestNormal(0xC1, 15, ASSOCIATION, 2, None),
    ):
        answer = meter.ask(request, 48)
        assert isinstance(answer, ExceptionResponse)
        assert answer.service_error == ServiceError.OPERATION_NOT_POSSIBLE
    for malformed in ("c301c1", "c301c1000f0000280000ff010109"):
        (answer,) = meter.send(bytes.fromhex(malformed), 48)
        assert answer.service_error == ServiceError.OTHER_REASON
    (answer,) = meter.send(bytes.fromhex("050102fa58"), 48)
    assert isinstance(answer, ConfirmedServiceError)
    assert meter.device.reads == 0
    assert meter.ask(reply(octet_string(bytes(range(12))[::-1])), 48).result == ActionResult.SUCCESS


def test_wrong_proofs_slow_the_next_aarq_like_wrong_passwords() -> None:
    meter, _ = challenged(wrong_passwords_max=1, slow_down_us=1_000)
    meter.ask(reply(octet_string(b"wrong")), 48)
    request: dict[str, Any] = {
        "authentication": True,
        "mechanism": Mechanism.HIGH,
        "calling_authentication_value": CHALLENGE,
    }
    assert meter.send(aarq(48, **request).encode(), 48) == []
    assert meter.stack.deadline_us() == 1_000


@pytest.mark.parametrize("challenge", [b"short", bytes(65), None])
def test_a_challenge_of_a_length_that_cannot_be_is_refused(challenge: bytes | None) -> None:
    meter, _ = challenged()
    answer = meter.associate(48, authentication=True, mechanism=Mechanism.HIGH, calling_authentication_value=challenge)
    assert answer.diagnostic == UserDiagnostic.AUTHENTICATION_FAILURE
