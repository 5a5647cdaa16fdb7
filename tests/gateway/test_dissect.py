"""The dissector as a tool: hexadecimal or a journal in, fields out, opened with the keys of a file."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.commands import app
from gateway.configuration.fleet_keys import parse_fleet_keys
from gateway.desk.dissect import Dissector, bench_keys, messages, unlocks
from protocols.dlms.acse import ApplicationContext, AssociationRequest, Mechanism
from protocols.dlms.security.envelope import protect_glo
from protocols.dlms.security.keys import Keys
from protocols.hdlc.frame import Frame, encode, information_control
from protocols.iec62056_21.data_block import DataSet
from protocols.iec62056_21.data_block import Value as DataValue
from protocols.iec62056_21.data_block import encode as encode_block
from protocols.iec62056_21.message import Identification, with_parity
from protocols.model.association import SECRETS_DEFAULT
from protocols.wrapper import encode as wrapped

GET = bytes.fromhex("c001c1000100002b0103ff0200")
TITLE = b"MBC00001"
KEYS = Keys(title=TITLE, block=SECRETS_DEFAULT["block"], authentication=SECRETS_DEFAULT["authentication"])
CIPHERED = protect_glo(KEYS, 0x30, 7, GET)
VECTOR = "C81E3001234567411312FF935A47566827C467BC7D825C3BE4A77C3FCC056B6B"
AARQ = AssociationRequest(
    application_context=ApplicationContext.LOGICAL_NAME_CIPHERED,
    calling_ap_title=TITLE,
    authentication=True,
    mechanism=Mechanism.HIGH,
    calling_authentication_value=bytes(16),
    user_information=bytes.fromhex("2103000000"),
).encode()


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["dissect", *arguments])
    return result.exit_code, result.output


def test_a_ciphered_request_opens_with_its_key_and_title() -> None:
    status, text = run(VECTOR, "--keys", "bench", "--title", "4D4D4D0000BC614E")
    assert status == 0
    assert "plain_apdu" in text
    assert "instance_id = 0.0.1.0.0.255" in text
    assert "not_opened" not in text


def test_without_keys_it_is_explained_and_stays_closed() -> None:
    status, text = run(VECTOR)
    assert status == 0
    assert "invocation_counter = 19088743" in text
    assert "plain_apdu" not in text


def test_a_key_that_is_wrong_is_told_and_not_shown(tmp_path: Path) -> None:
    key = "5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A"
    (tmp_path / "keys.toml").write_text(f'block = "{key}"\nauthentication = "{key}"\nsystem_title = "4D4D4D0000BC614E"')
    status, text = run(VECTOR, "--keys", str(tmp_path / "keys.toml"))
    assert status == 0
    assert "the tag does not verify" in text
    assert key.lower() not in text.lower()


def test_a_session_opens_by_the_titles_that_pass() -> None:
    dissector = Dissector(bench_keys())
    closed = "\n".join(dissector.explain(CIPHERED))
    assert "not_opened" in closed
    list(dissector.explain(AARQ))
    for message in (CIPHERED, wrapped(48, 1, CIPHERED)):
        assert "plain_apdu" in "\n".join(dissector.explain(message))
    control = information_control(0, 0, poll_final=True)
    frame = encode(Frame(b"\x03", b"\x61", control, b"\xe6\xe6\x00" + CIPHERED))
    assert "instance_id = 0.0.43.1.3.255" in "\n".join(dissector.explain(frame))


def test_a_journal_is_read_line_by_line(tmp_path: Path) -> None:
    notes = [{"what": "link up"}, {"hex": AARQ.hex()}, {"hex": CIPHERED.hex()}]
    (tmp_path / "journal.jsonl").write_text("\n".join(map(json.dumps, notes)))
    status, text = run(str(tmp_path / "journal.jsonl"), "--keys", "bench")
    assert status == 0
    assert "plain_apdu" in text


def test_a_sign_on_and_a_read_out_are_explained_whatever_their_parity() -> None:
    identification = Identification(manufacturer="MBH", text="D1", enhanced="2")
    block = encode_block([DataSet(address="1-0:1.8.0*255", values=(DataValue(text="012.5", unit="kWh"),))])
    for message in (bytes(identification), block):
        sevens, eights = run(message.hex())[1], run(with_parity(message).hex())[1]
        assert sevens == eights
    assert "manufacturer = MBH" in run(bytes(identification).hex())[1]
    assert "unit = kWh" in run(block.hex())[1]


def test_hexadecimal_is_taken_as_people_write_it() -> None:
    assert list(messages("C0:01 c1,00\n# a remark\n\n0xC4 0x01")) == [bytes.fromhex("c001c100"), b"\xc4\x01"]
    with pytest.raises(ValueError, match="line 1 is not hexadecimal"):
        list(messages("hello"))


def test_what_is_no_apdu_is_said() -> None:
    status, text = run("FFFF")
    assert status == 0
    assert "no APDU has the tag FF" in text
    assert run("C0X")[0] == 2
    assert run(VECTOR, "--keys", "no-such-file.toml")[0] == 2


def test_keys_of_suite_2_and_of_every_meter_are_tried() -> None:
    fleet = parse_fleet_keys(f'block = "{bytes(32).hex()}"\n[MB0001]\nauthentication = "{bytes(32).hex()}"')
    assert [one.keys.suite.number for one in unlocks(fleet)] == [2, 2]
