"""Payloads: strict in, compact out; what was sealed once is the same for ever; topics come apart as they were made."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from protocols.message.args import ARGS, args_of
from protocols.message.command import Command, Replay, Verb
from protocols.message.envelope import PAYLOAD_BYTES_MAX, seal
from protocols.message.reading import Quality, Reading, Row, Value
from protocols.message.schema import CHANNELS, files, json_schema
from protocols.message.status import GatewayState, GatewayStatus
from protocols.message.topic import IDENTIFIER, Address, Kind, Topics, parse

STREAM = "01J00000000000000000000000"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
names = st.from_regex(IDENTIFIER, fullmatch=True).filter(lambda name: name != "headend")


@given(names, names, names)
def test_a_topic_comes_apart_as_it_was_made(gateway: str, meter: str, profile: str) -> None:
    topics = Topics(gateway)
    assert parse(topics.status) == Address(Kind.GATEWAY_STATUS, gateway)
    assert parse(topics.replay) == Address(Kind.REPLAY, gateway)
    assert parse(topics.ack) == Address(Kind.ACK, gateway)
    assert parse(topics.reading(meter, profile)) == Address(Kind.READING, gateway, meter, profile)
    for kind in (Kind.METER_STATUS, Kind.BALANCE, Kind.RELAY, Kind.EVENT, Kind.COMMAND, Kind.RESULT):
        assert parse(topics.of_meter(kind, meter)) == Address(kind, gateway, meter)
    for kind in (Kind.DEDUCTION, Kind.RECHARGE, Kind.MESSAGE):
        assert parse(topics.consumer(kind, meter)) == Address(kind, meter=meter)
    assert parse(topics.headend_status) == Address(Kind.HEADEND_STATUS)


@given(st.text(max_size=60))
def test_any_other_text_is_no_topic_or_one_of_ours(text: str) -> None:
    for topic in (text, f"meters/v1/{text}"):
        address = parse(topic)
        assert address is None or topic.startswith("meters/v1/")


@pytest.mark.parametrize("wrong", ["headend", "", "a/b", "+", "a b", "#", "x" * 65])
def test_what_can_t_be_a_level_is_no_gateway(wrong: str) -> None:
    with pytest.raises(ValueError, match="can't be a gateway's id"):
        Topics(wrong)


@pytest.mark.parametrize("wrong", ["", "/a", "a/", "a//b", "+/a", "a b"])
def test_what_can_t_be_a_prefix_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        Topics("gw1", wrong)


def test_a_value_without_a_value_says_null_and_why() -> None:
    value = Value(name="voltage", value=None, quality=Quality.ERROR, reason="not available", register=5)
    reading = Reading(meter="MB1", profile="instantaneous", read_at=NOW, rows=(Row(values=(value,)),))
    (shown,) = json.loads(reading.to_body())["rows"][0]["values"]
    assert shown == {"name": "voltage", "register": 5, "value": None, "quality": "error", "reason": "not available"}
    assert Reading.from_json(reading.to_json()) == reading


@given(st.integers(1, 2**53), st.booleans(), st.text(max_size=10))
def test_sealing_puts_the_place_in_front_and_changes_nothing_else(seq: int, historical: bool, text: str) -> None:  # noqa: FBT001
    reading = Reading(meter="MB1", profile="x", read_at=NOW, rows=(Row(values=(Value(name=text or "n", value=text),)),))
    sealed = seal(reading.to_body(), STREAM, seq, historical=historical)
    assert sealed == seal(reading.to_body(), STREAM, seq, historical=historical)
    whole = Reading.from_json(sealed)
    assert (whole.stream, whole.seq, whole.historical) == (STREAM, seq, historical)
    assert whole.rows == reading.rows


def test_a_place_in_the_stream_is_whole_or_absent() -> None:
    with pytest.raises(ValidationError):
        GatewayStatus(status=GatewayState.ONLINE, online=True, stream=STREAM)
    assert GatewayStatus(status=GatewayState.OFFLINE, online=False).seq is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b'{"id":"a"}', b'{"id":"a","verb":"read","args":[]}', b"\xff", b"{" * 5000,
     b'{"id":"a","verb":"read","more":1}', b'{"id":"a","verb":"read","expires_at":"yesterday"}',
     b'{"id":"' + b"x" * PAYLOAD_BYTES_MAX + b'","verb":"read"}'],
)  # fmt: skip
def test_what_is_no_command_is_said_in_one_sentence(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+") as caught:
        Command.from_json(payload)
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=100))
def test_any_octets_are_a_payload_or_a_value_error(payload: bytes) -> None:
    try:
        Replay.from_json(payload)
    except ValueError:
        return


def test_every_verb_has_arguments_and_refuses_what_it_does_not_know() -> None:
    assert set(ARGS) == set(Verb)
    for verb in Verb:
        with pytest.raises(ValueError, match="args"):
            args_of(verb, {"unheard_of": 1})


def test_every_topic_has_a_schema_that_is_one() -> None:
    assert set(CHANNELS) == set(Kind)
    for kind in Kind:
        jsonschema.Draft202012Validator.check_schema(json_schema(kind))


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        ({"id": "a", "verb": "disconnect"}, True),
        ({"id": "a", "verb": "read", "args": {"profile": "nameplate"}}, True),
        ({"id": "a", "verb": "load_limit", "args": {"watts": 5}}, True),
        ({"id": "a", "verb": "load_limit", "args": {"watts": "5"}}, False),
        ({"id": "a", "verb": "disconnect", "args": {"force": True}}, False),
        ({"id": "a", "verb": "fly"}, False),
        ({"id": "a b", "verb": "disconnect"}, False),
    ],
)
def test_the_command_s_schema_and_its_class_agree(data: dict[str, Any], *, fits: bool) -> None:
    validator = jsonschema.Draft202012Validator(json_schema(Kind.COMMAND))
    assert validator.is_valid(data) is fits
    try:
        command = Command.from_json(json.dumps(data).encode())
        args_of(command.verb, command.args)
    except ValueError:
        assert not fits
    else:
        assert fits


def test_the_files_that_are_checked_in_are_those_of_the_classes() -> None:
    folder = Path(__file__).resolve().parents[3] / "docs" / "contract"
    kept = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.json")}
    assert kept == files(), "write them anew with: meter-gateway schema --write docs/contract"


def test_the_asyncapi_document_names_every_topic_and_every_reference_leads_somewhere() -> None:
    document = json.loads(files()["asyncapi.json"])
    assert len(document["channels"]) == len(Kind) == len(document["operations"])

    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for value in node.values() for each in references(value)]
        return [each for value in node for each in references(value)] if isinstance(node, list) else []

    for reference in references(document):
        found = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found
