"""Buffer and template of compact data (class 62): captured values without their tags, and what says how they lie.

The template is the type description of a compact array, a structure of the captured values; the buffer begins with the
octet that names the template, and one set of values or several follow.
"""

from collections.abc import Sequence

from protocols.dlms.axdr import encode_length
from protocols.dlms.value import Tag, Value, decode, encode
from protocols.errors import RemoteProtocolError


def template_of(value: Value) -> bytes:
    """The type description of a value."""
    tag, content = value
    if tag == Tag.STRUCTURE:
        return b"\x02" + encode_length(len(content)) + b"".join([template_of(each) for each in content])
    if tag == Tag.ARRAY:
        return b"\x01" + len(content).to_bytes(2, "big") + (template_of(content[0]) if content else b"\x00")
    return bytes((tag,))


def buffer_of(template_id: int, rows: Sequence[Value]) -> bytes:
    """The buffer that holds these rows, all of one template."""
    return bytes((template_id,)) + b"".join([_contents(each) for each in rows])


def _contents(value: Value) -> bytes:
    tag, content = value
    if tag in {Tag.STRUCTURE, Tag.ARRAY}:
        return b"".join([_contents(each) for each in content])
    return encode(value)[1:]


def rows_of(buffer: bytes, template: bytes, template_id: int) -> list[Value]:
    """The rows that a buffer holds, each the structure that the template says.

    Args:
        buffer: attribute 2.
        template: attribute 5, `template_description`.
        template_id: attribute 4, which the buffer must name: a template that has changed fits no longer.

    Raises:
        RemoteProtocolError: the buffer names another template, or is not made as the template says.
    """
    if buffer[:1] != bytes((template_id,)):
        named = f"template {buffer[0]}" if buffer else "no template"
        raise RemoteProtocolError(f"the buffer names {named}, where the object has template {template_id}")
    contents = buffer[1:]
    _, (described, rows) = decode(b"\x13" + template + encode_length(len(contents)) + contents)
    if described != template:
        raise RemoteProtocolError("octets follow the template's description")
    found: list[Value] = rows
    return found
