"""What every payload shares: strict JSON in, compact JSON out, and the place in the gateway's stream.

A gateway stores the *body* of a message first and learns its `seq` only when the row is taken for the wire; `seal`
puts the envelope in front of the stored body without parsing it again, so a repeat is the same bytes.
"""

from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, model_validator

PAYLOAD_BYTES_MAX: Final = 256 * 1024
"""Larger messages are refused unread: a command needs hundreds of bytes, an image travels in pieces."""

Stream = Annotated[str, Field(pattern=r"^[0-9A-HJKMNP-TV-Z]{26}$", description="ULID made with the gateway's store")]
Seq = Annotated[int, Field(ge=1, description="1, 2, 3 ... for the life of the stream, in sending order")]
Instant = AwareDatetime
"""A time with its offset."""


class Message(BaseModel):
    """A payload of the contract. Fields that a reader does not know are ignored, so that version 1 can grow."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """Read a payload.

        Raises:
            ValueError: with one sentence that says which field is wrong and why.
        """
        if len(payload) > PAYLOAD_BYTES_MAX:
            raise ValueError(f"{len(payload)} bytes are more than the {PAYLOAD_BYTES_MAX} a message may have")
        try:
            return cls.model_validate_json(payload)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{where or 'payload'}: {first['msg']}") from None

    def to_json(self) -> bytes:
        """Compact JSON without fields that say nothing."""
        return self.model_dump_json(by_alias=True, exclude_none=True).encode()


class Streamed(Message):
    """A message from a gateway; every one but the last will has its place in the stream."""

    stream: Stream | None = None
    seq: Seq | None = None
    historical: bool = Field(default=False, description="it waited: it is older than what was sent before it")

    @model_validator(mode="after")
    def _both_or_none(self, _info: ValidationInfo) -> Self:
        if (self.stream is None) != (self.seq is None):
            raise ValueError("stream and seq come together")
        return self

    def to_body(self) -> bytes:
        """The JSON that is stored before a place in the stream is known."""
        return self.model_dump_json(by_alias=True, exclude_none=True, exclude={"stream", "seq", "historical"}).encode()


def seal(body: bytes, stream: str, seq: int, *, historical: bool) -> bytes:
    """The payload for the wire: the envelope and the stored body.

    >>> seal(b'{"profile":"nameplate"}', "01J000000000000000000000ZZ", 7, historical=True)
    b'{"stream":"01J000000000000000000000ZZ","seq":7,"historical":true,"profile":"nameplate"}'
    """
    waited = "true" if historical else "false"
    return f'{{"stream":"{stream}","seq":{seq},"historical":{waited},'.encode() + body[1:]
