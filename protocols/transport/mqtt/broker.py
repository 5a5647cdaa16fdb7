"""Where a broker is and how it is spoken to, what passes, and what can go wrong."""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from protocols.secret import Secret

PORTS: Final = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}


class MqttLostError(ConnectionError):
    """There is no session with the broker, or no longer; the text is the reason."""


class MqttRefusedError(MqttLostError):
    """The broker said no: to our name, our password, or what we want to do."""


class MqttTakenOverError(MqttLostError):
    """Somebody else has come to the broker under our client id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where a broker is and how it is spoken to.

    `version` "auto" tries 5 first; `session_expiry_s` is how long the broker keeps what came for us while we are away.
    """

    url: str
    client_id: str
    username: str | None = None
    password: Secret | None = field(default=None, repr=False)
    version: Literal["auto", "5", "3.1.1"] = "auto"
    keepalive_s: int = 30
    session_expiry_s: int = 7 * 86_400
    receive_maximum: int = 100
    in_flight: int = 100
    authority: str | None = None
    certificate: str | None = None
    private_key: str | None = None
    clean: bool = False
    """Begin without what an earlier session left: for tools that come once."""

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to with TLS."""
        return self.url.startswith(("mqtts:", "wss:"))


class Will(NamedTuple):
    """What the broker says for us when we are gone without a word; retained, QoS 1."""

    topic: str
    payload: bytes


class Delivered(NamedTuple):
    """A message from the broker; to be acknowledged once it is safe."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    mid: int
    reply_topic: str | None = None
    correlation: bytes | None = None
    expiry_s: int | None = None
