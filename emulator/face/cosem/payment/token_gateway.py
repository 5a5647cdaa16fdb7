"""Token gateway (class 115): what is entered is read by the model's format with the meter's key, then counts once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from emulator.face.cosem.behaviour import Behaviour, Outcome, outcome
from emulator.face.cosem.payment.wire import account_reader, bits, enum
from emulator.payment.state import TokenStatus
from emulator.payment.token import Effect, Entered, format_of
from emulator.payment.token_gateway import Delivery
from protocols.dlms.value import Tag, array, encode, octet_string, structure
from protocols.model.table import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.face.cosem.behaviour import Reader
    from emulator.face.cosem.face import CosemFace
    from emulator.face.cosem.plan import Maker
    from emulator.payment.account import Account
    from emulator.payment.token_gateway import TokenGateway
    from protocols.dlms.application import Association
    from protocols.dlms.value import Value
    from protocols.model.cosem_object import CosemObject

KEY: Final = "token"
"""The configuration's name of the key that tokens are read with."""
REASON_BITS: Final = 8
TOKEN_OCTETS_MAX: Final = 64
"""What is kept of what was entered: no format has more than 20 octets, and a meter keeps every entry."""


def token_gateway(cosem_object: CosemObject, maker: Maker) -> Behaviour:
    """The behaviour of a token gateway."""
    account = maker.payment.account
    model = None if account is None else account.gateway
    if model is None or model.name != cosem_object.logical_name:
        raise ModelError(f"{cosem_object.key}: [payment.gateway] of the model has no gateway of that name")
    stamp = maker.stamp

    return Behaviour(
        readers={
            2: _reader(lambda gateway, _face: octet_string(gateway.token)),
            3: _reader(lambda gateway, face: stamp.encode(gateway.entered_ms, face.meter.clock.zone)),
            4: _reader(lambda gateway, _face: array([octet_string(each.encode()) for each in gateway.description])),
            5: _reader(lambda gateway, _face: enum(int(gateway.delivery))),
            6: _reader(lambda gateway, _face: _status(gateway)),
        },
        methods={1: _enter},
    )


def _enter(face: CosemFace, at_ms: int, parameter: Value, association: Association) -> Outcome:
    return outcome(enter_token(face, at_ms, parameter[1], association.client))


def enter_token(face: CosemFace, at_ms: int, octets: bytes, client: int, delivery: Delivery = Delivery.REMOTE) -> bool:
    """Enter a token, as the gateway's method does, or somebody at the meter's keys.

    Args:
        face: the meter's face.
        at_ms: when, true time.
        octets: what was entered.
        client: the SAP of the client whose keys count.
        delivery: attribute 5 afterwards.

    Returns:
        Whether it was carried out; attribute 6 says at which check it failed if not.
    """
    account = face.plan.model.physics.payment.account
    if account is None or account.gateway is None:
        return False
    payment = face.meter.payment
    change = None if payment is None or payment.gateway is None else payment.gateway.change
    key = face.associations()[client].secrets[KEY]
    content = format_of(account.gateway, key, face.meter.id, change).read(octets)
    failure = int(content) if isinstance(content, TokenStatus) else None
    effect, identifier, amount = Entered(Effect.CREDIT, 0, 0) if isinstance(content, TokenStatus) else content
    kept = octets[:TOKEN_OCTETS_MAX].hex()
    return face.meter.pay(at_ms, "token", kept, int(delivery), failure, effect.value, identifier, amount)


def _reader(read: Callable[[TokenGateway, CosemFace], bytes]) -> Reader:
    def shown(_account: Account, face: CosemFace, _at_ms: int) -> bytes:
        payment = face.meter.payment
        gateway = None if payment is None else payment.gateway
        return encode((int(Tag.NULL_DATA), None)) if gateway is None else read(gateway, face)

    return account_reader(shown)


def _status(gateway: TokenGateway) -> bytes:
    reasons = () if gateway.reason is None else (int(gateway.reason),)
    return structure([enum(int(gateway.status)), bits(reasons, REASON_BITS)])
