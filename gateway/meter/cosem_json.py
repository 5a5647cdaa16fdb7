"""COSEM values as a command writes them in JSON: a type by name and a value, to and from the wire."""

from datetime import datetime
from typing import Any, Final

from protocols.dlms.date_time import DateTime
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.errors import RemoteProtocolError

_INTEGERS: Final = frozenset(
    {"double_long", "double_long_unsigned", "integer", "long", "unsigned", "long_unsigned", "long64"}
    | {"long64_unsigned", "enum"}
)


def value_from(type_name: str, value: Any) -> Value:
    """The COSEM value.

    Raises:
        ValueError: the JSON value does not fit the type.
    """
    made = _made(type_name, value)
    encode(made)  # a value that its type can't hold is found before a meter is asked
    return made


def _made(type_name: str, value: Any) -> Value:
    if type_name == "null":
        return (0, None)
    if type_name == "raw":
        try:
            return decode(bytes.fromhex(value))
        except (TypeError, RemoteProtocolError) as error:
            raise ValueError(f"{value!r} is no A-XDR in hexadecimal: {error}") from None
    tag = Tag[type_name.upper()]
    if type_name in _INTEGERS:
        if not isinstance(value, int) or isinstance(value, bool):
            raise ValueError(f"{value!r} is no whole number, as {type_name} is")
        return (tag, value)
    match type_name:
        case "boolean" if isinstance(value, bool):
            return (tag, value)
        case "float32" | "float64" if isinstance(value, int | float) and not isinstance(value, bool):
            return (tag, float(value))
        case "octet_string" if isinstance(value, str):
            return (tag, bytes.fromhex(value))
        case "date_time" if isinstance(value, str):
            return (Tag.OCTET_STRING, DateTime.from_instant(datetime.fromisoformat(value)).encode())
        case "visible_string" | "utf8_string" | "bit_string" if isinstance(value, str):
            return (tag, value)
    raise ValueError(f"{value!r} is no {type_name}")
